# SPDX-License-Identifier: GPL-3.0-or-later
#
# When two numbers agree although results have nine significant digits. What is recomputed starts from rounded inputs, so
# each input is moved by as much as rounding may have moved it, and the changes of the result are added up: that much,
# plus the rounding of the printed result, plus 1e-9 of it, is allowed. Nothing else is.

import math

RELATIVE = 1e-9
_DIGITS = 9


def rounding(value):
    """Half a unit of the ninth significant digit: how far a printed number may be from the true one."""
    if value == 0 or not math.isfinite(value):
        return 0.0
    return 0.5 * 10.0 ** (math.floor(math.log10(abs(value))) - _DIGITS + 1)


def half_unit(value):
    """The same of an input. Whole numbers below 10^9 are taken for counts, which are printed as they are. (A fraction
    that was rounded to a whole number is taken for one too; its error is missed.)"""
    return 0.0 if math.isfinite(value) and value == int(value) and abs(value) < 10**_DIGITS else rounding(value)


def sensitivity(function, inputs):
    """The most that the result may differ because each input was rounded; inf where that is anybody's guess."""
    base = function(inputs)
    if base is None or not math.isfinite(base):
        return math.inf
    total = 0.0
    for index, value in enumerate(inputs):
        unit = half_unit(value)
        if unit == 0:
            continue
        most = 0.0
        for moved in (value - unit, value + unit):
            result = function([*inputs[:index], moved, *inputs[index + 1 :]])
            if result is None or not math.isfinite(result):
                return math.inf
            most = max(most, abs(result - base))
        total += most
    return total


def allowed(printed, expected, slack=0.0):
    """How far `printed` may be from `expected`, whose own uncertainty is `slack`."""
    return slack + rounding(printed) + RELATIVE * max(abs(printed), abs(expected))
