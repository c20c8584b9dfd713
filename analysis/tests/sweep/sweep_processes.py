# SPDX-License-Identifier: GPL-3.0-or-later
#
# A Dask scheduler, workers and the driver as processes of their own on loopback.

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
from distributed import Client

FAKE = Path(__file__).with_name("fake_sim.py")
ANALYSIS = Path(__file__).parents[2]


class Cluster:
    """A scheduler and its workers, each a process; nothing listens but on 127.0.0.1."""

    def __init__(self, folder):
        self._folder = folder
        self._file = folder / "scheduler.json"
        self.workers = {}
        # Workers do not have this package: importing it there fails.
        self._empty = folder / "cwd"
        self._empty.mkdir()
        (self._empty / "simanalysis.py").write_text("raise ImportError('a worker must not need this package')\n")
        self._scheduler = self._start("scheduler", "dask_scheduler", "--port", "0", "--scheduler-file", self._file)
        self._wait(lambda: self._file.exists() and self._file.read_text().endswith("}"), "the scheduler")
        self.address = json.loads(self._file.read_text())["address"]
        assert self.address.startswith("tcp://127.0.0.1:")

    def add_worker(self, name, *, environment=None, nanny=False):
        """Its process id. Without a nanny nobody starts it again."""
        process = self._start(
            name, "dask_worker", self.address, "--name", name, "--nthreads", "1", "--local-directory",
            self._folder / name, "--nanny" if nanny else "--no-nanny", "--death-timeout", "60",
            environment=environment)
        self.workers[name] = process
        return process.pid

    def wait_for_workers(self, count):
        """Name -> address, when there are so many."""
        with Client(self.address, set_as_default=False) as client:
            client.wait_for_workers(count, timeout=60)
            workers = client.scheduler_info()["workers"]
        return {info["name"]: address for address, info in workers.items()}

    def end(self):
        """At once: nothing of theirs is to be kept, and jobs end with their workers."""
        for process in [*self.workers.values(), self._scheduler]:
            for child in _descendants(process.pid):
                child.kill()
            process.kill()
            process.wait()

    def log(self, name):
        return (self._folder / f"{name}.log").read_text()

    def _start(self, name, module, *arguments, environment=None):
        with open(self._folder / f"{name}.log", "wb") as log:
            return subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.{module}", *map(str, arguments), "--host", "127.0.0.1",
                 "--no-dashboard"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, cwd=self._empty,
                env=os.environ | {"PYTHONPATH": "", "PYTHONWARNINGS": "ignore"} | (environment or {}))

    def _wait(self, condition, what, seconds=60):
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError(f"{what} did not come within {seconds} s")
            time.sleep(0.02)


class Sweep:
    """A driver in a process of its own."""

    def __init__(self, plan, out, *arguments, environment=None):
        self.out = Path(out)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "simanalysis.sweep", str(plan), "--out", str(out), *map(str, arguments)],
            cwd=ANALYSIS, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env=os.environ | (environment or {}))

    def is_running(self):
        return self._process.poll() is None

    def send(self, number):
        self._process.send_signal(number)

    def wait(self, seconds=120):
        """(exit code, stdout, stderr)."""
        try:
            out, errors = self._process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.end()
            raise
        return self._process.returncode, out, errors

    def end(self):
        if self.is_running():
            self._process.kill()
        self._process.communicate()


def _descendants(pid):
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def jobs_under(pid):
    """(process, id of its job) of each `sim sweep run` that process `pid` has started and that runs now."""
    found = []
    for child in _descendants(pid):
        try:
            words = child.cmdline()
        except psutil.Error:
            continue
        # What setpriv has not yet become is no job.
        if "--job" in words and "setpriv" not in words[0]:
            found.append((child, words[words.index("--job") + 1]))
    return found
