# SPDX-License-Identifier: GPL-3.0-or-later
#
# The statistics by SciPy and numpy, from their definitions and not from the Swift code.

import functools
import math

import numpy
from scipy import special, stats

CONFIDENCE = 0.95

# GSL takes the tail of t with more than 30 degrees of freedom from an expansion (Hill 1970, in its cdf/tdist.c), whose
# error far out is small only against 1: of 1e-15 it is 4e-24, of 2e-97 2e-7 of it. SciPy is right there: 40-digit arithmetic says so.
GSL_T_TAIL = 1e-20


def jain(counts):
    """Jain, Chiu and Hawe 1984: (Σx)² / (n Σx²)."""
    x = numpy.asarray(counts, float)
    return None if x.sum() == 0 else x.sum() ** 2 / (len(x) * (x**2).sum())


def gini(counts):
    """Half the relative mean absolute difference, over all pairs."""
    x = numpy.asarray(counts, float)
    if x.sum() == 0:
        return None
    return numpy.abs(x[:, None] - x[None, :]).sum() / (2 * len(x) ** 2 * x.mean())


def variation(counts):
    """Coefficient of variation, divisor n."""
    x = numpy.asarray(counts, float)
    return None if x.sum() == 0 else stats.variation(x)


def max_over_mean(counts):
    x = numpy.asarray(counts, float)
    return None if x.sum() == 0 else x.max() / x.mean()


def chi_square_tail(statistic, degrees):
    return float(stats.chi2.sf(statistic, degrees))


def pearson(counts, shares):
    """Pearson's statistic of counts against shares of their sum; cells that expect nothing are left out."""
    observed, share = numpy.asarray(counts, float), numpy.asarray(shares, float)
    expected = share / share.sum() * observed.sum()
    kept = expected > 0
    return float((((observed - expected) ** 2)[kept] / expected[kept]).sum())


def multinomial_variation(total, shares):
    """Mean coefficient of variation of multinomial counts: the sum of squared deviations from the mean count is taken
    for a multiple of a chi-square with its first two moments (Satterthwaite 1946)."""
    p = numpy.asarray(shares, float)
    p = p / p.sum()
    n, covariance = len(p), total * (numpy.diag(p) - numpy.outer(p, p))
    shift = total * (p - 1 / n)
    mean = numpy.trace(covariance) + shift @ shift
    variance = 2 * (covariance * covariance).sum() + 4 * shift @ covariance @ shift
    root = math.sqrt(mean / n) / (total / n)
    if mean <= 0 or variance <= 0:
        return root
    degrees = 2 * mean**2 / variance
    return root * stats.chi.mean(degrees) / math.sqrt(degrees)


def mean_interval(values, confidence=CONFIDENCE):
    """(mean, low, high): Student's t; low and high are None below two values."""
    x = numpy.asarray(values, float)
    return _interval(float(x.mean()), _error(x) if len(x) > 1 else None, len(x), confidence)


def ratio_interval(numerators, denominators, confidence=CONFIDENCE):
    """(ratio of sums, low, high): delta method (Cochran, Sampling Techniques, 6.4) with t; None without denominator."""
    y, x = numpy.asarray(numerators, float), numpy.asarray(denominators, float)
    if x.sum() == 0:
        return None, None, None
    ratio = y.sum() / x.sum()
    error = None
    if len(x) > 1:
        error = _error(y - ratio * x) / abs(x.mean())
    return _interval(float(ratio), error, len(x), confidence)


@functools.cache
def t_quantile(probability, degrees):
    return float(stats.t.ppf(probability, degrees))


def _error(x):
    """Standard error of the mean of independent values."""
    return float(x.std(ddof=1)) / math.sqrt(len(x))


def _interval(centre, error, count, confidence):
    if error is None:
        return centre, None, None
    reach = t_quantile((1 + confidence) / 2, count - 1) * error
    return centre, centre - reach, centre + reach


def paired_p_value(differences):
    """Two-sided, of mean 0; differences that are all equal leave no doubt."""
    d = numpy.asarray(differences, float)
    if len(d) < 2:
        return None
    error = _error(d)
    if error == 0:
        return 1.0 if d.mean() == 0 else 0.0
    return float(2 * special.stdtr(len(d) - 1, -abs(d.mean() / error)))


def holm(p_values):
    """Adjusted p-values (Holm 1979): the largest of (m - rank) p up to each rank, at most 1."""
    p = numpy.asarray(p_values, float)
    order = numpy.argsort(p, kind="stable")
    stepped = numpy.minimum(1, (len(p) - numpy.arange(len(p))) * p[order])
    result = numpy.empty_like(p)
    result[order] = numpy.maximum.accumulate(stepped)
    return result


