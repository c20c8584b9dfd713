# SPDX-License-Identifier: GPL-3.0-or-later
#
# What can be wrong with a results folder or a command line, each with the exit code that `sim` has for it.

EXIT_USAGE = 64
EXIT_DATA = 65
EXIT_UNREADABLE = 66
EXIT_CANNOT_WRITE = 73


class ResultsError(Exception):
    """A results folder that is incomplete, was edited, or is not what its datapackage.json says.

    `path`, `line` (from 1, the header's line), `column` (its name) and `expected` are None where they do not apply.
    """

    exit_code = EXIT_DATA

    def __init__(self, path, problem, *, line=None, column=None, expected=None):
        self.path, self.problem = path, problem
        self.line, self.column, self.expected = line, column, expected
        place = str(path) + (f":{line}" if line is not None else "")
        text = f"{place}: " + (f"column {column}: " if column is not None else "") + problem
        super().__init__(text + (f"; expected {expected}" if expected else ""))


class UnreadableError(ResultsError):
    """A file or folder that is not there or must not be read."""

    exit_code = EXIT_UNREADABLE


class CannotWriteError(Exception):
    """Output that cannot be written."""

    exit_code = EXIT_CANNOT_WRITE
