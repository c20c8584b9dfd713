# SPDX-License-Identifier: GPL-3.0-or-later
#
# What `sim` worked out with GSL, SciPy works out as well; and a number that is changed is found.

import csv
import json
import math
import shutil

import numpy
import pandas
import pytest
from real_sim import REPOSITORY, beside_sim, run, sim
from scipy import stats

from simanalysis import load
from simanalysis.recompute import formulas, gsl, summary, sweep, thresholds
from simanalysis.recompute.__main__ import main, recompute
from simanalysis.recompute.digits import half_unit, sensitivity
from simanalysis.recompute.findings import Findings

SCENARIO = REPOSITORY / "scenarios/clusterip.json"


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """Two modes that lose differently, five replications."""
    folder = tmp_path_factory.mktemp("compared") / "clusterip"
    sim("compare", SCENARIO, "--modes", "iptables,ipvs", "--replications", 5, "--quiet", "--out", folder)
    return folder


def edit(folder, name, chosen, column, change):
    """Changes a cell of the first row that `chosen` accepts; the description of the file is kept in step."""
    path = folder / name
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    row = next(row for row in rows if row[column] and chosen(row))
    before = row[column]
    row[column] = change(before)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    package = json.loads((folder / "datapackage.json").read_text())
    for resource in package["resources"]:
        for key in ("hash", "bytes"):
            if resource["path"] == name:
                resource.pop(key, None)
    (folder / "datapackage.json").write_text(json.dumps(package))
    return before, row[column]


def test_a_comparison_agrees(compared, capsys):
    findings = recompute(load(compared))
    assert findings.disagreements == []
    compared_numbers = {column: tally.compared for (_, column), tally in findings.tallies.items()}
    for column in ("difference", "ci_low", "ci_high", "p_value", "p_adjusted", "ratio", "ratio_ci_low", "jain_index",
                   "gini", "cv", "z"):
        assert compared_numbers[column] >= 10, column
    undecidable = sum(tally.undecidable for tally in findings.tallies.values())
    assert undecidable < sum(compared_numbers.values()) / 50
    assert main([str(compared)]) == 0
    assert "latency.csv: quantiles" in capsys.readouterr().out


def is_lost(row):
    return row["metric"] == "lost" and float(row["difference"]) != 0


@pytest.mark.parametrize("file, chosen, column", [
    ("comparison.csv", is_lost, "difference"),
    ("comparison.csv", is_lost, "ci_low"),
    ("comparison.csv", is_lost, "ci_high"),
    ("comparison.csv", is_lost, "ratio"),
    ("comparison.csv", is_lost, "ratio_ci_low"),
    ("comparison.csv", is_lost, "ratio_ci_high"),
    ("comparison.csv", is_lost, "p_value"),
    ("comparison.csv", is_lost, "p_adjusted"),
    ("load_balance_stats.csv", lambda row: True, "jain_index"),
    ("load_balance_stats.csv", lambda row: True, "gini"),
    ("load_balance_stats.csv", lambda row: True, "cv"),
    ("load_balance_stats.csv", lambda row: True, "max_over_mean"),
    ("load_balance_stats.csv", lambda row: True, "p_value"),
    ("theory.csv", lambda row: abs(float(row["z"])) > 0.1, "z"),
])
def test_a_change_in_the_sixth_digit_is_found(compared, tmp_path, capsys, file, chosen, column):
    folder = tmp_path / "copy"
    shutil.copytree(compared, folder)
    before, after = edit(folder, file, chosen, column, lambda text: repr(float(text) * (1 + 3e-6)))
    assert main([str(folder)]) == 65
    errors = capsys.readouterr().err
    line = next(line for line in errors.splitlines() if f": {column} is " in line)
    assert file in line and f"{float(after):.12g}" in line
    recomputed = float(line.rsplit(" ", 1)[1])
    assert recomputed == pytest.approx(float(before), rel=1e-6)


