#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A `sim` for tests of the driver alone: it keeps the contract of `sim sweep` with jobs that sleep, fail or hang as the
# plan says. What real jobs give is tested with the real program (test_killed_worker.py).

import hashlib
import json
import os
import signal
import sys
import time
from pathlib import Path

VERSION = "9.9.9"


def content(job):
    return f"job,value\n{job['id']},{hashlib.sha256(job['id'].encode()).hexdigest()}\n"


def option(name, default=None):
    return sys.argv[sys.argv.index(name) + 1] if name in sys.argv else default


def read(path):
    header, *jobs = [json.loads(line) for line in Path(path).read_text().splitlines()]
    return header, jobs


def run(path):
    _, jobs = read(path)
    job = next((job for job in jobs if job["id"] == option("--job")), None)
    if job is None:
        print("no such job", file=sys.stderr)
        return 64
    out = Path(option("--out"))
    state = job.get("state")
    if state:
        with open(state, "a") as file:
            file.write(f"{os.getpid()} {os.getppid()} {job['id']}\n")
    time.sleep(job.get("sleep", 0))
    while "until" in job and not Path(job["until"]).exists():
        time.sleep(0.02)
    tries = len([line for line in Path(state).read_text().splitlines() if line.endswith(job["id"])]) if state else 1
    if tries <= job.get("failures", 0):
        print(f"trouble with {job['id']}", file=sys.stderr)
        if job.get("signal"):
            os.kill(os.getpid(), signal.SIGKILL)
        return job.get("exit", 70)
    if not job.get("silent"):
        (out / f"{job['id']}.csv").write_text(content(job))
    return 0


def is_done(out, job):
    file = out / f"{job['id']}.csv"
    return file.exists() and file.read_text() == content(job)


def status(path):
    header, jobs = read(path)
    out = Path(option("--out"))
    wanted = jobs[: header.get("enough", len(jobs))] if all(
        is_done(out, job) for job in jobs[: header.get("enough", len(jobs))]) else jobs
    needed = [job["id"] for job in wanted if not is_done(out, job)]
    done = sum(is_done(out, job) for job in jobs)
    print(json.dumps({"plan": header["plan"], "jobs": len(jobs), "done": done, "needed": needed,
                      "finished": not needed}))
    return 0


def merge(path):
    _, jobs = read(path)
    folder, out = Path(option("--from")), Path(option("--out"))
    if not all(is_done(folder, job) for job in jobs):
        print("incomplete", file=sys.stderr)
        return 65
    out.mkdir(parents=True)
    (out / "all.csv").write_text("".join((folder / f"{job['id']}.csv").read_text() for job in jobs))
    print(f"merged {len(jobs)} jobs")
    return 0


if sys.argv[1:] == ["--version"]:
    print(VERSION)
elif sys.argv[1] == "sweep":
    sys.exit({"run": run, "status": status, "merge": merge}[sys.argv[2]](sys.argv[3]))
else:
    sys.exit(64)
