# SPDX-License-Identifier: GPL-3.0-or-later
#
# The loop that keeps workers busy: asks `sim` which jobs are needed, hands out a few more than run at a time, writes
# what comes back, and tries again what failed. Decides what is tried again: everything but `sim`'s own 64 and 65.

import queue
import time
import uuid
from collections import deque

from distributed import KilledWorker

from .by_value import ByValue
from .failures import EXIT_BUG, PERMANENT, PlanError, SweepError, UnavailableError
from .worker import PlanOnWorker, describe_binary, run_job

# Jobs handed out per thread: one that runs and one that waits for it to end.
_PER_THREAD = 2
_POLL_SECONDS = 0.25
_TRANSFER_SECONDS = 60
# `sim sweep status` reads all results so far; it may take this share of the time.
_STATUS_SHARE = 0.1


class Driver:
    """One sweep on one cluster.

    client -- a connected distributed.Client.
    binary -- the `sim` beside the driver (Binary); sim_on_workers -- a path there, or None for each worker's own.
    retries -- how often a job may fail, or kill Dask's patience, and be tried again.
    """

    def __init__(self, client, plan, store, binary, *, sim_on_workers, retries, progress, log):
        self._client, self._plan, self._store, self._binary = client, plan, store, binary
        self._sim_on_workers, self._retries, self._progress, self._log = sim_on_workers, retries, progress, log
        self._plugin = f"sim-sweep-{plan.digest[:16]}-{uuid.uuid4().hex[:8]}"
        self._task = ByValue(run_job)
        self._ended = queue.SimpleQueue()
        self._flying = {}
        self._submitted = 0
        self._failures = {}
        self._given_up = {}
        self._permanent = None
        self._written = set()
        self._status = None
        self._status_at, self._status_cost = 0.0, 0.0

    def run(self):
        """Returns the last Status, all of whose needed jobs are done. Raises SweepError where some could not be."""
        self._refresh()
        if not self._status.needed:
            return self._status
        self._client.register_plugin(
            PlanOnWorker(self._plugin, self._plan.text, self._plan.digest, self._sim_on_workers, self._binary.sha256),
            name=self._plugin)
        try:
            self._check_binaries()
            self._loop()
        finally:
            self._clear()
        return self._status

    # MARK: Before the first job

    def _check_binaries(self):
        """The same program everywhere: results of different ones must not be joined."""
        answers = self._client.run(ByValue(describe_binary), self._plugin, on_error="return")
        wrong = []
        for address, answer in sorted(answers.items()):
            problem = self._difference(answer)
            if problem:
                wrong.append(f"  worker {address}: {problem}")
        if wrong:
            raise PlanError(
                f"not every worker has the same sim as this machine ({self._binary.path}, {self._binary.version}, "
                f"SHA-256 {self._binary.sha256[:16]}…):\n" + "\n".join(wrong))

    def _difference(self, answer):
        """What is wrong with a worker's binary, or None."""
        if isinstance(answer, BaseException):
            return f"does not answer: {answer!r}"
        if "problem" in answer:
            return answer["problem"]
        if answer["sha256"] != self._binary.sha256:
            return f"{answer['path']} is {answer['version']}, SHA-256 {answer['sha256'][:16]}…"
        return None

    # MARK: The loop

    def _loop(self):
        todo = deque(self._status.needed)
        cluster = self._cluster()
        while True:
            if self._permanent is None:
                self._hand_out(todo, cluster[1])
            if not self._flying:
                if self._permanent is not None or not self._refill(todo):
                    break
                continue
            self._collect(todo)
            if self._written and self._status_is_due():
                self._refill(todo)
            cluster = self._cluster()
            left = len(todo) + len(self._flying)
            self._progress.show(self._status, self._done(), left, cluster)
        self._progress.show(self._status, self._done(), len(todo), cluster, now=True)
        self._report_failures()

    def _hand_out(self, todo, threads):
        while todo and len(self._flying) < _PER_THREAD * max(threads, 1):
            job = todo.popleft()
            self._submitted += 1
            # `retries` stays at 0: with it Dask would run a task that raised again without telling us why
            # (distributed/scheduler.py, stimulus_task_erred), and run_job raises nothing for a job that failed.
            # A worker's death is another matter: Dask runs its tasks elsewhere by itself, and gives up with
            # KilledWorker when more workers than distributed.scheduler.allowed-failures (3 unless configured where
            # the scheduler was started) died with the task among theirs (docs/source/killed.rst; all tasks given to
            # the worker count, not only the one that ran, hence few at a time). The driver then counts one failure.
            future = self._client.submit(
                self._task, self._plugin, job, key=f"{self._plugin}-{job}-{self._submitted}", pure=False, retries=0)
            self._log.add("submitted", job=job)
            self._watch(job, future)

    def _watch(self, job, future):
        self._flying[future.key] = (job, future)
        future.add_done_callback(lambda future: self._ended.put(future.key))

    def _collect(self, todo):
        """Takes in everything that has ended, after waiting for the first a little."""
        try:
            keys = [self._ended.get(timeout=_POLL_SECONDS)]
        except queue.Empty:
            self._check_scheduler()
            return
        while not self._ended.empty():
            keys.append(self._ended.get())
        for key in keys:
            if key in self._flying:
                job, future = self._flying.pop(key)
                self._take(job, future, todo)

    def _take(self, job, future, todo):
        if future.status == "cancelled":
            raise UnavailableError(self._lost())
        if future.status == "error":
            error = future.exception()
            self._log.add("error", job=job, error=repr(error))
            text = str(error) if isinstance(error, KilledWorker) else repr(error)
            self._fail(job, None, f"job {job}: {text}", todo)
            return
        try:
            answer = future.result(timeout=_TRANSFER_SECONDS)
        except TimeoutError:
            # The worker died between its last word and the transfer, and Dask runs the task again elsewhere
            # (docs/source/resilience.rst, closed network connections).
            self._watch(job, future)
            return
        future.release()
        self._log.add("ended", job=job, worker=answer["worker"], exit=answer["exit"],
                      bytes=len(answer["data"] or b""))
        difference = self._difference(answer["binary"])
        if difference:
            # It came after the check at the start, and would spoil every job that it gets.
            self._permanent = PlanError(f"worker {answer['worker']}, which came later: {difference}; expected SHA-256 "
                                        f"{self._binary.sha256[:16]}…, as here ({self._binary.path})")
        elif answer["data"] is None:
            self._fail(job, answer["exit"], _why(job, answer), todo)
        else:
            self._store.write(job, answer["data"])
            self._written.add(job)
            self._progress.finished()

    def _fail(self, job, code, text, todo):
        self._failures[job] = self._failures.get(job, 0) + 1
        if code in PERMANENT:
            # It would end so on every worker, and so would most other jobs.
            self._permanent = SweepError(text + "\nnot tried again: this is no failure of the machine", code)
        elif self._failures[job] > self._retries:
            self._given_up[job] = (code, text)
            self._progress.say(f"{text}\ngiven up after {self._failures[job]} attempts")
        else:
            self._progress.say(f"{text}\nagain ({self._failures[job]} of {self._retries} retries)")
            todo.append(job)

    # MARK: What is needed

    def _refill(self, todo):
        """Asks `sim` again; True if something is left to be handed out."""
        self._refresh()
        flying = {job for job, _ in self._flying.values()}
        todo.clear()
        todo.extend(job for job in self._status.needed if job not in flying and job not in self._given_up)
        self._check_progress(todo)
        superfluous = [key for key, (job, _) in self._flying.items() if job not in self._status.needed
                       and job not in self._written]
        for key in superfluous:
            job, future = self._flying.pop(key)
            future.cancel()
            self._log.add("superfluous", job=job)
        return bool(todo)

    def _check_progress(self, todo):
        """A job that is asked for again after its file was written would be asked for for ever."""
        again = [job for job in todo if job in self._written]
        if again:
            raise SweepError(f"job {again[0]} was written to {self._store.folder} and sim sweep status still asks "
                             "for it: somebody removes files there, or sim does not take them", EXIT_BUG)

    def _refresh(self):
        start = time.monotonic()
        self._status = self._binary.status(self._plan.path, self._store.folder)
        unknown = set(self._status.needed) - set(self._plan.ids)
        if unknown:
            raise PlanError(f"{self._plan.path}: sim sweep status asks for job {min(unknown)}, which is not in the "
                            "plan: the file changed meanwhile")
        self._written_at_status = len(self._written)
        self._status_at = time.monotonic()
        self._status_cost = self._status_at - start

    def _status_is_due(self):
        if len(self._written) == self._written_at_status:
            return False
        return time.monotonic() - self._status_at > self._status_cost / _STATUS_SHARE

    def _done(self):
        return self._status.done + len(self._written) - self._written_at_status

    # MARK: The cluster

    def _cluster(self):
        """(workers, threads)."""
        try:
            threads = self._client.nthreads()
        except (OSError, TimeoutError):
            raise UnavailableError(self._lost()) from None
        return len(threads), sum(threads.values())

    def _check_scheduler(self):
        if self._client.status not in ("running", "connecting"):
            raise UnavailableError(self._lost())

    def _lost(self):
        return (f"the scheduler has gone ({self._client.status}). What is done is in {self._store.folder}; the same "
                "command goes on from there")

    def _report_failures(self):
        if self._permanent is not None:
            raise self._permanent
        if self._given_up:
            job, (code, text) = next(iter(self._given_up.items()))
            count = len(self._given_up)
            failed = f"{count} job{'' if count == 1 else 's'} failed"
            raise SweepError(f"{failed}, the first: {text}\nThe others are in {self._store.folder}; the same command "
                             "tries again what is missing", code if code and code > 0 else EXIT_BUG)

    def _clear(self):
        """Leaves nothing of ours on the cluster: tasks are cancelled, running jobs killed, the plan removed."""
        for _, future in self._flying.values():
            try:
                future.cancel()
            except Exception:  # the connection may be what broke
                break
        self._flying.clear()
        try:
            self._client.unregister_worker_plugin(self._plugin)
        except Exception as error:
            self._progress.say(f"the plan could not be removed from the workers: {error!r}")


def _why(job, answer):
    code = answer["exit"]
    ended = "could not start" if code is None else f"was killed by signal {-code}" if code < 0 else \
        f"ended with {code}"
    return f"job {job} on worker {answer['worker']} {ended}:\n{answer['stderr']}"
