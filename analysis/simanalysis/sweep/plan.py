# SPDX-License-Identifier: GPL-3.0-or-later
#
# The plan file that `sim sweep plan` wrote: a header line and a line per job. Decides only what the driver needs of it:
# which jobs there are, and that the file is whole. What a job means is `sim`'s business, and so is the plan's hash.

import hashlib
import json
import re
from dataclasses import dataclass

from .failures import PlanError, UnreadableError

# Ids become file names.
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")


@dataclass(frozen=True)
class Plan:
    """`text` is the file as it is; `digest` its SHA-256 in hex, by which workers cache it."""

    path: str
    text: bytes
    digest: str
    name: str
    scenario: str
    version: str
    ids: tuple


def read_plan(path):
    """Raises UnreadableError or PlanError."""
    try:
        text = path.read_bytes()
    except OSError as error:
        raise UnreadableError(f"{path}: cannot be read: {error.strerror}") from None
    lines = text.split(b"\n")
    if lines[-1] != b"":
        raise PlanError(f"{path}:{len(lines)}: the last line has no end: the file is cut")
    header = _object(path, 1, lines[0])
    for key, kind in (("plan", str), ("version", str), ("scenario", str), ("jobs", int)):
        if not isinstance(header.get(key), kind):
            raise PlanError(f"{path}:1: no {key}; expected the header line of sim sweep plan")
    ids = _ids(path, lines[1:-1])
    if len(ids) != header["jobs"]:
        raise PlanError(f"{path}: {len(ids)} jobs; expected {header['jobs']}, as line 1 says: the file is cut or edited")
    digest = hashlib.sha256(text).hexdigest()
    return Plan(str(path), text, digest, header["plan"], header["scenario"], header["version"], tuple(ids))


def _ids(path, lines):
    seen = {}
    for number, line in enumerate(lines, start=2):
        name = _object(path, number, line).get("id")
        if not isinstance(name, str) or not _ID.fullmatch(name):
            raise PlanError(f"{path}:{number}: {name!r} is no id of a job; expected letters and digits")
        if name in seen:
            raise PlanError(f"{path}:{number}: job {name} is in line {seen[name]} already")
        seen[name] = number
    return list(seen)


def _object(path, number, line):
    try:
        value = json.loads(line)
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise PlanError(f"{path}:{number}: no JSON; expected a plan of sim sweep plan") from None
    if not isinstance(value, dict):
        raise PlanError(f"{path}:{number}: no JSON object; expected a plan of sim sweep plan")
    return value
