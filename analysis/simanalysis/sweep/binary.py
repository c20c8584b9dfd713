# SPDX-License-Identifier: GPL-3.0-or-later
#
# The `sim` beside the driver. It decides which jobs are still needed and joins the results: statistics and the check
# of files live there, not here as well.

import hashlib
import json
import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from .failures import SweepError, UnreadableError


@dataclass(frozen=True)
class Status:
    """`needed`: ids still to be run, in the order in which they should be. `precision`: what `sim` says of the target."""

    jobs: int
    done: int
    needed: tuple
    finished: bool
    more: dict = field(default_factory=dict)


class Binary:
    """The program at `asked`, else at $SIM, else `sim` in the PATH."""

    def __init__(self, asked=None):
        wanted = asked or os.environ.get("SIM") or "sim"
        found = shutil.which(wanted)
        if found is None:
            raise UnreadableError(f"no program {wanted}; give --sim PATH, set SIM, or put sim into the PATH")
        self.path = str(Path(found).resolve())
        self.version = self._call(["--version"]).strip()
        with open(self.path, "rb") as file:
            self.sha256 = hashlib.file_digest(file, "sha256").hexdigest()

    def status(self, plan, folder):
        """What `sim sweep status` says."""
        text = self._call(["sweep", "status", plan, "--out", str(folder), "--format", "json"])
        try:
            value = json.loads(text)
            return Status(value.pop("jobs"), value.pop("done"), tuple(value.pop("needed")), value.pop("finished"),
                          value)
        except (ValueError, KeyError, AttributeError):
            raise SweepError(f"{self.path} sweep status did not answer as expected: {text[:500]!r}") from None

    def merge(self, plan, folder, out):
        """Joins the results; returns what `sim` printed."""
        return self._call(["sweep", "merge", plan, "--from", str(folder), "--out", str(out)])

    def _call(self, arguments):
        try:
            answer = subprocess.run([self.path, *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL)
        except OSError as error:
            raise UnreadableError(f"{self.path}: cannot be run: {error.strerror}") from None
        if answer.returncode != 0:
            words = " ".join(arguments[:2])
            raise SweepError(f"sim {words} ended with {answer.returncode}:\n{answer.stderr.strip()}",
                             answer.returncode if answer.returncode > 0 else None)
        return answer.stdout
