# SPDX-License-Identifier: GPL-3.0-or-later
#
# Colours that people without red, green or blue cones can tell apart: seen through the model of Machado, Oliveira and
# Fernandes (2009, "A physiologically-based model for simulation of color vision deficiency", severity 1.0), and measured
# as a distance in CIELAB (CIE 1976). A distance of 2.3 is just to be noticed (Mahy and others, 1994).

import itertools

import numpy
import pytest

from simanalysis.report.palette import CATEGORIES, DARK, LIGHT, ON_DARK, OTHER

VISIONS = {
    "normal": numpy.eye(3),
    "protanopia": numpy.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": numpy.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": numpy.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
TO_XYZ = numpy.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
WHITE = TO_XYZ @ numpy.ones(3)
APART = 11


def linear(colour):
    value = numpy.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return numpy.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def lab(colour, vision):
    xyz = TO_XYZ @ numpy.clip(VISIONS[vision] @ linear(colour), 0, 1) / WHITE
    f = numpy.where(xyz > (6 / 29) ** 3, numpy.cbrt(xyz), xyz * (29 / 6) ** 2 / 3 + 4 / 29)
    return numpy.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def distance(a, b, vision):
    return float(numpy.linalg.norm(lab(a, vision) - lab(b, vision)))


def contrast(a, b):
    """WCAG 2: ratio of relative luminances."""
    high, low = sorted((float(TO_XYZ[1] @ linear(c)) for c in (a, b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("vision", VISIONS)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_any_two_colours_of_categories_can_be_told_apart(theme, vision):
    colours = [ON_DARK.get(c, c) if theme == "dark" else c for c in [*CATEGORIES, OTHER]]
    near = {pair: distance(*pair, vision) for pair in itertools.combinations(colours, 2)}
    assert min(near.values()) >= APART, sorted(near.items(), key=lambda item: item[1])[:3]


def test_the_measure_finds_colours_that_deuteranopes_confuse():
    assert distance("#C44E52", "#6B8E23", "normal") > 50
    assert distance("#A0522D", "#6B7A1F", "deuteranopia") < APART


@pytest.mark.parametrize("vision", VISIONS)
@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_the_scale_of_ages_only_gets_darker_or_only_lighter(theme, vision):
    lightness = [lab(colour, vision)[0] for colour in theme["ramp"]]
    steps = numpy.diff(lightness)
    assert (steps > 5).all() or (steps < -5).all(), lightness


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_texts_can_be_read(theme):
    for name in ("ink", "muted"):
        assert contrast(theme[name], theme["background"]) >= 4.5, name
    assert contrast(theme["accent"], theme["background"]) >= 3
