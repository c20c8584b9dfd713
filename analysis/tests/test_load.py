# SPDX-License-Identifier: GPL-3.0-or-later
#
# The loader: types, several folders, and that every kind of damage is found and named.

import json
from pathlib import Path

import pandas
import pytest

import simanalysis
from simanalysis import ResultsError, UnreadableError


def edit(path, change):
    """Puts a changed text in the place of a file's; the change must do something."""
    before = path.read_text(encoding="utf-8")
    after = change(before)
    assert after != before, "the edit changed nothing"
    path.write_text(after, encoding="utf-8")


def cell(text, row, column, value):
    """The text of a CSV file with one cell replaced. row -- from 1, without the header."""
    lines = text.split("\n")
    place = lines[0].split(",").index(column)
    cells = lines[row].split(",")
    cells[place] = value
    lines[row] = ",".join(cells)
    return "\n".join(lines)


def test_every_file_of_the_package_is_a_typed_frame(churn):
    results = simanalysis.load(churn)
    package = json.loads((churn / "datapackage.json").read_text())
    assert set(results.tables) == {r["path"].removesuffix(".csv") for r in package["resources"]}
    kinds = {"integer": ("Int64", "UInt64"), "number": ("float64",), "string": ("str", "category")}
    for resource in package["resources"]:
        frame = results[resource["path"].removesuffix(".csv")]
        for field in resource["schema"]["fields"]:
            assert str(frame[field["name"]].dtype) in kinds[field["type"]], (resource["path"], field["name"])
    assert results.notes == []
    assert results.run["scenario"] == "node-churn" and "started_at" in results.host


def test_frames_hold_what_the_files_hold(churn):
    results = simanalysis.load(churn)
    summary = results["summary"]
    first = summary[summary["replication"] == 0].set_index("metric")["value"]
    losses = results["connection_loss"]
    lost = losses[(losses["replication"] == 0) & losses["loss_ratio"].notna()]["connections"].sum()
    assert first["lost"] == lost == (results["lost_connections"]["replication"] == 0).sum()
    assert losses["cause"].isna().any(), "an empty cell is no value and no text"


def test_a_file_that_is_read_in_parts_is_the_same(churn, monkeypatch):
    whole = simanalysis.load(churn, tables=["staleness", "timeline", "events"])
    monkeypatch.setattr("simanalysis.table.ROWS_AT_ONCE", 97)
    parts = simanalysis.load(churn, tables=["staleness", "timeline", "events"])
    for name, frame in whole.tables.items():
        pandas.testing.assert_frame_equal(frame, parts[name])


def test_a_seed_beyond_two_to_the_53_keeps_every_digit(make):
    seed = 2**64 - 59
    folder = make("seed", "scenarios/headless.json", "--seed", seed)
    results = simanalysis.load(folder)
    assert results["summary"]["seed"].dtype == pandas.UInt64Dtype()
    assert int(results["summary"]["seed"].iloc[0]) == seed == results.run["seed"]


def test_several_folders_become_one_set_of_frames(churn, lossless):
    results = simanalysis.load(churn, lossless)
    frame = results["summary"]
    assert list(frame["folder"].cat.categories) == [str(churn), str(lossless)]
    assert set(frame["scenario"].unique()) == {"node-churn", "lb-fairness"}
    assert frame["scenario"].dtype == "category" and frame["seed"].dtype == pandas.UInt64Dtype()
    parts = [len(simanalysis.load(folder)["events"]) for folder in (churn, lossless)]
    assert len(results["events"]) == sum(parts)


def test_the_same_replication_from_two_folders_is_refused(churn, copy):
    with pytest.raises(ResultsError, match="is in .* already"):
        simanalysis.load(churn, copy(churn))


def test_tables_that_are_not_wanted_are_not_read(churn, copy):
    folder = copy(churn)
    edit(folder / "lost_connections.csv", lambda text: text[:-40])
    assert set(simanalysis.load(folder, tables=["summary"]).tables) == {"summary"}


def test_a_file_with_quotes_commas_and_line_feeds_is_read(lossless, copy):
    folder = copy(lossless)
    nasty = 'a "b", c\nd'
    for name in ("summary.csv",):
        edit(folder / name, lambda text: text.replace(",lb-fairness,", ',"a ""b"", c\nd",'))
    run = json.loads((folder / "run.json").read_text())
    run["run"]["scenario"] = nasty
    (folder / "run.json").write_text(json.dumps(run))
    assert simanalysis.load(folder, tables=["summary"])["summary"]["scenario"].unique().tolist() == [nasty]
    edit(folder / "summary.csv", lambda text: text.replace(",lost,connections,", ",lost,parsecs,", 1))
    with pytest.raises(ResultsError) as caught:
        simanalysis.load(folder, tables=["summary"])
    assert caught.value.line == 4, "after a header of one line and a record of two"


def drop_row(text):
    lines = text.split("\n")
    return "\n".join(lines[:3] + lines[4:])


