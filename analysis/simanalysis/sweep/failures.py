# SPDX-License-Identifier: GPL-3.0-or-later
#
# How a sweep can end other than well, and the exit code of each. Codes are those of `sim`; one is added: 69
# (EX_UNAVAILABLE of sysexits.h) for a scheduler or workers that cannot be reached.

from ..errors import EXIT_CANNOT_WRITE, EXIT_DATA, EXIT_UNREADABLE, EXIT_USAGE

EXIT_UNAVAILABLE = 69
EXIT_BUG = 70
EXIT_INTERRUPTED = 130

# What `sim` answers again however often it is asked: wrong usage, a wrong plan. Everything else may be the machine.
PERMANENT = (EXIT_USAGE, EXIT_DATA)


class SweepError(Exception):
    """A sweep that cannot go on; `exit_code` is that of the process."""

    exit_code = EXIT_BUG

    def __init__(self, text, exit_code=None):
        super().__init__(text)
        if exit_code is not None:
            self.exit_code = exit_code


class UsageError(SweepError):
    exit_code = EXIT_USAGE


class PlanError(SweepError):
    """A plan that is cut, edited or not a plan, or a binary that is not the plan's."""

    exit_code = EXIT_DATA


class UnreadableError(SweepError):
    exit_code = EXIT_UNREADABLE


class UnavailableError(SweepError):
    exit_code = EXIT_UNAVAILABLE


class CannotWriteError(SweepError):
    exit_code = EXIT_CANNOT_WRITE
