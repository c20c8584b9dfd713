# SPDX-License-Identifier: GPL-3.0-or-later
#
# Latency on a log scale. latency.csv has five quantiles and not the distribution, so that is what is drawn: a bar from
# the median to the 99th percentile, a hair to the longest, marks at what the file has and nothing in between. A
# quantile that fewer observations stand behind than it needs is the maximum under another name and is left out.

import math

import altair

from .. import words
from .figure import Figure, Table, rounded, shown_variants, sized, variant_colour

PHASES = {"connect": "Connecting", "request": "Requests", "dns": "Looking up a name"}
QUANTILES = {"p50": 2, "p90": 10, "p99": 100, "p999": 1000, "max": 1}
NAMES = {"p50": "median", "p90": "90 %", "p99": "99 %", "p999": "99.9 %", "max": "longest"}
SHAPES = ["circle", "triangle-up", "square", "diamond", "cross"]
MOST_TARGETS = 12


def latency_figure(facts):
    frame = facts.table("latency")
    if frame is None:
        return None
    variants, notes = shown_variants(facts)
    rows = frame[(frame["outcome"] == "completed") & (frame["count"] > 0) & frame["variant"].isin(variants)]
    if rows.empty:
        return Figure(
            "latency", "No attempt completed", "Latency is that of completed attempts: there are none."
        )
    data = _quantiles(rows)
    targets = data.groupby("target")["count"].sum().sort_values(ascending=False, kind="stable")
    if len(targets) > MOST_TARGETS:
        notes = notes + [f"{MOST_TARGETS} of {len(targets)} targets are drawn, those with most observations."]
    data = data[data["target"].isin(targets.index[:MOST_TARGETS])]
    data = _without_constant_dns(data, notes := list(notes))
    chart = _chart(data, variants, facts)
    title = _title(data, facts)
    caption = (
        "Completed attempts and their requests, from the intended start. The bar spans median to 99th percentile, "
        "the hair ends at the longest; the results hold these quantiles and not the distribution between them"
        + (", here as means over replications (the longest of all)" if facts.count > 1 else "")
        + ". Quantiles with too few observations behind them are left out."
    )
    return Figure(
        "latency", title, caption, chart, notes, [("Quantiles in milliseconds", _table(data, facts))]
    )


def _title(data, facts):
    """The worst 99th percentile that enough observations stand behind."""
    known = data.dropna(subset=["p99"])
    known = known[known["phase"] == "request"] if (known["phase"] == "request").any() else known
    if known.empty:
        return "Too few attempts completed for a 99th percentile"
    worst = known.loc[known["p99"].astype(float).idxmax()]
    what = {"request": "requests to", "connect": "connections to", "dns": "look-ups of"}[worst["phase"]]
    where = f" ({worst['variant']})" if facts.is_comparison else ""
    return f"One in a hundred {what} {worst['target']} takes {_milliseconds(worst['p99'])} or more{where}"


def _quantiles(rows):
    """variant × target × phase: quantiles as means over replications, the longest of all, all observations."""
    target = [words.target(s, p) for s, p in zip(rows["service"], rows["port"])]
    rows = rows.assign(target=target, phase=rows["phase"].astype(str))
    for name, least in QUANTILES.items():
        rows[name] = rows[f"{name}_ms"].where(rows["count"] >= least)
    key = ["variant", "target", "phase"]
    by = rows.groupby(key, sort=False)
    data = by[["p50", "p90", "p99", "p999"]].mean().join(by["max"].max())
    data["mean"] = by["mean_ms"].mean()
    data["count"] = by["count"].sum().astype(int)
    return data.reset_index()


def _without_constant_dns(data, notes):
    """A look-up that always takes the same is a sentence and no picture."""
    dns = data[data["phase"] == "dns"]
    if not dns.empty and dns["max"].max() == dns["p50"].min():
        notes.append(f"Looking up a name took {_milliseconds(dns['max'].max())} always.")
        rest = data[data["phase"] != "dns"]
        return data if rest.empty else rest
    return data


