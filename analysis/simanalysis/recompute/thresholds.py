# SPDX-License-Identifier: GPL-3.0-or-later
#
# thresholds.csv: what was observed, from the replications in summary.csv, and whether verdict and interval agree. The
# interval itself depends on when the sequential rule looked, which is not in the file.

import pandas

from . import pooled

FILE = "thresholds.csv"


def recompute(results, findings):
    """observed of metrics without labels; verdicts against intervals."""
    table, summary = results.get("thresholds"), results.get("summary")
    if table is None or summary is None:
        return
    labelled = 0
    for _, row in table.iterrows():
        name = f"{row['threshold']} of {row['variant']}"
        _verdict(row, name, findings)
        if pandas.isna(row["labels"]) or str(row["labels"]) == "":
            labelled += not _observed(row, name, summary, findings)
        else:
            labelled += 1
    if labelled:
        findings.note(f"{FILE}: observed of {labelled} rows, whose metrics are not those of summary.csv")
    findings.note(f"{FILE}: intervals depend on when the sequential rule looked, which is not in the CSV files; they "
                  "were only held against the verdicts")


def _observed(row, name, summary, findings):
    """False if summary.csv has no such metric."""
    rows = summary[(summary["metric"].astype(str) == str(row["metric"]))
                   & (summary["variant"].astype(str) == str(row["variant"]))]
    known = rows.dropna(subset=["replication", "value"]).sort_values("replication")
    known = known[known["replication"] < int(row["replications"])]
    if known.empty:
        return False
    wholes = [None if pandas.isna(n) else int(n) for n in known["n"]]
    functions, inputs = pooled.estimate([float(v) for v in known["value"]], str(row["unit"]), wholes)
    findings.compare(FILE, name, "observed", row["observed"], functions[0], inputs)
    return True


def _verdict(row, name, findings):
    """An interval that lies on one side of the limit goes with the verdict of that side, and no other does."""
    low, high, limit = row["ci_low"], row["ci_high"], row["limit"]
    if pandas.isna(low) or pandas.isna(high) or str(row["verdict"]) == "undecided":
        return
    upper = str(row["operator"]).startswith("<")
    passed = str(row["verdict"]) == "pass"
    beyond = float(low) if upper != passed else float(high)
    # The interval's end that faces the limit: below it where the metric is, above it where it is not.
    agrees = beyond <= float(limit) if upper == passed else beyond >= float(limit)
    findings.check(FILE, name, "verdict", float(passed), float(passed if agrees else not passed))
