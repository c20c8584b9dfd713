# SPDX-License-Identifier: GPL-3.0-or-later
#
# What was compared and what disagrees.

import math
from dataclasses import dataclass, field

from .digits import RELATIVE, allowed, sensitivity

# Beyond this share of the value, rounding of the inputs leaves nothing to be checked.
_USELESS = 1e-3
# … unless both are equal in eight digits.
_EXACT = 1e-8


@dataclass(frozen=True)
class Disagreement:
    """`row` names the row of the file by its key."""

    file: str
    row: str
    column: str
    printed: float
    expected: float

    def __str__(self):
        return (f"{self.file}: {self.row}: {self.column} is {_text(self.printed)}; "
                f"recomputed {_text(self.expected)}")


@dataclass
class Tally:
    """One line of the table: a column of a file."""

    compared: int = 0
    undecidable: int = 0
    excused: int = 0
    worst: float = 0.0


@dataclass
class Findings:
    """Tallies by (file, column) in the order of their first comparison, disagreements, and what cannot be checked."""

    tallies: dict = field(default_factory=dict)
    disagreements: list = field(default_factory=list)
    notes: list = field(default_factory=list)

    def compare(self, file, row, column, printed, function, inputs, absolute=0.0):
        """One printed number against function(inputs); None or NaN is an empty cell, which must be empty in both.

        function -- of a list of numbers as printed. Where their rounding alone could change the result by a thousandth
        of it, the number is counted as undecidable, unless it is printed exactly as recomputed.
        """
        expected = function(list(inputs))
        self.check(file, row, column, printed, expected, sensitivity(function, list(inputs)), absolute=absolute)

    def check(self, file, row, column, printed, expected, slack=0.0, *, absolute=0.0, whole=False):
        """As `compare`, with a result and its uncertainty.

        absolute -- a difference that the functions themselves explain. whole -- all digits of `printed` are there.
        """
        tally = self.tallies.setdefault((file, column), Tally())
        empty = _is_empty(printed)
        if empty or expected is None:
            if empty != (expected is None):
                self.disagreements.append(Disagreement(file, row, column, printed, expected))
            return
        printed, expected = float(printed), float(expected)
        size = max(abs(printed), abs(expected))
        difference = abs(printed - expected)
        if RELATIVE * size < difference <= absolute:
            tally.compared += 1
            tally.excused += 1
            return
        if not math.isfinite(slack) or slack > _USELESS * size > 0:
            if difference > _EXACT * size:
                tally.undecidable += 1
                return
        tally.compared += 1
        if size > 0:
            tally.worst = max(tally.worst, difference / size)
        slack = slack if math.isfinite(slack) else 0.0
        limit = slack + RELATIVE * size if whole else allowed(printed, expected, slack)
        if not difference <= limit:
            self.disagreements.append(Disagreement(file, row, column, printed, expected))

    def note(self, text):
        """Something that cannot be recomputed, once."""
        if text not in self.notes:
            self.notes.append(text)



def _is_empty(value):
    # pandas.NA answers no comparison.
    return value is None or value != value if not type(value).__name__ == "NAType" else True


def _text(value):
    return "empty" if _is_empty(value) else f"{float(value):.12g}"
