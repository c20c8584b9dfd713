# SPDX-License-Identifier: GPL-3.0-or-later
#
# Which of the cluster's events become labelled lines in figures over time, and how near ones become one. Pods come and
# go by the hundred: they are left to a strip of ticks. What happens to nodes, workloads and Services is drawn; with
# several replications what happens in at least half of them, at the median of its times, because a reboot that takes
# 15 to 25 s ends at another time in each.

from dataclasses import dataclass

import pandas

MAX_GROUPS = 12
_PODS = ("pod", "replicaset", "endpointslice")
_ROOTS = ("deletion requested", "crashed", "no address")

_PHRASES = {
    ("node", "shutdown"): "{name} shuts down",
    ("node", "down"): "{name} down",
    ("node", "up"): "{name} up",
    ("node", "power on"): "{name} powers on",
    ("node", "deleted"): "{name} deleted",
    ("node", "address changed"): "{name} gets {after}",
    ("node", "tainted"): "{name} tainted",
    ("node", "target unhealthy"): "load balancer drops {name}",
    ("node", "target healthy"): "load balancer takes {name}",
    ("node", "Ready=Unknown"): "API: {name} not ready",
    ("node", "Ready=True"): "API: {name} ready",
    ("node", "kube-proxy restarts"): "{name}: kube-proxy restarts",
    ("node", "kube-proxy configured"): "{name}: set to {detail}",
    ("node", "kube-proxy removes rules"): "{name}: removes rules {detail}",
    ("node", "kube-proxy programs mode nftables"): "{name}: programs nftables",
    ("workload", "rollout"): "rollout of {name}",
    ("workload", "scaled"): "{name} scaled {detail}",
    ("deployment", "NewReplicaSetAvailable"): "rollout of {name} done",
    ("service", "endpoint sync failed"): "{name}: endpoint sync failed",
    ("dns", "changed"): "DNS: {name} changed",
    ("pod", "deletion requested"): "{name} deleted",
    ("pod", "crashed"): "{name} crashes",
    ("pod", "no address"): "{name} gets no address",
}


@dataclass(frozen=True)
class EventGroup:
    """Events that are drawn as one line.  items -- (time, first time, last time, phrase) in order of time."""

    number: int
    time: float
    label: str
    items: tuple

    @property
    def low(self):
        return min(item[1] for item in self.items)

    @property
    def high(self):
        return max(item[2] for item in self.items)


def phrase(kind, name, action, detail):
    """An event in a few words."""
    detail = "" if pandas.isna(detail) else str(detail)
    text = _PHRASES.get((kind, action), "{name} " + action)
    return text.format(name=name, detail=detail, after=detail.rpartition("-> ")[2]).strip()


def headline_events(events, replications):
    """Frame time, low, high, phrase, share of what deserves a line, from events.csv of one variant."""
    rows = events.dropna(subset=["replication"]).copy()
    parts = rows["object"].astype(str).str.split("/", n=1)
    rows["kind"], rows["name"] = parts.str[0], parts.str[-1].str.removeprefix("default/")
    chosen = rows[~rows["kind"].isin(_PODS)]
    if chosen.empty:
        chosen = rows[(rows["kind"] == "pod") & rows["action"].isin(_ROOTS)]
    if chosen.empty:
        return pandas.DataFrame(columns=["time", "low", "high", "phrase"])
    chosen = chosen.sort_values(["replication", "t_s"], kind="stable")
    chosen["turn"] = chosen.groupby(["replication", "object", "action"], observed=True).cumcount()
    found = []
    for (_, action, _), part in chosen.groupby(["object", "action", "turn"], sort=False, observed=True):
        if 2 * part["replication"].nunique() < replications:
            continue
        first = part.iloc[0]
        times = part["t_s"]
        found.append(
            (
                times.median(),
                times.min(),
                times.max(),
                phrase(first["kind"], first["name"], action, first["detail"]),
            )
        )
    frame = pandas.DataFrame(found, columns=["time", "low", "high", "phrase"])
    return frame.sort_values("time", kind="stable", ignore_index=True)


def group_events(frame, end, limit=MAX_GROUPS):
    """At most `limit` groups: events nearer than a share of the time axis are one, the share as small as it can be."""
    if frame.empty:
        return []
    rows = list(frame.itertuples(index=False, name=None))
    for share in (0.01, 0.015, 0.02, 0.03, 0.045, 0.07, 0.1, 0.15, 0.3, 1):
        groups = []
        for row in rows:
            if groups and row[0] - groups[-1][0][0] <= share * end:
                groups[-1].append(row)
            else:
                groups.append([row])
        if len(groups) <= limit:
            break
    return [
        EventGroup(i + 1, items[0][0], _label([item[3] for item in items]), tuple(items))
        for i, items in enumerate(groups)
    ]


def _label(phrases, longest=38):
    """The first phrase, and how many more; the same with several names is told once."""
    kinds = list(dict.fromkeys(text.partition(": ")[2] or text for text in phrases))
    if len(phrases) == 1:
        text, more = phrases[0], ""
    elif len(kinds) == 1:
        text, more = kinds[0], f" ({len(phrases)}×)"
    else:
        text, more = phrases[0], f" +{len(phrases) - 1}"
    return (text if len(text) <= longest else text[: longest - 1] + "…") + more


def place_labels(groups, end, width, letter=6.4, gap=10):
    """Rows for labels so that no text is crossed by another or by a line: ((row, side) per group, number of rows).

    A line runs from its label down. So a label to the right of its line stands above those that begin beneath it, a
    label to the left (where the right edge is near) above those that end there. width -- of the plot in pixels.
    """
    places = [group.time / end * width for group in groups]
    lengths = [letter * len(group.label) + 14 + gap for group in groups]
    right = [x + length <= width + gap or x < length for x, length in zip(places, lengths)]
    heights = [0] * len(groups)
    for i in reversed(range(len(groups))):
        if right[i]:
            under = [
                heights[j] for j in range(i + 1, len(groups)) if places[j] - 10 <= places[i] + lengths[i]
            ]
            heights[i] = max(under, default=-1) + 1
    for i in range(len(groups)):
        if not right[i]:
            under = [
                heights[j]
                for j in range(i)
                if places[j] + (lengths[j] if right[j] else 10) >= places[i] - lengths[i]
            ]
            heights[i] = max(under, default=-1) + 1
    top = max(heights)
    return [(top - h, "right" if r else "left") for h, r in zip(heights, right)], top + 1
