# SPDX-License-Identifier: GPL-3.0-or-later
#
# python -m simanalysis.sweep: arguments in, a folder of finished jobs out.

import argparse
import logging
import signal
import sys
from pathlib import Path

from .binary import Binary
from .failures import EXIT_BUG, EXIT_INTERRUPTED, PlanError, SweepError, UsageError
from .plan import read_plan
from .progress import AttemptLog, Progress
from .store import Store

_EXAMPLES = """\
examples:
  sim sweep plan scenarios/grid.json -o plan.jsonl
  python -m simanalysis.sweep plan.jsonl --out done --merge results/grid
  python -m simanalysis.sweep plan.jsonl --out done --scheduler tcp://10.0.0.5:8786

exit codes: 0 done; 64 wrong usage, 65 wrong plan or another sim on a worker, 66 a file cannot be read, 69 no
scheduler or no worker, 70 a job failed again and again, 73 a result cannot be written, 130 interrupted. A job's own
exit code where it is above 0.
"""


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        raise UsageError(f"{message}\n{self.format_usage().strip()}")


def parser():
    result = _Parser(
        prog="python -m simanalysis.sweep", epilog=_EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Runs the jobs of a plan of `sim sweep plan` on Dask. Started again, it goes on where it was.")
    result.add_argument("plan", type=Path, help="the file that `sim sweep plan` wrote")
    result.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for one file per finished job")
    result.add_argument("--scheduler", metavar="ADDRESS",
                        help="a running Dask scheduler, such as tcp://10.0.0.5:8786; otherwise this machine alone")
    result.add_argument("--sim", metavar="PATH",
                        help="the sim binary, here and on the workers; otherwise each one's $SIM, or sim in the PATH")
    result.add_argument("--workers", type=_positive, metavar="N",
                        help="jobs at a time without --scheduler; by default one per core")
    result.add_argument("--retries", type=_count, default=3, metavar="N",
                        help="how often a job that failed is tried again (3)")
    result.add_argument("--merge", type=Path, metavar="FOLDER", help="join the results there at the end")
    result.add_argument("--log", type=Path, metavar="FILE", help="append a JSON line per attempt of a job")
    result.add_argument("--no-progress", action="store_true", help="no line about how far it is")
    result.add_argument("--quiet", action="store_true", help="nothing but errors")
    return result


def main(arguments=None):
    try:
        return _run(parser().parse_args(arguments))
    except SweepError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("interrupted; what is done stays, the same command goes on from there", file=sys.stderr)
        return EXIT_INTERRUPTED


def _run(options):
    if options.scheduler and options.workers:
        raise UsageError("--workers is for the embedded cluster; with --scheduler its workers decide")
    plan = read_plan(options.plan)
    binary = Binary(options.sim)
    if plan.version not in (binary.version, binary.version.split()[-1]):
        raise PlanError(f"{options.plan} was made by sim {plan.version}; {binary.path} is {binary.version}")
    store = Store(options.out)
    progress = Progress(plan.scenario, shown=not options.no_progress, quiet=options.quiet)
    log = AttemptLog(options.log)
    try:
        status = _sweep(options, plan, binary, store, progress, log)
    finally:
        progress.end()
        log.close()
    if not status.finished:
        raise SweepError("no job is needed and the sweep is not finished, says sim sweep status", EXIT_BUG)
    _finish(options, binary, status)
    return 0


def _sweep(options, plan, binary, store, progress, log):
    status = binary.status(options.plan, store.folder)
    if not status.needed:
        return status
    # Dask takes a second to import: not before it is needed.
    from .cluster import client_of
    from .driver import Driver

    with client_of(options.scheduler, options.workers) as client:
        return Driver(client, plan, store, binary, sim_on_workers=_on_workers(options, binary),
                      retries=options.retries, progress=progress, log=log).run()


def _on_workers(options, binary):
    """Embedded workers use the driver's binary; others the path that was given, or look for their own."""
    if options.scheduler and options.sim is None:
        return None
    return binary.path


def _finish(options, binary, status):
    if options.merge is not None:
        print(binary.merge(options.plan, options.out, options.merge), end="")
    elif not options.quiet:
        print(f"{status.done} of {status.jobs} jobs are in {options.out}"
              + (f"; the other {status.jobs - status.done} are not needed" if status.done < status.jobs else "")
              + f". To join them:\n  sim sweep merge {options.plan} --from {options.out} --out results/NAME")


def _positive(text):
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return value


def _count(text):
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text} is below 0")
    return value


def _interrupt(number, frame):
    raise KeyboardInterrupt


if __name__ == "__main__":
    # Ctrl-C and a polite kill mean the same: what is written stays, nothing half-written does.
    signal.signal(signal.SIGTERM, _interrupt)
    # Dask tells in many words what the driver tells in one line: that a worker has gone.
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    code = main()
    sys.stdout.flush()
    sys.exit(code)