def test_even_and_constant_candidates_let_the_statistic_be_recomputed(tmp_path):
    """Without a change in the cluster all decisions have the same candidates."""
    scenario = json.loads(SCENARIO.read_text())
    scenario["manifests"] = [str(SCENARIO.parent / name) for name in scenario["manifests"]]
    del scenario["events"]
    path = tmp_path / "calm.json"
    path.write_text(json.dumps(scenario))
    sim("run", path, "--replications", 3, "--quiet", "--out", tmp_path / "calm")
    findings = recompute(load(tmp_path / "calm"))
    assert findings.disagreements == []
    assert findings.tallies["load_balance_stats.csv", "statistic"].compared == 3
    assert findings.tallies["load_balance_stats.csv", "expected_cv"].compared == 3


def test_a_folder_that_is_no_result_is_named(tmp_path, capsys):
    assert main([str(tmp_path / "nowhere")]) == 66
    assert "no such folder" in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 64


@pytest.mark.parametrize("value, unit", [
    (0.0, 0), (7.0, 0), (123456789.0, 0), (0.123456789, 5e-10), (123.456789, 5e-7), (1.5e12, 5e3), (math.nan, 0)])
def test_rounding_to_nine_digits(value, unit):
    assert half_unit(value) == pytest.approx(unit)


def test_sensitivity_adds_what_each_input_may_do():
    assert sensitivity(lambda x: x[0] - x[1], [0.5, 0.25]) == pytest.approx(1e-9)
    assert sensitivity(lambda x: x[0] - x[1], [5.0, 2.0]) == 0
    assert sensitivity(lambda x: 1 / (x[0] - 0.5) if x[0] != 0.5 else None, [0.5]) == math.inf


def test_findings_tell_agreement_from_disagreement():
    findings = Findings()
    findings.check("f", "r", "c", 0.333333333, 1 / 3)
    findings.check("f", "r", "c", 1.0, 1.0000000016)
    findings.check("f", "r", "c", math.nan, None)
    assert findings.disagreements == []
    findings.check("f", "r", "c", 0.333333335, 1 / 3)
    findings.check("f", "r", "c", math.nan, 1.0)
    findings.check("f", "r", "c", 1.0, None)
    assert len(findings.disagreements) == 3
    assert str(findings.disagreements[0]) == "f: r: c is 0.333333335; recomputed 0.333333333333"


def test_holm_is_that_of_his_paper():
    # Adjusted as in statsmodels' and R's p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm").
    assert formulas.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_intervals_are_those_of_scipy():
    values = [3.1, 4.7, 2.2, 5.9, 4.4]
    mean, low, high = formulas.mean_interval(values)
    other = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert (low, high) == pytest.approx((other.low, other.high))
    assert mean == pytest.approx(numpy.mean(values))
    assert formulas.paired_p_value(values) == pytest.approx(stats.ttest_1samp(values, 0).pvalue)
    assert formulas.paired_p_value([2.0, 2.0]) == 0 and formulas.paired_p_value([0.0, 0.0]) == 1
    assert formulas.mean_interval([1.0]) == (1.0, None, None)


def test_ratio_of_sums_is_covered_by_its_interval():
    random = numpy.random.default_rng(1)
    covered = 0
    for _ in range(400):
        x = random.uniform(50, 150, 30)
        y = 0.2 * x + random.normal(0, 5, 30)
        _, low, high = formulas.ratio_interval(y, x)
        covered += low <= 0.2 <= high
    assert 0.92 < covered / 400 < 0.98


def test_measures_of_inequality_at_their_ends():
    assert formulas.jain([5, 5, 5]) == pytest.approx(1) and formulas.jain([9, 0, 0]) == pytest.approx(1 / 3)
    assert formulas.gini([5, 5, 5]) == pytest.approx(0) and formulas.gini([9, 0, 0]) == pytest.approx(2 / 3)
    assert formulas.jain([0, 0]) is None and formulas.max_over_mean([1, 3]) == pytest.approx(1.5)


def test_mean_variation_of_a_multinomial_is_what_draws_have():
    shares = [0.2, 0.3, 0.5]
    draws = numpy.random.default_rng(7).multinomial(500, shares, 20_000)
    found = (draws.std(axis=1) / draws.mean(axis=1)).mean()
    assert formulas.multinomial_variation(500, shares) == pytest.approx(found, rel=3e-3)


