"""A proposal of the playbook: owners, efforts, the test that would prove it, and by when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from plans.engine.running.steps import StepContext
from programs.analytics.backlog import ProposedAction
from programs.analytics.estimate import Unavailable
from programs.analytics.experiments import TestPlan, members_per_arm_for_share, plan_test

CHANCE_TO_WIN = 1 / 3
"""About a third of experiments improve what they were meant to (Kohavi et al. 2009, "Online experimentation at
Microsoft"); used until the program has a record of its own."""
GAP_CLOSED = 0.5
"""A test is planned to close half of a gap: the best group is best partly by luck."""
EFFORT = {"incentive": 3.0, "message": 5.0, "enablement": 4.0}
LONGEST_TEST = 26
"""Weeks; where a test would take longer the action is judged by the next windows instead."""
OWNERS = {"incentive": "referral-architect", "message": "lifecycle-ops", "enablement": "partner-ops",
          "fraud": "partner-ops"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Proposal:
    """A backlog item with its kind and what its effect is counted in."""

    kind: str
    item: ProposedAction
    unit: str


def test_of(context: StepContext, baseline: float, lift: float, entered: float) -> TestPlan | None:
    """Members per arm and weeks at the window's own volume; None where no share can move so."""
    weeks = context.outputs["data"]["window"]["days"] / 7
    if not (0 < baseline < 1 and 0 < baseline + lift < 1 and lift):
        return None
    found = plan_test(members_per_arm_for_share(baseline, lift), entered / weeks)
    return None if isinstance(found, Unavailable) else found


def due(today: date, effort: float, test: TestPlan | None) -> date:
    """Working days of effort, then the weeks the test runs where it can end."""
    ready = np.busday_offset(today, int(np.ceil(effort)), roll="forward")
    day = (ready + np.timedelta64(7 * (test.weeks if test and is_feasible(test) else 0), "D")).item()
    assert isinstance(day, date), f"{day!r} is no day"
    return day


def is_feasible(test: TestPlan) -> bool:
    return test.weeks <= LONGEST_TEST


def proof_of(test: TestPlan | None) -> str:
    """How the action will be judged, for whoever owns it."""
    if test is None:
        return "no test can be sized"
    if is_feasible(test):
        return f"test of {test.members_per_arm:,} an arm, {test.weeks} weeks"
    return f"a test needs {test.members_per_arm:,} an arm, {test.weeks} weeks at this volume: compare windows instead"
