"""What a run measures of plans before it: the success of a blueprint shows in the monitoring that follows.

A success metric names with ``later`` which command measures it, and where in its outputs.
"""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Q

from gtm.core import events
from gtm.core.evidence.differ import ContentChange
from gtm.core.prepared import PreparedRead
from plans.engine.record import around
from plans.export.measures import MeasuredPlan
from plans.models import MEASURED, SUCCEEDED_PLAN_STATES, OutsideChange, Plan

SERIES_INPUTS = ("window", "attribution_model")
"""Inputs by which two runs of a command measure two things; the campaign is a link of the plan."""
_ANOTHER = PreparedRead(
    lambda program, run: (
        Plan.objects.order_by()
        .filter(~Q(pk=run), program=program, state__in=sorted(SUCCEEDED_PLAN_STATES))
        .values_list("pk")[:1]
    ),
    program=900_000_901,
    run=900_000_902,
)


def note(event: events.Recorded) -> None:
    """Subscriber, in the transaction in which a plan succeeds: tell the plans whose metrics it measured."""
    if isinstance(event.obj, Plan) and event.field == "state" and event.after in SUCCEEDED_PLAN_STATES:
        run = event.obj
        around.owe(_measurements(run), reason=f"Measured by {run.plan_id}.")


def _measurements(run: Plan) -> Iterator[tuple[Plan, str, ContentChange]]:
    """The plans that stood when the run ended, each with what the run measured of it."""
    if not _ANOTHER.rows(program=run.program_id, run=run.pk):
        return
    before = Q(program=run.program_id, created_at__lte=run.created_at) & ~Q(pk=run.pk)
    if run.campaign_id:
        before &= Q(campaign=run.campaign_id)
    found = MeasuredPlan(run, list(run.tasks.order_by("position")))
    for plan in around.concerned(before & Q(state__in=sorted(SUCCEEDED_PLAN_STATES))):
        for metric in plan.rules.success_metrics:
            command, _, place = metric.later.partition(" ")
            value = found.value(place) if command == run.command_key and measures_alike(run, plan) else None
            if value is not None:
                where = f"success_metrics/{metric.key}"
                after = {"actual": value, "measured_by": run.plan_id}
                yield plan, MEASURED, ContentChange(where, _last(plan, where), after)


def measures_alike(run: Plan, plan: Plan) -> bool:
    """Whether a run of the same command looked at the same window by the same model; another command does not
    share them, and names with ``later`` what does not depend on its own."""
    if run.command_key != plan.command_key:
        return True
    return all(run.inputs.get(name) == plan.inputs.get(name) for name in SERIES_INPUTS)


def _last(plan: Plan, where: str) -> object:
    rows = OutsideChange.objects.filter(plan=plan, event=MEASURED, field=where)
    return rows.order_by("-pk").values_list("after", flat=True).first()