@pytest.mark.parametrize("text, code, message", [
    ("function,arguments,value\ngsl_cdf_tdist_Pinv,0.975 4,2.77644510519779\nkolmogorov_Q,1,0.2699996716773546\n"
     "gsl_stats_skew,1 2 3,1e-17\ngsl_stats_max,1 5 3,5\n", 0, ""),
    ("function,arguments,value\ngsl_cdf_tdist_Pinv,0.975 4,2.77644511519779\n", 65, "line 2, gsl_cdf_tdist_Pinv"),
    ("function,arguments,value\ngsl_cdf_magic,1,2\n", 65, "no counterpart"),
    ("function,arguments,value\ngsl_cdf_tdist_Pinv,0.975,2\n", 65, "gsl_cdf_tdist_Pinv(0.975)"),
    ("function,arguments,value\n", 65, "no values"),
    ("a,b\n", 65, "another header"),
    (None, 66, "cannot be read"),
])
def test_table_of_gsl_functions(tmp_path, capsys, text, code, message):
    path = tmp_path / "table.csv"
    if text is not None:
        path.write_text(text)
    assert main(["--gsl-table", str(path)]) == code
    assert message in capsys.readouterr().err


def summary_of(rows):
    """A frame of summary.csv: (metric, unit, replication, value, low, high, n)."""
    names = ["metric", "unit", "replication", "value", "ci_low", "ci_high", "n"]
    frame = pandas.DataFrame(rows, columns=names)
    frame["replication"] = frame["replication"].astype("Int64")
    frame["n"] = frame["n"].astype("Int64")
    return frame.assign(run_id="r", variant="base")


PARTS, WHOLES = [3, 0, 8, 1], [100, 120, 90, 110]


def pooled_rows(change=0.0):
    ratio, low, high = formulas.ratio_interval(PARTS, WHOLES)
    mean = numpy.mean(PARTS)
    t = stats.ttest_1samp(PARTS, 0).confidence_interval()
    return [
        *(("loss_ratio", "ratio", r, float(f"{p / w:.9g}"), None, None, w)
          for r, (p, w) in enumerate(zip(PARTS, WHOLES))),
        ("loss_ratio", "ratio", None, float(f"{ratio:.9g}"), float(f"{low:.9g}"), float(f"{high:.9g}") + change, 4),
        *(("lost", "connections", r, float(p), None, None, None) for r, p in enumerate(PARTS)),
        ("lost", "connections", None, mean, float(f"{t.low:.9g}"), float(f"{t.high:.9g}"), 4),
    ]


def test_pooled_rows_are_ratios_of_sums_or_means():
    findings = Findings()
    summary.recompute({"summary": summary_of(pooled_rows())}, findings)
    assert findings.disagreements == []
    assert [tally.compared for tally in findings.tallies.values()] == [2, 2, 2]
    summary.recompute({"summary": summary_of(pooled_rows(change=1e-6))}, findings)
    assert [(d.row, d.column) for d in findings.disagreements] == [("loss_ratio of base", "ci_high")]


@pytest.mark.parametrize("operator, verdict, low, high, right", [
    ("<", "pass", 0.01, 0.05, True), ("<", "pass", 0.01, 0.2, False), ("<", "fail", 0.2, 0.3, True),
    ("<", "fail", 0.05, 0.3, False), (">", "pass", 0.2, 0.3, True), (">", "pass", 0.05, 0.3, False),
    (">", "fail", 0.01, 0.05, True), (">", "fail", 0.05, 0.3, False), ("<", "undecided", 0.05, 0.3, True)])
def test_verdicts_stand_on_their_interval(operator, verdict, low, high, right):
    row = {"threshold": "t", "variant": "base", "metric": "loss_ratio", "labels": None, "operator": operator,
           "limit": 0.1, "unit": "ratio", "observed": float(f"{sum(PARTS) / sum(WHOLES):.9g}"), "ci_low": low,
           "ci_high": high, "replications": 4, "verdict": verdict}
    findings = Findings()
    thresholds.recompute({"thresholds": pandas.DataFrame([row]), "summary": summary_of(pooled_rows())}, findings)
    assert [d.column for d in findings.disagreements] == ([] if right else ["verdict"])
    assert findings.tallies["thresholds.csv", "observed"].compared == 1


