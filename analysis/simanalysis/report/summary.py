# SPDX-License-Identifier: GPL-3.0-or-later
#
# What stands at the top and at the end of the page: the question, the verdict in one sentence, the main numbers with
# their intervals, and how to run it again.

import shlex

import pandas

from . import words
from .facts import CONFIDENCE, SweepFacts
from .figures.comparison import verdict as compared
from .figures.figure import Table
from .figures.sweep import sweep_verdict
from .figures.thresholds import expression, sentence

MOST_VARIANTS = 24


def headline(facts):
    """(questions, verdict)."""
    questions = list(dict.fromkeys(d["run"].get("question") or "" for d in facts.results.documents))
    if isinstance(facts, SweepFacts):
        return [q for q in questions if q], sweep_verdict(facts.frame)
    parts = [
        _thresholds(facts),
        _comparison(facts) if facts.is_comparison else _losses(facts, facts.variants[0]),
    ]
    return [q for q in questions if q], " ".join(part for part in parts if part)


def _thresholds(facts):
    frame = facts.table("thresholds")
    if frame is None:
        return ""
    rows = frame.assign(verdict=frame["verdict"].astype(str), labels=frame["labels"].fillna("").astype(str))
    rows["text"] = [expression(row) for row in rows.itertuples(index=False)]
    return sentence(rows) + "."


def _comparison(facts):
    frame = facts.table("comparison")
    if frame is None:
        ranked = [(facts.estimate(v, "loss_ratio"), v) for v in facts.variants]
        ranked = sorted(((e, v) for e, v in ranked if e is not None), key=lambda pair: pair[0].value)
        if not ranked:
            return ""
        least, most = ranked[0], ranked[-1]
        return f"Loss ratios go from {_ratio(least[0])} in {least[1]} to {_ratio(most[0])} in {most[1]}."
    baseline = str(frame["baseline"].iloc[0])
    others = [v for v in facts.variants if v != baseline]
    text = compared(frame[frame["baseline"] == baseline], baseline, others)
    base = facts.estimate(baseline, "loss_ratio")
    return f"{text}" + (f". {baseline} lost {_ratio(base)} of its connections." if base is not None else ".")


def _ratio(estimate):
    text = words.percent(estimate.value)
    if estimate.has_interval:
        text += f" ({words.interval(estimate.low, estimate.high, words.percent)})"
    return text


def _losses(facts, variant):
    loss = facts.estimate(variant, "loss_ratio")
    if loss is None:
        return "No connection was attempted."
    n = len(facts.replications[variant])
    attempted, lost = facts.total(variant, "attempted"), facts.total(variant, "lost")
    if lost == 0:
        text = f"No connection was lost of {attempted:,.0f} attempted"
        if n == 1:
            return text + "; a single run has no interval."
        bound = 1 - (1 - CONFIDENCE) ** (1 / n)
        return text + (
            f" in {n} replications: with 95 % confidence fewer than {words.percent(bound, 2)} of such runs lose "
            "any (rule of three over replications)."
        )
    text = f"{words.percent(loss.value)} of connections were lost"
    if loss.has_interval:
        text += f" (95 % interval {words.interval(loss.low, loss.high, words.percent)}, {n} replications)"
    causes = _causes_of_losses(facts, variant)
    if len(causes):
        share, name = causes.iloc[0] / causes.sum(), causes.index[0]
        how = "all of them" if share > 0.995 else words.percent(share, 2) + " of them"
        text += f", {how} because {words.CAUSES.get(name, name)}"
    text += "." if n > 1 else "; a single run has no interval."
    wrong = facts.total(variant, "outcome.misdelivered")
    return text + (
        f" Besides, {words.count(wrong / n)} {'per replication ' if n > 1 else ''}were answered by a pod of "
        "another Service."
        if wrong
        else ""
    )


def _causes_of_losses(facts, variant):
    """cause -> lost connections, most first; misdelivered ones have causes, too, and are no losses."""
    rows = facts.table("connection_loss")
    if rows is None:
        return pandas.Series(dtype=float)
    rows = rows[(rows["variant"] == variant) & (rows["outcome"] != "misdelivered")].dropna(subset=["cause"])
    return (
        rows.groupby(rows["cause"].astype(str))["connections"]
        .sum()
        .sort_values(ascending=False, kind="stable")
    )


