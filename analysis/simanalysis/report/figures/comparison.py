# SPDX-License-Identifier: GPL-3.0-or-later
#
# comparison.csv as a forest plot: every variant against the first, as change in percent of the baseline's sum, with
# the interval of the ratio. Filled marks are differences that hold after Holm's correction. Groups of metrics have
# scales of their own: a change of 2 % in losses would vanish beside one of 200 % in latency.

import altair
import numpy
import pandas

from .. import words
from .figure import MOST_VARIANTS, Figure, Table, rounded, sized, variant_colour

GROUPS = {
    "Losses": {"loss_ratio": "loss ratio", "lost": "connections lost", "operations_lost": "operations lost"},
    "Latency": {
        "connect_p50": "connect, median",
        "connect_p99": "connect, 99 %",
        "request_p50": "request, median",
        "request_mean": "request, mean",
        "request_p99": "request, 99 %",
    },
    "Load": {"load_max_over_mean": "most loaded / mean", "load_cv": "coefficient of variation"},
    "Tables": {
        "staleness_mean": "age, mean",
        "services_wrong_mean": "Services wrong",
        "rules_per_node": "rules per node",
        "programming_latency_mean": "programming latency",
        "syncs": "number of syncs",
        "sync_duration_mean": "duration of a sync",
    },
}
SURE = {True: "holds (Holm, 5 %)", False: "may be chance"}


def comparison_figure(facts):
    frame = facts.table("comparison")
    if frame is None:
        return None
    baseline = str(frame["baseline"].iloc[0])
    others = [v for v in facts.variants if v != baseline][: MOST_VARIANTS - 1]
    mine = frame[(frame["baseline"] == baseline) & frame["variant"].isin(others)]
    rows = _rows(mine)
    notes = []
    left = mine["variant"].nunique(), frame[frame["baseline"] == baseline]["variant"].nunique()
    if left[0] < left[1]:
        notes.append(f"{left[0]} of {left[1]} variants are drawn.")
    if rows.empty:
        return Figure(
            "comparison",
            "Nothing differs that could be drawn",
            "comparison.csv has no ratio of the metrics "
            "that this figure draws: no replications, or a baseline of 0.",
            notes=notes,
        )
    panels = [
        _panel(part, group, baseline, others, facts) for group, part in rows.groupby("group", sort=False)
    ]
    chart = altair.vconcat(*panels, spacing=14).resolve_scale(x="independent", color="shared", shape="shared")
    replications = int(mine["replications"].max())
    caption = (
        f"Change against {baseline}, with the 95 % interval of the ratio of sums: the same arrivals and the same "
        f"churn in all variants, {words.plural(replications, 'replication')}. Filled: the difference holds after "
        "Holm’s correction for all pairs of variants; hollow: it may be chance. Each group has its own scale."
    )
    return Figure(
        "comparison",
        _title(rows, baseline, others),
        caption,
        chart,
        notes,
        [("Means and differences", _table(mine, baseline))],
    )


def _rows(frame):
    """The chosen metrics as change in percent; one per label, the first metric that the file has."""
    labels = {metric: (group, label) for group, names in GROUPS.items() for metric, label in names.items()}
    rows = frame[frame["metric"].isin(labels)].dropna(subset=["ratio", "ratio_ci_low", "ratio_ci_high"])
    if rows.empty:
        return rows
    sure = (rows["p_adjusted"] < 0.05) & ((rows["ci_low"] > 0) | (rows["ci_high"] < 0))
    data = pandas.DataFrame(
        {
            "variant": rows["variant"],
            "metric": rows["metric"],
            "group": [labels[m][0] for m in rows["metric"]],
            "label": [labels[m][1] for m in rows["metric"]],
            "change": rows["ratio"] - 1,
            "low": rows["ratio_ci_low"] - 1,
            "high": rows["ratio_ci_high"] - 1,
            "sure": sure.fillna(False).map(SURE),
            "unit": rows["unit"].astype(str),
            "mean": rows["mean"],
            "baseline_mean": rows["baseline_mean"],
            "p": rows["p_adjusted"],
        }
    )
    order = {m: i for i, m in enumerate(labels)}
    data = data.sort_values("metric", key=lambda s: s.map(order), kind="stable")
    data["text"] = [_change(c, l, h) for c, l, h in zip(data["change"], data["low"], data["high"])]
    return data


def _change(change, low, high):
    sign = "+" if change > 0 else ""
    half = (high - low) / 2
    return f"{sign}{words.percent(change, 2)} ± {words.number(100 * half, 2)}"


