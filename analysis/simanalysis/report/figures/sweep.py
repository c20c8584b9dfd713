# SPDX-License-Identifier: GPL-3.0-or-later
#
# sweep_summary.csv, the table of a merged sweep: each metric against the axis of amounts with most values, one
# colour per combination of the other axes, with the interval over replications.

import altair
import pandas

from .. import words
from ..palette import CATEGORIES, EXTRA
from .figure import Figure, Table, rounded, sized

KNOWN = (
    "folder",
    "run_id",
    "scenario",
    "variant",
    "proxy_mode",
    "replication",
    "seed",
    "point",
    "metric",
    "unit",
    "mean",
    "ci_low",
    "ci_high",
    "n",
)
MOST_METRICS = 6
MOST_LINES = 8


def sweep_figures(frame):
    """One figure for all metrics. frame -- sweep_summary.csv."""
    axes = [name for name in frame.columns if name not in KNOWN]
    along = max(axes, key=lambda name: _rank(frame[name])) if axes else "point"
    others = [name for name in axes if name != along]
    data = pandas.DataFrame(
        {
            "x": frame[along].astype(str),
            "line": _combinations(frame, others),
            "metric": frame["metric"].astype(str),
            "unit": frame["unit"].astype(str),
            "mean": frame["mean"],
            "low": frame["ci_low"],
            "high": frame["ci_high"],
            "n": frame["n"].astype(float),
        }
    )
    metrics, lines = list(dict.fromkeys(data["metric"])), list(dict.fromkeys(data["line"]))
    notes = []
    if len(metrics) > MOST_METRICS:
        notes.append(f"{MOST_METRICS} of {len(metrics)} metrics are drawn.")
    if len(lines) > MOST_LINES:
        notes.append(f"{MOST_LINES} of {len(lines)} combinations of {words.listing(others)} are drawn.")
    drawn = data[data["line"].isin(lines[:MOST_LINES])].dropna(subset=["mean"])
    panels = [
        _panel(
            drawn[drawn["metric"] == m], m, along, list(dict.fromkeys(data["x"])), lines[:MOST_LINES], others
        )
        for m in metrics[:MOST_METRICS]
        if (drawn["metric"] == m).any()
    ]
    chart = altair.vconcat(*panels, spacing=16).resolve_scale(color="shared") if panels else None
    caption = (
        (
            f"Mean over replications at every combination of {words.listing(axes)}, with its 95 % interval (Student’s t). "
            "Lines join combinations that differ in one axis; nothing was simulated between them."
        )
        if axes
        else "Mean over replications, with its 95 % interval."
    )
    return [
        Figure(
            "sweep",
            f"{words.plural(frame['point'].nunique(), 'combination')} of {words.listing(axes or ['no axis'])}",
            caption,
            chart,
            notes,
            [("All combinations", _table(frame, axes))],
        )
    ]


def sweep_verdict(frame):
    """Where the first metric is least and most."""
    axes = [name for name in frame.columns if name not in KNOWN]
    metric = frame["metric"].iloc[0]
    rows = frame[frame["metric"] == metric].dropna(subset=["mean"])
    if rows.empty:
        return f"{metric} was observed nowhere."
    ends = []
    for row in (rows.loc[rows["mean"].idxmin()], rows.loc[rows["mean"].idxmax()]):
        where = ", ".join(f"{name} {row[name]}" for name in axes)
        span = "" if pandas.isna(row["ci_low"]) else f" ({words.interval(row['ci_low'], row['ci_high'])})"
        ends.append(f"{words.number(row['mean'])}{span} with {where}")
    return f"{metric} goes from {ends[0]} to {ends[1]}."


def _rank(values):
    """An axis of amounts goes along the page before one of names, the one with more values before others."""
    texts = values.astype(str)
    return bool(texts.str.match(r"-?[0-9.]").all()) and texts.nunique() > 1, texts.nunique()


def _combinations(frame, names):
    if not names:
        return pandas.Series([""] * len(frame), index=frame.index)
    return frame[names].astype(str).agg(", ".join, axis=1)


def _panel(rows, metric, along, values, lines, others):
    x = altair.X(
        "x:N",
        sort=values,
        title=along,
        axis=altair.Axis(labelAngle=0),
        scale=altair.Scale(paddingInner=0.4, paddingOuter=0.2),
    )
    unit = rows["unit"].iloc[0]
    y = {
        "title": "share" if unit == "ratio" else unit,
        "axis": altair.Axis(format="~%" if unit == "ratio" else "~s", tickCount=5),
    }
    colours = (CATEGORIES + EXTRA)[: len(lines)]
    colour = altair.Color(
        "line:N",
        scale=altair.Scale(domain=lines, range=colours),
        legend=altair.Legend(title=", ".join(others)) if others else None,
    )
    offset = altair.XOffset("line:N", sort=lines)
    base = altair.Chart(rounded(rows)).encode(x=x, xOffset=offset, color=colour)
    tip = [
        altair.Tooltip("x:N", title="value"),
        altair.Tooltip("line:N", title="others"),
        altair.Tooltip("mean:Q"),
        altair.Tooltip("low:Q"),
        altair.Tooltip("high:Q"),
        altair.Tooltip("n:Q", title="replications"),
    ]
    return sized(
        altair.layer(
            base.mark_line(strokeWidth=1, opacity=0.6).encode(y=altair.Y("mean:Q", **y)),
            base.mark_rule(strokeWidth=2).encode(y=altair.Y("low:Q", **y), y2="high:Q"),
            base.mark_point(filled=True, size=60, opacity=1).encode(y=altair.Y("mean:Q", **y), tooltip=tip),
        ),
        190,
        metric,
    )


def _table(frame, axes):
    rows = []
    for row in frame.to_dict("records"):
        span = "–" if pandas.isna(row["ci_low"]) else words.interval(row["ci_low"], row["ci_high"])
        rows.append(
            [
                *(str(row[name]) for name in axes),
                str(row["metric"]),
                str(row["unit"]),
                words.number(row["mean"]),
                span,
                words.count(float(row["n"])),
            ]
        )
    return Table([*axes, "metric", "unit", ">mean", ">95 % interval", ">replications"], rows)
