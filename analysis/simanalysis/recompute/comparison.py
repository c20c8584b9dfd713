# SPDX-License-Identifier: GPL-3.0-or-later
#
# comparison.csv from the replications in summary.csv.

import pandas

from . import formulas, pooled

FILE = "comparison.csv"
_OF_PAIRS = ("ci_low", "ci_high", "ratio_ci_low", "ratio_ci_high", "p_value")


def recompute(results, findings):
    """Means, paired differences with Student's t, ratios by the delta method, p-values, Holm within each metric."""
    table, summary = results.get("comparison"), results.get("summary")
    if table is None or summary is None:
        return
    # Tables with a method are those that treat shares as ratios of sums.
    values = _values(summary, linear="method" in table)
    if "method" in table and (table["method"].astype(str) == "unpaired").any():
        findings.note(f"{FILE}: intervals and p-values of unpaired rows, the wider of two methods")
    for metric, rows in table.groupby("metric", observed=True, sort=False):
        for _, row in rows.iterrows():
            _pair(row, values, findings)
        _holm(str(metric), rows, findings)


def _values(summary, linear):
    """(variant, metric) -> {replication: value}.

    linear -- shares of sums are compared as ratio + (part - ratio * whole) / mean whole, whose mean is the ratio of sums
    and whose Student's t is the delta method.
    """
    rows = summary.dropna(subset=["replication", "value"])
    result = {}
    for (variant, metric), part in rows.groupby(["variant", "metric"], observed=True, sort=False):
        values = [float(value) for value in part["value"]]
        wholes = [None if pandas.isna(n) else int(n) for n in part["n"]]
        known = linear and str(part["unit"].iloc[0]) == "ratio" and sum(n or 0 for n in wholes) > 0
        parts = pooled.parts(values, wholes) if known else None
        if parts is not None:
            ratio, mean = sum(parts) / sum(wholes), sum(wholes) / len(wholes)
            values = [ratio + (p - ratio * n) / mean for p, n in zip(parts, wholes)]
        result[str(variant), str(metric)] = dict(zip(map(int, part["replication"]), values))
    return result


def _pair(row, values, findings):
    metric, variant, baseline = str(row["metric"]), str(row["variant"]), str(row["baseline"])
    mine, base = values.get((variant, metric), {}), values.get((baseline, metric), {})
    both = sorted(mine.keys() & base.keys())
    name = f"{metric}, {variant} against {baseline}"
    findings.check(FILE, name, "replications", row["replications"], len(both))
    if not both:
        return
    n = len(both)
    # One list of inputs, so that each value's rounding can be followed into every result.
    inputs = [mine[r] for r in both] + [base[r] for r in both]

    def differences(x):
        return [a - b for a, b in zip(x[:n], x[n:])]

    for column, function in (
        ("mean", lambda x: sum(x[:n]) / n),
        ("baseline_mean", lambda x: sum(x[n:]) / n),
        ("difference", lambda x: formulas.mean_interval(differences(x))[0]),
        ("ci_low", lambda x: formulas.mean_interval(differences(x))[1]),
        ("ci_high", lambda x: formulas.mean_interval(differences(x))[2]),
        ("ratio", lambda x: formulas.ratio_interval(x[:n], x[n:])[0]),
        ("ratio_ci_low", lambda x: formulas.ratio_interval(x[:n], x[n:])[1]),
        ("ratio_ci_high", lambda x: formulas.ratio_interval(x[:n], x[n:])[2]),
        ("p_value", lambda x: formulas.paired_p_value(differences(x))),
    ):
        if str(row.get("method")) == "unpaired" and column in _OF_PAIRS:
            continue
        absolute = formulas.GSL_T_TAIL if column == "p_value" else 0.0
        findings.compare(FILE, name, column, row[column], function, inputs, absolute)


def _holm(metric, rows, findings):
    known = rows[rows["p_value"].notna()]
    printed = [float(value) for value in known["p_value"]]
    for index, (_, row) in enumerate(known.iterrows()):
        name = f"{metric}, {row['variant']} against {row['baseline']}"
        findings.compare(FILE, name, "p_adjusted", row["p_adjusted"], lambda x, i=index: formulas.holm(x)[i], printed)
    for _, row in rows[rows["p_value"].isna()].iterrows():
        findings.check(FILE, f"{metric}, {row['variant']} against {row['baseline']}", "p_adjusted",
                       row["p_adjusted"], None)
