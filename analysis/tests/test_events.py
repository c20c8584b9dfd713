# SPDX-License-Identifier: GPL-3.0-or-later
#
# Which events get lines, how near ones become one, and that labels do not run into each other.

import random

import pandas

from simanalysis.report.events import MAX_GROUPS, group_events, headline_events, phrase, place_labels


def frame(rows):
    return pandas.DataFrame(rows, columns=["replication", "t_s", "object", "action", "detail"])


def test_nodes_are_drawn_and_pods_are_not():
    events = frame([(0, 5.0, "pod/default/a", "crashed", None), (0, 6.0, "node/n1", "down", None)])
    assert list(headline_events(events, 1)["phrase"]) == ["n1 down"]


def test_pods_are_drawn_where_nothing_else_happened():
    events = frame(
        [(0, 5.0, "pod/default/a", "crashed", None), (0, 5.1, "pod/default/a", "Ready=False", "in the API")]
    )
    assert list(headline_events(events, 1)["phrase"]) == ["a crashes"]


def test_an_event_of_most_replications_stands_at_its_median_time():
    rows = [(r, t, "node/n1", "up", None) for r, t in enumerate((60.0, 70.0, 65.0))] + [
        (0, 9.0, "node/n2", "down", None)
    ]
    found = headline_events(frame(rows), 3)
    assert found.values.tolist() == [[65.0, 60.0, 70.0, "n1 up"]], (
        "what only one of three replications has is no line"
    )


def test_the_second_time_is_another_event_than_the_first():
    rows = [(r, t, "node/n1", "down", None) for r in (0, 1) for t in (10.0, 50.0)]
    assert list(headline_events(frame(rows), 2)["time"]) == [10.0, 50.0]


def test_near_events_share_a_line_and_all_are_kept():
    events = pandas.DataFrame(
        [(t, t, t, f"node-{i}: kube-proxy restarts") for i, t in enumerate((10.0, 10.2, 10.4, 50.0))],
        columns=["time", "low", "high", "phrase"],
    )
    groups = group_events(events, 100.0)
    assert [g.label for g in groups] == ["kube-proxy restarts (3×)", "node-3: kube-proxy restarts"]
    assert sum(len(g.items) for g in groups) == 4


def test_never_more_lines_than_can_be_read():
    events = pandas.DataFrame(
        [(float(t), float(t), float(t), f"event {t}") for t in range(500)],
        columns=["time", "low", "high", "phrase"],
    )
    assert 1 < len(group_events(events, 500.0)) <= MAX_GROUPS


def test_labels_overlap_neither_each_other_nor_a_line():
    draw = random.Random(1)
    for _ in range(300):
        times = sorted(draw.uniform(0, 100) for _ in range(draw.randint(1, 12)))
        events = pandas.DataFrame(
            [(t, t, t, "x" * draw.randint(4, 34)) for t in times], columns=["time", "low", "high", "phrase"]
        )
        groups = group_events(events, 100.0)
        places, rows = place_labels(groups, 100.0, 720)
        boxes = []
        for group, (row, side) in zip(groups, places):
            assert 0 <= row < rows
            x, length = group.time / 100 * 720, 6.4 * len(group.label) + 14
            boxes.append((x, row, side, *((x, x + length) if side == "right" else (x - length, x))))
        for i, (_, row, side, start, stop) in enumerate(boxes):
            for j, (x, other, other_side, low, high) in enumerate(boxes):
                if i == j or side != other_side:
                    continue
                assert row != other or stop <= low or high <= start, "two labels overlap"
                assert not (start < x < stop and other < row), "a line crosses a label"


def test_a_phrase_without_words_of_its_own_is_name_and_action():
    assert phrase("gateway", "g1", "exploded", float("nan")) == "g1 exploded"
    assert phrase("node", "n1", "address changed", "10.0.0.1 -> 10.0.0.2") == "n1 gets 10.0.0.2"
