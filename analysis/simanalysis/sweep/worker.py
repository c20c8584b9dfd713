# SPDX-License-Identifier: GPL-3.0-or-later
#
# What runs on workers. It is sent by value, so that a worker needs Dask and `sim` and nothing of this package: only the
# standard library and Dask may be imported here, and answers are plain dictionaries.

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from distributed import WorkerPlugin, get_worker

_STDERR_KEPT = 8000


class PlanOnWorker(WorkerPlugin):
    """Keeps the plan in a file of the worker's and runs its jobs.

    A worker plugin is set up on all present workers and on those that come later, and taken down when it is removed or
    the worker closes (Dask's documentation of WorkerPlugin): the plan travels once per worker.

    name -- of the plugin; other drivers on the same scheduler have other names.
    sim -- path of the binary on the worker, or None for $SIM or `sim` in the PATH. expected -- its SHA-256.
    """

    def __init__(self, name, plan, digest, sim, expected):
        self.name, self._plan, self._digest, self._sim, self._expected = name, plan, digest, sim, expected

    def setup(self, worker):
        self._running = set()
        self._stopped = False
        self._binaries = {}
        self._leash = None
        # In the worker's own directory, which Dask clears away after workers that were killed.
        self._folder = Path(tempfile.mkdtemp(prefix="sim-sweep-", dir=worker.local_directory))
        self._path = self._folder / "plan.jsonl"
        self._path.write_bytes(self._plan)
        if hashlib.sha256(self._path.read_bytes()).hexdigest() != self._digest:
            raise OSError(f"{self._path}: the plan did not arrive as it was sent")

    def teardown(self, worker):
        self._stopped = True
        for process in list(self._running):
            _kill(process)
        shutil.rmtree(self._folder, ignore_errors=True)

    def describe(self):
        """The binary of this worker: path, version, SHA-256; or why there is none (`problem`)."""
        path = self._binary()
        if path is None:
            asked = self._sim or os.environ.get("SIM") or "sim in the PATH"
            return {"path": None, "problem": f"no program {asked}"}
        status = path.stat()
        key = (str(path), status.st_mtime_ns, status.st_size)
        if key not in self._binaries:
            try:
                answer = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=60,
                                        stdin=subprocess.DEVNULL)
            except (OSError, subprocess.SubprocessError) as error:
                return {"path": str(path), "problem": f"{path} cannot be run: {error}"}
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            self._binaries[key] = {"path": str(path), "version": answer.stdout.strip(), "sha256": digest}
        return self._binaries[key]

    def run(self, job):
        """Runs one job: `exit` (negative: killed by that signal), `stderr`, `data` (bytes or None), `binary`."""
        binary = self.describe()
        if binary.get("sha256") != self._expected:
            return {"exit": None, "stderr": "", "data": None, "binary": binary}
        with tempfile.TemporaryDirectory(prefix="job-", dir=self._folder, ignore_cleanup_errors=True) as out:
            command = [binary["path"], "sweep", "run", str(self._path), "--job", job, "--out", out, "--jobs", "1"]
            code, text = self._call(command)
            file = Path(out) / f"{job}.csv"
            data = file.read_bytes() if code == 0 and file.exists() else None
        if code == 0 and data is None:
            text += f"\nexit 0 without {job}.csv"
        return {"exit": code, "stderr": text[-_STDERR_KEPT:].strip(), "data": data, "binary": binary}

    def _call(self, command):
        # A session of its own: Ctrl-C at a terminal is the driver's to handle.
        process = subprocess.Popen([*self._with_leash(), *command], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True)
        self._running.add(process)
        try:
            if self._stopped:
                _kill(process)
            _, errors = process.communicate()
        finally:
            self._running.discard(process)
        return process.returncode, errors.decode("utf-8", "replace")

    def _with_leash(self):
        """A killed worker takes its `sim` along (prctl(2), PR_SET_PDEATHSIG) where util-linux' setpriv is there;
        elsewhere the orphan ends its job for nothing."""
        if self._leash is None:
            leash = ["setpriv", "--pdeathsig", "KILL"]
            try:
                works = sys.platform == "linux" and subprocess.run(
                    [*leash, "true"], capture_output=True, timeout=60).returncode == 0
            except (OSError, subprocess.SubprocessError):
                works = False
            self._leash = leash if works else []
        return self._leash

    def _binary(self):
        asked = self._sim or os.environ.get("SIM") or "sim"
        found = shutil.which(asked)
        return Path(found).resolve() if found else None


def run_job(plugin, job):
    """The task: one job of the plan on the worker that Dask has chosen."""
    worker = get_worker()
    return worker.plugins[plugin].run(job) | {"worker": worker.address}


def describe_binary(plugin, dask_worker):
    """For Client.run, which fills in `dask_worker`."""
    return dask_worker.plugins[plugin].describe()


def _kill(process):
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
