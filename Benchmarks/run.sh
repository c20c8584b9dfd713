#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Measures speed and memory, next to the C++ floor if it is there.
#
#     Benchmarks/run.sh [PEERS]      PEERS: folder with floor/ and common/ (default: $PEERS)
#     REPS=5                         repetitions; medians are printed
#
# The machine's speed changes from minute to minute, so ours and the floor's runs take turns, and only ratios of
# medians mean something.
set -euo pipefail
cd "$(dirname "$0")"

peers=${1:-${PEERS:-}}
reps=${REPS:-5}
scratch=../.build-bench
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

echo "building" >&2
swift build --configuration release --scratch-path "$scratch" >&2
ours=$scratch/release/floor-compare

build_floor() {
  if [ -x "$peers/floor/floor_w1" ] && [ -x "$peers/floor/floor_w2" ]; then
    echo "$peers/floor"
    return
  fi
  # As its own build script does: beside a copy, because the folder may be read-only.
  cp -r "$peers/floor" "$peers/common" "$work"
  for w in w1 w2; do
    "${CXX:-g++}" -O3 -march=native -std=c++17 -DNDEBUG "$work/floor/$w.cpp" -o "$work/floor/floor_$w" \
      -lgsl -lgslcblas -lm >&2
  done
  echo "$work/floor"
}

floor=""
if [ -n "$peers" ] && [ -d "$peers/floor" ]; then
  floor=$(build_floor)
else
  echo "no C++ floor (give its folder as argument or in PEERS): only our own figures follow"
fi

# One line per measurement: what size who rate [more]
measure() {
  local what=$1 size=$2
  for i in $(seq "$reps"); do
    if [ -n "$floor" ]; then
      if [ "$what" = hold ]; then "$floor/floor_w1" stdpq mt "$size" 5000000; else "$floor/floor_w2" stdpq mt "$size"; fi
    fi
    # Each repetition is another replication: the spread of its means gives their standard error.
    if [ "$what" = hold ]; then "$ours" hold "$size"; else "$ours" reference "$size" "$i"; fi
  done >>"$work/$what.$size.txt"
}

for size in 100 10000 1000000; do measure hold $size; done
for size in 100000 1000000; do measure reference $size; done
# Linearity: twice the simulated time; then twice the clients with twice the nodes and backends.
for i in $(seq "$reps"); do
  "$ours" reference 500000 "$i"
  "$ours" reference 1000000 "$i"
  "$ours" reference 1000000 "$i" 2
done >>"$work/linear.txt"

awk -f summary.awk "$work"/hold.*.txt "$work"/reference.*.txt "$work/linear.txt"