@pytest.mark.parametrize("n, m", [(5, 5), (7, 11), (20, 30)])
def test_paths_give_scipys_exact_p_value(n, m):
    random = numpy.random.default_rng(n)
    a, b = random.normal(0, 1, n), random.normal(0.7, 1, m)
    assert gsl.two_sample_p_value(a, b) == pytest.approx(stats.ks_2samp(a, b, method="exact").pvalue, rel=1e-12)


def test_functions_of_gsl_are_those_of_scipy(tmp_path, capsys):
    """`simstudy gsl-table` prints the values; it is built beside sim."""
    table = tmp_path / "gsl.csv"
    table.write_text(run(beside_sim("simstudy"), "gsl-table"))
    assert main(["--gsl-table", str(table)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert sum(int(line.split(" compared")[0].split()[-1]) for line in lines if " compared" in line) == \
        len(table.read_text().splitlines()) - 1
    assert len(lines) > 10


@pytest.mark.parametrize("column, change", [(None, 0), ("mean", 1e-6), ("ci_low", 1e-6), ("ci_high", 1e-6), ("n", 1)])
def test_a_sweeps_combinations(column, change):
    ratio, values = formulas.ratio_interval(PARTS, WHOLES), [0.25, 3.5, 1.125, 2.0]
    samples = pandas.DataFrame([
        *({"point": 3, "metric": "loss_ratio", "replication": r, "value": p / w, "part": p, "whole": w}
          for r, (p, w) in enumerate(zip(PARTS, WHOLES))),
        *({"point": 3, "metric": "connect_p99_ms", "replication": r, "value": v} for r, v in enumerate(values))])
    rows = [dict(zip(("mean", "ci_low", "ci_high"), map(lambda x: float(f"{x:.9g}"), three)), point=3, metric=name, n=4)
            for name, three in (("loss_ratio", ratio), ("connect_p99_ms", formulas.mean_interval(values)))]
    if column:
        rows[0][column] += change
    findings = Findings()
    sweep.recompute({"sweep": samples, "sweep_summary": pandas.DataFrame(rows)}, findings)
    assert [(d.row, d.column) for d in findings.disagreements] == \
        ([("loss_ratio of point 3", column)] if column else [])
    assert findings.tallies["sweep_summary.csv", "mean"].compared == 2


def test_what_was_observed_is_found_in_the_files():
    losses = pandas.DataFrame([
        {"variant": "base", "replication": r, "service": service, "outcome": outcome, "connections": count}
        for r, (p, w) in enumerate(zip(PARTS, WHOLES))
        for service, outcome, count in (
            ("default/web", "refused", p), ("default/web", "completed", w - p), ("default/web", "unfinished", 7),
            ("default/webshop", "reset", 50))])
    spread = pandas.DataFrame([{"variant": "base", "replication": r, "service": "default/web", "port": "http",
                                "max_over_mean": value} for r, value in enumerate([1.25, 1.5, 1.75, 9.0])])
    common = {"variant": "base", "labels": "service=web", "operator": "<", "limit": 3.0, "unit": "ratio",
              "ci_low": None, "ci_high": None, "verdict": "pass"}
    rows = [
        common | {"threshold": "a", "metric": "loss_ratio", "observed": sum(PARTS) / sum(WHOLES), "replications": 4},
        common | {"threshold": "b", "metric": "load_balance_max_over_mean", "observed": 1.5, "replications": 3},
        common | {"threshold": "c", "metric": "stale_time_ratio", "observed": 1.5, "replications": 3}]
    frames = {"thresholds": pandas.DataFrame(rows), "connection_loss": losses, "load_balance_stats": spread,
              "summary": summary_of(pooled_rows())}
    findings = Findings()
    thresholds.recompute(frames, findings)
    assert findings.disagreements == [] and findings.tallies["thresholds.csv", "observed"].compared == 2
    assert any("stale_time_ratio" in note for note in findings.notes)
    frames["thresholds"]["observed"] *= 1.00001
    thresholds.recompute(frames, findings)
    assert [d.row for d in findings.disagreements] == ["a of base", "b of base"]
