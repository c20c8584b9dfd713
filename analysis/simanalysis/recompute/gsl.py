# SPDX-License-Identifier: GPL-3.0-or-later
#
# The table that `simstudy gsl-table` prints (function,arguments,value; arguments separated by blanks): every function of
# GSL that results rest on, and our own distributions, against SciPy's.

import csv
import math
import re
from fractions import Fraction

import numpy
from scipy import special, stats

from ..errors import ResultsError, UnreadableError
from . import formulas
from .findings import Findings

_HEADER = ["function", "arguments", "value"]

# By name; arguments in GSL's order.
FUNCTIONS = {
    "gsl_cdf_tdist_P": lambda x, nu: stats.t.cdf(x, nu),
    "gsl_cdf_tdist_Q": lambda x, nu: stats.t.sf(x, nu),
    "gsl_cdf_tdist_Pinv": lambda p, nu: stats.t.ppf(p, nu),
    "gsl_cdf_tdist_Qinv": lambda q, nu: stats.t.isf(q, nu),
    "gsl_cdf_chisq_P": lambda x, nu: stats.chi2.cdf(x, nu),
    "gsl_cdf_chisq_Q": lambda x, nu: stats.chi2.sf(x, nu),
    "gsl_cdf_chisq_Pinv": lambda p, nu: stats.chi2.ppf(p, nu),
    "gsl_cdf_chisq_Qinv": lambda q, nu: stats.chi2.isf(q, nu),
    "gsl_cdf_ugaussian_P": stats.norm.cdf,
    "gsl_cdf_ugaussian_Q": stats.norm.sf,
    "gsl_cdf_ugaussian_Pinv": stats.norm.ppf,
    "gsl_cdf_ugaussian_Qinv": stats.norm.isf,
    "gsl_cdf_beta_P": lambda x, a, b: stats.beta.cdf(x, a, b),
    "gsl_cdf_beta_Q": lambda x, a, b: stats.beta.sf(x, a, b),
    "gsl_cdf_beta_Pinv": lambda p, a, b: stats.beta.ppf(p, a, b),
    "gsl_cdf_beta_Qinv": lambda q, a, b: stats.beta.isf(q, a, b),
    "gsl_cdf_fdist_Q": lambda x, a, b: stats.f.sf(x, a, b),
    "gsl_cdf_gamma_P": lambda x, a, scale: stats.gamma.cdf(x, a, scale=scale),
    "gsl_cdf_gamma_Q": lambda x, a, scale: stats.gamma.sf(x, a, scale=scale),
    "gsl_cdf_gamma_Pinv": lambda p, a, scale: stats.gamma.ppf(p, a, scale=scale),
    "gsl_cdf_exponential_P": lambda x, mean: stats.expon.cdf(x, scale=mean),
    "gsl_cdf_exponential_Q": lambda x, mean: stats.expon.sf(x, scale=mean),
    "gsl_cdf_exponential_Pinv": lambda p, mean: stats.expon.ppf(p, scale=mean),
    "gsl_cdf_lognormal_Pinv": lambda p, zeta, sigma: stats.lognorm.ppf(p, sigma, scale=math.exp(zeta)),
    "gsl_cdf_weibull_Pinv": lambda p, scale, shape: stats.weibull_min.ppf(p, shape, scale=scale),
    # GSL: probability of at most k successes in n trials with probability p.
    "gsl_cdf_binomial_P": lambda k, p, n: stats.binom.cdf(k, n, p),
    "gsl_cdf_binomial_Q": lambda k, p, n: stats.binom.sf(k, n, p),
    "gsl_cdf_poisson_P": lambda k, mean: stats.poisson.cdf(k, mean),
    "gsl_cdf_poisson_Q": lambda k, mean: stats.poisson.sf(k, mean),
    "gsl_sf_lngamma": special.gammaln,
    "gsl_sf_gamma": special.gamma,
    "gsl_sf_gamma_inc_P": special.gammainc,
    "gsl_sf_gamma_inc_Q": special.gammaincc,
    "gsl_sf_beta_inc": lambda a, b, x: special.betainc(a, b, x),
    "gsl_sf_erf": special.erf,
    "gsl_sf_erfc": special.erfc,
    # Of a sample.
    "gsl_stats_max": lambda *x: max(x),
    "gsl_stats_variance_with_fixed_mean": lambda *x: numpy.var(x),
    "gsl_stats_skew": lambda *x: _skewness(numpy.asarray(x)),
    "gsl_stats_lag1_autocorrelation": lambda *x: _lag1(numpy.asarray(x)),
    # Ours, which GSL lacks.
    "kolmogorov_Q": special.kolmogorov,
    "ks_2samp_exact": lambda n, m, *x: two_sample_p_value(x[: int(n)], x[int(n) :]),
}

