#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# First-packet latency by number of Services, beside two published tables (FACTS H1 and H6). One node, a client pod and
# a server pod on it; every Service has one endpoint; 300 of the Services are probed, wherever they happen to stand in
# the rules. The delays of the scenario stand for the plain way through the node and are fitted to the nftables row;
# what the rules cost is what `sim` has by default.
#
# Usage: validation/published-latency.sh [path of sim]
set -euo pipefail
cd "$(dirname "$0")/.."
sim=$(realpath "${1:-.build/debug/sim}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# N Services that select one pod.
manifest() {
  awk -v n="$1" 'BEGIN {
    print "{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": ["
    for (i = 0; i < n; i++)
      printf "{\"apiVersion\": \"v1\", \"kind\": \"Service\", \"metadata\": {\"name\": \"s-%d\"}, \"spec\": {\"selector\": {\"app\": \"server\"}, \"ports\": [{\"port\": 80, \"targetPort\": 8080}]}},\n", i
    for (i = 0; i < 2; i++) {
      name = i ? "client" : "server"
      printf "{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"metadata\": {\"name\": \"%s\", \"labels\": {\"app\": \"%s\"}}, \"spec\": {\"containers\": [{\"name\": \"c\", \"ports\": [{\"containerPort\": 8080}]}]}}%s\n", name, name, i ? "" : ","
    }
    print "]}"
  }'
}

scenario() {
  awk -v n="$1" -v name="services-$1" 'BEGIN {
    probes = n < 300 ? n : 300
    printf "{\"name\": \"%s\", \"duration\": \"10s\", \"manifests\": [\"%s.manifest.json\"],\n", name, name
    print "\"cluster\": {\"nodes\": [{\"name\": \"node-1\"}], \"dns\": {\"latency\": \"0s\"}},"
    print "\"network\": {\"sameNode\": {\"mixture\": {\"weights\": [0.94, 0.06], \"parts\": [{\"lognormal\": {\"median\": \"4.92us\", \"sigma\": 0.34}}, {\"lognormal\": {\"median\": \"13.4us\", \"sigma\": 0.5}}]}}},"
    print "\"servers\": [{\"name\": \"server\", \"pods\": {\"labels\": {\"app\": \"server\"}}, \"serviceTime\": \"0s\"}],"
    print "\"clients\": ["
    for (i = 0; i < probes; i++)
      printf "{\"name\": \"p-%d\", \"from\": {\"pods\": {\"labels\": {\"app\": \"client\"}}}, \"to\": {\"service\": \"default/s-%d\"}, \"rate\": \"2/s\"}%s\n", i, int(i * n / probes), i < probes - 1 ? "," : ""
    print "]}"
  }'
}

for services in ${SIZES:-1 5000 10000 20000 30000}; do
  manifest "$services" >"$work/services-$services.manifest.json"
  scenario "$services" >"$work/services-$services.json"
  started=$SECONDS
  "$sim" compare "$work/services-$services.json" --modes iptables,nftables --replications 4 --quiet \
    --out "$work/results-$services" >/dev/null
  echo "$services Services: 8 runs in $((SECONDS - started)) s" >&2
  # Quantiles and mean of connect, in microseconds, over the four replications.
  awk -F, -v n="$services" '$7 ~ /^connect_/ && $4 != "" { sum[$4 " " $7] += $9 * 1000; count[$4 " " $7]++ }
    END { for (key in sum) print n, key, sum[key] / count[key] }' "$work/results-$services/summary.csv"
done >"$work/measured"

awk '
  function row(mode, n, published,   parts, i, text, value) {
    split(published, parts, " ")
    split("p01 p50 p90 p99", names, " ")
    text = sprintf("%-9s %7d", mode, n)
    for (i = 1; i <= 4; i++) {
      value = got[n " " mode " connect_" names[i]]
      text = text sprintf("   %6.0f %6.0f %+5.0f%%", parts[i], value, 100 * (value / parts[i] - 1))
      if (i > 1 && mode == "iptables") { squares += log(value / parts[i]) ^ 2; terms++ }
    }
    print text
  }
  { got[$1 " " $2 " " $3] = $4 }
  END {
    print "FACTS H1: first packet, us (published, simulated, error)\n"
    printf "%-9s %7s   %20s   %20s   %20s   %20s\n", "mode", "Services", "p01", "p50", "p90", "p99"
    row("iptables", 5000, "18 49 120 156")
    row("iptables", 10000, "10 61 187 262")
    row("iptables", 30000, "41 274 491 716")
    row("nftables", 5000, "10 14 21 37")
    row("nftables", 10000, "10 14 21 37")
    row("nftables", 30000, "10 14 21 37")
    printf "\niptables, p50 to p99: a typical error of %.0f %%\n", 100 * (exp(sqrt(squares / terms)) - 1)
    print "\nFACTS H6: short connections per second, iptables, 4 CPUs kept busy (published, predicted, error)\n"
    split("5000 10000 20000 30000", sizes, " ")
    split("22237 17261 12916 9057", rates, " ")
    base = got["1 iptables connect_mean"]
    for (i = 1; i <= 4; i++) {
      extra = (got[sizes[i] " iptables connect_mean"] - base) / 1e6
      rate = 4 / (4 / 31365 + extra)
      printf "%7d   %6.0f %6.0f %+5.0f%%\n", sizes[i], rates[i], rate, 100 * (rate / rates[i] - 1)
    }
  }' "$work/measured"
