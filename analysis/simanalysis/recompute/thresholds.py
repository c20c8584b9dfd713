# SPDX-License-Identifier: GPL-3.0-or-later
FILE = "summary.csv"


def recompute(results, findings):
    return
