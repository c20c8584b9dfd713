# SPDX-License-Identifier: GPL-3.0-or-later
#
# Losses over time with the cluster's events as labelled lines. One panel per variant, since modes that lose nearly the
# same would cover each other. With replications: the mean, and the range of all of them.

import altair
import pandas

from .. import words
from ..events import group_events, headline_events, place_labels
from .figure import (
    WIDTH,
    Figure,
    Table,
    bin_width,
    coarser,
    event_lines,
    narrow_parameter,
    rounded,
    shown_variants,
    sized,
    time_axis,
    time_scale,
)

MOST_BINS = 300
MOST_TICKS = 400


def losses_figure(facts):
    timeline = facts.table("timeline")
    if timeline is None:
        return None
    lost = sum(facts.total(v, "lost") for v in facts.variants)
    if lost == 0:
        return Figure("losses", "No connection was lost", "Losses over time are left out: there were none.")
    variants, notes = shown_variants(facts)
    data, width, end = _rates(facts, timeline, variants)
    groups = drawn_events(facts, variants[0], end)
    ticks = _pod_ticks(facts, variants[0], end) if facts.is_one_scenario else None
    panels, tables, lines, before = [], [], groups, None
    for variant in variants:
        if facts.scenarios[variant] != before:
            before = facts.scenarios[variant]
            lines = drawn_events(facts, variant, end)
            panels += [_labels(lines, end)] if lines else []
            name = "" if facts.is_one_scenario else f" of {before}"
            tables += [(f"All labelled events{name}", _event_table(lines, facts.count > 1))] if lines else []
        panels.append(
            _panel(
                data[data["variant"] == variant],
                variant,
                facts,
                lines,
                end,
                data["high"].max(),
                ticks is None and variant == variants[-1],
            )
        )
    if ticks is not None:
        panels.append(ticks)
    chart = (
        altair.vconcat(*panels, spacing=6).add_params(narrow_parameter()).resolve_scale(color="independent")
    )
    several = facts.count > 1
    caption = (
        f"Attempts that were lost, by the second in which they began (bins of {words.seconds(width)}). "
        + ("The line is the mean over replications, the area spans all of them. " if several else "")
        + (_event_caption(several) if tables else "events.csv has nothing that happened to the cluster.")
    )
    return Figure(
        "losses", _title(data, width, groups if facts.is_one_scenario else []), caption, chart, notes, tables
    )


def _rates(facts, timeline, variants):
    """Per variant and bin: mean, least and most losses per second over replications."""
    rows = timeline[timeline["variant"].isin(variants)].dropna(subset=["replication"])
    width = bin_width(rows["t_s"])
    start, wide = coarser(rows["t_s"], width, MOST_BINS)
    sums = (
        rows.assign(t=start)
        .groupby(["variant", "replication", "t"], sort=False)["losses"]
        .sum()
        .astype(float)
        / wide
    )
    grid = sums.unstack("t", fill_value=0).sort_index(axis=1)
    by = grid.groupby(level=0, sort=False)
    parts = [
        part.rename_axis(columns="t").stack().rename(name)
        for part, name in ((by.mean(), "mean"), (by.min(), "low"), (by.max(), "high"))
    ]
    data = pandas.concat(parts, axis=1).reset_index()
    end = float(grid.columns.max() + wide)
    # The last step reaches to its end.
    last = data[data["t"] == grid.columns.max()].assign(t=end)
    return (
        pandas.concat([data, last], ignore_index=True).sort_values(["variant", "t"], kind="stable"),
        wide,
        end,
    )


def drawn_events(facts, variant, end):
    """The events that get lines, the same in every figure over time."""
    events = facts.table("events")
    if events is None:
        return []
    mine = events[events["variant"] == variant]
    return group_events(headline_events(mine, len(facts.replications[variant])), end)


def _panel(data, variant, facts, groups, end, most, last):
    axis = time_axis() if last else None
    base = altair.Chart(rounded(data)).encode(x=altair.X("t:Q", scale=time_scale(end), axis=axis))
    y = {
        "scale": altair.Scale(domain=[0, most], nice=True),
        "axis": altair.Axis(
            title="lost per second" if len(facts.variants) == 1 else "lost/s", tickCount=4, format="~s"
        ),
    }
    layers = event_lines(groups, end, axis)
    tip = [
        altair.Tooltip("t:Q", title="second"),
        altair.Tooltip("mean:Q", title="lost per second"),
        altair.Tooltip("low:Q", title="least of a replication"),
        altair.Tooltip("high:Q", title="most"),
    ]
    if len(facts.replications[variant]) > 1:
        layers.append(
            base.mark_area(
                style="accent", interpolate="step-after", opacity=0.22, line=False, strokeWidth=0
            ).encode(y=altair.Y("low:Q", **y), y2="high:Q")
        )
    else:
        layers.append(
            base.mark_area(
                style="accent", interpolate="step-after", opacity=0.22, line=False, strokeWidth=0
            ).encode(y=altair.Y("mean:Q", **y))
        )
    layers.append(
        base.mark_line(interpolate="step-after", style="accent-line", strokeWidth=1.6, tooltip=True).encode(
            y=altair.Y("mean:Q", **y), tooltip=tip
        )
    )
    single = len(facts.variants) == 1
    return sized(
        altair.layer(*layers), 190 if single else 96, None if single else _panel_title(facts, variant)
    )


