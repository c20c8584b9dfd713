# SPDX-License-Identifier: GPL-3.0-or-later
#
# sweep_summary.csv, what the replications of each combination say together, from sweep.csv.

from . import formulas

FILE = "sweep_summary.csv"
_KEY = ["point", "metric"]


def recompute(results, findings):
    """mean, ci_low, ci_high and n: Student's t, or the delta method where a sample has a part and a whole."""
    table, samples = results.get("sweep_summary"), results.get("sweep")
    if table is None or samples is None:
        return
    groups = {(int(point), str(metric)): part.sort_values("replication")
              for (point, metric), part in samples.groupby(_KEY, observed=True, sort=False)}
    for _, row in table.iterrows():
        key = int(row["point"]), str(row["metric"])
        _row(row, groups[key] if key in groups else samples.iloc[:0], f"{key[1]} of point {key[0]}", findings)


def _row(row, part, name, findings):
    ratio = part["whole"].notna().any()
    columns = ("part", "whole") if ratio else ("value",)
    known = part.dropna(subset=list(columns))
    n = len(known)
    findings.check(FILE, name, "n", row["n"], n)
    inputs = [float(value) for column in columns for value in known[column]]
    for index, column in enumerate(("mean", "ci_low", "ci_high")):
        findings.compare(FILE, name, column, row[column], lambda x, i=index: _estimate(x, n, ratio)[i], inputs)


def _estimate(inputs, n, ratio):
    if n == 0:
        return None, None, None
    return formulas.ratio_interval(inputs[:n], inputs[n:]) if ratio else formulas.mean_interval(inputs)
