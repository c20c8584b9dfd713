# SPDX-License-Identifier: GPL-3.0-or-later
#
# Rows of summary.csv without a replication, which are about all of them, from the rows of each replication.

import pandas

from . import pooled

FILE = "summary.csv"
_KEY = ["run_id", "variant", "metric"]


def recompute(results, findings):
    """value, ci_low, ci_high and n of pooled rows."""
    table = results.get("summary")
    if table is None:
        return
    together = table[table["replication"].isna()]
    if together.empty:
        return
    single = table[table["replication"].notna()]
    groups = {tuple(map(str, key)): part for key, part in single.groupby(_KEY, observed=True, sort=False)}
    for _, row in together.iterrows():
        key = tuple(str(row[column]) for column in _KEY)
        _row(row, groups.get(key), f"{key[2]} of {key[1]}", findings)


def _row(row, part, name, findings):
    known = part.dropna(subset=["value"]).sort_values("replication") if part is not None else []
    if not len(known):
        findings.check(FILE, name, "value", row["value"], None)
        return
    wholes = [None if pandas.isna(n) else int(n) for n in known["n"]]
    functions, inputs = pooled.estimate([float(v) for v in known["value"]], str(row["unit"]), wholes)
    for column, function in zip(("value", "ci_low", "ci_high"), functions):
        findings.compare(FILE, name, column, row[column], function, inputs)
