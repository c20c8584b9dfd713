# SPDX-License-Identifier: GPL-3.0-or-later
#
# What tests of sweeps start ends with them.

import json

import pytest
from sweep_processes import Cluster, Sweep


@pytest.fixture
def cluster(tmp_path):
    folder = tmp_path / "cluster"
    folder.mkdir()
    result = Cluster(folder)
    yield result
    result.end()


@pytest.fixture
def start_sweep():
    """Starts drivers; ends those that a failed test left."""
    started = []

    def start(*arguments, **named):
        started.append(Sweep(*arguments, **named))
        return started[-1]

    yield start
    for sweep in started:
        if sweep.is_running():
            sweep.end()


@pytest.fixture
def plan(tmp_path):
    """Writes a plan for the fake sim: jobs are dictionaries, or a number of them."""

    def write(jobs, **header):
        if isinstance(jobs, int):
            jobs = [{"id": f"job{number:03}"} for number in range(jobs)]
        lines = [{"plan": "p", "format": 1, "version": "9.9.9", "scenario": "fake", "jobs": len(jobs)} | header, *jobs]
        path = tmp_path / "plan.jsonl"
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        return path

    return write
