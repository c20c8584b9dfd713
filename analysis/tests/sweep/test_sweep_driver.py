# SPDX-License-Identifier: GPL-3.0-or-later
#
# The driver with the fake `sim`: what is tried again and what is not, what is left behind, and who may take part.

import json
import os
import signal
import stat
import subprocess
import time
from pathlib import Path

import pytest
from sweep_processes import FAKE, jobs_under

from simanalysis.sweep.__main__ import main
from simanalysis.sweep.store import Store

pytestmark = pytest.mark.timeout(120)


def run(start_sweep, plan, out, *arguments, **named):
    return start_sweep(plan, out, "--sim", FAKE, *arguments, **named).wait()


def names(folder):
    return sorted(path.name for path in Path(folder).iterdir())


def test_runs_all_jobs_and_says_how_to_join_them(start_sweep, plan, tmp_path):
    code, text, errors = run(start_sweep, plan(5), tmp_path / "done", "--workers", 2)
    assert code == 0, errors
    assert names(tmp_path / "done") == [f"job{n:03}.csv" for n in range(5)]
    assert "sim sweep merge" in text and "5 of 5 jobs" in text
    assert "5 of 5 jobs" in errors and "ETA 0:00" in errors


def test_merges_when_asked(start_sweep, plan, tmp_path):
    code, text, errors = run(start_sweep, plan(3), tmp_path / "done", "--merge", tmp_path / "joined")
    assert (code, text) == (0, "merged 3 jobs\n"), errors
    assert (tmp_path / "joined/all.csv").read_text().count("job,value") == 3


def test_does_only_what_is_missing(start_sweep, plan, tmp_path):
    path, out, log = plan(4), tmp_path / "done", tmp_path / "log"
    assert run(start_sweep, path, out)[0] == 0
    (out / "job002.csv").unlink()
    (out / "job003.csv").write_text("cut")
    assert run(start_sweep, path, out, "--log", log)[0] == 0
    ran = {line["job"] for line in map(json.loads, log.read_text().splitlines()) if line["event"] == "ended"}
    assert ran == {"job002", "job003"}


@pytest.mark.parametrize("how", [{}, {"signal": 9}, {"exit": 73}])
def test_a_failed_job_is_tried_again_and_its_stderr_shown(start_sweep, plan, tmp_path, how):
    job = {"id": "shaky", "failures": 2, "state": str(tmp_path / "state")} | how
    code, _, errors = run(start_sweep, plan([job]), tmp_path / "done", "--retries", 2)
    assert code == 0, errors
    assert errors.count("trouble with shaky") == 2
    assert names(tmp_path / "done") == ["shaky.csv"]


def test_retries_end(start_sweep, plan, tmp_path):
    jobs = [{"id": "bad", "failures": 9, "state": str(tmp_path / "state")}, {"id": "good"}]
    code, _, errors = run(start_sweep, plan(jobs), tmp_path / "done", "--retries", 1)
    assert code == 70
    assert "given up after 2 attempts" in errors and "1 job failed" in errors
    assert names(tmp_path / "done") == ["good.csv"]
    assert len((tmp_path / "state").read_text().splitlines()) == 2


@pytest.mark.parametrize("code", [64, 65])
def test_wrong_plans_are_not_tried_again(start_sweep, plan, tmp_path, code):
    job = {"id": "wrong", "failures": 99, "exit": code, "state": str(tmp_path / "state")}
    found, _, errors = run(start_sweep, plan([job]), tmp_path / "done")
    assert found == code
    assert "trouble with wrong" in errors and "not tried again" in errors
    assert len((tmp_path / "state").read_text().splitlines()) == 1


def test_a_job_that_writes_nothing_is_a_failure(start_sweep, plan, tmp_path):
    code, _, errors = run(start_sweep, plan([{"id": "mute", "silent": True}]), tmp_path / "done", "--retries", 0)
    assert code == 70 and "exit 0 without mute.csv" in errors
    assert names(tmp_path / "done") == []


def test_stops_when_the_target_is_reached(start_sweep, plan, tmp_path):
    jobs = [{"id": f"job{n:03}", "sleep": 0.05 if n < 3 else 3600} for n in range(8)]
    start = time.monotonic()
    code, text, errors = run(start_sweep, plan(jobs, enough=3), tmp_path / "done", "--workers", 2)
    assert code == 0, errors
    assert time.monotonic() - start < 60
    assert "the other 5 are not needed" in text
    assert names(tmp_path / "done") == ["job000.csv", "job001.csv", "job002.csv"]


