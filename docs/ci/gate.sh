#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A gate for any CI system: runs a scenario with thresholds, writes JUnit XML and a Markdown summary, says what the
# exit code means and ends with it. `docs/thresholds.md` has the exit codes.
# Usage: docs/ci/gate.sh SCENARIO [OPTION OF sim run ...]
# SIM is the program (sim), REPORTS the folder of the files (gate-reports).
set -uo pipefail
sim=${SIM:-sim}
reports=${REPORTS:-gate-reports}
scenario=${1:?usage: docs/ci/gate.sh SCENARIO [OPTION ...]}
shift
mkdir -p "$reports" || exit 73
name=$(basename "$scenario")
name=${name%.*}
rm -f "$reports/$name.md"

"$sim" run "$scenario" --no-progress --out "$reports/$name" --junit "$reports/$name.xml" \
  --summary "$reports/$name.md" "$@"
code=$?
case $code in
0) echo "gate: every threshold of $name holds" ;;
98) echo "gate: $name is undecided; more replications can decide it" >&2 ;;
99) echo "gate: a threshold of $name fails" >&2 ;;
*) echo "gate: no verdict on $name, exit code $code" >&2 ;;
esac
exit "$code"
