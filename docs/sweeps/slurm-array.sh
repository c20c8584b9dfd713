#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A sweep as a Slurm job array: task i of n runs every n-th job of the plan, from the i-th on. The plan and the folder are on
# a file system that all nodes see. docs/sweeps.md says how to use it; docs/sweeps/check.sh runs it without Slurm.
#
#   array=$(sbatch --parsable docs/sweeps/slurm-array.sh plan.jsonl sweep/jobs)
#   sbatch --dependency=afterok:"$array" --wrap 'sim sweep merge plan.jsonl --from sweep/jobs --out results/sweep'
#
# Options given to sbatch come before those below: sbatch --array=0-63%16 ... is 64 shards, 16 at a time.
#SBATCH --job-name=sim-sweep
#SBATCH --array=0-7
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=1
#SBATCH --mem=1G
#SBATCH --time=04:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=%x-%A_%a.log
set -euo pipefail

if [ $# -ne 2 ]; then
  echo "usage: sbatch $(basename "$0") PLAN DIR" >&2
  exit 64
fi
plan=$1
out=$2

: "${SLURM_ARRAY_TASK_ID:?is set by Slurm in a job array: submit this with sbatch}"
first=$SLURM_ARRAY_TASK_MIN
count=$SLURM_ARRAY_TASK_COUNT
# With gaps (--array=1,5 or 0-15:2) the tasks would not be the shards 0 to n-1. To finish what is left, submit the whole
# array again: jobs whose files are whole are skipped.
if [ $((SLURM_ARRAY_TASK_MAX - first + 1)) -ne "$count" ]; then
  echo "the array must be a range without gaps, such as --array=0-7" >&2
  exit 64
fi

# `exec`: what Slurm sends when time is up reaches sim, which leaves nothing but whole files.
exec "${SIM:-sim}" sweep run "$plan" --out "$out" --shard "$((SLURM_ARRAY_TASK_ID - first))/$count" \
  --jobs "${SLURM_CPUS_PER_TASK:-1}" --no-progress
