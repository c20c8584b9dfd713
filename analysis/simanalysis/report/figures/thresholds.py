# SPDX-License-Identifier: GPL-3.0-or-later
#
# thresholds.csv: what was observed as a multiple of its limit, with its interval, and the verdict in words. The limit is
# one line for all of them, so that percents and milliseconds stand side by side.

import altair
import numpy
import pandas

from .. import words
from .figure import Figure, Table, rounded, sized

VERDICTS = {"pass": ("passes", "#009E73", "circle"), "fail": ("fails", "#D55E00", "cross"),
            "undecided": ("undecided", "#E69F00", "diamond")}


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
    drawn = rows[(rows["limit"] > 0) & rows["observed"].notna()]
    chart = _chart(drawn) if len(drawn) else None
    notes = [] if len(drawn) == len(rows) else ["A limit of 0 and a value that was not observed have no place in the figure."]
    caption = ("What was observed as a multiple of its limit, with its interval; the shaded side breaks the threshold. "
               "Undecided: the interval holds the limit, and the replications allowed were used up.")
    return Figure("thresholds", sentence(rows), caption, chart, notes, tables, narrow_labels=150)


def expression(row):
    """The threshold as the scenario writes it, as far as the file tells."""
    name = row.threshold if isinstance(row.threshold, str) and row.threshold else \
        f"{row.metric}{'{' + row.labels + '}' if row.labels else ''} {row.operator} {words.number(row.limit)}"
    return str(name)


def sentence(rows):
    """“2 of 3 thresholds hold; fails: …”."""
    passed = int((rows["verdict"] == "pass").sum())
    if passed == len(rows):
        return f"All {len(rows)} thresholds hold" if len(rows) > 1 else "The threshold holds"
    parts = []
    for verdict, word in (("fail", "fails"), ("undecided", "undecided")):
        names = list(rows.loc[rows["verdict"] == verdict, "text"])
        if names:
            parts.append(f"{word}: " + ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else ""))
    return f"{passed} of {words.plural(len(rows), 'threshold')} {'holds' if passed == 1 else 'hold'}; " + "; ".join(parts)


def _chart(rows):
    data = pandas.DataFrame({
        "threshold": rows["text"], "value": rows["observed"] / rows["limit"], "low": rows["ci_low"] / rows["limit"],
        "high": rows["ci_high"] / rows["limit"], "verdict": [VERDICTS.get(v, (v,))[0] for v in rows["verdict"]],
        "observed": [_value(v, u) for v, u in zip(rows["observed"], rows["unit"])]})
    top = float(numpy.nanmax(data[["value", "high"]].to_numpy(dtype=float)))
    end = max(1.25, min(top * 1.05, 20))
    below = rows["operator"].astype(str).str.startswith("<")
    data["bad_from"], data["bad_to"] = numpy.where(below, 1.0, 0.0), numpy.where(below, end, 1.0)
    for name in ("value", "low", "high"):
        data[name] = data[name].clip(upper=end)
    y = altair.Y("threshold:N", sort=list(data["threshold"]), title=None, axis=altair.Axis(labelLimit=300))
    x = {"scale": altair.Scale(domain=[0, end], nice=False),
         "axis": altair.Axis(title="observed / limit" + (" (cut at 20)" if top * 1.05 > 20 else ""), format="~g",
                             grid=True, tickCount=6)}
    base = altair.Chart(rounded(data))
    names = [v[0] for v in VERDICTS.values()]
    here = [n for n in names if (data["verdict"] == n).any()]
    colour = altair.Color("verdict:N", legend=altair.Legend(title=None, values=here),
                          scale=altair.Scale(domain=names, range=[v[1] for v in VERDICTS.values()]))
    shape = altair.Shape("verdict:N", legend=altair.Legend(title=None, values=here, symbolType=altair.Undefined),
                         scale=altair.Scale(domain=names, range=[v[2] for v in VERDICTS.values()]))
    tip = ["threshold:N", "observed:N", "verdict:N", altair.Tooltip("value:Q", title="observed / limit")]
    layers = [base.mark_bar(style="field").encode(x=altair.X("bad_from:Q", **x), x2="bad_to:Q", y=y),
              altair.Chart(pandas.DataFrame({"one": [1]})).mark_rule(style="zero").encode(x=altair.X("one:Q", **x))]
    if data["low"].notna().any():
        layers.append(base.mark_rule(strokeWidth=2.5).encode(x=altair.X("low:Q", **x), x2="high:Q", y=y, color=colour))
    layers.append(base.mark_point(filled=True, size=90, opacity=1).encode(
        x=altair.X("value:Q", **x), y=y, color=colour, shape=shape, tooltip=tip))
    return sized(altair.layer(*layers), altair.Step(30))


def _value(value, unit):
    if value is None or not numpy.isfinite(value):
        return "–"
    return words.percent(value) if str(unit) == "ratio" else f"{words.number(value)} {unit}"


def _table(rows):
    body = []
    for row in rows.itertuples(index=False):
        span = "–" if pandas.isna(row.ci_low) or pandas.isna(row.ci_high) else \
            f"{_value(row.ci_low, row.unit)} to {_value(row.ci_high, row.unit)}"
        body.append([VERDICTS.get(row.verdict, (row.verdict,))[0], row.text, _value(row.observed, row.unit), span,
                     "–" if pandas.isna(row.confidence) else words.percent(row.confidence),
                     "–" if pandas.isna(row.replications) else f"{row.replications:,}"])
    return Table(["verdict", "threshold", ">observed", ">interval", ">confidence", ">replications"], body)
