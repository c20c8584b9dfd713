#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# How long kube-proxy takes until its rules are right, beside two sources: the network programming latency of KEP-3453's
# 5,000-node test (FACTS H2), and durations of syncs on a small machine (golden/dynamics). What was fitted to them is said
# in docs/validation.md; everything else comes out of the model.
#
# The KEP's cluster is here with all of its Services and endpoints and NODES (3) of its nodes: a node's syncs depend on
# nothing but the objects that it watches, so that each of these nodes does what each of 5,000 would.
#
# Usage: validation/programming-latency.sh [path of sim]     NODES, SECONDS_SIMULATED (1800), PARTS ("kep small")
set -euo pipefail
cd "$(dirname "$0")/.."
sim=$(realpath "${1:-.build/debug/sim}")
nodes=${NODES:-3}
simulated=${SECONDS_SIMULATED:-1800}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Lines "NAME PODS SERVICES [NODEPORT]": a Deployment, and Services that select it.
manifest() {
  awk 'BEGIN { print "{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": [" }
    {
      printf "%s{\"apiVersion\": \"apps/v1\", \"kind\": \"Deployment\", \"metadata\": {\"name\": \"%s\"}, \"spec\": {\"replicas\": %d, \"selector\": {\"matchLabels\": {\"app\": \"%s\"}}, \"template\": {\"metadata\": {\"labels\": {\"app\": \"%s\", \"churns\": \"%s\"}}, \"spec\": {\"containers\": [{\"name\": \"c\", \"ports\": [{\"containerPort\": 8080}]}]}}}}", (NR > 1 ? ",\n" : ""), $1, $2, $1, $1, ($1 ~ /^churn/ ? "yes" : "no")
      for (i = 0; i < $3; i++)
        printf ",\n{\"apiVersion\": \"v1\", \"kind\": \"Service\", \"metadata\": {\"name\": \"%s-%d\"}, \"spec\": {\"type\": \"%s\", \"selector\": {\"app\": \"%s\"}, \"ports\": [{\"port\": 80, \"targetPort\": 8080}]}}", $1, i, ($4 == "" ? "ClusterIP" : $4), $1
    }
    END { print "\n]}" }'
}

metric() { awk -F, -v m="$2" '$7 == m { print $9 }' "$1/summary.csv"; }

# FACTS H2. The load test's groups: half of 150,000 pods in Services of 5, a quarter each in Services of 30 and of 250.
kep() {
  {
    echo "small 5 15000"
    echo "medium 30 1250"
    echo "big 250 150"
    for i in $(seq 1 40); do echo "churn$i 5 1"; done
  } | manifest >"$work/kep.manifest.json"
  cat >"$work/kep.json" <<EOF
{"name": "kep", "kubernetes": "1.27", "duration": "${simulated}s", "manifests": ["kep.manifest.json"],
 "cluster": {"proxySync": "kep-3453", "podCIDR": "10.64.0.0/10", "serviceCIDR": "10.0.0.0/16",
   "nodes": [{"name": "node-{n}", "count": $nodes}], "proxy": {"syncPeriod": "1m", "minSyncPeriod": "10s"}},
 "processes": [{"name": "churn", "every": {"exponential": {"mean": "500ms"}},
   "unreadyPod": {"random": true, "labels": {"churns": "yes"}}, "for": {"exponential": {"mean": "20s"}}}],
 "report": {"bin": "60s"}}
EOF
  echo "FACTS H2: network programming latency, s (published, simulated, error)"
  echo
  printf '%-34s   %-20s   %-20s   %-20s\n' "150,000 endpoints, iptables" p50 p90 p99
  row "every sync full, minSyncPeriod 10s" "27 36 42" --set 'kubernetes="1.26"'
  row "partial syncs, 10s" "13 19 24"
  row "partial syncs, 1s" "5 18 24" --set 'cluster.proxy.minSyncPeriod="1s"'
}

row() {
  local name=$1 published=$2 values="" started=$SECONDS
  shift 2
  "$sim" run "$work/kep.json" --quiet --out "$work/out" "$@" >/dev/null
  for q in p50 p90 p99; do values="$values $(metric "$work/out" "network_programming_$q")"; done
  awk -v name="$name" -v p="$published" -v s="$values" 'BEGIN {
    split(p, a, " "); split(s, b, " ")
    text = sprintf("%-34s", name)
    for (i = 1; i <= 3; i++) text = text sprintf("   %5.0f %6.1f %+5.0f%%", a[i], b[i], 100 * (b[i] / a[i] - 1))
    print text }'
  echo "$name: $((SECONDS - started)) s" >&2
}

# golden/dynamics: three nodes; isolated changes of a Service between one endpoint and none, then restarts.
small() {
  echo
  echo "golden/dynamics: mean duration of a sync, ms (measured, simulated, error)"
  echo
  for mode in iptables nftables; do
    for services in 30 1030; do
      {
        echo "plain 2 20"
        echo "ported 2 9 NodePort"
        echo "bulk 3 $((services - 30))"
        echo "churn 1 1"
      } | manifest >"$work/small.manifest.json"
      cat >"$work/small.json" <<EOF
{"name": "small", "kubernetes": "1.36", "duration": "900s", "manifests": ["small.manifest.json"],
 "cluster": {"nodes": [{"name": "node-{n}", "count": 3}], "proxy": {"mode": "$mode"}},
 "processes": [
   {"name": "changes", "every": "10s", "until": "600s", "unreadyPod": {"all": true, "labels": {"churns": "yes"}}, "for": "5s"},
   {"name": "restarts", "every": "20s", "from": "610s", "restartProxy": "all"}]}
EOF
      "$sim" run "$work/small.json" --quiet --out "$work/out" >/dev/null
      awk -F, -v mode="$mode" -v n="$services" '
        function show(what, measured) {
          mean = sum[what] / count[what]
          printf "%-9s %5d Services   %-8s %7.1f %7.1f %+5.0f%%\n", mode, n, what, measured, mean, 100 * (mean / measured - 1)
        }
        NR == 1 { for (i = 1; i <= NF; i++) column[$i] = i; next }
        {
          kind = $(column["kind"])
          if (kind == "partial" || $(column["t_s"]) >= 610) {
            sum[kind] += $(column["duration_ms"])
            count[kind]++
          }
        }
        END {
          if (mode == "iptables") show("partial", n == 30 ? 60.5 : 280.6)
          else show("partial", n == 30 ? 93.9 : 595.8)
          if (n > 30) show("full", mode == "iptables" ? 2262.8 : 708.7)
        }' "$work/out/proxy_sync.csv"
    done
  done
}

for part in ${PARTS:-kep small}; do "$part"; done
