# SPDX-License-Identifier: GPL-3.0-or-later
#
# comparison.csv from the replications in summary.csv.

from . import formulas

FILE = "comparison.csv"


def recompute(results, findings):
    """Means, paired differences with Student's t, ratios by the delta method, p-values, Holm within each metric."""
    table, summary = results.get("comparison"), results.get("summary")
    if table is None or summary is None:
        return
    values = _values(summary)
    for metric, rows in table.groupby("metric", observed=True, sort=False):
        for _, row in rows.iterrows():
            _pair(row, values, findings)
        _holm(str(metric), rows, findings)


def _values(summary):
    """(variant, metric) -> {replication: value}."""
    rows = summary.dropna(subset=["replication", "value"])
    result = {}
    for variant, metric, replication, value in zip(rows["variant"].astype(str), rows["metric"].astype(str),
                                                   rows["replication"], rows["value"]):
        result.setdefault((variant, metric), {})[int(replication)] = float(value)
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
