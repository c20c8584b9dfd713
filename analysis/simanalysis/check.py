# SPDX-License-Identifier: GPL-3.0-or-later
#
# What the files of one folder must say together. The same losses are counted in four files, so that rows taken out
# of one, or a number changed by hand, contradict the others. Checks need the tables that they compare and are left out
# where a caller did not load them.

import pandas

from .errors import ResultsError

_KEY = ["run_id", "variant", "replication"]


def check_folder(folder, run, tables):
    """Raises ResultsError at the first contradiction; returns notes about what is odd and allowed."""
    identities = _identities(run)
    for name, frame in tables.items():
        _check_identity(folder, name, frame, run, identities)
    summary = tables.get("summary")
    if summary is None:
        return []
    _check_replications(folder, summary, identities)
    counts = _counts(summary)
    _check_sum(folder, counts, tables.get("connection_loss"), "connection_loss", "outcome", "outcome.")
    _check_sum(folder, counts, tables.get("connection_loss"), "connection_loss", "cause", "cause.")
    _check_ledger(folder, counts, tables.get("loss_ledger"))
    _check_load(folder, tables)
    return _check_list(folder, counts, tables.get("lost_connections"))


def _identities(run):
    """(run_id, variant) -> replications that run.json names, or None where it has no such list."""
    if isinstance(run.get("variants"), list):
        runs = run["variants"]
    elif isinstance(run.get("replications"), list) and "run_id" in run:
        runs = [run]
    else:
        return None
    return {
        (r["run_id"], r["variant"]): {x["replication"] for x in r["replications"]}
        for r in runs
        if "run_id" in r and isinstance(r.get("replications"), list)
    } or None


def _texts(value):
    """All texts of run.json: a comparison of two scenario files names more than one scenario."""
    if isinstance(value, str):
        yield value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _texts(part)


def _check_identity(folder, name, frame, run, identities):
    path = folder / f"{name}.csv"
    for column, expected in (("scenario", set(_texts(run))), ("seed", {run.get("seed")} - {None})):
        if not expected or column not in frame or identities is None:
            continue
        for value in frame[column].dropna().unique():
            if value not in expected:
                raise ResultsError(
                    path, f"{value} is not that of run.json", column=column, expected=str(run.get(column))
                )
    if identities is None or not {"run_id", "variant"} <= set(frame.columns):
        return
    for run_id, variant in (
        frame[["run_id", "variant"]].dropna().drop_duplicates().itertuples(index=False, name=None)
    ):
        if (run_id, variant) not in identities:
            known = ", ".join(f"{r} ({v})" for r, v in identities)
            raise ResultsError(
                path, f"{run_id} ({variant}) is not in run.json", column="run_id", expected=known
            )


def _check_replications(folder, summary, identities):
    if identities is None:
        return
    rows = summary.dropna(subset=["replication"])
    for (run_id, variant), expected in identities.items():
        mine = rows[(rows["run_id"] == run_id) & (rows["variant"] == variant)]
        found = {int(value) for value in mine["replication"].unique()}
        if found != expected:
            missing, extra = sorted(expected - found), sorted(found - expected)
            text = (
                f"replication {missing[0]} of {variant} is missing"
                if missing
                else f"replication {extra[0]} of {variant} is not in run.json"
            )
            raise ResultsError(
                folder / "summary.csv",
                text,
                column="replication",
                expected=f"{len(expected)} replications, as run.json lists",
            )


def _counts(summary):
    """metric -> count of each replication, as a series over `_KEY`."""
    rows = summary.dropna(subset=["replication", "value"])
    rows = rows.astype({"run_id": str, "variant": str})
    return {
        metric: part.set_index(_KEY)["value"]
        for metric, part in rows.groupby("metric", sort=False)
        if metric.startswith(("outcome.", "cause.")) or metric in ("lost", "attempted")
    }


