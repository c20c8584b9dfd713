# SPDX-License-Identifier: GPL-3.0-or-later
#
# Why connections were lost: causes stacked over time, and in total. The six most frequent have colours of their own,
# the same in both; the rest is one grey.

import altair
import pandas

from .. import words
from ..palette import CATEGORIES, OTHER
from .figure import (
    Figure,
    Table,
    coarser,
    event_lines,
    event_numbers,
    rounded,
    shown_variants,
    sized,
    time_axis,
    time_scale,
)
from .losses import drawn_events

MOST_BINS = 150
REST = "other causes"


def causes_figure(facts):
    counts = _counts(facts)
    if counts.empty:
        return None
    variants, notes = shown_variants(facts)
    ranked = counts.groupby("cause")["number"].sum().sort_values(ascending=False, kind="stable")
    named = list(ranked.index[: len(CATEGORIES)]) + ([REST] if len(ranked) > len(CATEGORIES) else [])
    colour = altair.Color(
        "cause:N",
        scale=altair.Scale(
            domain=named,
            range=CATEGORIES[: min(len(ranked), len(CATEGORIES))] + [OTHER]
            if REST in named
            else CATEGORIES[: len(named)],
        ),
        legend=altair.Legend(title=None, symbolType="square"),
    )
    panels = _over_time(facts, variants, named, colour)
    panels.append(_in_total(counts[counts["variant"].isin(variants)], named, colour, variants, facts))
    chart = altair.vconcat(*panels, spacing=14)
    top = ranked.index[0]
    share = ranked.iloc[0] / ranked.sum()
    what = (
        "losses"
        if not any(facts.total(v, "outcome.misdelivered") for v in facts.variants)
        else "lost or misdelivered connections"
    )
    how = f"All {what}" if share > 0.995 else f"{words.percent(share, 2)} of the {what}"
    title = f"{how}: {words.CAUSES.get(top, top)}"
    per = "Numbers are means per replication. " if facts.count > 1 else ""
    caption = (
        "Each lost or misdelivered connection has one cause: the first part on its packet’s path that would have "
        f"saved it, had it been up to date. {per}Above by the second in which the attempt began, below in total."
    )
    return Figure(
        "causes",
        title,
        caption,
        chart,
        notes,
        [("Causes in words", _table(facts, counts, ranked))],
        narrow_columns=2,
        open_tables=True,
    )


def _counts(facts):
    """variant, cause, number: mean per replication, only what occurred."""
    rows = [
        (v, metric.removeprefix("cause."), facts.total(v, metric) / max(1, len(facts.replications[v])))
        for v in facts.variants
        for metric in facts.units
        if metric.startswith("cause.")
    ]
    frame = pandas.DataFrame(rows, columns=["variant", "cause", "number"])
    return frame[frame["number"] > 0]


def _over_time(facts, variants, named, colour):
    ledger = facts.table("loss_ledger")
    if ledger is None:
        return []
    rows = ledger[ledger["variant"].isin(variants)]
    start, width = coarser(rows["t_s"], 1.0, MOST_BINS)
    cause = rows["cause"].astype(str)
    rows = rows.assign(t=start, cause=cause.where(cause.isin(named), REST))
    sums = (
        rows.groupby(["variant", "t", "cause"])["connections"]
        .sum()
        .astype(float)
        .rename("number")
        .reset_index()
    )
    sums["number"] /= width * sums["variant"].map({v: max(1, len(facts.replications[v])) for v in variants})
    # A little wider than the bin: no hairlines between neighbours.
    sums["until"] = sums["t"] + 1.05 * width
    sums["order"] = sums["cause"].map({name: i for i, name in enumerate(named)})
    sums = sums.sort_values(["variant", "t", "order"], kind="stable")
    sums["top"] = sums.groupby(["variant", "t"])["number"].cumsum()
    sums["base"] = sums["top"] - sums["number"]
    timeline = facts.table("timeline")
    end = max(float(sums["until"].max()), float(timeline["t_s"].max()) + 1 if timeline is not None else 0)
    groups = drawn_events(facts, variants[0], end) if facts.is_one_scenario else []
    y = {
        "scale": altair.Scale(domain=[0, float(sums["top"].max())], nice=True),
        "axis": altair.Axis(
            title="lost per second" if len(variants) == 1 else "lost/s", tickCount=4, format="~s"
        ),
    }
    panels = event_numbers(groups, end)
    for variant in variants:
        axis = time_axis() if variant == variants[-1] else None
        bars = (
            altair.Chart(rounded(sums[sums["variant"] == variant], 6))
            .mark_rect(tooltip=True)
            .encode(
                x=altair.X("t:Q", scale=time_scale(end), axis=axis),
                x2="until:Q",
                y=altair.Y("base:Q", **y),
                y2="top:Q",
                color=colour,
                tooltip=[
                    altair.Tooltip("t:Q", title="second"),
                    "cause:N",
                    altair.Tooltip("number:Q", title="lost per second", format=".3~g"),
                ],
            )
        )
        panels.append(
            sized(
                altair.layer(bars, *event_lines(groups, end, axis)),
                170 if len(variants) == 1 else 90,
                variant if facts.is_comparison else None,
            )
        )
    return [altair.vconcat(*panels, spacing=6)]