@pytest.mark.parametrize("number, expected", [
    (signal.SIGINT, 130), (signal.SIGTERM, 130), (signal.SIGKILL, -signal.SIGKILL)], ids=["INT", "TERM", "KILL"])
def test_a_stopped_driver_leaves_whole_files_and_no_process(start_sweep, plan, tmp_path, number, expected):
    state, gate = tmp_path / "state", tmp_path / "gate"
    jobs = [{"id": "quick"}, *({"id": f"long{n}", "until": str(gate), "state": str(state)} for n in range(3))]
    path, out = plan(jobs), tmp_path / "done"
    sweep = start_sweep(path, out, "--sim", FAKE, "--workers", 2)
    end = time.monotonic() + 60
    while not (state.exists() and (out / "quick.csv").exists()):
        assert time.monotonic() < end and sweep.is_running()
        time.sleep(0.05)
    sweep.send(number)
    code, _, errors = sweep.wait(30)
    assert code == expected and ("interrupted" in errors) == (code == 130)
    assert names(out) == ["quick.csv"]
    for line in state.read_text().splitlines():
        assert_ends(int(line.split()[0]))
    gate.touch()
    assert run(start_sweep, path, out)[0] == 0
    assert len(names(out)) == 4


def assert_ends(pid, seconds=10):
    end = time.monotonic() + seconds
    while Path(f"/proc/{pid}").exists() and "zombie" not in Path(f"/proc/{pid}/status").read_text():
        assert time.monotonic() < end, f"process {pid} is still there"
        time.sleep(0.05)


def test_unwritable_folder(capsys, plan, tmp_path):
    (tmp_path / "file").write_text("")
    assert main([str(plan(1)), "--out", str(tmp_path / "file"), "--sim", str(FAKE)]) == 73
    assert "cannot be used" in capsys.readouterr().err


def test_what_a_killed_process_left_is_removed(tmp_path):
    dead = subprocess.run(["sh", "-c", "echo $$"], capture_output=True, text=True).stdout.strip()
    (tmp_path / f".job1.tmp-{dead}").write_text("half")
    (tmp_path / f".job2.tmp-{os.getpid()}").write_text("somebody works on it")
    store = Store(tmp_path)
    assert names(tmp_path) == [f".job2.tmp-{os.getpid()}"]
    store.write("job2", b"whole")
    assert names(tmp_path) == ["job2.csv"] and (tmp_path / "job2.csv").read_bytes() == b"whole"


@pytest.mark.parametrize("change, message", [
    (lambda text: text[:-5], "the file is cut"),
    (lambda text: text.replace('"jobs": 2', '"jobs": 3'), "2 jobs; expected 3"),
    (lambda text: text.replace("job001", "job000"), "is in line 2 already"),
    (lambda text: text.replace("job001", "../etc"), "no id of a job"),
    (lambda text: text.replace('"plan"', '"plane"'), "1: no plan"),
    (lambda text: "scenario: yaml\n", "no JSON"),
    (lambda text: text.replace("9.9.9", "9.9.8"), "was made by sim 9.9.8"),
])
def test_wrong_plan_files(capsys, plan, tmp_path, change, message):
    path = plan(2)
    path.write_text(change(path.read_text()))
    assert main([str(path), "--out", str(tmp_path / "done"), "--sim", str(FAKE)]) == 65
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("arguments, code, message", [
    (["--sim", "/nowhere/sim"], 66, "no program"),
    (["--sim", FAKE, "--retries", "-1"], 64, "below 0"),
    (["--sim", FAKE, "--workers", "0"], 64, "not above 0"),
    (["--sim", FAKE, "--workers", "1", "--scheduler", "tcp://127.0.0.1:1"], 64, "embedded"),
    (["--sim", FAKE, "--colour"], 64, "unrecognized"),
])
def test_wrong_arguments(capsys, plan, tmp_path, arguments, code, message):
    assert main([str(plan(1)), "--out", str(tmp_path / "done"), *map(str, arguments)]) == code
    assert message in capsys.readouterr().err


