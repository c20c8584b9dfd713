# SPDX-License-Identifier: GPL-3.0-or-later
#
# Medians of the lines that floor-compare and the C++ floor print.
#     floor: peer,workload,size,wall_s,user_s,events,packets,rss_kb,rate,check
#     ours:  sim-hold,pending,holds/s,check | sim-reference,key=value,...

BEGIN { FS = "," }

function median(list, n,   i, j, t) {
  for (i = 2; i <= n; i++) {
    t = list[i]
    for (j = i - 1; j > 0 && list[j] > t; j--) list[j + 1] = list[j]
    list[j + 1] = t
  }
  return n % 2 ? list[(n + 1) / 2] : (list[n / 2] + list[n / 2 + 1]) / 2
}
function add(key, value) { values[key, ++count[key]] = value }
function middle(key,   i, list) {
  for (i = 1; i <= count[key]; i++) list[i] = values[key, i]
  return median(list, count[key])
}
function field(name,   i, part) {
  for (i = 1; i <= NF; i++) {
    split($i, part, "=")
    if (part[1] == name) return part[2] + 0
  }
  return "?"
}
function millions(x) { return sprintf("%.2fM", x / 1e6) }

FILENAME ~ /linear/ {
  add("us " field("size") " " field("scale"), field("user_s") / field("connections") * 1e6)
  next
}
$1 == "sim-hold" { add("hold ours " $2, $3); holds[$2] = 1; next }
$1 ~ /^floor/ && $2 == "W1" { add("hold floor " $3, $6 / $5); next }
$1 ~ /^floor/ && $2 == "W2" { add("ref floor " $3, $7 / $5); next }
$1 == "sim-reference" {
  size = field("size")
  sizes[size] = 1
  add("ref ours " size, field("packets_per_s"))
  add("events " size, field("events_per_s"))
  add("us each " size, field("user_s") / field("connections") * 1e6)
  if (field("bytes_per_connection") > bytes[size]) bytes[size] = field("bytes_per_connection")
  sum[size] += field("mean_us")
  squares[size] += field("mean_us") ^ 2
  runs[size]++
  lost[size] += field("lost")
}

function ratio(ours, floor) {
  if (!(floor in count)) return "no floor"
  return sprintf("floor %s/s, ratio %.2f", millions(middle(floor)), middle(ours) / middle(floor))
}

# Mean response over the replications, and its standard error from their spread.
function response(n,   k, m, e) {
  k = runs[n]
  m = sum[n] / k
  if (k < 2) return sprintf("mean response %.1f us (theory 2413; no standard error from one run)", m)
  e = sqrt((squares[n] - k * m * m) / (k - 1) / k)
  return sprintf("mean response %.1f us, standard error %.1f (theory 2413: %+.1f standard errors off)", m, e, (m - 2413) / e)
}

END {
  print "hold model (pop one event, push one), per user-CPU second"
  for (n = 100; n <= 1000000; n *= 100)
    if (n in holds)
      printf "  %8d pending: %s holds/s, %s\n", n, millions(middle("hold ours " n)),
        ratio("hold ours " n, "hold floor " n)
  print "reference workload, per user-CPU second"
  for (n = 100000; n <= 1000000; n *= 10) {
    if (!(n in sizes)) continue
    printf "  %8d connections: %s packets/s, %s events/s, %s\n", n, millions(middle("ref ours " n)),
      millions(middle("events " n)), ratio("ref ours " n, "ref floor " n)
    printf "           %d bytes per connection; lost %d; %s\n", bytes[n], lost[n], response(n)
  }
  print "linearity, user-CPU microseconds per connection"
  printf "  %.3f at 100,000 connections, %.3f at 1,000,000 (ten times the simulated time): ratio %.2f\n",
    middle("us each 100000"), middle("us each 1000000"), middle("us each 1000000") / middle("us each 100000")
  printf "  %.3f at 500,000 connections, %.3f at 1,000,000 (twice the simulated time): ratio %.2f\n",
    middle("us 500000 1"), middle("us 1000000 1"), middle("us 1000000 1") / middle("us 500000 1")
  printf "  %.3f with 100 clients, %.3f with 200, and twice the nodes and backends: ratio %.2f\n",
    middle("us 500000 1"), middle("us 1000000 2"), middle("us 1000000 2") / middle("us 500000 1")
}