def overview(facts):
    """(cards, None) of one variant, or (None, table) of several."""
    if facts.is_comparison:
        return None, _variants(facts)
    variant = facts.variants[0]
    say = {"ratio": words.percent, "s": words.seconds, "ms": lambda v: words.seconds(v / 1000)}
    chosen = [
        ("loss ratio", "loss_ratio"),
        ("operations lost after retries", "operation_loss_ratio"),
        ("connections lost", "lost"),
        ("attempts", "attempted"),
        ("misdelivered", "outcome.misdelivered"),
        ("oldest table", "staleness_max"),
        ("slowest 1 % of requests", "request_p99"),
    ]
    cards = []
    for name, metric in chosen:
        estimate = facts.estimate(variant, metric)
        if estimate is None:
            continue
        unit = say.get(facts.units.get(metric, ""), words.count)
        more = (
            words.interval(max(0.0, estimate.low), estimate.high, unit)
            if estimate.has_interval and estimate.high > estimate.low
            else ("per replication" if facts.count > 1 and unit is words.count else "")
        )
        cards.append((name, unit(estimate.value), more))
    return cards, None


def _variants(facts):
    columns = [
        "variant",
        "mode",
        ">replications",
        ">attempts",
        ">lost",
        ">loss ratio",
        ">95 % interval",
        ">operations lost",
        ">connect 99 %",
        ">request 99 %",
        ">oldest table",
    ]
    rows = []
    for variant in facts.variants[:MOST_VARIANTS]:
        loss = facts.estimate(variant, "loss_ratio")
        span = (
            words.interval(loss.low, loss.high, words.percent)
            if loss is not None and loss.has_interval
            else "–"
        )
        rows.append(
            [
                variant,
                facts.modes[variant],
                str(len(facts.replications[variant])),
                _mean(facts, variant, "attempted", words.count),
                _mean(facts, variant, "lost", words.count),
                _mean(facts, variant, "loss_ratio", words.percent),
                span,
                _mean(facts, variant, "operation_loss_ratio", words.percent),
                _mean(facts, variant, "connect_p99", lambda v: words.seconds(v / 1000)),
                _mean(facts, variant, "request_p99", lambda v: words.seconds(v / 1000)),
                _mean(facts, variant, "staleness_max", words.seconds),
            ]
        )
    if columns[1] == "mode" and all(row[0] == row[1] for row in rows):
        columns, rows = [columns[0], *columns[2:]], [[row[0], *row[2:]] for row in rows]
    left = len(facts.variants) - MOST_VARIANTS
    if left > 0:
        rows.append([f"… {left} more in summary.csv"] + [""] * (len(columns) - 1))
    return Table(columns, rows)


def _mean(facts, variant, metric, say):
    estimate = facts.estimate(variant, metric)
    return "–" if estimate is None else say(estimate.value)


def settings(facts):
    """(commands, pairs, table of digests or None)."""
    commands, pairs, digests = [], [], []
    several = len(facts.results.documents) > 1
    for folder, document in zip(facts.results.folders, facts.results.documents):
        run, host = document["run"], document.get("host", {})
        if isinstance(run.get("arguments"), list) and not isinstance(facts, SweepFacts):
            commands.append(shlex.join(["sim", *map(str, run["arguments"])]))
        front = f"{folder}: " if several else ""
        named = [
            ("scenario", run.get("scenario_file") or run.get("scenario")),
            ("scenario hash", run.get("scenario_hash")),
            ("run", run.get("run_id")),
            ("plan", run.get("plan")),
            ("jobs", run.get("jobs")),
            ("seed", run.get("seed")),
            ("version of sim", run.get("version")),
            ("ran", _when(host)),
        ]
        pairs += [(front + name, value) for name, value in named if value is not None]
        runs = run["variants"] if isinstance(run.get("variants"), list) else [run]
        for one in runs:
            for item in one.get("replications") or []:
                if isinstance(item, dict) and "digest" in item:
                    digests.append(
                        [
                            str(one.get("variant", "")),
                            str(item.get("replication", "")),
                            item["digest"],
                            str(item.get("arrival_digest", "")),
                            words.count(item.get("simulation_events")),
                            words.seconds(item.get("simulated_s")),
                        ]
                    )
    pairs.append(("results", ", ".join(str(folder) for folder in facts.results.folders)))
    table = Table(
        ["variant", ">replication", "digest", "digest of arrivals", ">events", ">simulated"], digests
    )
    return commands, pairs, table if digests else None


def _when(host):
    if not host:
        return None
    parts = [str(host.get("started_at", "")), str(host.get("operating_system", ""))]
    if host.get("cores"):
        parts.append(words.plural(host["cores"], "core"))
    if host.get("wall_s"):
        parts.append(f"{words.seconds(host['wall_s'])} of wall clock")
    return ", ".join(part for part in parts if part) or None
