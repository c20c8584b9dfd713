#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Runs every command of the pages that follow losses and compares what it prints with the page. A command is a line
# "$ ..." in a console block; all up to the next one, or to the end of the block, is what it prints.
# Usage: docs/check-pages.sh [path of sim]          With UPDATE_GOLDEN=1: writes the pages anew.
set -euo pipefail
program=$(realpath "${1:-.build/debug/sim}")
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin"
ln -s "$program" "$work/bin/sim"
export PATH="$work/bin:$PATH" NO_COLOR=1 LC_ALL=C

failed=no
for page in docs/explain.md docs/replay.md docs/following-a-loss.md; do
  commands=0
  inside=no
  printing=yes
  while IFS= read -r line; do
    if [ "$line" = '```console' ]; then inside=yes; fi
    if [ "$line" = '```' ]; then inside=no; printing=yes; fi
    if [ $inside = yes ] && [ "${line#\$ }" != "$line" ]; then
      printf '%s\n' "$line"
      (eval "${line#\$ }") 2>&1 </dev/null || true
      commands=$((commands + 1))
      printing=no
    elif [ $printing = yes ]; then
      printf '%s\n' "$line"
    fi
  done <"$page" >"$work/page"
  [ "$commands" -ge 2 ] || { echo "only $commands commands in $page" >&2; exit 1; }
  if [ "${UPDATE_GOLDEN:-}" = 1 ]; then cp "$work/page" "$page"; fi
  if diff -u "$page" "$work/page"; then
    echo "$commands commands of $page print what it says"
  else
    echo "$page does not say what its commands print" >&2
    failed=yes
  fi
done
[ $failed = no ]