# Differences that are known, as absolute ones.
_ABSOLUTE = {
    # Sums of deviations may cancel to nothing.
    "gsl_stats_skew": 1e-14, "gsl_stats_lag1_autocorrelation": 1e-14,
    "gsl_cdf_tdist_Q": formulas.GSL_T_TAIL, "gsl_cdf_tdist_P": formulas.GSL_T_TAIL,
    # 1 - the share of paths that stay within: what is below the last digit of 1 is noise.
    "ks_2samp_exact": 1e-15,
}


def two_sample_p_value(a, b):
    """Kolmogorov-Smirnov's, exact: the share of all orders of the values in which the two distribution functions come
    as far apart. Paths are counted in whole numbers, because SciPy's exact method gives up on the rarest."""
    n, m = len(a), len(b)
    both = numpy.concatenate([a, b])
    steps = numpy.where(numpy.argsort(both, kind="stable") < n, m, -n)
    distance = int(numpy.abs(numpy.cumsum(steps)).max())
    row = [0] * (m + 1)
    for i in range(n + 1):
        for j in range(m + 1):
            ways = 1 if i == j == 0 else (row[j] if i else 0) + (row[j - 1] if j else 0)
            row[j] = ways if abs(i * m - j * n) < distance else 0
    return float(1 - Fraction(row[m], math.comb(n + m, n)))


def _skewness(x):
    """Third central moment over the third power of the standard deviation with divisor n - 1, which is GSL's."""
    return ((x - x.mean()) ** 3).mean() / x.std(ddof=1) ** 3


def _lag1(x):
    d = x - x.mean()
    return (d[1:] * d[:-1]).sum() / (d**2).sum()


def compare_file(path):
    """Findings about a table; a function that is not known here is an error, so that none goes unchecked."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UnreadableError(path, f"cannot be read: {error.strerror}") from None
    rows = list(csv.reader(text.splitlines()))
    if not rows or rows[0] != _HEADER:
        raise ResultsError(path, "another header", line=1, expected=",".join(_HEADER))
    if len(rows) == 1:
        raise ResultsError(path, "no values", expected="the table of simstudy gsl-table")
    findings = Findings()
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != 3:
            raise ResultsError(path, f"{len(row)} cells", line=number, expected="3")
        _compare(path, number, *row, findings)
    return findings


def _compare(path, number, name, arguments, value, findings):
    function = FUNCTIONS.get(name)
    if function is None:
        raise ResultsError(path, f"{name} has no counterpart here", line=number, column="function",
                           expected="one of " + ", ".join(FUNCTIONS))
    try:
        numbers = [float(text) for text in re.split(r"[ ;]+", arguments.strip())]
        printed = float(value)
        expected = float(function(*numbers))
    except (ValueError, TypeError) as error:
        raise ResultsError(path, f"{name}({arguments}) = {value}: {error}", line=number) from None
    shown = arguments if len(arguments) < 60 else arguments[:57] + "..."
    findings.check(path.name, f"line {number}, {name}({shown})", name, printed, expected,
                   absolute=_ABSOLUTE.get(name, 0.0), whole=True)
