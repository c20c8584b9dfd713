# SPDX-License-Identifier: GPL-3.0-or-later
#
# The command line: python -m simanalysis.report results/node-churn [-o report.html] [--figures DIR].

import argparse
import os
import sys
import tempfile
from pathlib import Path

from ..errors import EXIT_CANNOT_WRITE, EXIT_USAGE, CannotWriteError, ResultsError
from ..results import load
from . import render_page, write_figures

# What the page draws; lost_connections.csv is large and not among it, but is checked to be there.
TABLES = (
    "summary",
    "connection_loss",
    "loss_ledger",
    "timeline",
    "events",
    "staleness",
    "latency",
    "load_balance",
    "load_balance_stats",
    "comparison",
    "thresholds",
    "sweep_summary",
)


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        self.print_usage(sys.stderr)
        print(f"{self.prog}: {message}", file=sys.stderr)
        raise SystemExit(EXIT_USAGE)


def main(arguments=None):
    parser = _Parser(
        prog="python -m simanalysis.report",
        description="Writes one self-contained HTML page about a results folder of sim.",
        epilog="exit codes: 0 done, 64 wrong usage, 65 the folder is incomplete or was edited, 66 it cannot be read, "
        "73 the page cannot be written",
    )
    parser.add_argument(
        "folder", nargs="+", type=Path, help="results folders, side by side if there are several"
    )
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="the page (default: FOLDER/report.html)"
    )
    parser.add_argument("--figures", type=Path, metavar="DIR", help="also write PNG and SVG of each figure")
    options = parser.parse_args(arguments)
    output = options.output or options.folder[0] / "report.html"
    try:
        results = load(*options.folder, tables=TABLES)
        _write(output, render_page(results))
        print(output)
        if options.figures:
            for path in write_figures(results, options.figures):
                print(path)
    except (ResultsError, CannotWriteError) as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return error.exit_code
    except OSError as error:
        print(f"{parser.prog}: {error.filename}: cannot be written: {error.strerror}", file=sys.stderr)
        return EXIT_CANNOT_WRITE
    return 0


def _write(path, text):
    """Under a temporary name first, so that a page that was there stays until the new one is whole."""
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    except OSError as error:
        raise CannotWriteError(f"{path}: cannot be written: {error.strerror}") from None
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, path)
    except OSError as error:
        os.unlink(name)
        raise CannotWriteError(f"{path}: cannot be written: {error.strerror}") from None


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


if __name__ == "__main__":
    sys.exit(main())