SPOILED = {
    "a missing file": ("latency.csv", None, None, None, "the file is missing"),
    "a cut file": ("latency.csv", lambda t: t[:-30], "last", None, "the last line has no end"),
    "an empty file": ("latency.csv", lambda t: "", 1, None, "is empty"),
    "a missing column": (
        "timeline.csv",
        lambda t: t.replace(",losses,", ",defeats,", 1),
        1,
        "losses",
        "is missing",
    ),
    "an extra column": (
        "timeline.csv",
        lambda t: "\n".join(
            line + ("," + ("extra" if i == 0 else "1") if line else "")
            for i, line in enumerate(t.split("\n"))
        ),
        1,
        "extra",
        "is not in datapackage.json",
    ),
    "columns in another order": (
        "timeline.csv",
        lambda t: t.replace("attempts,successes", "successes,attempts", 1),
        1,
        "successes",
        "stands where attempts should",
    ),
    "a text for a number": (
        "timeline.csv",
        lambda t: cell(t, 4, "t_s", "soon"),
        5,
        "t_s",
        "“soon”; expected a number",
    ),
    "a fraction for a count": (
        "timeline.csv",
        lambda t: cell(t, 2, "losses", "1.5"),
        3,
        "losses",
        "an integer",
    ),
    "infinity": ("timeline.csv", lambda t: cell(t, 2, "t_s", "inf"), 3, "t_s", "a number"),
    "not a number": ("timeline.csv", lambda t: cell(t, 2, "t_s", "nan"), 3, "t_s", "a number"),
    "an unknown cause": (
        "loss_ledger.csv",
        lambda t: cell(t, 3, "cause", "gremlins"),
        4,
        "cause",
        "“gremlins”; expected one of",
    ),
    "an empty cell that is required": (
        "events.csv",
        lambda t: cell(t, 1, "object", ""),
        2,
        "object",
        "is empty",
    ),
    "a row with a cell too few": (
        "events.csv",
        lambda t: t.replace(",deletion requested,", ",deletion requested", 1),
        "any",
        None,
        "cells; expected 10",
    ),
    "Windows line ends": ("events.csv", lambda t: t.replace("\n", "\r\n"), 1, None, "carriage return"),
    "another scenario's rows": (
        "timeline.csv",
        lambda t: t.replace(",node-churn,", ",other,", 1),
        None,
        "scenario",
        "is not that of run.json",
    ),
    "another run's rows": (
        "timeline.csv",
        lambda t: cell(t, 1, "run_id", "0123456789abcdef"),
        None,
        "run_id",
        "is not in run.json",
    ),
    "a number changed by hand": (
        "summary.csv",
        lambda t: cell(t, 2, "value", "1"),
        None,
        "connections",
        "as summary.csv has",
    ),
    "a row taken out of the ledger": ("loss_ledger.csv", drop_row, None, "connections", "rows are missing"),
    "a row taken out of the losses": (
        "connection_loss.csv",
        drop_row,
        None,
        "connections",
        "rows are missing",
    ),
    "a row taken out of the shares": (
        "load_balance.csv",
        drop_row,
        None,
        "connections",
        "load_balance_stats.csv",
    ),
    "broken JSON": ("datapackage.json", lambda t: t[: len(t) // 2], "any", None, "cut or edited"),
    "no run.json": ("run.json", None, None, None, "the file is missing"),
    "no data package": ("datapackage.json", None, None, None, "the file is missing"),
}


@pytest.mark.parametrize("name", SPOILED)
def test_damage_is_found_and_named(name, churn, copy):
    file, change, line, column, message = SPOILED[name]
    folder = copy(churn)
    if change is None:
        (folder / file).unlink()
    else:
        edit(folder / file, change)
    with pytest.raises(ResultsError) as caught:
        simanalysis.load(folder)
    error = caught.value
    assert error.exit_code == 65
    assert message in str(error)
    assert column is None or error.column == column
    if line == "last":
        line = (folder / file).read_text().count("\n") + 1
    assert line == "any" and error.line or error.line == line, str(error)


def test_a_replication_that_is_missing_everywhere_is_found_in_run_json(churn, copy):
    folder = copy(churn)
    for path in folder.glob("*.csv"):
        lines = path.read_text().split("\n")
        place = lines[0].split(",").index("replication")
        path.write_text("\n".join(line for line in lines if not line or line.split(",")[place] != "2"))
    with pytest.raises(ResultsError, match="replication 2 of base is missing"):
        simanalysis.load(folder)


def test_a_digest_in_the_package_finds_any_edit(lossless, copy):
    folder = copy(lossless, keep_digests=True)
    simanalysis.load(folder)
    path = folder / "latency.csv"
    text = path.read_text()
    # The last digit of a longest time, which nothing else repeats.
    path.write_text(text[:-2] + ("2" if text[-2] == "1" else "1") + "\n")
    with pytest.raises(ResultsError, match="the file was edited"):
        simanalysis.load(folder)


def test_a_folder_that_is_not_there_is_unreadable(tmp_path):
    with pytest.raises(UnreadableError) as caught:
        simanalysis.load(tmp_path / "nowhere")
    assert caught.value.exit_code == 66


def test_a_csv_file_of_somebody_else_is_noted_and_not_read(lossless, copy):
    folder = copy(lossless)
    (folder / "mine.csv").write_text("a,b\n1,2\n")
    assert simanalysis.load(folder).notes == ["mine.csv is not in datapackage.json and was not read"]


def test_the_example_of_the_readme_works(make, monkeypatch, tmp_path, capsys):
    (tmp_path / "results").mkdir()
    (tmp_path / "results/clusterip").symlink_to(make("clusterip", "scenarios/clusterip.json"))
    text = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    exec(text.split("```python")[1].split("```")[0], {})
    printed = capsys.readouterr().out
    assert "stale_table" in printed and "0.1.0" in printed
