#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs every example that sim's help shows, in a folder of its own, and says which do not work.

Usage: docs/check-help.py path/of/sim
"""

import json
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

# Needs root and a minute; needs a cluster's own files; has nothing to show.
NOT_RUN = {"calibrate", "import"}
WITHOUT_EXAMPLES = {"schema", "help"}


def commands(node: dict, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], str]]:
    """Every command with its help's discussion; those whose parent shows how they go together stand for themselves."""
    subs = node.get("subcommands", [])
    discussion = node.get("discussion") or ""
    if not subs or (path and examples(discussion)):
        return [(path, discussion)]
    return [entry for sub in subs for entry in commands(sub, (*path, sub["commandName"]))]


def examples(discussion: str) -> list[str]:
    _, _, shown = discussion.partition("EXAMPLES\n")
    return [line.strip() for line in shown.split("\n") if line.startswith("  sim ")]


def main(sim: str) -> int:
    root = Path(__file__).resolve().parent.parent
    dump = subprocess.run([sim, "--experimental-dump-help"], check=True, capture_output=True, text=True)
    run, wrong = 0, []
    with tempfile.TemporaryDirectory() as folder:
        for name in ("scenarios", "docs"):
            (Path(folder) / name).symlink_to(root / name)
        for path, discussion in commands(json.loads(dump.stdout)["command"]):
            lines = examples(discussion)
            if not lines and path[0] not in WITHOUT_EXAMPLES:
                wrong.append(f"sim {' '.join(path)} has no example")
            for line in lines if path[0] not in NOT_RUN else []:
                words = shlex.split(line)
                done = subprocess.run([sim, *words[1:]], cwd=folder, capture_output=True, text=True)
                run += 1
                if done.returncode:
                    wrong.append(f"{line}\n  exit code {done.returncode}: {done.stderr.strip()[-500:]}")
    for message in wrong:
        print(message, file=sys.stderr)
    print(f"{run} examples run, {len(wrong)} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(str(Path(sys.argv[1]).resolve())) if len(sys.argv) == 2 else __doc__)
