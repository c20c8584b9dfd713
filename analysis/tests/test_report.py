# SPDX-License-Identifier: GPL-3.0-or-later
#
# The page as text: what it says, that nothing comes from outside, that names are inert, and the command line's exit
# codes. What a browser makes of it is in test_browser.py.

import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser

import numpy
import pytest
from nasty import NAMES, spoil
from scipy import stats

import simanalysis
from simanalysis.report import render_page, words, write_figures
from simanalysis.report.__main__ import main
from simanalysis.report.facts import Facts, mean_estimate, ratio_estimate
from simanalysis.report.figures import make_figures
from simanalysis.report.summary import headline


class Elements(HTMLParser):
    """Elements with their attributes, and the texts of scripts."""

    def __init__(self, page):
        super().__init__()
        self.found, self.scripts, self._inside = [], [], False
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        self._inside = tag == "script"

    def handle_endtag(self, tag):
        self._inside = False

    def handle_data(self, data):
        if self._inside:
            self.scripts.append(data)


@pytest.fixture(scope="module")
def page(churn):
    return render_page(simanalysis.load(churn))


def test_the_verdict_has_the_loss_its_interval_and_the_main_cause(churn):
    question, verdict = headline(Facts(simanalysis.load(churn)))
    assert question[0].startswith("A node reboots and comes back with another IP")
    assert re.match(
        r"[\d.]+\s% of connections were lost \(95 % interval [\d.]+ to [\d.]+\s%, 3 replications\), \d+\s% of "
        r"them because the API still listed a pod that was already gone\.$",
        verdict,
    ), verdict


def test_one_run_says_that_it_has_no_interval(make):
    _, verdict = headline(Facts(simanalysis.load(make("single", "scenarios/clusterip.json"))))
    assert verdict.endswith("a single run has no interval.")


def test_without_losses_the_page_says_so_and_leaves_figures_out(lossless):
    facts = Facts(simanalysis.load(lossless))
    assert headline(facts)[1].startswith("No connection was lost of ")
    figures = {f.name: f for f in make_figures(facts)}
    assert figures["losses"].chart is None and "causes" not in figures
    assert figures["shares"].chart is not None


def test_the_rule_of_three_counts_replications(make):
    folder = make("three", "scenarios/lb-fairness.json", "--replications", 3)
    verdict = headline(Facts(simanalysis.load(folder)))[1]
    assert "in 3 replications: with 95 % confidence fewer than 63\u202f% of such runs lose any" in verdict


def test_a_comparison_says_only_what_the_intervals_allow(comparison):
    results = simanalysis.load(comparison)
    verdict = headline(Facts(results))[1]
    rows = results["comparison"]
    rows = rows[(rows["metric"] == "lost") & (rows["baseline"] == "iptables")].set_index("variant")
    for variant in ("nftables", "ebpf"):
        sure = rows.loc[variant, "p_adjusted"] < 0.05
        assert variant in verdict
        assert sure or "cannot be told apart" in verdict


def test_intervals_are_those_of_scipy():
    values = numpy.array([3.0, 4.5, 4.0, 6.0])
    low, high = stats.t.interval(0.95, 3, values.mean(), stats.sem(values))
    found = mean_estimate(values)
    assert (found.low, found.high) == pytest.approx((low, high))
    equal = ratio_estimate(values, numpy.full(4, 10.0))
    assert (equal.low, equal.high) == pytest.approx((low / 10, high / 10)), "constant denominators: a mean"
    assert ratio_estimate(values, numpy.zeros(4)) is None