def _panel_title(facts, variant):
    lost = facts.total(variant, "lost") / max(1, len(facts.replications[variant]))
    return f"{variant}: {words.count(lost)} lost" + (" per replication" if facts.count > 1 else "")


def _labels(groups, end):
    """The strip above: badge, text, and a line down to the panels."""
    places, rows = place_labels(groups, end, WIDTH)
    data = pandas.DataFrame(
        [
            {
                "time": g.time,
                "row": row,
                "bottom": rows,
                "number": str(g.number),
                "label": g.label,
                "side": side,
                "what": "; ".join(f"{words.seconds(item[0])} {item[3]}" for item in g.items[:8]),
            }
            for g, (row, side) in zip(groups, places)
        ]
    )
    base = altair.Chart(rounded(data, 6)).encode(
        x=altair.X("time:Q", scale=time_scale(end), axis=None),
        y=altair.Y("row:Q", scale=altair.Scale(domain=[rows, -0.5]), axis=None),
        tooltip=[altair.Tooltip("what:N", title="events")],
    )
    layers = [
        base.mark_rule(style="rule", strokeDash=[3, 3], opacity=0.8).encode(y2="bottom:Q"),
        base.mark_point(style="badge", shape="circle", size=230, filled=True, strokeWidth=1, opacity=1),
        base.mark_text(style="ink-text", fontSize=10).encode(text="number:N"),
    ]
    for side, align, dx in (("right", "left", 12), ("left", "right", -12)):
        layers.append(
            base.transform_filter(f"datum.side == '{side}' && !narrow")
            .mark_text(style="ink-text", align=align, dx=dx, fontSize=11)
            .encode(text="label:N")
        )
    return sized(altair.layer(*layers), 18 * rows + 8)


def _pod_ticks(facts, variant, end):
    """When pods ended and became ready, in the first replication: how much churn there was."""
    events = facts.table("events")
    if events is None:
        return None
    first = facts.replications[variant][0]
    rows = events[(events["variant"] == variant) & (events["replication"] == first)]
    kinds = {"ended": "pods end", "crashed": "pods crash", "Ready=True": "pods ready"}
    rows = rows[rows["object"].str.startswith("pod/") & rows["action"].isin(kinds)]
    if rows.empty or len(rows) > MOST_TICKS:
        return None
    data = pandas.DataFrame(
        {
            "time": rows["t_s"],
            "kind": rows["action"].map(kinds),
            "pod": rows["object"].str.removeprefix("pod/").str.removeprefix("default/"),
        }
    )
    return (
        altair.Chart(rounded(data, 6))
        .mark_tick(style="ink", thickness=1.2, size=10, opacity=0.75)
        .encode(
            x=altair.X("time:Q", scale=time_scale(end), axis=time_axis()),
            y=altair.Y("kind:N", title=None, sort=list(kinds.values()), axis=altair.Axis(labelFontSize=11)),
            tooltip=["pod:N", "kind:N", altair.Tooltip("time:Q", title="second")],
        )
        .properties(width=WIDTH, height=altair.Step(14))
    )


def _event_caption(several):
    return (
        "Dashed lines are what happened in the cluster"
        + (": what at least half of the replications have, at the median of its times." if several else ".")
        + " Near ones share a line; the list below has all of them."
    )


def _event_table(groups, several):
    rows = []
    for group in groups:
        for time, low, high, text in group.items:
            spread = [] if not several else ["" if low == high else words.interval(low, high, words.seconds)]
            rows.append([str(group.number), words.seconds(time), *spread, text])
    return Table(["line", ">time", *([">range over replications"] if several else []), "what happened"], rows)


def _title(data, width, groups):
    """The shortest time in which nine tenths of the losses fall, and what happened as it began."""
    sums = data.groupby("t")["mean"].sum().sort_index().iloc[:-1]
    total = sums.cumsum().to_numpy()
    before = total - sums.to_numpy()
    last = [int((total < b + 0.9 * total[-1] - 1e-9).sum()) for b in before if b <= 0.1 * total[-1] + 1e-9]
    spans = [(sums.index[j] + width - sums.index[i], i, j) for i, j in enumerate(last) if j < len(sums)]
    _, first, last = min(spans)
    start, stop = float(sums.index[first]), float(sums.index[last]) + width
    text = f"Nine tenths of the losses fall between {words.interval(start, stop, words.seconds).replace(' to ', ' and ')}"
    near = [g for g in groups if start - 2 * width <= g.time <= start + width]
    return text + (f", from “{near[-1].label}” on" if near else "")
