# SPDX-License-Identifier: GPL-3.0-or-later
#
# The cluster that a sweep runs on: somebody's scheduler, or one inside this process for the cores of this machine.

import contextlib
import os

import dask.config
from distributed import Client, LocalCluster

from .failures import UnavailableError

_FIRST_WORKER_SECONDS = 120


@contextlib.contextmanager
def client_of(scheduler, workers):
    """A connected Client. scheduler -- its address, or None for the embedded cluster of `workers` threads."""
    with contextlib.ExitStack() as stack:
        if scheduler:
            client = stack.enter_context(_connected(scheduler))
        else:
            client = stack.enter_context(_embedded(workers or os.cpu_count() or 1))
        yield client


@contextlib.contextmanager
def _connected(scheduler):
    try:
        client = Client(scheduler, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise UnavailableError(f"{scheduler}: no scheduler answers: {error}") from None
    try:
        try:
            client.wait_for_workers(1, timeout=_FIRST_WORKER_SECONDS)
        except TimeoutError:
            raise UnavailableError(
                f"{scheduler}: no worker came within {_FIRST_WORKER_SECONDS} s; start some with "
                f"dask worker {scheduler}") from None
        yield client
    finally:
        # Neither the scheduler nor its workers are ours to end.
        client.close(timeout=5)


@contextlib.contextmanager
def _embedded(threads):
    """One worker in this process, with a thread per job: each job is a process of `sim` anyway, which a failure takes
    down alone. Nothing listens on any network (protocol inproc), no dashboard is started."""
    with dask.config.set({
        # The sampling profiler of worker threads (distributed.yaml, worker.profile) would watch them wait.
        "distributed.worker.profile.enabled": False,
    }):
        cluster = LocalCluster(
            n_workers=1, threads_per_worker=threads, processes=False, dashboard_address=None,
            # Dask's limit is on the worker's own memory, not on that of the programs that it runs (distributed's
            # docs/source/worker.rst: measured "as reported by the OS" for the worker process): it would say nothing.
            memory_limit=0, silence_logs="ERROR")
        with cluster, Client(cluster, set_as_default=False) as client:
            yield client