def test_the_loss_ratio_is_that_of_the_summary_with_replications(churn, sim):
    facts = Facts(simanalysis.load(churn))
    told = json.loads(
        subprocess.run(
            [
                sim,
                "scenarios/node-churn.json",
                "--replications",
                "3",
                "--out",
                str(churn) + "-again",
                "--format",
                "json",
                "--no-progress",
            ],
            cwd=os.path.dirname(__file__) + "/../..",
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    )
    estimate = facts.estimate("base", "loss_ratio")
    text = json.dumps(told)
    assert f"{estimate.value:.6f}"[:8] in text or f"{estimate.value:.9g}"[:8] in text, (estimate, text[:400])


def test_every_section_is_there(page):
    identities = {a.get("id") for tag, a in Elements(page).found if tag == "section"}
    assert identities >= {"overview", "losses", "causes", "staleness", "latency", "shares", "settings"}


def test_the_settings_run_it_again(page, churn):
    run = json.loads((churn / "run.json").read_text())["run"]
    assert "sim scenarios/node-churn.json --replications 3" in page
    for value in (run["scenario_hash"], run["run_id"], run["version"], run["replications"][2]["digest"]):
        assert value in page


def test_nothing_comes_from_outside_and_the_page_is_small(page):
    elements = Elements(page)
    for tag, attributes in elements.found:
        assert not {"src", "href", "srcset", "action", "data"} & set(attributes), (tag, attributes)
        assert tag not in ("link", "iframe", "object", "embed", "base")
        assert not any(name.startswith("on") for name in attributes), (tag, attributes)
    policy = next(a["content"] for t, a in elements.found if a.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in policy and "unsafe-eval" not in policy and "script-src 'sha256-" in policy
    assert len(page.encode()) < 5_000_000


def test_the_same_results_give_the_same_page(page, churn):
    assert render_page(simanalysis.load(churn)) == page


def test_names_are_inert(comparison, copy):
    folder = spoil(copy(comparison))
    page = render_page(simanalysis.load(folder))
    assert 'id="plot-comparison"' in page, "a comparison has a forest plot"
    elements = Elements(page)
    assert [tag for tag, _ in elements.found].count("script") == 3, "data, library, and the page's own"
    assert not [tag for tag, _ in elements.found if tag in ("img", "svg")]
    for name in NAMES:
        assert name not in page
    embedded = next(text for text in elements.scripts if text.startswith("{"))
    assert not set("<>&") & set(embedded)
    data = json.loads(embedded)
    assert NAMES[0] in json.dumps(data, ensure_ascii=False), "the names are there, as data"


def test_figures_are_written_as_png_and_svg(churn, tmp_path):
    paths = write_figures(simanalysis.load(churn), tmp_path / "figures")
    names = {"losses", "causes", "staleness", "latency", "shares"}
    assert {p.name for p in paths} == {f"{n}.{kind}" for n in names for kind in ("png", "svg")}
    for path in paths:
        start = path.read_bytes()[:8]
        assert start == b"\x89PNG\r\n\x1a\n" if path.suffix == ".png" else start.startswith(b"<svg"), path


def test_a_large_cluster_is_cut_to_what_can_be_drawn_and_says_so(churn):
    results = simanalysis.load(churn)
    frame = results["staleness"]
    first = frame[(frame["node"] == "node-2") & (frame["replication"] == 0)]
    many = simanalysis.results.concatenate(
        [first.assign(node=f"n{i}").reset_index(drop=True) for i in range(400)]
    )
    results.tables["staleness"] = many
    figure = next(f for f in make_figures(Facts(results)) if f.name == "staleness")
    cells = sum(len(rows) for rows in figure.chart.to_dict()["datasets"].values())
    assert cells <= 13_000
    assert any("40 of 400 nodes are drawn" in note for note in figure.notes)


def test_the_rows_over_all_replications_are_taken_where_the_summary_has_them(churn, copy):
    folder = copy(churn)
    path = folder / "summary.csv"
    lines = [
        line
        for line in path.read_text().split("\n")
        if not (line.split(",") + [""] * 7)[4:7] == ["", "1", "loss_ratio"]
    ]
    run_id, scenario, variant, mode = lines[1].split(",")[:4]
    lines.insert(-1, f"{run_id},{scenario},{variant},{mode},,1,loss_ratio,ratio,0.5,0.4,0.6,3")
    path.write_text("\n".join(lines))
    package = folder / "datapackage.json"
    document = json.loads(package.read_text())
    for field in document["resources"][0]["schema"]["fields"]:
        if field["name"] == "replication":
            field.get("constraints", {}).pop("required", None)
    package.write_text(json.dumps(document))
    facts = Facts(simanalysis.load(folder))
    assert facts.replications == {"base": [0, 1, 2]}
    assert headline(facts)[1].startswith(
        "50\u202f% of connections were lost (95 % interval 40 to 60\u202f%, 3 "
    )


THRESHOLDS = """threshold,metric,labels,operator,limit,unit,observed,ci_low,ci_high,confidence,replications,verdict
loss_ratio{service=web} < 20%,loss_ratio,service=web,<,0.2,ratio,0.05,0.04,0.06,0.95,3,pass
connect_p99_ms < 1,connect_p99_ms,,<,1,ms,5,4.9,5.1,0.95,3,fail
load_max_over_mean < 1.6,load_max_over_mean,,<,1.6,ratio,1.58,1.5,1.7,0.95,3,undecided
"""


def with_thresholds(folder):
    """Adds a thresholds.csv as the contract has it, unless the simulator wrote one."""
    head, *rows = THRESHOLDS.strip().split("\n")
    identity = (folder / "summary.csv").read_text().split("\n")[1].split(",")[:4]
    lines = ["run_id,scenario,variant,proxy_mode,replication,seed," + head]
    lines += [",".join([*identity, "", "1", row]) for row in rows]
    (folder / "thresholds.csv").write_text("\n".join(lines) + "\n")
    package = json.loads((folder / "datapackage.json").read_text())
    package["resources"] = [r for r in package["resources"] if r["path"] != "thresholds.csv"]
    numbers = {"limit", "observed", "ci_low", "ci_high", "confidence"}
    package["resources"].append(
        {
            "path": "thresholds.csv",
            "schema": {
                "fields": [
                    {
                        "name": n,
                        "type": "number"
                        if n in numbers
                        else "integer"
                        if n in ("replication", "seed", "replications")
                        else "string",
                    }
                    for n in lines[0].split(",")
                ]
            },
        }
    )
    (folder / "datapackage.json").write_text(json.dumps(package))
    return folder


def test_thresholds_lead_the_verdict_and_have_a_figure(churn, copy):
    facts = Facts(simanalysis.load(with_thresholds(copy(churn))))
    verdict = headline(facts)[1]
    assert verdict.startswith(
        "1 of 3 thresholds holds; fails: connect_p99_ms < 1 (observed 5 ms); undecided: "
    )
    assert "load_max_over_mean < 1.6 (observed " in verdict
    figure = make_figures(facts)[0]
    assert figure.name == "thresholds" and figure.chart is not None
    assert [row[0] for row in figure.tables[0][1].rows] == ["passes", "fails", "undecided"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (12345.6, "12,346"),
        (1.0, "1"),
        (0.1234, "0.123"),
        (-2.5, "−2.50"),
        (99.96, "100"),
        (float("nan"), "–"),
        (0.0000123, "1.23e−5"),
        (None, "–"),
    ],
)
def test_numbers_have_three_digits(value, text):
    assert words.number(value) == text


def test_the_command_writes_the_page_and_the_figures(lossless, tmp_path):
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "simanalysis.report",
            lossless,
            "-o",
            tmp_path / "page.html",
            "--figures",
            tmp_path / "figures",
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "page.html").read_text().startswith("<!DOCTYPE html>")
    assert done.stdout.split("\n")[0] == str(tmp_path / "page.html")
    assert not list(tmp_path.glob(".*")), "nothing temporary is left"


