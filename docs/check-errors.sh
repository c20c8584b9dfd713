#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Runs every command of docs/errors.md and compares what it prints and its exit code with the page.
# Usage: docs/check-errors.sh [path of sim]          With UPDATE_GOLDEN=1: writes the page anew.
set -euo pipefail
sim=$(realpath "${1:-.build/debug/sim}")
cd "$(dirname "$0")/.."
page=docs/errors.md
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A command is a line "$ sim ..." in a console block; all up to the end of the block is what it prints.
commands=0
printing=yes
while IFS= read -r line; do
  case $line in
  '$ sim '*)
    printf '%s\n' "$line"
    code=0
    (PATH=; eval "$sim ${line#\$ sim }") 2>&1 || code=$?
    printf '$ echo $?\n%s\n' "$code"
    commands=$((commands + 1))
    printing=no
    ;;
  '```')
    printing=yes
    printf '%s\n' "$line"
    ;;
  *) if [ "$printing" = yes ]; then printf '%s\n' "$line"; fi ;;
  esac
done <"$page" >"$work/page"

[ "$commands" -ge 10 ] || { echo "only $commands commands in $page" >&2; exit 1; }
if [ "${UPDATE_GOLDEN:-}" = 1 ]; then cp "$work/page" "$page"; fi
diff -u "$page" "$work/page" || { echo "$page does not say what sim prints" >&2; exit 1; }
echo "$commands commands of $page print what it says"
