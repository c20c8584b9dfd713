# SPDX-License-Identifier: GPL-3.0-or-later
#
# What a figure is, and what all of them share: one width that the page replaces by what there is, time axes, bins.

from dataclasses import dataclass, field

import altair
import numpy
import pandas

from ..palette import CATEGORIES, EXTRA

# Width of a plot in PNG and SVG. The page's script puts its own width in the place of this number, so nothing else
# in a figure may be as wide.
WIDTH = 720
MOST_VARIANTS = 6
FIRST = "first replication of each variant"


@dataclass
class Table:
    """Cells are texts; a column whose name starts with `>` is aligned to the right."""

    columns: list
    rows: list


@dataclass
class Figure:
    """A section of the page.

    name -- of its files. title -- what the reader should see first. caption -- how to read it. chart -- None where
    there is nothing to draw: then `caption` says why. notes -- what was left out. tables -- (summary, Table) pairs.
    narrow_labels, narrow_columns -- pixels of labels and columns of legends on a phone.
    """

    name: str
    title: str
    caption: str
    chart: object = None
    notes: list = field(default_factory=list)
    tables: list = field(default_factory=list)
    narrow_labels: int = 120
    narrow_columns: int = 1
    open_tables: bool = False


def variant_colour(facts, shown):
    """One colour per variant, the same in every figure; the legend has the variants that a figure shows."""
    names = facts.variants[: len(CATEGORIES)]
    names = [*names, *(v for v in shown if v not in names)]
    colours = [(CATEGORIES + EXTRA)[i % len(CATEGORIES + EXTRA)] for i in range(len(names))]
    return altair.Color(
        "variant:N",
        scale=altair.Scale(domain=names, range=colours),
        legend=altair.Legend(title=None, values=list(shown)),
    )


def sized(chart, height, title=None):
    """The chart with the figure's width; `title` only where there is one."""
    chart = chart.properties(width=WIDTH, height=height)
    return chart.properties(title=title) if title else chart


def narrow_parameter():
    """True on screens too narrow for texts inside the plot; the page's script sets it."""
    return altair.param(name="narrow", value=False)


def time_axis(title="simulated time, s", **more):
    return altair.Axis(title=title, format=",~f", tickCount=10, grid=False, **more)


def time_scale(end):
    return altair.Scale(domain=[0, end], nice=False, zero=False)


def event_lines(groups, end, axis=None):
    """Thin lines where events are, to be layered with a panel that has this axis; none where there are no events."""
    if not groups:
        return []
    lines = pandas.DataFrame({"t": [float(g.time) for g in groups]})
    return [
        altair.Chart(lines)
        .mark_rule(style="rule", strokeDash=[3, 3], opacity=0.8)
        .encode(x=altair.X("t:Q", scale=time_scale(end), axis=axis))
    ]


def event_numbers(groups, end):
    """A strip with the events' numbers, those of the figure of losses; none where there are no events."""
    if not groups:
        return []
    data = pandas.DataFrame(
        {
            "time": [float(g.time) for g in groups],
            "number": [str(g.number) for g in groups],
            "what": [g.label for g in groups],
        }
    )
    base = altair.Chart(data).encode(
        x=altair.X("time:Q", scale=time_scale(end), axis=None),
        y=altair.value(9),
        tooltip=[altair.Tooltip("what:N", title="event")],
    )
    return [
        sized(
            altair.layer(
                base.mark_rule(style="rule", strokeDash=[3, 3], opacity=0.8).encode(y2=altair.value(18)),
                base.mark_point(
                    style="badge", shape="circle", size=190, filled=True, strokeWidth=1, opacity=1
                ),
                base.mark_text(style="ink-text", fontSize=10).encode(text="number:N"),
            ),
            18,
        )
    ]


def bin_width(times):
    """Seconds between neighbouring bins; 1 where there is only one."""
    values = numpy.unique(times.to_numpy(dtype=float))
    return float(numpy.median(numpy.diff(values))) if len(values) > 1 else 1.0


def coarser(times, width, most):
    """Bins of a whole number of `width`, so that there are at most `most`: (bin's start per time, its width)."""
    end = float(times.max()) + width
    factor = max(1, int(numpy.ceil(end / width / most)))
    wide = width * factor
    return numpy.floor(times / wide + 1e-9) * wide, wide


def rounded(frame, digits=4):
    """Numbers with `digits` significant digits: what an eye can see, in a fraction of the bytes."""
    frame = frame.copy()
    for name in frame.columns:
        if pandas.api.types.is_float_dtype(frame[name].dtype):
            frame[name] = [float(f"{v:.{digits}g}") if v == v else None for v in frame[name]]
        elif isinstance(frame[name].dtype, pandas.CategoricalDtype):
            frame[name] = frame[name].astype("str")
    return frame


def shown_variants(facts):
    """The variants to draw and a sentence about those that are not."""
    if len(facts.variants) <= MOST_VARIANTS:
        return facts.variants, []
    ranked = sorted(facts.variants, key=lambda v: facts.total(v, "lost") / max(1, len(facts.replications[v])))
    keep = {facts.variants[0], *ranked[:3], *ranked[-3:]}
    shown = [v for v in facts.variants if v in keep][:MOST_VARIANTS]
    left = len(facts.variants) - len(shown)
    return shown, [
        f"{len(shown)} of {len(facts.variants)} variants are drawn: the first, and those that lost least "
        f"and most; {left} are left out."
    ]