def _panel(rows, group, baseline, others, facts):
    labels = list(dict.fromkeys(rows["label"]))
    reach = [float(min(rows["low"].min(), 0)), float(max(rows["high"].max(), 0))]
    span = (reach[1] - reach[0]) or 0.01
    domain = [max(-1.02, reach[0] - 0.05 * span), reach[1] + 0.05 * span]
    y = altair.Y("label:N", sort=labels, title=None, scale=altair.Scale(paddingInner=0.3, paddingOuter=0.15))
    offset = altair.YOffset("variant:N", sort=others)
    x = {
        "scale": altair.Scale(domain=domain, nice=False, zero=False),
        "axis": altair.Axis(
            title=f"change against {baseline}",
            format="+~%",
            grid=True,
            tickCount=6,
            labelExpr="datum.value == 0 ? '0' : datum.label",
        ),
    }
    colour = variant_colour(facts, others)
    base = altair.Chart(rounded(rows))
    tip = [
        "variant:N",
        "label:N",
        altair.Tooltip("text:N", title="change"),
        altair.Tooltip("mean:Q"),
        altair.Tooltip("baseline_mean:Q", title=f"mean of {baseline}"),
        "unit:N",
        altair.Tooltip("p:Q", title="p, Holm"),
    ]
    layers = [
        altair.Chart(pandas.DataFrame({"zero": [0]}))
        .mark_rule(style="zero", strokeWidth=1)
        .encode(x=altair.X("zero:Q", **x)),
        base.mark_rule(strokeWidth=2).encode(
            x=altair.X("low:Q", **x), x2="high:Q", y=y, yOffset=offset, color=colour
        ),
    ]
    for sure, held in SURE.items():
        layers.append(
            base.transform_filter(f"datum.sure == '{held}'")
            .mark_point(size=88 if sure else 58, strokeWidth=2, opacity=1, filled=sure)
            .encode(x=altair.X("change:Q", **x), y=y, yOffset=offset, color=colour, tooltip=tip)
        )
    return sized(altair.layer(*layers), altair.Step(15, **{"for": "offset"}), group)


def verdict(frame, baseline, others):
    """What the intervals allow to say about losses, in one sentence."""
    rows = frame[frame["metric"] == "lost"].set_index("variant")
    fewer, more, same = [], [], []
    for name in others:
        if name not in rows.index:
            continue
        row = rows.loc[name]
        sure = (
            pandas.notna(row["p_adjusted"])
            and row["p_adjusted"] < 0.05
            and (row["ci_low"] > 0 or row["ci_high"] < 0)
        )
        if not sure:
            same.append(name)
        elif pandas.notna(row["ratio"]):
            half = (row["ratio_ci_high"] - row["ratio_ci_low"]) / 2
            text = f"{words.number(100 * abs(row['ratio'] - 1), 2)} ± {words.percent(half, 2)}"
            (fewer if row["ratio"] < 1 else more).append((name, text))
        else:
            (fewer if row["difference"] < 0 else more).append((name, words.count(abs(row["difference"]))))
    parts = []
    for found, word in ((fewer, "fewer"), (more, "more")):
        if found:
            told = [f"{name} {'lost ' if i == 0 else ''}{amount}" for i, (name, amount) in enumerate(found)]
            parts.append(f"{words.listing(told)} {word} connections than {baseline}")
    if same:
        parts.append(f"{words.listing(same)} and {baseline} cannot be told apart by their losses")
    return "; ".join(parts) or f"Variants against {baseline}"


def _title(rows, baseline, others):
    """In how many of the drawn metrics each variant differs for sure."""
    metrics = rows["label"].nunique()
    held = rows[rows["sure"] == SURE[True]].groupby("variant").size()
    told = [
        f"{name} differs in {held.get(name, 0)} of {metrics} metrics"
        if i == 0
        else f"{name} in {held.get(name, 0)}"
        for i, name in enumerate(others)
    ]
    return f"Compared with {baseline}: {words.listing(told)}"


def _table(frame, baseline):
    rows = []
    for row in frame.itertuples(index=False):
        if not numpy.isfinite(row.difference) or (row.mean == 0 and row.baseline_mean == 0):
            continue
        half = "" if pandas.isna(row.ci_high) else f" ± {words.number((row.ci_high - row.ci_low) / 2)}"
        rows.append(
            [
                row.metric,
                str(row.unit),
                row.variant,
                words.number(row.mean),
                words.number(row.baseline_mean),
                words.number(row.difference) + half,
                words.number(row.p_adjusted),
            ]
        )
    return Table(["metric", "unit", "variant", ">mean", f">{baseline}", ">difference", ">p (Holm)"], rows)
