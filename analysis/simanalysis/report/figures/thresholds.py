# SPDX-License-Identifier: GPL-3.0-or-later
#
# thresholds.csv: what was observed as a multiple of its limit, with its interval, and the verdict in words. The limit is
# one line for all of them, so that percents and milliseconds stand side by side.

import altair
import numpy
import pandas

from .. import words
from .figure import Figure, Table, rounded, sized

VERDICTS = {
    "pass": ("passes", "#009E73", "circle"),
    "fail": ("fails", "#D55E00", "cross"),
    "undecided": ("undecided", "#E69F00", "diamond"),
}
# Farther than this from the limit is drawn at the edge.
REACH = 1000


def thresholds_figure(facts):
    frame = facts.table("thresholds")
    if frame is None:
        return None
    rows = frame.copy()
    rows["verdict"] = rows["verdict"].astype(str)
    rows["labels"] = rows["labels"].fillna("").astype(str) if "labels" in rows else ""
    rows["text"] = [expression(row) for row in rows.itertuples(index=False)]
    if facts.is_comparison:
        rows["text"] = rows["variant"] + ": " + rows["text"]
    tables = [("Thresholds", _table(rows))]
    drawn = rows[(rows["limit"] > 0) & (rows["observed"] >= 0)]
    chart = _chart(drawn) if len(drawn) else None
    notes = (
        []
        if len(drawn) == len(rows)
        else ["A limit of 0 and a value that was not observed have no place in the figure."]
    )
    caption = (
        "What was observed as a multiple of its limit, with its interval; the shaded side breaks the threshold. Nothing observed stands at the edge. "
        "Undecided: the replications that there were allow no verdict at that confidence."
    )
    return Figure(
        "thresholds", _title(rows), caption, chart, notes, tables, narrow_labels=150, open_tables=True
    )


def expression(row):
    """The threshold as the scenario writes it, as far as the file tells."""
    condition = f"{row.metric}{'{' + row.labels + '}' if row.labels else ''} {row.operator} {_value(row.limit, row.unit)}"
    name = row.threshold if isinstance(row.threshold, str) else ""
    if not name or str(row.metric) in name:
        return name or condition
    return f"{name} ({condition})"


def sentence(rows):
    """“2 of 3 thresholds hold; fails: loss_ratio < 1% (7.74 %)”."""
    passed = int((rows["verdict"] == "pass").sum())
    if passed == len(rows):
        return (
            f"All {len(rows)} thresholds hold"
            if len(rows) > 1
            else f"The threshold holds: {rows['text'].iloc[0]}"
        )
    parts = [f"{passed} of {words.plural(len(rows), 'threshold')} {'holds' if passed == 1 else 'hold'}"]
    for verdict, word in (("fail", "fails"), ("undecided", "undecided")):
        mine = rows[rows["verdict"] == verdict]
        names = [f"{r.text} (observed {_value(r.observed, r.unit)})" for r in mine.itertuples(index=False)]
        if names:
            parts.append(
                f"{word}: " + ", ".join(names[:2]) + (f" and {len(names) - 2} more" if len(names) > 2 else "")
            )
    return "; ".join(parts)


def _title(rows):
    counts = [
        (int((rows["verdict"] == v).sum()), word)
        for v, word in (("fail", "broken"), ("undecided", "undecided"), ("pass", "kept"))
    ]
    return "Thresholds: " + ", ".join(f"{count} {word}" for count, word in counts if count)


def _chart(rows):
    data = pandas.DataFrame(
        {
            "threshold": rows["text"],
            "value": rows["observed"] / rows["limit"],
            "low": rows["ci_low"] / rows["limit"],
            "high": rows["ci_high"] / rows["limit"],
            "verdict": [VERDICTS.get(v, (v,))[0] for v in rows["verdict"]],
            "observed": [_value(v, u) for v, u in zip(rows["observed"], rows["unit"])],
        }
    )
    numbers = data[["value", "low", "high"]].to_numpy(dtype=float)
    known = numbers[numpy.isfinite(numbers) & (numbers > 0)]
    first = max(1 / REACH, min(0.4, float(known.min(initial=1)) / 1.3))
    last = min(REACH, max(2.5, float(known.max(initial=1)) * 1.3))
    below = rows["operator"].astype(str).str.startswith("<")
    data["bad_from"], data["bad_to"] = numpy.where(below, 1.0, first), numpy.where(below, last, 1.0)
    for name in ("value", "low", "high"):
        data[name] = data[name].clip(lower=first, upper=last)
    y = altair.Y("threshold:N", sort=list(data["threshold"]), title=None, axis=altair.Axis(labelLimit=300))
    x = {
        "scale": altair.Scale(type="log", domain=[first, last], nice=False),
        "axis": altair.Axis(
            title="observed / limit (log scale)",
            grid=True,
            values=_ticks(first, last),
            labelExpr="datum.value == 1 ? 'limit' : format(datum.value, '~g') + ' ×'",
        ),
    }
    base = altair.Chart(rounded(data))
    names = [v[0] for v in VERDICTS.values()]
    here = [n for n in names if (data["verdict"] == n).any()]
    colour = altair.Color(
        "verdict:N",
        legend=altair.Legend(title=None, values=here),
        scale=altair.Scale(domain=names, range=[v[1] for v in VERDICTS.values()]),
    )
    shape = altair.Shape(
        "verdict:N",
        legend=altair.Legend(title=None, values=here, symbolType=altair.Undefined),
        scale=altair.Scale(domain=names, range=[v[2] for v in VERDICTS.values()]),
    )
    tip = ["threshold:N", "observed:N", "verdict:N", altair.Tooltip("value:Q", title="observed / limit")]
    layers = [
        base.mark_bar(style="field").encode(x=altair.X("bad_from:Q", **x), x2="bad_to:Q", y=y),
        altair.Chart(pandas.DataFrame({"one": [1]})).mark_rule(style="zero").encode(x=altair.X("one:Q", **x)),
    ]
    if data["low"].notna().any():
        layers.append(
            base.mark_rule(strokeWidth=2.5).encode(x=altair.X("low:Q", **x), x2="high:Q", y=y, color=colour)
        )
    layers.append(
        base.mark_point(filled=True, size=90, opacity=1).encode(
            x=altair.X("value:Q", **x), y=y, color=colour, shape=shape, tooltip=tip
        )
    )
    return sized(altair.layer(*layers), altair.Step(30))


def _ticks(first, last):
    """1 and what lies around it in even steps."""
    steps = [0.001, 0.01, 0.1, 1, 10, 100, 1000] if last / first > 60 else [0.1, 0.2, 0.5, 1, 2, 5, 10]
    return [step for step in steps if first <= step <= last]


def _value(value, unit):
    if value is None or not numpy.isfinite(value):
        return "–"
    return words.percent(value) if str(unit) == "ratio" else f"{words.number(value)} {unit}"


def _table(rows):
    body = []
    for row in rows.itertuples(index=False):
        span = (
            "–"
            if pandas.isna(row.ci_low) or pandas.isna(row.ci_high)
            else f"{_value(row.ci_low, row.unit)} to {_value(row.ci_high, row.unit)}"
        )
        body.append(
            [
                VERDICTS.get(row.verdict, (row.verdict,))[0],
                row.text,
                _value(row.observed, row.unit),
                span,
                "–" if pandas.isna(row.confidence) else words.percent(row.confidence),
                "–" if pandas.isna(row.replications) else f"{row.replications:,}",
            ]
        )
    return Table(["verdict", "threshold", ">observed", ">interval", ">confidence", ">replications"], body)
