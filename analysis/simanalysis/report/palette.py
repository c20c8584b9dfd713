# SPDX-License-Identifier: GPL-3.0-or-later
#
# The page's colours. Categories have those of Okabe and Ito (2008, "Color Universal Design"), which stay apart for
# people without red or green cones; tests/test_palette.py measures it. Ages have a scale from the page's own background
# to a dark (or light) end, so that lightness alone tells them apart, also in print.

# Blue, vermillion, green, orange, purple, sky blue: neighbours in a stack differ in lightness, too.
CATEGORIES = ["#0072B2", "#D55E00", "#009E73", "#E69F00", "#CC79A7", "#56B4E9"]
OTHER = "#6E6E6E"
# Blue is too dark on a dark page.
ON_DARK = {"#0072B2": "#3D8BFD"}
EXTRA = ["#F0E442", OTHER]

LIGHT = {
    "background": "#FFFFFF",
    "ink": "#1B1F24",
    "muted": "#59636E",
    "grid": "#E4E7EB",
    "rule": "#8B949E",
    "band": "#C9D1D9",
    "accent": "#0072B2",
    "alert": "#B54708",
    "ramp": ["#EEF1F4", "#BFD7EA", "#7FB2D9", "#3B7FBF", "#154E8C", "#06264D"],
}
DARK = {
    "background": "#14181D",
    "ink": "#E6EAEF",
    "muted": "#A3ADB8",
    "grid": "#2A313A",
    "rule": "#76808C",
    "band": "#3A444F",
    "accent": "#56B4E9",
    "alert": "#E69F00",
    "ramp": ["#1D232A", "#1F3F5F", "#2E6A9E", "#4F9CD6", "#9CCBF0", "#F2F8FE"],
}
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'DejaVu Sans', sans-serif"


def config(theme):
    """Vega-Lite's configuration for a theme. Marks refer to styles by name, so that one figure serves both."""
    text = {"font": FONT, "fontSize": 12}
    return {
        "background": "transparent",
        "font": FONT,
        "view": {"stroke": None},
        "axis": {
            "labelColor": theme["muted"],
            "titleColor": theme["muted"],
            "gridColor": theme["grid"],
            "domainColor": theme["rule"],
            "tickColor": theme["rule"],
            "labelFontSize": 12,
            "titleFontSize": 12,
            "titleFontWeight": "normal",
            "titlePadding": 8,
            "labelPadding": 6,
            "labelLimit": 240,
        },
        "axisY": {"domain": False, "ticks": False},
        "axisX": {"grid": False},
        "legend": {
            "labelColor": theme["ink"],
            "titleColor": theme["muted"],
            "labelFontSize": 12,
            "titleFontSize": 12,
            "titleFontWeight": "normal",
            "orient": "top",
            "symbolType": "square",
            "labelLimit": 260,
            "offset": 10,
            "columnPadding": 16,
            "rowPadding": 4,
            "symbolBaseFillColor": theme["ink"],
            "symbolBaseStrokeColor": theme["ink"],
            "layout": {"top": {"margin": 26, "direction": "horizontal"}},
        },
        "title": {
            "color": theme["ink"],
            "fontSize": 13,
            "fontWeight": 600,
            "anchor": "start",
            "frame": "group",
            "subtitleColor": theme["muted"],
            "subtitleFontSize": 12,
            "offset": 8,
        },
        "header": {"labelColor": theme["ink"], "titleColor": theme["muted"], "labelFontSize": 12},
        "range": {"category": CATEGORIES, "ramp": theme["ramp"], "heatmap": theme["ramp"]},
        "style": {
            "ink-text": {**text, "fill": theme["ink"], "color": theme["ink"]},
            "muted-text": {**text, "fill": theme["muted"], "color": theme["muted"], "fontSize": 11},
            "ink": {"stroke": theme["ink"], "fill": theme["ink"], "color": theme["ink"]},
            "rule": {"stroke": theme["rule"], "color": theme["rule"]},
            "zero": {"stroke": theme["ink"], "color": theme["ink"]},
            "band": {"fill": theme["band"], "stroke": None, "color": theme["band"]},
            "accent": {"fill": theme["accent"], "stroke": theme["accent"], "color": theme["accent"]},
            "accent-line": {"stroke": theme["accent"], "color": theme["accent"]},
            "field": {"fill": theme["ramp"][0], "stroke": None, "color": theme["ramp"][0]},
            "alert": {"fill": theme["alert"], "stroke": theme["alert"], "color": theme["alert"]},
            "badge": {"fill": theme["background"], "stroke": theme["rule"], "color": theme["background"]},
            "piece": {"stroke": theme["background"]},
        },
    }
