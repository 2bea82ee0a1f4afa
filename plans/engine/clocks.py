"""Working clocks of a plan: rounds and ladders stand still and go on with the working time they had left."""

from __future__ import annotations

from datetime import datetime

from gtm.core import actors, clock
from gtm.core.calendars import WorkingCalendar
from gtm.core.fsm import perform
from plans.models import Approval, Escalation, Plan

CLIMBING = ("armed", "notified", "acknowledged")


def calendar_of(plan: Plan) -> WorkingCalendar:
    return WorkingCalendar(country=plan.program.country, time_zone=plan.program.time_zone)


def freeze(plan: Plan, reason: str) -> None:
    """Stop every running clock. The due time stays in the row: what was left is counted from the freeze."""
    with actors.on_their_behalf("Clocks"):
        for approval in Approval.objects.filter(plan=plan, state__in=["pending", "unsatisfiable"]):
            perform(approval, "freeze", comment=reason)
        for case in Escalation.objects.filter(plan=plan, state__in=CLIMBING):
            perform(case, "pause", comment=reason, set_fields={"held_from": case.state})


def thaw(plan: Plan, reason: str) -> list[Approval]:
    """Start them again. Answers the rounds that go on: their votes and content are to be checked again."""
    thawed = []
    with actors.on_their_behalf("Clocks"):
        for approval in Approval.objects.filter(plan=plan, state="frozen"):
            due = _left_over(plan, approval.updated_at, approval.due_at)
            perform(approval, "thaw", comment=reason, set_fields={"due_at": due})
            thawed.append(approval)
        for case in Escalation.objects.filter(plan=plan, state="paused"):
            due = _left_over(plan, case.updated_at, case.due_at) or clock.now()
            perform(case, "unpause", comment=reason, set_fields={"due_at": due})
    return thawed


def _left_over(plan: Plan, stopped_at: datetime, due_at: datetime | None) -> datetime | None:
    if due_at is None:
        return None
    calendar = calendar_of(plan)
    return calendar.add_hours(clock.now(), calendar.hours_between(stopped_at, due_at))