def _check_sum(folder, counts, frame, name, column, prefix):
    if frame is None:
        return
    rows = frame.dropna(subset=[column]).astype({"run_id": str, "variant": str, column: str})
    sums = rows.groupby([column, *_KEY], sort=False)["connections"].sum()
    found = {value: part.droplevel(0) for value, part in sums.groupby(level=0, sort=False)}
    names = {metric.removeprefix(prefix) for metric in counts if metric.startswith(prefix)}
    for value in sorted(names | set(found)):
        told = counts.get(prefix + value, pandas.Series(dtype=float))
        mine = found.get(value, pandas.Series(dtype=float))
        both = pandas.concat([told, mine], axis=1, keys=["told", "mine"]).astype(float).fillna(0)
        for key, row in both[both["told"] != both["mine"]].head(1).iterrows():
            raise ResultsError(
                folder / f"{name}.csv",
                f"{row['mine']:.0f} connections with {column} {value} in replication {key[2]} of {key[1]}",
                column="connections",
                expected=f"{row['told']:.0f}, as summary.csv has: rows are "
                "missing, or one of the files was edited",
            )


def _check_ledger(folder, counts, frame):
    """The ledger has every lost connection; misdelivered ones, which have causes too, may be in it or not."""
    if frame is None or "lost" not in counts:
        return
    rows = frame.astype({"run_id": str, "variant": str})
    sums = rows.groupby(_KEY, sort=False)["connections"].sum().reindex(counts["lost"].index, fill_value=0)
    lost = counts["lost"]
    other = counts.get("outcome.misdelivered", pandas.Series(dtype=float)).reindex(lost.index, fill_value=0)
    wrong = (sums != lost) & (sums != lost + other)
    for key in wrong[wrong].index[:1]:
        raise ResultsError(
            folder / "loss_ledger.csv",
            f"{sums[key]:.0f} lost connections in replication {key[2]} of {key[1]}",
            column="connections",
            expected=f"{lost[key]:.0f}, as summary.csv has: rows are missing, or one of the files was edited",
        )


def _check_load(folder, tables):
    rows, stats = tables.get("load_balance"), tables.get("load_balance_stats")
    if rows is None or stats is None:
        return
    key = [*_KEY, "service", "port"]
    texts = {name: str for name in ("run_id", "variant")}
    sums = rows.fillna({"port": ""}).astype(texts).groupby(key, sort=False)["connections"].sum()
    told = stats.fillna({"port": ""}).astype(texts).set_index(key)["connections"]
    both = pandas.concat([told, sums], axis=1, keys=["told", "mine"]).astype(float).fillna(0)
    for at, row in both[both["told"] != both["mine"]].head(1).iterrows():
        raise ResultsError(
            folder / "load_balance.csv",
            f"{row['mine']:.0f} connections to {at[3]}:{at[4]} in replication {at[2]} of {at[1]}",
            column="connections",
            expected=f"{row['told']:.0f}, as load_balance_stats.csv has",
        )


def _check_list(folder, counts, listed):
    """The list of lost connections may be cut by report.lostConnectionsMax, and never be longer than the counts."""
    if listed is None or "lost" not in counts:
        return []
    keys = listed.astype({"run_id": str, "variant": str}).groupby(_KEY, sort=False).size()
    lost = counts["lost"]
    most = lost + counts.get("outcome.misdelivered", lost * 0).reindex(lost.index, fill_value=0)
    both = pandas.concat([most, lost, keys], axis=1, keys=["told", "lost", "mine"]).astype(float).fillna(0)
    for key, row in both[both["mine"] > both["told"]].head(1).iterrows():
        raise ResultsError(
            folder / "lost_connections.csv",
            f"{row['mine']:.0f} rows of replication {key[2]} of {key[1]}",
            expected=f"{row['told']:.0f}, as summary.csv has",
        )
    short = both[both["mine"] < both["lost"]]
    if short.empty:
        return []
    return [
        f"lost_connections.csv lists {both['mine'].sum():,.0f} of {both['lost'].sum():,.0f} lost connections: "
        "report.lostConnectionsMax cut the list, or rows were removed"
    ]
