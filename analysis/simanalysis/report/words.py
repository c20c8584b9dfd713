# SPDX-License-Identifier: GPL-3.0-or-later
#
# How the page says numbers and the simulator's terms: three digits as `sim` prints them, causes in plain words.

import math

# What went wrong, in the words of somebody who has to repair it. docs/results.md has what would have saved it.
CAUSES = {
    "client_ports_exhausted": "the client had no free source port",
    "name_not_found": "the name does not exist",
    "stale_dns": "the client used an address that DNS had given earlier",
    "dns_lost": "the DNS server did not answer",
    "insert_race": "a concurrent packet displaced its conntrack entry",
    "lb_no_target": "the load balancer held no node for healthy",
    "lb_stale_target": "the load balancer still trusted a node that had failed",
    "lb_moved": "the load balancer moved open connections to another node",
    "lb_drained": "the load balancer cut connections when its time to drain was over",
    "idle_timeout": "the connection was dropped for being idle",
    "partition": "the network between two nodes was cut",
    "network_loss": "the network lost the packet",
    "stale_route": "routes still pointed to a pod network's old node",
    "node_address_changed": "the client still used the node's old address",
    "node_down": "the node was down",
    "stale_api": "the API still listed a pod that was already gone",
    "stale_table": "the node's table lagged behind the API",
    "table_swap": "the parts of the node's table were not written together",
    "no_endpoints": "the Service had no endpoint",
    "local_policy": "the node had no endpoint, and traffic policy Local forbids others",
    "source_range": "the client is outside loadBalancerSourceRanges",
    "nodeport_address": "no node port on that address",
    "not_proxied": "no rule for that address and port",
    "conntrack_full": "the node's conntrack table was full",
    "conntrack_expired": "the conntrack entry had expired",
    "conntrack_invalid": "conntrack held the packet for invalid",
    "stale_conntrack": "a conntrack entry still pointed to an endpoint that had gone",
    "snat_ports_exhausted": "no free port for masquerading",
    "map_full": "an eBPF map was full",
    "icmp_limited": "the kernel held an ICMP answer back",
    "ip_reused": "another pod had taken over the endpoint's address",
    "port_closed": "nothing listened on the port",
    "pod_terminated": "the pod ended although everybody knew that it would",
    "server_crashed": "the server process crashed",
    "backlog_full": "the server's accept queue was full",
    "server_timeout": "the server answered too late",
}


def number(value, digits=3):
    """Three significant digits, thousands separated; whole numbers from 100 up in full."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "–"
    value = float(value)
    if value == 0:
        return "0"
    whole = value.is_integer()
    if abs(value) < 10 ** (digits - 1):
        value = float(f"{value:.{digits}g}")
    size = abs(value)
    if size >= 10 ** (digits - 1) and size < 1e15:
        return f"{round(value):,}".replace("-", "−")
    if size < 1e-4:
        mantissa, power = f"{value:.{digits - 1}e}".split("e")
        return f"{mantissa}e{int(power)}".replace("-", "−")
    places = max(0, digits - 1 - math.floor(math.log10(size)))
    text = f"{value:.{places}f}"
    if whole:
        text = text.partition(".")[0]
    return text.replace("-", "−")


def count(value):
    """Thousands separated; one decimal where a mean is not whole and small."""
    if value is None or not math.isfinite(value):
        return "–"
    return f"{round(value):,}" if abs(value) >= 100 or float(value).is_integer() else number(value)


def percent(ratio, digits=3):
    """A share as percent: 0.101 -> “10.1 %”."""
    if ratio is None or not math.isfinite(ratio):
        return "–"
    return number(100 * ratio, digits) + "\u202f%"


def seconds(value):
    """A time or span of seconds with a fitting unit."""
    if value is None or not math.isfinite(value):
        return "–"
    if 0 < abs(value) < 1:
        return number(1000 * value) + "\u202fms"
    return number(value) + "\u202fs"


def interval(low, high, say=number, unit=""):
    """“9.44 to 10.8 %”, the unit once."""
    first, last = say(low), say(high)
    for suffix in ("\u202f%", "\u202fms", "\u202fs"):
        if first.endswith(suffix) and last.endswith(suffix):
            first = first.removesuffix(suffix)
    return f"{first} to {last}{unit}"


def listing(items):
    """“a, b and c”."""
    items = list(items)
    return items[0] if len(items) == 1 else ", ".join(items[:-1]) + " and " + items[-1]


def plural(amount, one, many=None):
    """“1 replication”, “5 replications”."""
    return f"{amount:,} {one if amount == 1 else many or one + 's'}"


def target(service, port):
    """Service and port as the summary prints them: the namespace `default` is left out."""
    name = str(service).removeprefix("default/")
    return name if port is None or port != port or str(port) in ("", "<NA>") else f"{name}:{port}"
