# SPDX-License-Identifier: GPL-3.0-or-later
#
# What the page's sentences and figures draw on: variants in their order, replications, and each metric with its
# interval. summary.csv's rows over all replications are taken where it has them. Where it has none (one replication, or
# a folder of several runs) the interval is Student's t over replications; of ratios by the delta method over pairs of
# numerator and denominator (Cochran 1977, chapter 6), because losses come in bursts.

from dataclasses import dataclass

import numpy
import pandas
from scipy import stats

from ..errors import ResultsError

CONFIDENCE = 0.95
_RATIOS = {
    "loss_ratio": ("lost", ("attempted", "-outcome.unfinished", "-outcome.client_gone")),
    "operation_loss_ratio": ("operations_lost", ("operations",)),
}


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval; `low` and `high` are None where there is none."""

    value: float
    low: float | None
    high: float | None
    n: int

    @property
    def has_interval(self):
        return self.low is not None


class SweepFacts:
    """A merged sweep as the report sees it: combinations in the place of variants, and no single runs."""

    is_one_scenario, folders = True, None

    def __init__(self, results):
        self.results = results
        self.frame = results["sweep_summary"]
        points = self.frame.drop_duplicates("point")
        self.variants = list(points["variant"].astype(str))
        self.scenarios = dict(zip(self.variants, points["scenario"].astype(str)))
        self.modes = dict(zip(self.variants, points["proxy_mode"].astype(str)))
        self.count = int(self.frame["n"].max())
        self.is_comparison = len(self.variants) > 1


class Facts:
    """A results folder as the report sees it. A variant is one value of the column `variant`."""

    def __init__(self, results):
        self.results = results
        if "summary" not in results:
            raise ResultsError(
                results.folders[0], "has no summary.csv", expected="results of sim run or sim compare"
            )
        summary = results["summary"].copy()
        if "folder" in summary and summary["folder"].nunique() > 1:
            self.folders = list(summary["folder"].cat.categories)
        else:
            self.folders = None
        self.summary = self._named(summary)
        self.variants = list(dict.fromkeys(self.summary["variant"].dropna()))
        each = self.summary.dropna(subset=["replication"])
        self.replications = {
            v: sorted(int(r) for r in each.loc[each["variant"] == v, "replication"].unique())
            for v in self.variants
        }
        modes = self.summary.drop_duplicates("variant").set_index("variant")["proxy_mode"]
        scenarios = self.summary.drop_duplicates("variant").set_index("variant")["scenario"]
        self.scenarios = {v: str(scenarios[v]) for v in self.variants}
        self.modes = {v: str(modes[v]) for v in self.variants}
        self._each = {
            key: part.set_index("replication")["value"].sort_index()
            for key, part in each.groupby(["variant", "metric"], sort=False)
        }
        pooled = self.summary[self.summary["replication"].isna()]
        self._pooled = {(row.variant, row.metric): row for row in pooled.itertuples(index=False)}
        self.units = each.drop_duplicates("metric").set_index("metric")["unit"].astype(str).to_dict()

    def _named(self, frame):
        """The frame with `variant` as text; with several folders the folder stands in front."""
        frame = frame.assign(variant=frame["variant"].astype("str"))
        if self.folders:
            single = frame.groupby("folder", observed=True)["variant"].transform("nunique") == 1
            names = frame["folder"].astype("str").str.rstrip("/").str.rsplit("/", n=1).str[-1]
            frame["variant"] = names.where(single, names + " " + frame["variant"])
        return frame

    def table(self, name):
        """A frame with the report's variants, or None where there is no such file or no row."""
        frame = self.results.get(name)
        return None if frame is None or frame.empty else self._named(frame)

    @property
    def count(self):
        """Replications of the variant that has most."""
        return max((len(r) for r in self.replications.values()), default=0)

    @property
    def is_comparison(self):
        return len(self.variants) > 1

    @property
    def is_one_scenario(self):
        """Only then the same things happen in all variants."""
        return len(set(self.scenarios.values())) == 1

    def values(self, variant, metric):
        """One value per replication that has one."""
        return self._each.get((variant, metric), pandas.Series(dtype=float)).dropna()

    def total(self, variant, metric):
        return float(self.values(variant, metric).sum())

    def estimate(self, variant, metric):
        """Mean over replications with its interval, of a ratio the ratio of sums; None where nothing was observed."""
        row = self._pooled.get((variant, metric))
        if row is not None and pandas.notna(row.value):
            low, high = (
                (None, None)
                if pandas.isna(row.ci_low) or pandas.isna(row.ci_high)
                else (row.ci_low, row.ci_high)
            )
            return Estimate(float(row.value), low, high, len(self.replications[variant]))
        if metric in _RATIOS:
            return self._ratio(variant, metric)
        values = self.values(variant, metric)
        return None if values.empty else mean_estimate(values.to_numpy(dtype=float))

    def _ratio(self, variant, metric):
        part, whole = _RATIOS[metric]
        top = self.values(variant, part)
        bottom = sum(
            (-1 if name.startswith("-") else 1)
            * self.values(variant, name.lstrip("-")).reindex(top.index, fill_value=0)
            for name in whole
        )
        return ratio_estimate(top.to_numpy(dtype=float), numpy.asarray(bottom, dtype=float))


def mean_estimate(values):
    """Student's t over replications."""
    n, mean = len(values), float(numpy.mean(values))
    if n < 2:
        return Estimate(mean, None, None, n)
    half = stats.t.ppf(0.5 + CONFIDENCE / 2, n - 1) * numpy.std(values, ddof=1) / n**0.5
    return Estimate(mean, mean - half, mean + half, n)


def ratio_estimate(part, whole):
    """Sum of part / sum of whole; None where nothing was tried."""
    n, total = len(part), float(numpy.sum(whole))
    if n == 0 or total <= 0:
        return None
    ratio = float(numpy.sum(part)) / total
    if n < 2:
        return Estimate(ratio, None, None, n)
    spread = numpy.std(part - ratio * whole, ddof=1) / (total / n)
    half = stats.t.ppf(0.5 + CONFIDENCE / 2, n - 1) * spread / n**0.5
    return Estimate(ratio, max(0.0, ratio - half), min(1.0, ratio + half), n)
