"""Who could decide at a gate whose round is not open yet: of a plan that waits, or of a run not stored."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from gtm.core import actors
from plans.engine.gates import conflicts
from plans.engine.gates.eligibility import Bench, bench, facts_of, scalars
from plans.engine.gates.provenance import Arrangements, Provenance
from plans.engine.people.directory import Directory
from plans.models import Approval, Plan, TaskKind
from plans.schemas.rules import GateRules, PlanRules
from programs.models import Person


def who_must_approve(plan: Plan, gate: GateRules) -> Bench:
    """The bench a gate of the plan would have now; each seat says which condition asks for it."""
    task = plan.tasks.get(key=gate.key)
    asked = Approval(pk=0, plan=plan, task=task, gate=gate.key, policy=dict(gate.stored))
    directory = Directory.today()
    around = conflicts.around([asked], directory)
    askers = around.askers[plan.pk]
    origin = Provenance(askers, around.arrangements, None, (), plan.created_at, plan.program_id)
    return bench(
        gate.seats, facts_of(plan), around.excluded[asked.pk], directory,
        fallbacks=gate.fallbacks, origin=origin,
    )  # fmt: skip


def benches_of_draft(rules: PlanRules, draft: Any, requester: int | None) -> list[tuple[GateRules, Bench]]:
    """Each gate of a run that is not stored yet, with its bench if ``requester`` asked for it.

    The accounts that wrote the schedule it comes from have asked for it, too (``draft.written_by``).
    """
    facts = {
        **scalars(draft.inputs),
        "amount": draft.amount,
        "currency": draft.currency,
        "kind": draft.program.kind,
        "region": draft.program.region,
        "plugin": draft.command.plugin,
        "command": draft.command.name,
    }
    directory = Directory.today()
    accounts = conflicts.people_of_accounts()
    askers = set().union(*(accounts[user] for user in (requester, *draft.written_by)))
    origin = Provenance(askers, Arrangements.of(directory, accounts), program=draft.program.pk)
    found = []
    for gate in rules.gates:
        owners = _future_owners(draft.command, gate.key, directory)
        writers = _future_writers(draft.command, gate, directory)
        excluded = conflicts.excluded_from_draft(askers, owners, writers, directory)
        asked = bench(gate.seats, facts, excluded, directory, fallbacks=gate.fallbacks, origin=origin)
        found.append((gate, asked))
    return found


def approvability(rules: PlanRules, draft: Any) -> tuple[bool, str]:
    """Whether people who are here today can fill every gate of a run that is not stored yet.

    Answers with a sentence a gate: who is asked, or which seat has nobody and who was passed over.
    """
    sentences, all_filled = [], True
    for gate, found in benches_of_draft(rules, draft, actors.current().actor.user_id):
        all_filled &= found.is_satisfiable
        if found.missing:
            passed = "; ".join(f"{name} {reason}" for name, reason in found.excluded)
            sentence = f"nobody for {', '.join(found.missing)}" + (f" ({passed})" if passed else "")
        else:
            sentence = ", ".join(sorted(c.person.name for c in found.candidates))
        sentences.append(f"{gate.title}: {sentence}")
    return all_filled, ". ".join(sentences) or "No gate."


def _future_owners(command: Any, gate: str, directory: Directory) -> list[Person]:
    """Who will own the tasks behind the gate: the first valid holder of each one's role."""
    numbers = {step.task_id for step in command.steps if step.key == gate}
    return _first_holders(
        {s.agent for s in command.steps if s.gate is None and numbers & set(s.needs)}, directory
    )


def _future_writers(command: Any, gate: GateRules, directory: Directory) -> list[Person]:
    """Who will write by hand what the gate approves: people with a task whose output lies in its scope."""
    by_hand = (step for step in command.steps if step.kind == TaskKind.HUMAN and step.output_var)
    return _first_holders({s.agent for s in by_hand if s.output_var in gate.scope}, directory)


def _first_holders(agents: Collection[str], directory: Directory) -> list[Person]:
    first: dict[str, Person] = {}
    for approver in directory.holders(agents):
        if approver.is_valid_at(directory.now):
            first.setdefault(approver.role.slug, approver.person)
    return list(first.values())
