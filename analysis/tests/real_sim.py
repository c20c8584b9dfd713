# SPDX-License-Identifier: GPL-3.0-or-later
#
# The real `sim`, for tests of what it and this package do together. Without one they fail: none is skipped.

import os
import shutil
import subprocess
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
_BUILDS = (".build-release/release/sim", ".build/debug/sim")


def binary():
    """$SIM, or else what `make release` or `make build` left."""
    asked = os.environ.get("SIM")
    candidates = [asked] if asked else [str(REPOSITORY / build) for build in _BUILDS]
    for candidate in candidates:
        found = shutil.which(candidate)
        if found:
            return found
    raise AssertionError(f"no sim at {' or '.join(candidates)}: run `make release`, or set SIM to the binary")


def beside_sim(name):
    """Another program of the same build."""
    path = Path(binary()).resolve().with_name(name)
    assert path.exists(), f"no {path}: run `make release`"
    return str(path)


def sim(*arguments, code=0):
    """Its standard output; fails unless it ends with `code`."""
    return run(binary(), *arguments, code=code)


def run(program, *arguments, code=0):
    answer = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, timeout=300,
                            stdin=subprocess.DEVNULL)
    words = f"{Path(program).name} {' '.join(map(str, arguments))}"
    assert answer.returncode == code, f"{words}: {answer.returncode}\n{answer.stderr}"
    return answer.stdout
