# SPDX-License-Identifier: GPL-3.0-or-later
#
# thresholds.csv: what was observed, from the replications in summary.csv, and whether verdict and interval agree. The
# interval itself depends on when the sequential rule looked, which is not in the file.

import pandas

from . import pooled

FILE = "thresholds.csv"


_LOST = {"refused", "unreachable", "connect_timeout", "reset", "broken", "request_timeout", "no_reply", "dns_failed",
         "local_error"}
_UNDECIDED = {"client_gone", "unfinished"}


def recompute(results, findings):
    """observed, where the CSV files have what it is of; verdicts against intervals."""
    table = results.get("thresholds")
    if table is None or table.empty:
        return
    unknown = []
    for _, row in table.iterrows():
        name = f"{row['threshold']} of {row['variant']}"
        _verdict(row, name, findings)
        found = _samples(row, results)
        if found is None:
            unknown.append(str(row["metric"]))
            continue
        functions, inputs = pooled.estimate(found[0], str(row["unit"]), found[1])
        findings.compare(FILE, name, "observed", row["observed"], functions[0], inputs)
    if unknown:
        findings.note(f"{FILE}: observed of {', '.join(dict.fromkeys(unknown))}, which the CSV files do not have by "
                      "replication")
    findings.note(f"{FILE}: intervals depend on when the sequential rule looked, which is not in the CSV files; they "
                  "were only held against the verdicts")


def _samples(row, results):
    """(values, what they are shares of) of the replications up to the verdict, or None."""
    labels = dict(part.split("=", 1) for part in _text(row["labels"]).split(",") if part)
    metric = str(row["metric"])
    if not labels:
        names = (metric, metric.removesuffix("_ms"), metric.removesuffix("_s"))
        for name in names:
            rows = _rows(results.get("summary"), row, {})
            rows = rows[rows["metric"].astype(str) == name] if rows is not None else []
            if len(rows):
                known = rows.dropna(subset=["value"])
                return ([float(v) for v in known["value"]], [None if pandas.isna(n) else int(n) for n in known["n"]])
        return None
    if metric == "loss_ratio" and labels.keys() <= {"service", "client", "port"}:
        return _loss(_rows(results.get("connection_loss"), row, labels))
    if metric.startswith("load_balance_") and labels.keys() <= {"service", "port"}:
        column = metric.removeprefix("load_balance_")
        rows = _rows(results.get("load_balance_stats"), row, labels)
        if rows is not None and column in rows and rows["replication"].is_unique:
            values = [float(value) for value in rows[column].dropna()]
            return values, [None] * len(values)
    return None


def _loss(rows):
    """Lost of decided connections, by replication."""
    if rows is None:
        return None
    values, wholes = [], []
    for _, part in rows.groupby("replication", sort=True):
        outcome = part["outcome"].astype(str)
        whole = int(part["connections"][~outcome.isin(_UNDECIDED)].sum())
        lost = int(part["connections"][outcome.isin(_LOST)].sum())
        values.append(lost / whole if whole else 0.0)
        wholes.append(whole)
    return values, wholes


def _rows(table, row, labels):
    """Rows of the variant's replications up to the verdict that have these labels; None if there is no such file."""
    if table is None:
        return None
    kept = (table["variant"].astype(str) == str(row["variant"])) & table["replication"].notna()
    kept &= table["replication"].fillna(0) < int(row["replications"])
    for name, value in labels.items():
        text = table[name].astype(str)
        kept &= (text == value) | (text.str.endswith("/" + value) if name == "service" else False)
    return table[kept].sort_values("replication", kind="stable")


def _text(value):
    return "" if pandas.isna(value) else str(value)


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
