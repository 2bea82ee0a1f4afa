"""When tasks worked, what is still to come, and the chain that decides the end."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from plans.drawing.timeline import Bar, critical_path, draw, length

T0 = datetime(2026, 3, 2, 10, tzinfo=UTC)


def bar(task_id, start, finish, *needs, **rest):
    at = [T0 + timedelta(minutes=m) for m in (start, finish)]
    return Bar(task_id, f"task <{task_id}>", needs, *at, "good", **rest)


FORK = [
    bar("1.1", 0, 10),
    bar("1.2", 0, 30),
    bar("2.1", 10, 20, "1.1"),
    bar("2.2", 30, 60, "1.1", "1.2"),
    bar("3.1", 60, 61, "2.1", "2.2", projected=True),
]


def test_the_critical_path_is_what_each_waited_for_longest():
    assert critical_path(FORK) == ["1.2", "2.2", "3.1"]
    assert critical_path([]) == []


def test_the_drawing_is_escaped_and_reads_without_colour():
    svg = draw(FORK)
    assert svg.count("<rect") == len(FORK) and svg.count("stroke-dasharray") == 1
    assert "task &lt;1.1&gt;" in svg and "<1.1>" not in svg
    assert "2.2 task &lt;2.2&gt;: 2026-03-02 10:30, took 30 min" in svg
    assert draw([]) == ""


def test_nothing_is_drawn_outside_the_frame_when_all_happens_at_once():
    places = re.findall(r'<rect x="([0-9.]+)"', draw([bar("1.1", 0, 0), bar("1.2", 5, 5)]))
    assert places == ["250.0", "841.0"]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.25, "0.2 s"), (42, "42 s"), (600, "10 min"), (9000, "2.5 h"), (3 * 86400, "3.0 days")],
)
def test_durations_are_said_as_people_say_them(seconds, said):
    assert length(timedelta(seconds=seconds)) == said
