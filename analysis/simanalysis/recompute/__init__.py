# SPDX-License-Identifier: GPL-3.0-or-later
"""Works out again, with SciPy and from the CSV files alone, what `sim` worked out with GSL."""
