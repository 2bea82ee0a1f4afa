"""A proposal of the playbook: owners, efforts, the test that would prove it, and by when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from plans.commands.shared.next_tests import CANNOT_BE_TESTED
from plans.engine.running.steps import StepContext
from programs.analytics.backlog import ProposedAction
from programs.analytics.estimate import Unavailable
from programs.analytics.experiments import TestPlan, members_per_arm_for_share, plan_test
from programs.analytics.funnel import closes_by_itself

CHANCE_TO_WIN = 1 / 3
"""About a third of experiments improve what they were meant to (Kohavi et al. 2009, "Online experimentation at
Microsoft"); used until the program has a record of its own."""
CHANCE_FROM = (
    "the share of experiments that win elsewhere (Kohavi et al. 2009) and no measure of this program"
)
GAP_CLOSED = 0.5
"""A test is planned to close half of a gap: the best group is best partly by luck."""
EFFORT = {"incentive": 3.0, "message": 5.0, "enablement": 4.0}
LONGEST_TEST = 26
"""Weeks; where a test would take longer the next windows are compared instead."""
OWNERS = {"incentive": "referral-architect", "message": "lifecycle-ops", "enablement": "partner-ops",
          "fraud": "partner-ops"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Proposal:
    """A backlog item with its kind and what its effect is counted in."""

    kind: str
    item: ProposedAction
    unit: str


def test_of(
    context: StepContext, baseline: float, change: float, entered: float, by_itself: str = ""
) -> tuple[TestPlan | None, str]:
    """The test with 80 % power for ``change`` at the window's own volume and what it takes, or why there is none.

    ``by_itself`` says what the figure will do if nobody does anything, for whoever compares windows.
    """
    weeks = context.outputs["data"]["window"]["days"] / 7
    instead = f"{CANNOT_BE_TESTED}. {by_itself}".strip(" .")
    if not (0 < baseline < 1 and 0 < baseline + change < 1 and change):
        return None, f"It {instead}: no share can move so"
    found = plan_test(members_per_arm_for_share(baseline, change), entered / weeks)
    if isinstance(found, Unavailable):
        return None, f"It {instead}: {found.reason}"
    if not is_feasible(found):
        takes = f"{found.members_per_arm:,} an arm, {found.weeks:,} weeks at this volume"
        return None, f"A test of what is valued takes {takes}: it {instead}"
    return (
        found,
        f"Test of {found.members_per_arm:,} an arm, {found.weeks} weeks, 80 % power for what is valued",
    )


def by_itself(gap: float, rate: float, cases: float) -> str:
    """What of a gap to expect gone without anybody's work: who was picked for being low was partly unlucky."""
    closes = closes_by_itself(gap, (rate * (1 - rate) / cases) ** 0.5 if cases else 0.0)
    return f"About {100 * closes:.1f} of the {100 * gap:.1f} points are luck and close by themselves"


def due(today: date, effort: float, test: TestPlan | None) -> date:
    """Working days of effort, then the weeks the test runs."""
    ready = np.busday_offset(today, int(np.ceil(effort)), roll="forward")
    day = (ready + np.timedelta64(7 * (test.weeks if test else 0), "D")).item()
    assert isinstance(day, date), f"{day!r} is no day"
    return day


def is_feasible(test: TestPlan) -> bool:
    return test.weeks <= LONGEST_TEST
