# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the jobs of a sweep's plan on many machines with Dask distributed: `python -m simanalysis.sweep plan.jsonl`."""
