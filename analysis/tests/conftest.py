# SPDX-License-Identifier: GPL-3.0-or-later
#
# Results to test with are made by the simulator itself, once per session. A missing binary fails: nothing is
# skipped.

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from real_sim import binary

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def sim():
    """Path of the simulator: $SIM, else a build in this repository."""
    return Path(binary()).resolve()


@pytest.fixture(scope="session")
def make(sim, tmp_path_factory):
    """A function: arguments of sim -> a folder of results."""
    place = tmp_path_factory.mktemp("results")

    def run(name, *arguments, codes=(0,)):
        folder = place / name
        done = subprocess.run(
            [sim, *map(str, arguments), "--out", folder, "--no-progress", "--quiet"],
            cwd=ROOT,
            capture_output=True,
            text=True,
        )
        assert done.returncode in codes, f"sim {' '.join(map(str, arguments))}: {done.stderr}"
        return folder

    return run


@pytest.fixture(scope="session")
def churn(make):
    """node-churn, three replications."""
    return make("node-churn", "scenarios/node-churn.json", "--replications", 3)


@pytest.fixture(scope="session")
def comparison(make):
    """node-churn in three modes."""
    return make(
        "compare",
        "compare",
        "scenarios/node-churn.json",
        "--replications",
        3,
        "--modes",
        "iptables,nftables,ebpf",
    )


@pytest.fixture(scope="session")
def lossless(make):
    """A scenario without losses."""
    return make("lb-fairness", "scenarios/lb-fairness.json")


@pytest.fixture
def copy(tmp_path):
    """A function: folder -> a copy of it that a test may spoil.

    Without the digests of its files, unless wanted: they would find every change, and leave nothing for other checks.
    """

    def make_copy(folder, name="copy", keep_digests=False):
        copied = Path(shutil.copytree(folder, tmp_path / name))
        path = copied / "datapackage.json"
        if path.exists() and not keep_digests:
            package = json.loads(path.read_text())
            for resource in package["resources"]:
                resource.pop("bytes", None)
                resource.pop("hash", None)
            path.write_text(json.dumps(package))
        return copied

    return make_copy
