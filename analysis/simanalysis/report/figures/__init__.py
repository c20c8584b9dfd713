# SPDX-License-Identifier: GPL-3.0-or-later
"""The page's figures, in its order. Each makes one Figure from Facts, or None where there is nothing to ask about."""

from ..facts import SweepFacts
from .causes import causes_figure
from .comparison import comparison_figure
from .latency import latency_figure
from .losses import losses_figure
from .shares import shares_figure
from .staleness import staleness_figure
from .sweep import sweep_figures
from .thresholds import thresholds_figure

FIGURES = [
    thresholds_figure,
    comparison_figure,
    losses_figure,
    causes_figure,
    staleness_figure,
    latency_figure,
    shares_figure,
]


def make_figures(facts):
    """All figures that apply to a results folder."""
    if isinstance(facts, SweepFacts):
        return sweep_figures(facts.frame)
    return [figure for figure in (make(facts) for make in FIGURES) if figure is not None]
