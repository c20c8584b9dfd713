# SPDX-License-Identifier: GPL-3.0-or-later
#
# What several replications of a metric say together: a mean with Student's t, or, where each replication's value is a
# part of a whole, the ratio of the sums by the delta method.

from . import formulas
from .digits import rounding


def parts(values, wholes):
    """Numerators of ratios value = part / whole, which are whole numbers; None where they are not."""
    if not values or any(n is None or n != n for n in wholes):
        return None
    found = []
    for value, n in zip(values, wholes):
        part = round(value * n)
        if abs(part - value * n) > 1e-6 + n * rounding(value):
            return None
        found.append(part)
    return found


def estimate(values, unit, wholes):
    """(functions of the inputs for mean, low and high; inputs).

    values -- by replication; wholes -- what the shares are of, where unit is ratio, or None.
    """
    numerators = parts(values, wholes) if unit == "ratio" and sum(n or 0 for n in wholes) > 0 else None
    if numerators is not None:
        n = len(values)
        inputs = [float(x) for x in numerators] + [float(x) for x in wholes]
        return [lambda x, i=i: formulas.ratio_interval(x[:n], x[n:])[i] for i in range(3)], inputs
    return [lambda x, i=i: formulas.mean_interval(x)[i] for i in range(3)], list(values)
