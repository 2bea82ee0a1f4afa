"""Who may do, waive, give away or climb, for what happened around a plan's gates: separation beside votes.

Functions that the transition tables name answer None or the reason for no, as those of ``permissions`` do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gtm.core import actors
from gtm.core.actors import Actor
from plans.engine.gates import conflicts, future_rounds
from plans.engine.people.permissions import (
    holds_role,
    may_answer,
    may_work_on,
    persons_of,
    why_not_ours,
)
from plans.engine.running.flow import gates_behind
from plans.models import Escalation, Plan, Task, TaskKind
from programs.models import Person

Params = Mapping[str, Any]


def has_asked(user: Any, plan: Plan) -> bool:
    """Whether the person of this account asked for the plan, or edited it."""
    askers = conflicts.askers_of({plan.pk: plan}, conflicts.people_of_accounts())[plan.pk]
    return bool(askers & {person.pk for person in persons_of(user)})


def may_do(actor: Actor, task: Task, params: Params) -> str | None:
    """Whoever may work on the task, but nobody who has decided at a gate that guards it.

    Unless it is theirs: then they stand in for its owner, and nobody else could.
    """
    if refused := may_work_on(actor, task, params):
        return refused
    others = (person for person in persons_of(actor.user) if person.pk != task.owner_id)
    refusals = (conflicts.why_no_owner(task, person) for person in others)
    return next((refused for refused in refusals if refused), None)


def may_climb(actor: Actor, case: Escalation, params: Params) -> str | None:
    """Whoever may answer the case; of a round not who asked for the plan, for a rung may give authority."""
    if refused := may_answer(actor, case, params):
        return refused
    if case.approval_id is None:
        return None
    if has_asked(actor.user, case.plan):
        return "Who asked for this run, or edited it, waits for the ladder: a rung of it may give authority."
    return None


def may_waive(actor: Actor, task: Task, params: Params) -> str | None:
    """People whom a gate after the task would ask as it stands, within their authority for this plan.

    Never the task's own people or who asked for it.
    """
    if actor.is_system:
        return "Only people can waive a task."
    if refused := why_not_ours(actor):
        return refused
    if has_asked(actor.user, task.plan):
        return "The person who asked for this run, or edited it, cannot waive its tasks."
    people = {person.pk for person in persons_of(actor.user)}
    if holds_role(actor.user, task.agent_id) or task.owner_id in people:
        return "The person who does the task cannot waive it."
    gates = gates_behind(task)
    if not any(gate.seats for gate in gates):
        return (
            None
            if actor.user.has_perm("plans.release_ripcord")
            else "No gate follows this task. Ask the executive sponsor."
        )
    benches = [future_rounds.who_must_approve(task.plan, gate) for gate in gates]
    if any(bench.candidate(person) for bench in benches for person in people):
        return None
    reasons = dict.fromkeys(filter(None, (bench.why_not(pk) for bench in benches for pk in people)))
    roles = sorted({seat.role for gate in gates for seat in gate.seats})
    said = "; ".join(
        [f"Only an approver of the gate that follows can waive it: {', '.join(roles)}", *reasons]
    )
    return f"{said}."


def takes_from_a_gate(task: Task, owner: Person) -> str | None:
    """Who asked for the plan keeps nobody from deciding about it by giving them work in it."""
    if not has_asked(actors.current().actor.user, task.plan):
        return None
    guarding = [need for need in task.needs.filter(kind=TaskKind.GATE) if not need.is_done]
    gates = [task.plan.rules.gate(need.key) for need in guarding]
    behind = [gate for gate in gates_behind(task) if not gate.scope or task.output_var in gate.scope]
    for gate in [*gates, *behind]:
        if future_rounds.who_must_approve(task.plan, gate).candidate(owner.pk) is not None:
            return (
                f"{owner} is asked to decide at {gate.title}, and could not any more with this task. "
                "Somebody who has not asked for this run can give it to them."
            )
    return None
