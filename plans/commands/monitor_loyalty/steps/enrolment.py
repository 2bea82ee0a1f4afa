"""Enrolment relative to the end of the data: whether the member list reaches into the window at all."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from plans.commands.monitor_loyalty.facts import window_of
from plans.engine.running.steps import StepContext
from programs.datasets.local_time import end_of_day


def last_enrolment(context: StepContext) -> dict[str, Any]:
    """When somebody enrolled last, how long before the window's end, and how many in a window that ends then.

    Nothing where no member list is loaded, or where it reaches into the window: then its count says all.
    """
    members = context.data.find("members")
    window = window_of(context).current
    if members is None or members.window_end is None or members.window_end >= window.start:
        return {}
    end = end_of_day(members.window_end)
    rows = context.data.engine.loyalty_windows(
        context.data.snapshot("purchases"),
        windows=[(end - timedelta(days=window.days), end)],
        members=members,
    ).to_pylist()
    return {
        "last_enrolled_on": f"{members.window_end:%Y-%m-%d}",
        "days_before_end": (window.end - end).days,
        "enrolled_up_to_it": int(sum(row["enrolled"] for row in rows)),
        "days": window.days,
    }


def enrolment_notes(last: dict[str, Any]) -> list[str]:
    """Why the window counts nobody, and what was counted when somebody last enrolled."""
    if not last:
        return []
    return [
        f"Nobody of the member list enrolled in the window: the last did on {last['last_enrolled_on']}, "
        f"{last['days_before_end']:,} days before its end. In the {last['days']} days up to then "
        f"{last['enrolled_up_to_it']:,} enrolled. Load a newer member list if there is one."
    ]
