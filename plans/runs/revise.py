"""Another revision of a plan through the same validation as a run: asked for, or a change of its own."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

from django.db import transaction

from gtm.core import actors, canonical, clock
from gtm.core.actors import acting_as
from gtm.core.errors import InvalidInput, Problem
from gtm.core.evidence import changelog
from plans.engine.gates import rework
from plans.engine.people import human_tasks
from plans.models import Plan, Task
from plans.runs import patterns, refit, registry, start
from plans.schemas.declaration import RETRY_LIMIT, Command
from plans.schemas.inputs import PATTERN
from programs.models import Person


def revise(
    plan: Plan,
    given: Mapping[str, Any] | None = None,
    *,
    comment: str,
    redo: Collection[str] = (),
    fresh_data: bool = False,
) -> Plan:
    """Make the plan revision n + 1 and send it back to its gates.

    ``given`` holds the inputs that change, as a person or a program writes them; None removes an optional
    one. ``fresh_data`` reads the newest datasets and facts of the program instead of those the plan has.
    Without either, and without tasks to ``redo`` (by key), it is an answer in words. Raises InvalidInput with
    every problem, WrongState unless changes were requested, GuardNotMet without a comment or where the review
    fails.
    """
    return _send_back(rework.revise, plan, given, comment, redo, fresh_data)


def change(
    plan: Plan,
    given: Mapping[str, Any] | None = None,
    *,
    comment: str,
    redo: Collection[str] = (),
    fresh_data: bool = False,
) -> Plan:
    """The same for a plan that is approved or running and that nobody asked to change."""
    return _send_back(rework.change, plan, given, comment, redo, fresh_data)


def reassign(task: Task, *, owner: Person, comment: str) -> Task:
    """Give a task to somebody else; what is open is due by the calendar of whoever does it now."""
    with transaction.atomic():
        human_tasks.reassign(task, owner=owner, comment=comment)
        plan = Plan.objects.select_related("program").get(pk=task.plan_id)
        command = registry.find(plan.command_key)
        if command and command.stages_for:
            _reschedule(plan, command, comment)
    return task


def _send_back(
    verb: Callable[..., Plan],
    plan: Plan,
    given: Mapping[str, Any] | None,
    comment: str,
    redo: Collection[str],
    fresh_data: bool,
) -> Plan:
    if not given and not fresh_data:
        return verb(plan, comment=comment, redo=redo)
    command = registry.get(plan.command_key)
    draft = start.prepare(command, {**plan.inputs, **(given or {})}, plan.program, plan=plan)
    if patterns.chosen_of(command, draft.inputs) != patterns.chosen_of(command, plan.inputs):
        problem = Problem(PATTERN.name, "is fixed when a plan starts; start another run with it.")
        raise InvalidInput(f"{plan.plan_id} cannot be rebuilt.", problems=[problem])
    if draft.currency != plan.currency:
        message = (
            f"the plan is in {plan.currency}, but the program is in {draft.currency} now. "
            "Cancel the plan and start a new run."
        )
        raise InvalidInput(f"{plan.plan_id} cannot be revised.", problems=[Problem("program", message)])
    if not fresh_data:
        kept = replace(draft, datasets=plan.datasets, checklist=[])
        draft = replace(kept, checklist=start.review(kept))
    same = dict(draft.inputs) == plan.inputs and draft.datasets == plan.datasets
    same &= not fresh_data or canonical.plain(draft.facts) == plan.context
    with transaction.atomic():
        if command.stages_for:
            changelog.lock_chain(plan.change_chain())
            with acting_as(actors.current().actor, comment):
                refit.refit(plan, draft)
        _keep_limit(plan, draft, comment)
        verb(plan, draft.inputs, comment=comment, redo=redo, **({} if same else _follows(draft)))
        if command.stages_for:
            _reschedule(plan, command, comment)
        if command.forecast or command.watch:
            Plan.objects.filter(pk=plan.pk).note(next_forecast_at=clock.now())
    return plan


def _keep_limit(plan: Plan, draft: start.Draft, comment: str) -> None:
    limit = draft.inputs.get(RETRY_LIMIT, plan.inputs.get(RETRY_LIMIT))
    if limit is not None:
        changelog.lock_chain(plan.change_chain())
        with acting_as(actors.current().actor, comment):
            refit.limit_retries(plan, draft.command.max_retries)


def _reschedule(plan: Plan, command: Command, comment: str) -> None:
    """Due dates as the tasks stand now: what was reopened takes its time again."""
    plan.refresh_from_db()
    draft = start.prepare(command, plan.inputs, plan.program, plan=plan, kept=what_tasks_read(plan))
    with acting_as(actors.current().actor, comment):
        plan.context, plan.checklist = canonical.plain(draft.facts), draft.checklist
        plan.save()
        refit.reschedule(plan, draft)


def what_tasks_read(plan: Plan) -> dict[str, Any]:
    """Facts that only a change renews, because it does again the tasks that have read them."""
    names = {name for names in plan.rules.reads.values() for name in names}
    return {fact: value for fact, value in plan.context.items() if f"context.{fact}" in names}


def _follows(draft: start.Draft) -> dict[str, Any]:
    """What a plan holds because of its inputs and data."""
    return {
        "usage": draft.usage,
        "amount": draft.amount,
        "objective": draft.command.objective(draft.inputs, draft.program),
        "datasets": draft.datasets,
        "context": canonical.plain(draft.facts),
        "checklist": draft.checklist,
    }
