# SPDX-License-Identifier: GPL-3.0-or-later
"""Results of `sim` as typed frames, an HTML report of them, and sweeps on many machines."""

from .errors import ResultsError, UnreadableError
from .results import Results, load

__all__ = ["Results", "ResultsError", "UnreadableError", "load"]
