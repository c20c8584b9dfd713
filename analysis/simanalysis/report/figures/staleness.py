# SPDX-License-Identifier: GPL-3.0-or-later
#
# Node × time: how old each node's table was. With replications the mean of each cell. Large clusters: the nodes that
# were stale for longest have rows, the others are summed up in a sentence; time bins are widened and keep their worst.

import altair
import pandas

from .. import words
from .figure import (
    Figure,
    bin_width,
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

MOST_NODES = 40
MOST_BINS = 150
MOST_CELLS = 12_000


def staleness_figure(facts):
    frame = facts.table("staleness")
    if frame is None:
        return None
    variants, notes = shown_variants(facts)
    frame = frame[frame["variant"].isin(variants)]
    if not frame["age_s"].max() > 0:
        return Figure(
            "staleness",
            "No table was ever behind the API",
            "The map of stale tables is left out: at the end of every time bin each node had programmed all "
            "that the API had.",
        )
    width = bin_width(frame["t_s"])
    nodes, left = _nodes(frame, MOST_NODES if len(variants) == 1 else max(8, MOST_NODES // len(variants)))
    notes = notes + left
    start, wide = coarser(frame["t_s"], width, min(MOST_BINS, MOST_CELLS // (len(nodes) * len(variants))))
    rows = frame.assign(t=start)[frame["node"].isin(nodes)]
    worst = rows.groupby(["variant", "replication", "node", "t"], sort=False)[
        ["age_s", "services_wrong"]
    ].max()
    cells = (
        worst.astype(float)
        .groupby(level=["variant", "node", "t"], sort=False)
        .agg(age=("age_s", "mean"), most=("age_s", "max"), wrong=("services_wrong", "mean"))
        .reset_index()
    )
    cells["until"] = cells["t"] + wide
    end = float(cells["until"].max())
    cells = cells[cells["most"] > 0]
    groups = drawn_events(facts, variants[0], end) if facts.is_one_scenario else []
    panels = event_numbers(groups, end)
    panels += [
        _panel(
            cells[cells["variant"] == v], v, nodes, end, cells["age"].max(), facts, groups, v == variants[-1]
        )
        for v in variants
    ]
    chart = altair.vconcat(*panels, spacing=8)
    top = frame.loc[frame["age_s"].idxmax()]
    share = (frame["age_s"] > 0).mean()
    title = (
        f"{top['node']} had the oldest table: {words.seconds(top['age_s'])} behind the API at "
        f"{words.seconds(top['t_s'] + width)}"
    )
    caption = (
        f"Age of the oldest change in the API that a node had not programmed, at the end of bins of "
        f"{words.seconds(width)}"
        + (", mean over replications" if facts.count > 1 else "")
        + ". "
        + (f"Drawn in steps of {words.seconds(wide)}, the worst of each. " if wide > width else "")
        + f"Empty: nothing was missing. Over all nodes and bins {words.percent(share)} ended with a change "
        "not programmed. A node that is down counts from what it missed."
    )
    return Figure("staleness", title, caption, chart, notes)


def _nodes(frame, most):
    sums = frame.groupby("node")["age_s"].sum().sort_values(ascending=False, kind="stable")
    if len(sums) <= most:
        return sorted(sums.index, key=_natural), []
    kept = list(sums.index[:most])
    rest = frame[~frame["node"].isin(kept)]
    return sorted(kept, key=_natural), [
        f"{most} of {len(sums):,} nodes are drawn, those that were stale for longest; the oldest table of the other "
        f"{len(sums) - most:,} was {words.seconds(rest['age_s'].max())} behind."
    ]


def _natural(name):
    """node-2 before node-10."""
    parts, digits = [], ""
    for letter in str(name) + " ":
        if letter.isdigit():
            digits += letter
            continue
        if digits:
            parts.append((0, int(digits), ""))
            digits = ""
        parts.append((1, 0, letter))
    return parts


def _panel(cells, variant, nodes, end, most, facts, groups, last):
    step = 24 if len(nodes) <= 6 else (18 if len(nodes) <= 14 else 13)
    base = pandas.DataFrame({"node": nodes, "from": 0.0, "to": end})
    axis = time_axis() if last else None
    field = (
        altair.Chart(base)
        .mark_bar(style="field")
        .encode(
            x=altair.X("from:Q", scale=time_scale(end), axis=axis),
            x2="to:Q",
            y=altair.Y("node:N", sort=nodes, title=None),
        )
    )
    marks = (
        altair.Chart(rounded(cells))
        .mark_bar(binSpacing=0, tooltip=True)
        .encode(
            x=altair.X("t:Q", scale=time_scale(end), axis=axis),
            x2="until:Q",
            y=altair.Y("node:N", sort=nodes, title=None, scale=altair.Scale(paddingInner=0.12)),
            color=altair.Color(
                "age:Q",
                scale=altair.Scale(type="sqrt", domain=[0, float(f"{most:.2g}") or 1], clamp=True),
                legend=altair.Legend(
                    title="age of the table, s",
                    gradientLength=220,
                    format=",~f",
                    gradientThickness=10,
                    tickCount=4,
                    direction="horizontal",
                ),
            ),
            tooltip=[
                "node:N",
                altair.Tooltip("t:Q", title="second"),
                altair.Tooltip("age:Q", title="age, s"),
                altair.Tooltip("most:Q", title="most of a replication, s"),
                altair.Tooltip("wrong:Q", title="Services wrong"),
            ],
        )
    )
    return sized(
        altair.layer(field, marks, *event_lines(groups, end, axis)),
        altair.Step(step),
        variant if facts.is_comparison else None,
    )
