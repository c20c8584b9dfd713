# SPDX-License-Identifier: GPL-3.0-or-later
"""One self-contained HTML page, and PNG and SVG of its figures, from a results folder."""

from .page import render_page, write_figures

__all__ = ["render_page", "write_figures"]