def _in_total(counts, named, colour, variants, facts):
    data = counts.assign(cause=counts["cause"].where(counts["cause"].isin(named), REST))
    data = data.groupby(["variant", "cause"], sort=False)["number"].sum().reset_index()
    data["order"] = data["cause"].map({name: i for i, name in enumerate(named)})
    data = data.sort_values(["variant", "order"], kind="stable")
    total = data.groupby("variant")["number"].transform("sum")
    data["share"] = data["number"] / total
    data["end"] = data.groupby("variant")["number"].cumsum()
    data["middle"] = data["end"] - data["number"] / 2
    data["text"] = data["number"].map(words.count)
    data["part"] = data["number"] / total.max()
    y = altair.Y(
        "variant:N", sort=list(variants), title=None, axis=altair.Axis(labels=len(variants) > 1, ticks=False)
    )
    x = altair.Axis(
        title="connections lost" + (" per replication" if facts.count > 1 else ""), format=",~f", tickCount=6
    )
    base = altair.Chart(rounded(data))
    bars = base.mark_bar(style="piece", strokeWidth=1.5, height=22).encode(
        x=altair.X("number:Q", stack="zero", axis=x, scale=altair.Scale(nice=False)),
        y=y,
        color=colour,
        order=altair.Order("order:Q"),
        tooltip=[
            "variant:N",
            "cause:N",
            altair.Tooltip("number:Q", title="connections"),
            altair.Tooltip("share:Q", format=".1%"),
        ],
    )
    return sized(bars, altair.Step(30), "In total")


def _table(facts, counts, ranked):
    first = counts[counts["variant"] == facts.variants[0]].set_index("cause")["number"]
    worst = _worst(facts)
    several = facts.is_comparison
    named = (
        [f">{v}" for v in facts.variants[:6]]
        if several
        else [">per replication" if facts.count > 1 else ">connections"]
    )
    columns = ["cause", "in words", *named] + ([] if several else [">share"]) + ["most of them from"]
    numbers = {v: counts[counts["variant"] == v].set_index("cause")["number"] for v in facts.variants[:6]}
    rows = []
    for cause in ranked.index:
        cells = [words.count(numbers[v].get(cause, 0.0)) for v in facts.variants[:6]]
        share = [] if several else [words.percent(first.get(cause, 0) / first.sum(), 2)]
        rows.append([cause, words.CAUSES.get(cause, ""), *cells, *share, worst.get(cause, "")])
    return Table(columns, rows)


def _worst(facts):
    """cause -> the client and target that lost most by it."""
    rows = facts.table("connection_loss")
    if rows is None:
        return {}
    rows = rows.dropna(subset=["cause"])
    sums = rows.groupby([rows["cause"].astype(str), "client", "service", rows["port"].fillna("")])[
        "connections"
    ].sum()
    found = {}
    for (cause, client, service, port), _ in sums.sort_values(ascending=False).items():
        found.setdefault(cause, f"{client} → {words.target(service, port)}")
    return found
