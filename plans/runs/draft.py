"""A draft of a run, and the rows it becomes: plan, tasks, and a snapshot of the rules it runs under."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import IntegrityError

from gtm.core import actors, canonical, clock
from gtm.core.errors import InvalidInput, Problem
from gtm.core.places.calendars import WorkingCalendar
from plans.models import LADDER, Plan, Task, new_plan_id
from plans.runs import needed_roles, policies, registry
from plans.runs.policies import PolicyInForce
from plans.schemas import skills
from plans.schemas.declaration import Command, Stage, Step
from programs.models import Campaign, Person, Program, Role
from programs.selectors import people_by_role

LACKS_ROLES = (
    "The page Settings, Establish makes every role that the commands need. "
    "Then enter who holds them under People, Approvers."
)


@dataclass(frozen=True, slots=True)
class Draft:
    """A run that could start: everything validated, nothing stored. Review checks read it."""

    command: Command
    program: Program
    inputs: Mapping[str, Any]
    usage: str
    datasets: list[dict[str, Any]]
    facts: Mapping[str, Any]
    seed: int
    amount: Decimal | None
    currency: str
    campaign: Campaign | None = None
    checklist: list[dict[str, Any]] = field(default_factory=list)
    written_by: Collection[int] = ()
    """Accounts that have written the schedule that starts it, beside whoever it starts for."""


@dataclass(frozen=True, slots=True)
class ProposedPlan:
    """A plan with its tasks as they would be stored; ``needs`` by number of the task. Nothing is stored."""

    plan: Plan
    tasks: Mapping[str, Task]
    needs: Mapping[str, Sequence[str]]


def propose(draft: Draft, idempotency_key: str | None = None) -> ProposedPlan:
    """The plan a draft becomes, in memory. Raises InvalidInput where the organisation lacks a role."""
    command, now = draft.command, clock.now()
    plan = Plan(
        plan_id=new_plan_id(now),
        plugin=command.plugin,
        command=command.name,
        usage=draft.usage,
        inputs=dict(draft.inputs),
        objective=command.objective(draft.inputs, draft.program),
        complexity=command.complexity,
        strategy=command.strategy,
        declaration=snapshot(command, draft.facts.get("trigger_versions", {})),
        datasets=draft.datasets,
        checklist=draft.checklist,
        context=canonical.plain(draft.facts),
        seed=draft.seed,
        amount=draft.amount,
        currency=draft.currency,
        program=draft.program,
        campaign=draft.campaign,
        requested_by=actors.current().actor.user,
        idempotency_key=idempotency_key,
        expected_seconds=expected_seconds(command),
        next_forecast_at=now if command.forecast or command.watch else None,
    )
    roles = roles_by_slug()
    _refuse_without_roles(command, roles)
    tasks: dict[str, Task] = {}
    for stage in command.stages:
        for step in stage.steps:
            tasks[step.task_id] = propose_task(plan, stage, step, roles, len(tasks), command)
    return ProposedPlan(plan, tasks, {step.task_id: step.needs for step in command.steps})


def build(draft: Draft, idempotency_key: str | None = None) -> Plan:
    """Write a plan in draft with its tasks. Must run inside a transaction."""
    proposed = propose(draft, idempotency_key)
    tasks = proposed.tasks
    try:
        proposed.plan.save()
    except IntegrityError:
        if Plan.objects.filter(idempotency_key=idempotency_key).exclude(idempotency_key=None).exists():
            raise
        proposed.plan.plan_id = new_plan_id(clock.now(), apart=True)  # another run began in the same second
        proposed.plan.save()
    for task in tasks.values():
        task.save()
    edges = [(tasks[task_id], tasks[need]) for task_id, needs in proposed.needs.items() for need in needs]
    Edge = Task.needs.through
    Edge.objects.bulk_create(Edge(from_task=task, to_task=need) for task, need in edges)
    return proposed.plan


def due_at(step: Step, owner: Person | None, program: Program) -> datetime | None:
    """The end of the working day on which the step is due, where its owner works."""
    if step.due_date is None:
        return None
    return calendar_for(owner, program).opening(step.due_date)[1]


def calendar_for(owner: Person | None, program: Program) -> WorkingCalendar:
    """The working calendar of the owner's place, or the program's where nobody owns the task."""
    return (owner or program).calendar


def expected_seconds(command: Command) -> int:
    """Duration of the longest path through the tasks, people's time not counted."""
    network = registry.dependencies(command)
    finish: dict[str, int] = {}
    cost = {step.task_id: step.expected_seconds if step.run else 0 for step in command.steps}
    for task_id in network.order():
        finish[task_id] = cost[task_id] + max((finish[need] for need in network.needs[task_id]), default=0)
    return max(finish.values())


def roles_by_slug() -> dict[str, Role]:
    return {role.slug: role for role in Role.objects.all()}


def build_task(
    plan: Plan,
    stage: Stage,
    step: Step,
    roles: Mapping[str, Role],
    position: int,
    command: Command,
    *,
    task_id: str = "",
) -> Task:
    """Write a task of the plan. Raises InvalidInput where the organisation lacks its role."""
    task = propose_task(plan, stage, step, roles, position, command, task_id=task_id)
    task.save()
    return task


