"""A backlog item becomes work: a small plan of one task for people, with its owner and due date.

A plan of its own, for the tasks of its source were accepted with it and another one would void that; and
a backlog outlives the run that wrote it. Nobody types this command: it starts from an approved backlog.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction

from gtm.core import actors, canonical, clock
from gtm.core.errors import GuardNotMet, InvalidInput, NotFound, NotPermitted, Problem
from gtm.core.evidence import changelog
from plans.engine.escalation import clocks
from plans.engine.people.permissions import may_operate
from plans.engine.running import flow
from plans.engine.stopping import stopped as stops
from plans.models import GIVEN_UP_PLAN_STATES, Plan, Task
from plans.runs import checklist
from plans.runs import start as base
from plans.schemas.declaration import Command, Rung, Stage, Step
from plans.selectors import FOLLOW_UP, follow_ups_of
from programs.models import Person

PLUGIN, _, NAME = FOLLOW_UP.partition(":")
END_OF_DAY = time(17)


@dataclass(frozen=True, slots=True)
class BacklogRow:
    """A row of a backlog: ``rank`` from 1, owner's role, date, and the plan it became, if it did."""

    rank: int
    title: str
    why: str
    owner_role: str
    eta: date
    row: Mapping[str, Any]
    follow_up: Plan | None = None


def backlog_of(plan: Plan) -> list[BacklogRow]:
    """The backlog a plan wrote, in its order. Raises NotFound where it wrote none."""
    became = {row.inputs["item"]: row for row in follow_ups_of(plan)}
    return [
        BacklogRow(
            rank, row["title"], row["why"], row["owner_role"], date.fromisoformat(row["eta"]), row,
            became.get(row["title"]),
        )
        for rank, row in enumerate(_writer(plan).output["backlog"], start=1)
    ]  # fmt: skip


def writes_backlog(task: Task) -> bool:
    """Whether items of what ``task`` put out can become work; a list of actions to read alone cannot."""
    return isinstance((task.output or {}).get("backlog"), list)


def why_not_yet(plan: Plan) -> str | None:
    """Why items of this backlog cannot become work now: it is stopped, or a gate behind it is open."""
    if stopped := stops.is_stopped(plan):
        return stopped
    keys = [gate.key for gate in flow.gates_behind(_writer(plan))]
    missing = [str(gate) for gate in plan.tasks.filter(key__in=keys) if not gate.is_done]
    return f"The backlog is not approved: {', '.join(missing)} is open." if missing else None


def start(
    plan: Plan, rank: int, *, owner: Person | None = None, due: date | None = None, comment: str = ""
) -> Task:
    """Make item ``rank`` a task for people, or answer the task it already became.

    ``owner`` and ``due`` are the item's own unless told otherwise. Raises NotPermitted without the permission
    to operate plans, GuardNotMet while the backlog is not approved, NotFound for a rank that is not there,
    InvalidInput where the date is over.
    """
    acting = actors.current()
    if refused := may_operate(acting.actor, plan, {}):
        raise NotPermitted(refused)
    with transaction.atomic():
        changelog.lock_chain(plan.change_chain())
        item = next((found for found in backlog_of(plan) if found.rank == rank), None)
        if item is None:
            raise NotFound(f"The backlog of {plan.plan_id} has no item {rank}.")
        if item.follow_up is not None and item.follow_up.state not in GIVEN_UP_PLAN_STATES:
            return item.follow_up.tasks.get()
        if reason := why_not_yet(plan):
            raise GuardNotMet(reason, problems=[Problem("backlog", reason)])
        due_at = _due_at(plan, due or item.eta)
        key = f"{NAME}:{plan.plan_id}:{canonical.digest(item.title)[:12]}:{follow_ups_of(plan).count()}"
        follow_up = base.start(_draft(plan, item), idempotency_key=key)
        task = follow_up.tasks.get()
        task.owner = owner or task.owner
        clocks.move_due(task, due_at)
        changelog.append(
            plan, "became work", field="backlog", before=item.title, after=follow_up.plan_id,
            reason=comment or acting.reason,
        )  # fmt: skip
    return task


def _writer(plan: Plan) -> Task:
    """The task whose output is the backlog."""
    for task in plan.tasks.exclude(output=None).order_by("position"):
        if writes_backlog(task):
            return task
    raise NotFound(f"{plan.plan_id} has no backlog.")


def _due_at(plan: Plan, due: date) -> datetime:
    """The end of that working day, where the program is."""
    found = datetime.combine(due, END_OF_DAY, ZoneInfo(plan.program.time_zone))
    if found <= clock.now():
        problem = Problem("due", f"{due:%Y-%m-%d} is in the past. Give another date.")
        raise InvalidInput("The task would be late before it starts.", problems=[problem])
    return found


def _draft(plan: Plan, item: BacklogRow) -> base.Draft:
    command = Command(
        plugin=PLUGIN,
        name=NAME,
        title=item.title,
        summary="Carries out an item of an approved backlog.",
        program_kind=plan.program.kind,
        inputs=(),
        stages=(Stage("1", "Work", "sequential", (_step(item),)),),
        strategy="pipeline",
        strategy_rationale="One task: the backlog it comes from was planned and approved in its own run.",
        ladder=[Rung(rung.roles, rung.hours, rung.effect, rung.rota) for rung in plan.rules.ladder],
        objective=lambda inputs, program: f"{inputs['item']} (item {item.rank} of {inputs['source']})"[:240],
        complexity="simple",
        checklist=checklist.STANDARD,
        outputs=("What was done, with evidence",),
        deliverables=("result",),
    )
    draft = base.Draft(
        command=command,
        program=plan.program,
        inputs={"source": plan.plan_id, "item": item.title},
        usage=f"{command.path} --source {plan.plan_id} --item {canonical.dumps(item.title).decode()}",
        datasets=plan.datasets,
        facts={"item": canonical.plain(item.row), "source_revision": plan.revision},
        seed=plan.seed,
        amount=None,
        currency=plan.currency,
        campaign=plan.campaign,
    )
    draft.checklist.extend(base.review(draft))
    return draft


def _step(item: BacklogRow) -> Step:
    return Step("1.1", "carry-out", item.title[:160], item.owner_role, item.why, output_var="result")
