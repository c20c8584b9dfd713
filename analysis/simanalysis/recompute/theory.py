# SPDX-License-Identifier: GPL-3.0-or-later
#
# theory.csv: z from prediction, simulation and standard error.

FILE = "theory.csv"


def recompute(results, findings):
    """(simulated - predicted) / standard_error."""
    table = results.get("theory")
    if table is None:
        return
    for _, row in table.iterrows():
        name = f"{row['formula']} of {row['subject']}, replication {row['replication']} of {row['variant']}"
        inputs = [float(row[column]) for column in ("predicted", "simulated", "standard_error")]
        findings.compare(FILE, name, "z", row["z"], _z, inputs)


def _z(values):
    predicted, simulated, error = values
    return (simulated - predicted) / error if error > 0 else None
