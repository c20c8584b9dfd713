# SPDX-License-Identifier: GPL-3.0-or-later
#
# Each endpoint's share of the connections beside what chance alone gives. The expectation is the sum of each decision's
# probability for this endpoint (load_balance.csv). Its spread is at most that of N draws with the mean probability p,
# N p (1 - p), since p (1 - p) is concave: the band is that, a little too wide where endpoints came and went. Where
# draws depend on each other (affinity, pools) no band is right, and none is drawn.

import altair
import numpy
import pandas

from .. import words
from ..palette import CATEGORIES, OTHER
from .figure import Figure, Table, rounded, shown_variants, sized

MOST_ENDPOINTS = 14
MOST_TARGETS = 8
Z = 1.959964
STATES = ["inside the band", "outside the band", "no band"]


def shares_figure(facts):
    frame, stats = facts.table("load_balance"), facts.table("load_balance_stats")
    if frame is None or stats is None:
        return None
    variants, notes = shown_variants(facts)
    rows, alone = _rows(facts, frame, stats, variants)
    notes = notes + alone
    if rows.empty:
        return Figure(
            "shares",
            "No Service had a choice",
            "Shares of endpoints are left out: no target had more than one endpoint and a connection.",
            notes=notes,
        )
    names = list(rows.drop_duplicates("name").sort_values("all", ascending=False, kind="stable")["name"])
    if len(names) > MOST_TARGETS:
        notes.append(f"{MOST_TARGETS} of {len(names)} targets are drawn, those with most connections.")
        names = names[:MOST_TARGETS]
    shown = rows[rows["name"].isin(names) & (rows["rank"] < MOST_ENDPOINTS)]
    cut = rows[rows["name"].isin(names)].drop_duplicates(["variant", "name"])
    for row in cut[cut["endpoints"] > MOST_ENDPOINTS].drop_duplicates("name").itertuples():
        notes.append(
            f"{row.name}: {MOST_ENDPOINTS} of {row.endpoints:,} endpoints are drawn, those farthest from their "
            "expectation."
        )
    chart = altair.vconcat(
        *(_panel(shown[shown["name"] == name], name, facts, variants, _present(shown)) for name in names),
        spacing=16,
    )
    chart = chart.resolve_scale(x="independent", color="shared", shape="shared")
    if facts.is_comparison:
        chart = chart.add_params(
            altair.param(
                name="variant",
                value=variants[0],
                bind=altair.binding_select(options=list(variants), name="Variant: "),
            )
        )
    return Figure(
        "shares",
        _title(rows, variants[0]),
        _caption(facts),
        chart,
        notes,
        [("Evenness of each target", _table(facts, stats))],
    )


def _rows(facts, frame, stats, variants):
    """Endpoints in the first replication of each variant, farthest from expectation first."""
    parts, alone = [], []
    for variant in variants:
        first = facts.replications[variant][0]
        mine = frame[(frame["variant"] == variant) & (frame["replication"] == first)]
        told = stats[(stats["variant"] == variant) & (stats["replication"] == first)]
        p_values = {(r.service, str(r.port)): r.statistic for r in told.itertuples()}
        for (service, port), part in mine.groupby(
            ["service", mine["port"].fillna("").astype(str)], sort=False
        ):
            name = words.target(service, port)
            total = int(part["connections"].sum())
            if len(part) < 2 or total == 0:
                if variant == variants[0]:
                    alone.append(f"{name} has " + ("one endpoint" if total else "no connection"))
                continue
            independent = pandas.notna(p_values.get((service, port), float("nan")))
            parts.append(_endpoints(part, variant, name, total, independent))
    notes = (
        [
            (
                "Left out: "
                + words.listing(alone[:6])
                + (f" and {len(alone) - 6} more" if len(alone) > 6 else "")
                + "."
            )
        ]
        if alone
        else []
    )
    return (pandas.concat(parts, ignore_index=True) if parts else pandas.DataFrame()), notes


def _endpoints(part, variant, name, total, independent):
    share = part["share"].to_numpy(dtype=float)
    expected = part["expected_share"].fillna(0).to_numpy(dtype=float)
    spread = numpy.sqrt(expected * (1 - expected) / total)
    far = numpy.abs(share - expected) / numpy.where(spread > 0, spread, 1)
    pods = part["pod"].str.removeprefix("default/").fillna(part["ip"])
    twice = pods.duplicated(keep=False)
    label = pods.where(~twice, pods + " (" + part["ip"] + ")")
    frame = pandas.DataFrame(
        {
            "variant": variant,
            "name": name,
            "endpoint": label,
            "node": part["node"].fillna("outside"),
            "share": share,
            "connections": part["connections"].astype(int),
            "all": total,
            "expected": expected,
            "endpoints": len(part),
            "low": numpy.maximum(0, expected - Z * spread) if independent else float("nan"),
            "high": numpy.minimum(1, expected + Z * spread) if independent else float("nan"),
            "state": numpy.where(far > Z, "outside the band", "inside the band")
            if independent
            else "no band",
        }
    )
    order = numpy.argsort(-far, kind="stable")
    frame["rank"] = numpy.empty(len(frame), dtype=int)
    frame.iloc[order, frame.columns.get_loc("rank")] = numpy.arange(len(frame))
    return frame.reset_index(drop=True)


