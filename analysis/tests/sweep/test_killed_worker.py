# SPDX-License-Identifier: GPL-3.0-or-later
#
# A real sweep with the real `sim` on a real Dask cluster of processes on loopback, one of which is killed (SIGKILL) while
# it runs a job: the merged bytes must be those of a serial run. The job is stopped (SIGSTOP) before its worker is killed,
# so that it cannot have ended; where that did not succeed, the test fails.

import json
import os
import signal
import time

import psutil
import pytest
from real_sim import REPOSITORY, binary, sim
from sweep_processes import FAKE, jobs_under

pytestmark = pytest.mark.timeout(170)

SCENARIO = REPOSITORY / "analysis/tests/sweep/killed-worker.json"


def kill_in_mid_job(cluster, out, *, seconds=60):
    """Kills a worker without nanny while it runs a job. (its name, the job, the job's process)."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for name, worker in cluster.workers.items():
            for process, job in jobs_under(worker.pid):
                # Not the first thing that the sweep does: something must be done already.
                if not any(out.glob("*.csv")) or not _stop(process):
                    continue
                assert worker.poll() is None
                assert not (out / f"{job}.csv").exists()
                os.kill(worker.pid, signal.SIGKILL)
                assert worker.wait(30) == -signal.SIGKILL
                return name, job, process
        time.sleep(0.002)
    raise AssertionError("no worker was seen with a job: nobody was killed")


def _stop(process):
    """True if the process is stopped, in the middle of what it was doing."""
    try:
        process.suspend()
        for _ in range(200):
            status = process.status()
            if status == psutil.STATUS_STOPPED:
                return True
            if status in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD):
                return False
            time.sleep(0.005)
    except psutil.NoSuchProcess:
        pass
    return False


def assert_done_elsewhere(log, job, killed_address):
    """The job that was interrupted was run to its end by another worker, and the dead one did nothing more."""
    ended = [line for line in log if line["event"] == "ended" and line["job"] == job]
    assert [line["exit"] for line in ended] == [0]
    assert ended[0]["worker"] != killed_address


def sweep_with_a_killed_worker(cluster, start_sweep, plan, out, log, *arguments):
    """The worker's name, job, and what the driver said."""
    for name in ("one", "two", "three"):
        cluster.add_worker(name)
    addresses = cluster.wait_for_workers(3)
    sweep = start_sweep(plan, out, "--scheduler", cluster.address, "--log", log, *arguments)
    name, job, process = kill_in_mid_job(cluster, out)
    code, text, errors = sweep.wait(100)
    assert code == 0, errors
    assert not process.is_running() or process.status() == psutil.STATUS_ZOMBIE, "the dead worker's job lives on"
    assert_done_elsewhere([json.loads(line) for line in log.read_text().splitlines()], job, addresses[name])
    return name, job, text


def test_fake_jobs_survive_a_killed_worker(cluster, start_sweep, plan, tmp_path):
    jobs = [{"id": f"job{n:03}", "sleep": 0.1} for n in range(20)]
    path, out = plan(jobs), tmp_path / "done"
    out.mkdir()
    sweep_with_a_killed_worker(cluster, start_sweep, path, out, tmp_path / "log", "--sim", FAKE, "--merge",
                               tmp_path / "merged")
    serial = start_sweep(path, tmp_path / "serial", "--sim", FAKE, "--workers", 1, "--merge", tmp_path / "alone")
    assert serial.wait()[0] == 0
    assert contents(tmp_path / "merged") == contents(tmp_path / "alone")


def test_a_killed_worker_changes_no_byte(cluster, start_sweep, tmp_path):
    plan, out, serial = tmp_path / "plan.jsonl", tmp_path / "done", tmp_path / "serial"
    out.mkdir()
    sim("sweep", "plan", SCENARIO, "-o", plan)
    jobs = len(plan.read_text().splitlines()) - 1
    sweep_with_a_killed_worker(cluster, start_sweep, plan, out, tmp_path / "log", "--sim", binary())
    sim("sweep", "merge", plan, "--from", out, "--out", tmp_path / "merged")

    sim("sweep", "run", plan, "--out", serial, "--jobs", 1)
    sim("sweep", "merge", plan, "--from", serial, "--out", tmp_path / "alone")

    assert contents(out) == contents(serial) and len(contents(out)) == jobs
    merged, alone = contents(tmp_path / "merged"), contents(tmp_path / "alone")
    assert merged.keys() == alone.keys()
    assert any(name.endswith(".csv") and text.count(b"\n") > jobs for name, text in merged.items())
    for name, text in merged.items():
        assert text == alone[name], f"{name} differs"


def contents(folder):
    """File name -> bytes; of run.json what does not depend on machine and hour."""
    found = {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
    if "run.json" in found:
        found["run.json"] = json.dumps(json.loads(found["run.json"])["run"]).encode()
    return found


def test_nobody_killed_is_a_failure(cluster, tmp_path):
    """The test of the test: with workers that have nothing to do, it does not pass."""
    cluster.add_worker("idle")
    with pytest.raises(AssertionError, match="nobody was killed"):
        kill_in_mid_job(cluster, tmp_path, seconds=2)