def _chart(data, variants, facts):
    long = data.melt(["variant", "target", "phase", "count"], list(QUANTILES), "quantile", "ms").dropna(
        subset=["ms"]
    )
    long = long[long["ms"] > 0].assign(quantile=lambda f: f["quantile"].map(NAMES))
    spans = data.assign(
        upper=data["p99"].fillna(data["p90"]).fillna(data["p50"]).fillna(data["max"]),
        lower=data["p50"].fillna(data["max"]),
    )
    spans = spans[spans["lower"] > 0][["variant", "target", "phase", "lower", "upper", "max"]]
    low, high = float(long["ms"].min()), float(long["ms"].max())
    panels = []
    phases = [p for p in PHASES if (data["phase"] == p).any()]
    for phase in phases:
        panels.append(
            _panel(
                spans[spans["phase"] == phase],
                long[long["phase"] == phase],
                phase,
                variants,
                facts,
                (low / 1.15, high * 1.15),
                phase == phases[-1],
            )
        )
    return altair.vconcat(*panels, spacing=14)


def _panel(spans, marks, phase, variants, facts, domain, last):
    targets = sorted(spans["target"].unique())
    ticks = altair.Axis(
        title="latency (log scale)" if last else None,
        grid=True,
        values=_decades(*domain),
        labelExpr="datum.value >= 1000 ? format(datum.value / 1000, ',~g') + ' s' : "
        "format(datum.value, '~g') + ' ms'",
    )
    x = {"scale": altair.Scale(type="log", domain=list(domain), nice=False), "axis": ticks}
    several = facts.is_comparison
    y = altair.Y(
        "target:N", sort=targets, title=None, scale=altair.Scale(paddingInner=0.35, paddingOuter=0.2)
    )
    offset = {"yOffset": altair.YOffset("variant:N", sort=list(variants))} if several else {}
    colour = {"color": variant_colour(facts, variants)} if several else {}
    style = {} if several else {"style": "accent"}
    tip = [
        "target:N",
        "variant:N",
        "quantile:N",
        altair.Tooltip("ms:Q", title="ms"),
        altair.Tooltip("count:Q", title="observations", format=","),
    ]
    base = altair.Chart(rounded(spans))
    layers = [
        base.mark_rule(strokeWidth=1, opacity=0.8, **style).encode(
            x=altair.X("lower:Q", **x), x2="max:Q", y=y, **offset, **colour
        ),
        base.mark_rule(strokeWidth=5 if not several else 4, opacity=0.35, **style).encode(
            x=altair.X("lower:Q", **x), x2="upper:Q", y=y, **offset, **colour
        ),
        altair.Chart(rounded(marks))
        .mark_point(filled=True, size=46 if not several else 34, opacity=1, **style)
        .encode(
            x=altair.X("ms:Q", **x),
            y=y,
            tooltip=tip,
            **offset,
            **colour,
            shape=altair.Shape(
                "quantile:N",
                legend=altair.Legend(title=None, symbolType=altair.Undefined),
                scale=altair.Scale(domain=list(NAMES.values()), range=SHAPES),
            ),
        ),
    ]
    height = altair.Step(11, **{"for": "offset"}) if several else altair.Step(26)
    return sized(altair.layer(*layers), height, PHASES[phase])


def _decades(low, high):
    """Powers of ten, with 2 and 5 between them where there is room."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    steps = (1, 2, 5) if last - first <= 3 else ((1, 3) if last - first <= 4 else (1,))
    values = [float(f"{step * 10.0**power:.1g}") for power in range(first, last + 1) for step in steps]
    return [value for value in values if low <= value <= high]


def _milliseconds(value):
    return words.number(value) + "\u202fms" if value < 1000 else words.seconds(value / 1000)


def _table(data, facts):
    columns = [
        "phase",
        "target",
        *(["variant"] if facts.is_comparison else []),
        ">observations",
        ">mean",
        *(">" + name for name in NAMES.values()),
    ]
    rows = []
    for row in data.sort_values(["phase", "target"], kind="stable").itertuples(index=False):
        rows.append(
            [
                row.phase,
                row.target,
                *([row.variant] if facts.is_comparison else []),
                f"{row.count:,}",
                words.number(row.mean),
                *(words.number(value) for value in (row.p50, row.p90, row.p99, row.p999, row.max)),
            ]
        )
    return Table(columns, rows)
