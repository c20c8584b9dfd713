# SPDX-License-Identifier: GPL-3.0-or-later
#
# The page: one HTML file without anything from outside. Decides escaping (every text of a scenario goes through
# `text`, embedded JSON holds no `<`), and the content policy: only the page's own two scripts run, known by their hash,
# and nothing is fetched, so that a name that slipped through would still be inert.

import base64
import functools
import hashlib
import json
from html import escape
from importlib import resources

import vl_convert

from . import words
from .facts import Facts, SweepFacts
from .figures import make_figures
from .figures.figure import WIDTH
from .palette import DARK, LIGHT, ON_DARK, config
from .summary import headline, overview, settings

_EXPORT_FONT = "Liberation Sans, Arial, Helvetica, sans-serif"


def render_page(results):
    """The whole page as text."""
    facts = _facts(results)
    figures = make_figures(facts)
    told = [figure for figure in figures if figure.chart is not None or figure.tables]
    sections = [
        *([] if isinstance(facts, SweepFacts) else [_overview(facts)]),
        *map(_section, told),
        _left_out([f for f in figures if f not in told]),
        _settings(facts),
    ]
    drawn = {f.name: specification(f) for f in figures if f.chart is not None}
    data = {
        "figures": drawn,
        "width": WIDTH,
        "narrowLabels": {f.name: f.narrow_labels for f in figures},
        "light": config(LIGHT),
        "dark": config(DARK),
        "onDark": ON_DARK,
        "narrowColumns": {f.name: f.narrow_columns for f in figures},
    }
    return _document(facts, sections, data)


def write_figures(results, folder):
    """PNG (at twice the size) and SVG of each figure; returns the paths. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for figure in make_figures(_facts(results)):
        if figure.chart is None:
            continue
        spec = specification(figure)
        spec["config"] = {**config(LIGHT), "background": LIGHT["background"], "font": _EXPORT_FONT}
        for style in spec["config"]["style"].values():
            if "font" in style:
                style["font"] = _EXPORT_FONT
        (folder / f"{figure.name}.svg").write_text(vl_convert.vegalite_to_svg(spec), encoding="utf-8")
        (folder / f"{figure.name}.png").write_bytes(vl_convert.vegalite_to_png(spec, scale=2))
        paths += [folder / f"{figure.name}.png", folder / f"{figure.name}.svg"]
    return paths


def _facts(results):
    return SweepFacts(results) if "summary" not in results and "sweep_summary" in results else Facts(results)


def specification(figure):
    """The figure in Vega-Lite, without Altair's own configuration."""
    spec = figure.chart.to_dict()
    spec.pop("config", None)
    return spec


def text(value):
    """A text from outside, inert in HTML."""
    return escape(str(value), quote=True)