def _panel(rows, name, facts, variants, present):
    top = float(max(rows["share"].max(), rows["high"].astype(float).fillna(0).max(), rows["expected"].max()))
    base = altair.Chart(rounded(rows.drop(columns=["name", "rank", "all", "endpoints"])))
    if facts.is_comparison:
        base = base.transform_filter("datum.variant == variant")
    y = altair.Y("endpoint:N", title=None, sort=altair.EncodingSortField("expected", order="descending"))
    x = {
        "scale": altair.Scale(domain=[0, top * 1.04], nice=False),
        "axis": altair.Axis(title="share of connections", format="~%", grid=True, tickCount=6),
    }
    layers = []
    if rows["low"].notna().any():
        layers.append(
            base.mark_bar(style="band", height=11, cornerRadius=2).encode(
                x=altair.X("low:Q", **x), x2="high:Q", y=y
            )
        )
    layers.append(
        base.mark_tick(style="rule", thickness=2, height=11).encode(x=altair.X("expected:Q", **x), y=y)
    )
    layers.append(
        base.mark_point(filled=True, size=52, opacity=1).encode(
            x=altair.X("share:Q", **x),
            y=y,
            color=altair.Color(
                "state:N",
                scale=altair.Scale(domain=STATES, range=[CATEGORIES[0], CATEGORIES[1], OTHER]),
                legend=altair.Legend(title=None, values=present),
            ),
            shape=altair.Shape(
                "state:N",
                scale=altair.Scale(domain=STATES, range=["circle", "diamond", "circle"]),
                legend=altair.Legend(title=None, values=present, symbolType=altair.Undefined),
            ),
            tooltip=[
                "endpoint:N",
                "node:N",
                altair.Tooltip("share:Q", format=".2%"),
                altair.Tooltip("expected:Q", format=".2%"),
                altair.Tooltip("low:Q", format=".2%", title="band from"),
                altair.Tooltip("high:Q", format=".2%", title="band to"),
                altair.Tooltip("connections:Q", format=","),
            ],
        )
    )
    mine = rows[rows["variant"] == variants[0]]
    title = f"{name}: {int(mine['all'].iloc[0]):,} connections" if len(mine) else name
    return sized(altair.layer(*layers), altair.Step(19), title)


def _present(rows):
    return [state for state in STATES if (rows["state"] == state).any()]


def _title(rows, variant):
    banded = rows[(rows["variant"] == variant) & rows["low"].notna()]
    if banded.empty:
        first = rows[rows["variant"] == variant] if (rows["variant"] == variant).any() else rows
        first = first[
            first["name"] == first.sort_values("all", ascending=False, kind="stable")["name"].iloc[0]
        ]
        return (
            f"Endpoints of {first['name'].iloc[0]} got {words.percent(first['share'].min())} to "
            f"{words.percent(first['share'].max())} of its connections"
        )
    outside = int((banded["state"] == "outside the band").sum())
    return (
        f"{outside:,} of {len(banded):,} endpoints lie outside what chance gives; "
        f"chance alone puts about {max(1, round(0.05 * len(banded)))} there"
    )


def _caption(facts):
    where = "First replication" if facts.count > 1 else "The run"
    return (
        f"{where}. Dots are shares of connections, ticks what each decision’s probabilities make one expect, grey "
        "bars the middle 95 % of what chance gives around it if every connection is an independent draw. Targets "
        "whose draws depend on each other (session affinity, pools) or are too few for the χ² test have no bar."
    )


def _table(facts, stats):
    several = facts.is_comparison
    rows = []
    variants, _ = shown_variants(facts)
    key = ["variant", "service", stats["port"].fillna("").astype(str)]
    for (variant, service, port), part in stats[stats["variant"].isin(variants)].groupby(key, sort=False):
        tests = part["p_value"].dropna()
        p_text = (
            "–"
            if tests.empty
            else words.number(float(tests.iloc[0]))
            if len(tests) == 1
            else f"{int((tests < 0.05).sum())} of {len(tests)} below 0.05"
        )
        rows.append(
            [
                words.target(service, port),
                *([variant] if several else []),
                words.count(part["endpoints"].mean()),
                words.count(float(part["connections"].mean())),
                *(
                    words.number(part[name].mean())
                    for name in ("cv", "expected_cv", "max_over_mean", "jain_index", "gini")
                ),
                p_text,
            ]
        )
    return Table(
        [
            "target",
            *(["variant"] if several else []),
            ">endpoints",
            ">connections",
            ">CV",
            ">CV expected",
            ">max/mean",
            ">Jain",
            ">Gini",
            ">p of χ²",
        ],
        rows,
    )
