#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Does `sim solve` find the preStop that a fine sweep finds? The sweep looks at the middle of the same grid, with
# another seed, so that one cannot copy the other's luck. Ends with 1 if the answer is not the smallest value whose swept
# interval lies below the limit, or if the value before it is not above.
# Usage: validation/solve-prestop.sh [path of sim]
set -euo pipefail
sim=$(realpath "${1:-.build/debug/sim}")
cd "$(dirname "$0")/.."
scenario=scenarios/prestop-solve.json
limit=0.43
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$sim" solve $scenario --vary 'servers.web.preStop=0s..2s step 100ms' --minimise --such-that "loss_ratio < $limit%" \
  --no-progress | tee "$work/answer.txt"

"$sim" sweep plan $scenario --seed 77 -o "$work/plan.jsonl" 2>/dev/null
"$sim" sweep run "$work/plan.jsonl" --out "$work/jobs" --no-progress
"$sim" sweep merge "$work/plan.jsonl" --from "$work/jobs" --out "$work/sweep"

python3 - "$work" "$limit" <<'PYTHON'
import csv, sys
folder, limit = sys.argv[1], float(sys.argv[2]) / 100

def seconds(text):
    return float(text[:-2]) / 1000 if text.endswith("ms") else float(text[:-1])

answer = seconds(open(f"{folder}/answer.txt").readline().split(" = ")[1].split(" ")[0])
rows = [row for row in csv.DictReader(open(f"{folder}/sweep/sweep_summary.csv")) if row["metric"] == "loss_ratio"]
curve = sorted((seconds(row["servers.web.preStop"]), float(row["ci_low"]), float(row["ci_high"])) for row in rows)
holds = [value for value, low, high in curve if high < limit]
fails = [value for value, low, high in curve if low > limit]
print(f"sim solve: {answer:g} s; sweep: above the limit up to {max(fails):g} s, below it from {min(holds):g} s on")
if abs(answer - min(holds)) > 1e-9 or abs(answer - max(fails) - 0.1) > 1e-9:
    sys.exit("the two do not agree")
PYTHON
