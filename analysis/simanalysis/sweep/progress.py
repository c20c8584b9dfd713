# SPDX-License-Identifier: GPL-3.0-or-later
#
# What the driver says on stderr while it works, and the log of attempts that --log asks for.

import json
import sys
import time


class Progress:
    """One line that is rewritten on a terminal, else a line every ten seconds."""

    def __init__(self, scenario, *, shown=True, quiet=False, stream=None):
        self._scenario, self._shown, self._quiet = scenario, shown and not quiet, quiet
        self._stream = stream or sys.stderr
        self._terminal = self._stream.isatty()
        self._start = time.monotonic()
        self._finished_here = 0
        self._last = -1e9
        self._width = 0

    def finished(self):
        """A job of this driver has ended well."""
        self._finished_here += 1

    def show(self, status, done, left, cluster, *, now=False):
        """status -- the last Status; done, left -- jobs as of now; cluster -- (workers, threads)."""
        interval = 0.2 if self._terminal else 10
        if not self._shown or (not now and time.monotonic() - self._last < interval):
            return
        self._last = time.monotonic()
        text = self._line(status, done, left, cluster)
        if self._terminal:
            self._stream.write("\r" + text.ljust(self._width))
            self._width = len(text)
        else:
            self._stream.write(text + "\n")
        self._stream.flush()

    def say(self, text):
        """A line of its own, which stays."""
        if self._quiet:
            return
        if self._width:
            self._stream.write("\r" + " " * self._width + "\r")
            self._width = 0
        self._stream.write(text + "\n")
        self._stream.flush()

    def end(self):
        if self._width:
            self._stream.write("\n")
            self._width = 0

    def _line(self, status, done, left, cluster):
        workers, threads = cluster
        parts = [f"{self._scenario}  {done} of {done + left} jobs"]
        if done + left < status.jobs:
            parts.append(f"{status.jobs - done - left} not needed")
        precision = precision_text(status)
        if precision:
            parts.append(precision)
        parts.append(f"{workers} worker{'' if workers == 1 else 's'}, {threads} at a time")
        parts.append(f"ETA {self._remaining(left)}")
        return "  ".join(parts)

    def _remaining(self, left):
        if not self._finished_here:
            return "?"
        seconds = left * (time.monotonic() - self._start) / self._finished_here
        minutes, rest = divmod(round(seconds), 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def precision_text(status):
    """The precision reached so far, where `sim sweep status` tells it: in words, or as points that are precise enough."""
    more = status.more
    if isinstance(more.get("precision"), str):
        return more["precision"]
    points, finished = more.get("points"), more.get("finished_points")
    return f"{finished} of {points} points finished" if isinstance(points, int) and isinstance(finished, int) else ""


class AttemptLog:
    """A JSON line per attempt: job, attempt, worker, exit, seconds since the start. Nothing without a path."""

    def __init__(self, path):
        self._file = open(path, "a", encoding="utf-8") if path else None
        self._start = time.monotonic()

    def add(self, event, **details):
        if self._file:
            line = {"event": event, "t_s": round(time.monotonic() - self._start, 3), **details}
            self._file.write(json.dumps(line) + "\n")
            self._file.flush()

    def close(self):
        if self._file:
            self._file.close()