def _embedded(value):
    """JSON that a script element can hold: no `<`, so neither `</script>` nor `<!--`."""
    packed = json.dumps(value, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return packed.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _script(source):
    source = source.replace("</script", "<\\/script").replace("<!--", "<\\!--")
    digest = base64.b64encode(hashlib.sha256(source.encode("utf-8")).digest()).decode()
    return f"<script>{source}</script>", f"'sha256-{digest}'"


@functools.cache
def _library():
    """Vega, Vega-Lite and what draws them, as vl-convert brings them along."""
    return _script("\n" + vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;") + "\n")


def _document(facts, sections, data):
    own = resources.files(__package__)
    library, library_hash = _library()
    script, script_hash = _script("\n" + (own / "page.js").read_text(encoding="utf-8"))
    style = (own / "page.css").read_text(encoding="utf-8")
    policy = (
        f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; font-src data:; base-uri 'none'; "
        f"form-action 'none'; script-src {library_hash} {script_hash}"
    )
    title = text(", ".join(dict.fromkeys(facts.scenarios.values())) or "results")
    question, verdict = headline(facts)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title} – sim</title>
<style>
{style}</style>
</head>
<body>
<header>
<div class="bar"><span class="name">{title}</span><span class="tags">{_tags(facts)}</span>
<button id="theme" type="button" hidden>Theme: auto</button></div>
{"".join(f'<p class="question">{text(q)}</p>' for q in question)}
<p class="verdict">{text(verdict)}</p>
{"".join(f'<p class="note">{text(n)}</p>' for n in facts.results.notes)}
<noscript><p class="note">The figures need JavaScript, which the page brings along. The tables below have the numbers.</p></noscript>
</header>
<main>
{"".join(sections)}</main>
<script type="application/json" id="data">{_embedded(data)}</script>
{library}
{script}
</body>
</html>
"""


def _tags(facts):
    modes = list(dict.fromkeys(facts.modes.values()))
    tags = [*modes, words.plural(facts.count, "replication")]
    if facts.is_comparison and [*facts.variants] != modes:
        tags.insert(0, words.plural(len(facts.variants), "variant"))
    return "".join(f"<span>{text(tag)}</span>" for tag in tags)


def _section(figure):
    inner = f'<h2>{text(figure.title)}</h2>\n<p class="caption">{text(figure.caption)}</p>\n'
    if figure.chart is not None:
        inner += (
            f'<div class="plot" id="plot-{figure.name}" role="img" aria-label="{text(figure.title)}"></div>\n'
        )
    inner += "".join(f'<p class="left-out">{text(note)}</p>\n' for note in figure.notes)
    inner += "".join(_details(summary, table, figure.open_tables) for summary, table in figure.tables)
    return f'<section id="{figure.name}">\n{inner}</section>\n'


def _left_out(figures):
    """Sections with nothing to draw, and why, in one."""
    items = "".join(
        f"<li><b>{text(f.title)}.</b> {text(' '.join([f.caption, *f.notes]))}</li>\n" for f in figures
    )
    return (
        f'<section id="left-out">\n<h2>Nothing to draw</h2>\n<ul>\n{items}</ul>\n</section>\n'
        if items
        else ""
    )


def _details(summary, table, is_open=False):
    return f"<details{' open' if is_open else ''}><summary>{text(summary)}</summary>\n{_table(table)}</details>\n"


def _table(table):
    right = [name.startswith(">") for name in table.columns]
    head = "".join(
        f"<th{' class=r' if r else ''}>{text(n.removeprefix('>'))}</th>" for n, r in zip(table.columns, right)
    )
    body = "".join(
        "<tr>"
        + "".join(f"<td{' class=r' if r else ''}>{text(cell)}</td>" for cell, r in zip(row, right))
        + "</tr>\n"
        for row in table.rows
    )
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>\n{body}</tbody></table></div>\n'


def _overview(facts):
    cards, table = overview(facts)
    if table is not None:
        return f'<section id="overview">\n{_table(table)}</section>\n'
    items = "".join(
        f"<div><dt>{text(name)}</dt><dd>{text(value)}{_small(more)}</dd></div>\n"
        for name, value, more in cards
    )
    return f'<section id="overview"><dl class="cards">\n{items}</dl></section>\n'


def _small(value):
    return f"<small>{text(value)}</small>" if value else ""


def _settings(facts):
    commands, pairs, digests = settings(facts)
    same = (
        "The same plan and version give the same bytes."
        if isinstance(facts, SweepFacts)
        else "The same version, scenario and seed give the same bytes in every CSV file."
    )
    shell = "".join(f"<pre><code>{text(command)}</code></pre>\n" for command in commands)
    rows = "".join(f"<div><dt>{text(name)}</dt><dd>{text(value)}</dd></div>\n" for name, value in pairs)
    more = _details("Digests of each replication", digests) if digests is not None else ""
    return (
        f'<section id="settings">\n<h2>Run it again</h2>\n<p class="caption">{same}</p>\n'
        f'{shell}<dl class="pairs">\n{rows}</dl>\n{more}</section>\n'
    )
