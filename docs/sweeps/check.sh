#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Checks the templates of docs/sweeps without a cluster and without Slurm: their syntax, the fields that the Kubernetes
# templates rely on, and what their commands do. The commands are taken from the templates and run in the environment that
# the engines would give them, shards side by side and some twice; what they leave, merged, is a serial run's to the byte.
# Usage: docs/sweeps/check.sh [path of sim]           Needs Python with PyYAML; uses shellcheck and kubectl where they are.
set -euo pipefail
sim=$(realpath "${1:-.build/debug/sim}")
cd "$(dirname "$0")/../.."
here=docs/sweeps
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

die() { echo "$*" >&2; exit 1; }
left_out() { echo "left out: $*"; }

python=
for candidate in analysis/.venv/bin/python python3; do
  if "$candidate" -c 'import yaml' 2>/dev/null; then python=$candidate; break; fi
done
[ -n "$python" ] || die 'needed: Python with PyYAML (make analysis installs it into analysis/.venv)'
templates() { "$python" "$here/templates.py" "$@"; }

# Syntax.
for script in "$here"/*.sh; do bash -n "$script"; done
if command -v shellcheck >/dev/null; then shellcheck "$here"/*.sh; else left_out 'shellcheck is not installed'; fi
for file in "$here"/kubernetes-*.yaml; do
  templates check "$file"
  # kubectl reads a Job into the types of the API it was built with, which have no place for what is misspelt.
  if command -v kubectl >/dev/null; then
    templates job "$file" >"$work/job.yaml"
    kubectl set image --local -f "$work/job.yaml" sim=another/image:1 -o yaml >"$work/typed.yaml"
    templates kept "$file" "$work/typed.yaml"
  else
    left_out "kubectl is not installed: fields of $file not held against the API's types"
  fi
done

# What sbatch would read: all before the first command, each an option that it has, in its long form.
options=' job-name array ntasks cpus-per-task mem time requeue open-mode output '
lines=$(grep -n '^#SBATCH' "$here/slurm-array.sh" | tail -1 | cut -d: -f1)
if head -n "$lines" "$here/slurm-array.sh" | grep -qv '^#'; then die '#SBATCH after a command is ignored by sbatch'; fi
while read -r option; do
  case $options in *" $option "*) ;; *) die "--$option is not known as an option of sbatch" ;; esac
done < <(sed -nE 's/^#SBATCH --([a-z-]+).*/\1/p' "$here/slurm-array.sh")
[ "$(grep -c '^#SBATCH' "$here/slurm-array.sh")" = "$(grep -cE '^#SBATCH --[a-z-]+(=[^ ]+)?$' "$here/slurm-array.sh")" ] \
  || die 'an #SBATCH line has another form than --option=value'

# What it must come to: one process, job after job.
mkdir "$work/plan"
plan=$work/plan/plan.jsonl
"$sim" sweep plan "$here/tiny.json" -o "$plan" >/dev/null
"$sim" sweep run "$plan" --out "$work/serial/jobs" --jobs 1 --no-progress >/dev/null
"$sim" sweep merge "$plan" --from "$work/serial/jobs" --out "$work/serial/result" >/dev/null

# Other bytes than the serial run's in anything but run.json, which says how and where it was made, end the script.
compare() {
  files=0
  for file in "$work/serial/result"/*; do
    [ "$(basename "$file")" = run.json ] && continue
    cmp "$file" "$1/$(basename "$file")"
    files=$((files + 1))
  done
  [ "$files" -ge 3 ] || die "only $files files in a result"
}

# In a pod every program is process 1 of a machine of its own, and so is its neighbour's that writes into the same volume.
if unshare --uts --pid --fork hostname pod 2>/dev/null; then
  in_pod() {
    # shellcheck disable=SC2016  # Expanded inside of the pod.
    unshare --uts --pid --fork bash -c 'hostname "$1" && shift && exec "$@"' - "$@"
  }
else
  left_out 'no rights for namespaces: pods are processes of this machine'
  in_pod() { "${@:2}"; }
fi

# The Indexed Job: pods in another order, three at a time, the second one anew after it had ended.
run_pod() {
  mapfile -t command < <(templates command "$here/kubernetes-indexed-job.yaml" "$1" "/plan=$work/plan" "/sweep=$work/pods")
  [ "${command[0]}" = sim ] || die "the pod runs ${command[0]}"
  in_pod "sim-sweep-$1" env -i JOB_COMPLETION_INDEX="$1" "$sim" "${command[@]:1}" >"$work/pod-$1.log" 2>&1 \
    || die "pod $1: $(cat "$work/pod-$1.log")"
}
mkdir "$work/pods"
shards=$(templates shards "$here/kubernetes-indexed-job.yaml")
for ((index = shards - 1; index >= 0; index -= 3)); do
  pids=()
  for ((other = index; other > index - 3 && other >= 0; other--)); do run_pod "$other" & pids+=($!); done
  for pid in "${pids[@]}"; do wait "$pid"; done
done
run_pod 1
mapfile -t command < <(templates command "$here/kubernetes-merge-job.yaml" 0 "/plan=$work/plan" "/sweep=$work/pods")
"$sim" "${command[@]:1}" >/dev/null
compare "$work/pods/result"
echo "Kubernetes: $shards pods give a serial run's bytes"

# The Slurm array, numbered from 5, two tasks at a time; the last one is put back into the queue.
run_task() {
  env -i PATH="$PATH" SIM="$sim" SLURM_ARRAY_TASK_ID="$1" SLURM_ARRAY_TASK_MIN=5 SLURM_ARRAY_TASK_MAX=8 \
    SLURM_ARRAY_TASK_COUNT="${2:-4}" SLURM_CPUS_PER_TASK=2 \
    bash "$here/slurm-array.sh" "$plan" "$work/tasks/jobs"
}
mkdir "$work/tasks"
run_task 8 & first=$!
run_task 5 & second=$!
wait "$first"; wait "$second"
run_task 6
run_task 7
run_task 8
"$sim" sweep merge "$plan" --from "$work/tasks/jobs" --out "$work/tasks/result" >/dev/null
compare "$work/tasks/result"
echo 'Slurm: 4 tasks give a serial run'"'"'s bytes'

# An array with gaps, a script that was not submitted.
code=0; run_task 5 3 2>/dev/null || code=$?
[ "$code" = 64 ] || die "an array with gaps ends with $code"
code=0; env -i PATH="$PATH" bash "$here/slurm-array.sh" "$plan" "$work/none" 2>/dev/null || code=$?
[ "$code" != 0 ] || die 'outside of an array the script does not fail'
[ ! -e "$work/none" ] || die 'outside of an array the script wrote something'

left_out 'nothing was sent to a cluster or to Slurm, and no image was built'
