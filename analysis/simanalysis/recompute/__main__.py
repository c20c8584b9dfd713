# SPDX-License-Identifier: GPL-3.0-or-later
#
# python -m simanalysis.recompute results/NAME...: do GSL and SciPy agree?

import argparse
import sys
from pathlib import Path

from .. import errors, load
from . import comparison, gsl, load_balance, summary, sweep, theory, thresholds
from .findings import Findings

_SHOWN = 20
_LATENCY = ("latency.csv: quantiles come from histograms of every connection, which are not in the CSV files; they cannot "
            "be recomputed")


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        self.print_usage(sys.stderr)
        self.exit(errors.EXIT_USAGE, f"error: {message}\n")


def main(arguments=None):
    parser = _Parser(
        prog="python -m simanalysis.recompute",
        description="Recomputes the statistics of results folders with SciPy, from their CSV files alone. Exit code 65 "
        "where a number differs by more than its nine digits and those of its inputs explain.")
    parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER", help="written by sim run or sim compare")
    parser.add_argument("--gsl-table", type=Path, metavar="FILE",
                        help="also compare the values of GSL's functions that `simstudy gsl-table` printed")
    options = parser.parse_args(arguments)
    if not options.folders and options.gsl_table is None:
        parser.error("give a results folder, or --gsl-table FILE")
    try:
        bad = [_report(str(folder), recompute(load(folder))) for folder in options.folders]
        if options.gsl_table is not None:
            bad.append(_report(str(options.gsl_table), gsl.compare_file(options.gsl_table)))
    except errors.ResultsError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return errors.EXIT_DATA if any(bad) else 0


def recompute(results):
    """All comparisons of a folder, as Findings."""
    findings = Findings()
    for part in (summary, load_balance, comparison, theory, thresholds, sweep):
        part.recompute(results, findings)
    if "latency" in results:
        findings.note(_LATENCY)
    return findings


def _report(name, findings):
    """Prints a table of what was compared; True if something disagrees."""
    print(name)
    width = max([len(f"{file} {column}") for file, column in findings.tallies] or [0])
    for (file, column), tally in findings.tallies.items():
        text = f"  {f'{file} {column}':{width}}  {tally.compared:6} compared, greatest difference {tally.worst:.1e}"
        if tally.undecidable:
            text += f"; {tally.undecidable} hang on digits that are not printed"
        if tally.excused:
            text += f"; {tally.excused} within a known absolute error (docs/recompute.md)"
        print(text)
    for note in findings.notes:
        print(f"  {note}")
    if not any(tally.compared for tally in findings.tallies.values()):
        print("  nothing in it can be recomputed")
    wrong = findings.disagreements
    for disagreement in wrong[:_SHOWN]:
        print(f"error: {name}/{disagreement}", file=sys.stderr)
    if len(wrong) > _SHOWN:
        print(f"error: and {len(wrong) - _SHOWN} more", file=sys.stderr)
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
