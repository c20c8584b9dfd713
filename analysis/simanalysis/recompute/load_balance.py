# SPDX-License-Identifier: GPL-3.0-or-later
#
# load_balance_stats.csv from the counts of load_balance.csv.

from . import formulas

FILE = "load_balance_stats.csv"
_KEY = ["run_id", "variant", "replication", "service", "port"]
_MEASURES = {
    "jain_index": formulas.jain, "gini": formulas.gini, "cv": formulas.variation,
    "max_over_mean": formulas.max_over_mean,
}


def recompute(results, findings):
    """Measures of inequality from counts, p-values from statistics; statistics and expected variation where each
    decision had the same candidates."""
    table, counts = results.get("load_balance_stats"), results.get("load_balance")
    if table is None or counts is None:
        return
    groups = {_key(key): part for key, part in counts.groupby(_KEY, observed=True, dropna=False, sort=False)}
    varied = 0
    for _, row in table.iterrows():
        key = _key(row[_KEY])
        part = groups.get(key)
        if part is None:
            if row["connections"]:
                findings.check(FILE, _name(key), "connections", row["connections"], 0)
            continue
        observed = [int(value) for value in part["connections"]]
        findings.check(FILE, _name(key), "connections", row["connections"], sum(observed))
        for column, function in _MEASURES.items():
            findings.check(FILE, _name(key), column, row[column], function(observed))
        varied += _test(row, key, observed, part, findings)
    if varied:
        findings.note(
            f"{FILE}: statistic and expected_cv of {varied} rows: decisions had different candidates, whose covariance "
            "is not in the CSV files; their p-values were recomputed from the statistics")


def _test(row, key, observed, part, findings):
    """1 where the decisions' candidates varied, so that the statistic cannot be recomputed."""
    statistic, degrees = row["statistic"], row["degrees_of_freedom"]
    if statistic == statistic and statistic > 0:
        findings.compare(FILE, _name(key), "p_value", row["p_value"],
                         lambda x: formulas.chi_square_tail(x[0], int(degrees)), [statistic])
    shares = [float(value) for value in part["expected_share"]]
    if not sum(observed) or any(share != share for share in shares) or sum(shares) == 0:
        return 0
    expected = formulas.multinomial_variation(sum(observed), shares)
    # The mean variation tells one multinomial from a mixture of several.
    if row["expected_cv"] != row["expected_cv"] or abs(row["expected_cv"] - expected) > 1e-7 * expected:
        return 1
    total = sum(observed)
    findings.compare(FILE, _name(key), "expected_cv", row["expected_cv"],
                     lambda x: formulas.multinomial_variation(total, x), shares)
    if statistic == statistic and int(degrees) == sum(share > 0 for share in shares) - 1:
        findings.compare(FILE, _name(key), "statistic", statistic, lambda x: formulas.pearson(observed, x), shares)
    return 0


def _key(values):
    return tuple(str(value) for value in values)


def _name(key):
    _, variant, replication, service, port = key
    return f"{service}:{port}, replication {replication} of {variant}"