def test_no_scheduler(start_sweep, plan, tmp_path):
    # distributed.comm.timeouts.connect, in the environment's spelling of Dask's configuration.
    short = {"DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "1s"}
    code, _, errors = run(start_sweep, plan(1), tmp_path / "done", "--scheduler", "tcp://127.0.0.1:1",
                          environment=short)
    assert code == 69 and "no scheduler answers" in errors and "Traceback" not in errors


@pytest.fixture
def other_sim(tmp_path):
    path = tmp_path / "sim"
    path.write_text(FAKE.read_text() + "# another one\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_a_worker_with_another_sim_is_named(start_sweep, plan, tmp_path, cluster, other_sim):
    cluster.add_worker("same", environment={"SIM": str(FAKE)})
    cluster.add_worker("other", environment={"SIM": other_sim})
    cluster.wait_for_workers(2)
    sweep = start_sweep(plan(2), tmp_path / "done", "--scheduler", cluster.address, environment={"SIM": str(FAKE)})
    code, _, errors = sweep.wait()
    assert code == 65 and other_sim in errors and "SHA-256" in errors and str(FAKE) in errors
    assert errors.count("  worker tcp://") == 1
    assert names(tmp_path / "done") == []


def test_a_worker_with_another_sim_that_comes_later_ends_the_sweep(start_sweep, plan, tmp_path, cluster, other_sim):
    gate = tmp_path / "gate"
    jobs = [{"id": "first"}, *({"id": f"job{n:03}", "until": str(gate)} for n in range(9))]
    cluster.add_worker("same", environment={"SIM": str(FAKE)})
    path, out = plan(jobs), tmp_path / "done"
    sweep = start_sweep(path, out, "--scheduler", cluster.address, environment={"SIM": str(FAKE)})
    end = time.monotonic() + 60
    while not (out / "first.csv").exists():
        assert time.monotonic() < end and sweep.is_running()
        time.sleep(0.05)
    cluster.add_worker("other", environment={"SIM": other_sim})
    cluster.wait_for_workers(2)
    gate.touch()
    code, _, errors = sweep.wait()
    assert code == 65 and "which came later" in errors and other_sim in errors
    # Whatever it was given is still to be done, by the same command.
    assert "first.csv" in names(out) and len(names(out)) < 10


def test_a_worker_without_sim_is_named(start_sweep, plan, tmp_path, cluster):
    cluster.add_worker("bare", environment={"SIM": "/nowhere/sim"})
    sweep = start_sweep(plan(1), tmp_path / "done", "--scheduler", cluster.address, environment={"SIM": str(FAKE)})
    code, _, errors = sweep.wait()
    assert code == 65 and "no program /nowhere/sim" in errors


def test_a_worker_that_comes_later_gets_the_plan_too(start_sweep, plan, tmp_path, cluster):
    gate = tmp_path / "gate"
    jobs = [{"id": f"job{n:03}", "sleep": 0.1, "until": str(gate)} for n in range(16)]
    cluster.add_worker("first")
    sweep = start_sweep(plan(jobs), tmp_path / "done", "--sim", FAKE, "--scheduler", cluster.address, "--log",
                        tmp_path / "log")
    end = time.monotonic() + 60
    while not jobs_under(cluster.workers["first"].pid):
        assert time.monotonic() < end and sweep.is_running()
        time.sleep(0.05)
    cluster.add_worker("second")
    cluster.wait_for_workers(2)
    gate.touch()
    code, _, errors = sweep.wait()
    assert code == 0, errors
    log = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert len({line["worker"] for line in log if line["event"] == "ended"}) == 2


def test_a_job_that_kills_its_workers_is_given_up(start_sweep, plan, tmp_path, cluster):
    """With a nanny each: Dask starts workers again, and blames the task in the end."""
    state = tmp_path / "state"
    jobs = [{"id": "deadly", "sleep": 3600, "state": str(state)}]
    cluster.add_worker("one", nanny=True)
    sweep = start_sweep(plan(jobs), tmp_path / "done", "--sim", FAKE, "--scheduler", cluster.address, "--retries", 0)
    killed = 0
    end = time.monotonic() + 90
    while sweep.is_running() and time.monotonic() < end:
        for process, _ in jobs_under(cluster.workers["one"].pid):
            parent = process.parent()
            if parent is not None and parent.pid != cluster.workers["one"].pid:
                parent.kill()
                killed += 1
        time.sleep(0.1)
    code, _, errors = sweep.wait(10)
    assert code == 70 and "those workers died while running it" in errors, errors
    # allowed-failures is 3 in distributed.yaml.
    assert killed == 4


def test_help_names_exit_codes_and_examples(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    text = capsys.readouterr().out
    assert ended.value.code == 0 and "exit codes" in text and "--scheduler tcp://" in text