@pytest.mark.parametrize("arguments", [[], ["x", "--figure-dir"], ["x", "--output"]])
def test_wrong_use_exits_with_64(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 64 and "usage: " in capsys.readouterr().err


def test_damage_exits_with_65_and_keeps_the_old_page(lossless, copy, capsys):
    folder = copy(lossless)
    (folder / "report.html").write_text("old")
    (folder / "timeline.csv").unlink()
    assert main([str(folder)]) == 65
    assert "timeline.csv: the file is missing" in capsys.readouterr().err
    assert (folder / "report.html").read_text() == "old"


def test_a_folder_without_a_summary_exits_with_65(lossless, copy, capsys):
    folder = copy(lossless)
    package = json.loads((folder / "datapackage.json").read_text())
    package["resources"] = [r for r in package["resources"] if r["path"] != "summary.csv"]
    (folder / "datapackage.json").write_text(json.dumps(package))
    assert main([str(folder)]) == 65
    assert "has no summary.csv" in capsys.readouterr().err


def test_an_unreadable_folder_exits_with_66(tmp_path, capsys):
    assert main([str(tmp_path / "nowhere")]) == 66
    assert "there is no such folder" in capsys.readouterr().err


def test_output_that_cannot_be_written_exits_with_73(lossless, tmp_path, capsys):
    assert main([str(lossless), "-o", str(tmp_path / "missing/page.html")]) == 73
    assert "cannot be written" in capsys.readouterr().err
    assert main([str(lossless), "-o", str(tmp_path)]) == 73, "a folder is no page"
    (tmp_path / "taken").write_text("")
    assert (
        main([str(lossless), "-o", str(tmp_path / "page.html"), "--figures", str(tmp_path / "taken")]) == 73
    )


SWEEP = """run_id,scenario,variant,proxy_mode,replication,seed,point,mode,servers[0].preStop,metric,unit,mean,ci_low,ci_high,n
aa,tiny,p0,iptables,,1,0,iptables,0s,lost{service=default/web},connections,12,10,14,3
aa,tiny,p1,iptables,,1,1,iptables,3s,lost{service=default/web},connections,0,,,3
bb,tiny,p2,nftables,,1,2,nftables,0s,lost{service=default/web},connections,11,8,14,3
bb,tiny,p3,nftables,,1,3,nftables,3s,lost{service=default/web},connections,0.5,0,1.5,3
"""


def merged_sweep(folder):
    """A folder as `sim sweep merge` writes it."""
    folder.mkdir()
    (folder / "sweep_summary.csv").write_text(SWEEP)
    kinds = {
        "mean": "number",
        "ci_low": "number",
        "ci_high": "number",
        "n": "integer",
        "point": "integer",
        "replication": "integer",
        "seed": "integer",
    }
    (folder / "datapackage.json").write_text(
        json.dumps(
            {
                "resources": [
                    {
                        "path": "sweep_summary.csv",
                        "schema": {
                            "fields": [
                                {"name": n, "type": kinds.get(n, "string")}
                                for n in SWEEP.split("\n")[0].split(",")
                            ]
                        },
                    }
                ]
            }
        )
    )
    (folder / "run.json").write_text(
        json.dumps(
            {
                "run": {
                    "scenario": "tiny",
                    "question": "Which preStop?",
                    "seed": 1,
                    "version": "0.1.0",
                    "arguments": [],
                }
            }
        )
    )
    return folder


def test_a_merged_sweep_has_a_page_of_its_own(tmp_path):
    folder = merged_sweep(tmp_path / "sweep")
    output = tmp_path / "sweep.html"
    assert main([str(folder), "-o", str(output), "--figures", str(tmp_path / "figures")]) == 0
    page = output.read_text(encoding="utf-8")
    assert (
        "lost{service=default/web} goes from 0 with mode iptables, servers[0].preStop 3s to 12 (10 to 14) with "
        in page
    )
    assert 'id="plot-sweep"' in page and (tmp_path / "figures/sweep.png").exists()