def propose_task(
    plan: Plan,
    stage: Stage,
    step: Step,
    roles: Mapping[str, Role],
    position: int,
    command: Command,
    *,
    task_id: str = "",
) -> Task:
    """A task as it would be stored. Raises InvalidInput where the organisation lacks its role."""
    agent = _role(roles, step.agent, step)
    owner = owner_of(agent)
    return Task(
        plan=plan,
        task_id=task_id or step.task_id,
        position=position,
        stage_id=stage.stage_id,
        stage_name=stage.name,
        key=step.key,
        name=step.name,
        purpose=step.purpose,
        kind=step.kind,
        agent=agent,
        fallback_agent=_role(roles, step.fallback_agent, step) if step.fallback_agent else None,
        owner=owner,
        due_at=due_at(step, owner, plan.program),
        skills=list(step.skills),
        tools=[hook.tool for hook in command.tool_hooks if hook.step == step.key],
        output_var=step.output_var,
        expected_seconds=step.expected_seconds,
        max_retries=command.max_retries,
    )


def _refuse_without_roles(command: Command, roles: Collection[str]) -> None:
    """Raises InvalidInput with every role at once that the command names and the organisation lacks."""
    lacking = sorted(needed_roles.of_tasks(command) - set(roles))
    if not lacking:
        return
    described = needed_roles.all_needed([command])
    raise InvalidInput(
        f"The organisation lacks {len(lacking)} of the roles that {command.path} needs.",
        problems=[
            Problem("roles", f"“{slug}” ({described[slug].name}) does not exist.", code="missing")
            for slug in lacking
        ],
        hint=LACKS_ROLES,
    )


def _role(roles: Mapping[str, Role], slug: str, step: Step) -> Role:
    if slug not in roles:
        message = f"task {step.task_id} is done by “{slug}”, and no such role exists."
        problem = Problem("roles", message, tuple(sorted(roles)))
        raise InvalidInput("The organisation lacks a role.", problems=[problem], hint=LACKS_ROLES)
    return roles[slug]


def owner_of(role: Role) -> Person | None:
    """Who holds the role today, the longest-serving first."""
    held = role.approvers.select_related("person").filter(person__is_active=True).order_by("pk")
    now = clock.now()
    return next((approver.person for approver in held if approver.is_valid_at(now)), None)


def worker_facts(person: Person) -> dict[str, str]:
    """Somebody's name and the place whose working days count for them."""
    names = ("name", "country", "subdivision", "time_zone")
    return {name: getattr(person, name) for name in names}


def _skills_of(command: Command) -> set[str]:
    return {name for step in command.steps for name in step.skills}


def snapshot(
    command: Command,
    metric_versions: Mapping[str, int] | None = None,
    rules: Mapping[str, PolicyInForce] | None = None,
) -> dict[str, Any]:
    """The declaration as data, as the plan keeps it. A later edit of the command does not move the plan.

    ``metric_versions`` (signal → version) are those of the registry: a breach of a metric that was defined
    otherwise counts no more. ``rules`` are those in force for gates and ladder, unless others are given.
    """
    versions, rules = metric_versions or {}, rules or policies.in_force(command)
    ladder = rules[LADDER]
    contacts = people_by_role([party.role for party in command.outside_parties])
    return canonical.plain(
        {
            "version": command.version,
            "title": command.title,
            "summary": command.summary,
            "strategy_rationale": command.strategy_rationale,
            "stages": [
                {
                    "stage_id": stage.stage_id,
                    "name": stage.name,
                    "execution": stage.execution,
                    "merge_gate": stage.merge_gate,
                }
                for stage in command.stages
            ],
            "gates": [
                asdict(step.gate)
                | dict(rules[step.key].text)
                | {"policy_version": rules[step.key].number}
                | {"fallbacks": {step.agent: step.fallback_agent} if step.fallback_agent else {}}
                for step in command.steps
                if step.gate
            ],
            "reads": {step.key: list(step.reads) for step in command.steps if step.reads is not None},
            "ladder": [{"rung": n, **rung} for n, rung in enumerate(ladder.text["rungs"], start=1)],
            "ladder_repeats": ladder.text["repeats"],
            "ladder_version": ladder.number,
            "triggers": [
                asdict(t) | {"metric_version": versions.get(t.signal, t.metric_version)}
                for t in command.triggers
            ],
            "tool_hooks": [asdict(hook) for hook in command.tool_hooks],
            "success_metrics": [asdict(metric) for metric in command.success_metrics],
            "limits": [asdict(limit) for limit in command.limits],
            "governed_facts": list(command.governed_facts),
            "governed_outputs": {step.key: list(step.governs) for step in command.steps if step.governs},
            "fallbacks": [asdict(fallback) for fallback in command.fallbacks],
            "outputs": list(command.outputs),
            "deliverable_keys": list(command.deliverables),
            "outside_parties": [
                asdict(party) | {"contact": contacts.get(party.role, "")} for party in command.outside_parties
            ],
            "skills": [asdict(skill) for skill in skills.cited(_skills_of(command), command.key)],
            "max_retries": command.max_retries,
            "methods": {step.key: step.instead_how for step in command.steps if step.instead},
            "forecast": command.forecast,
            "watch": command.watch,
            "due_hours": {step.task_id: step.due_hours for step in command.steps if step.due_hours},
            "evidence": {step.task_id: step.evidence for step in command.steps if step.evidence},
        }
    )
