"""The review checklist every command shares: dependencies, approvals, agents, data, deliverables."""

from __future__ import annotations

from collections.abc import Iterator

from plans.engine.people.directory import Directory
from plans.models import LADDER
from plans.runs.policies import in_force
from plans.runs.registry import LOWEST_LADDER, faults
from plans.runs.start import Draft, approvable
from plans.schemas.constraints import stated_in
from plans.schemas.declaration import ChecklistItem
from programs.models import Role


def _dependencies(draft: Draft) -> tuple[bool, str]:
    found = list(faults(draft.command))
    tasks = len(draft.command.steps)
    told = "; ".join(f"{fault.field}: {fault.message}" for fault in found)
    return not found, told or f"{tasks} tasks. None waits for itself or for a later stage."


def _agents(draft: Draft) -> tuple[bool, str]:
    wanted = {s.agent for s in draft.command.steps} | {
        s.fallback_agent for s in draft.command.steps if s.fallback_agent
    }
    held = set(
        Role.objects.filter(slug__in=wanted, approvers__person__is_active=True).values_list("slug", flat=True)
    )
    missing = sorted(wanted - held)
    return (
        not missing,
        f"Nobody holds {', '.join(missing)}." if missing else f"{len(held)} roles are held by people.",
    )


def _substitutes(draft: Draft) -> tuple[bool, str]:
    bare = [s.task_id for s in draft.command.steps if s.run and not s.fallback_agent]
    told = f"No substitute for {', '.join(bare)}." if bare else "Every automated task has a substitute."
    return not bare, " ".join([told, *_away(draft)])


def _away(draft: Draft) -> Iterator[str]:
    """Roles of which everybody is away today, and who is asked instead when their tasks are to be done."""
    directory = Directory.today()
    covers = {step.agent: step.fallback_agent for step in draft.command.steps if step.gate is None}
    for role, cover in sorted(covers.items()):
        people = {a.person for a in directory.holders({role}) if a.is_valid_at(directory.now)}
        if people and all(person.pk in directory.absences for person in people):
            names = ", ".join(sorted(person.name for person in people))
            yield f"{names} ({role}) is away today: {cover or 'nobody'} covers."


def _data(draft: Draft) -> tuple[bool, str]:
    told = [f"{d['kind']}: {d['rows']:,} rows, {d['rejected_rows']:,} rejected" for d in draft.datasets]
    return bool(told) or not draft.command.required_datasets, "; ".join(told) or "This command reads no data."


def _deliverables(draft: Draft) -> tuple[bool, str]:
    return bool(draft.command.deliverables), "; ".join(draft.command.outputs)


def _ladder(draft: Draft) -> tuple[bool, str]:
    ladder = in_force(draft.command)[LADDER].text["rungs"]
    rungs = " → ".join("/".join(rung["roles"]) for rung in ladder)
    return len(ladder) >= LOWEST_LADDER, f"{rungs}; at most {draft.command.max_retries} retries."


def _constraints(draft: Draft) -> tuple[bool, str]:
    found = stated_in(draft.inputs, draft.program.currency)
    rules = [f"“{one.text}” ({one.kind})" for one in found if one.is_checked]
    texts = [f"“{one.text}”" for one in found if not one.is_checked]
    told = [f"Checked against the design: {'; '.join(rules)}."] if rules else []
    told += [f"Not checked by the system, a person must: {'; '.join(texts)}."] if texts else []
    return True, " ".join(told) or "No constraints are stated."


STANDARD = (
    ChecklistItem("dependencies", "Dependencies are complete and in order", _dependencies),
    ChecklistItem("agents", "People hold the role of every task", _agents),
    ChecklistItem("substitutes", "Substitutes are documented", _substitutes),
    ChecklistItem("approvals", "Today's people can give every approval", approvable),
    ChecklistItem("data", "The data that the run reads are loaded", _data),
    ChecklistItem("deliverables", "Deliverables are named", _deliverables),
    ChecklistItem("guardrails", "Retry limit and escalation ladder are set", _ladder),
)
CONSTRAINTS = ChecklistItem("constraints", "Constraints are read as rules, or are for a person", _constraints)
"""For a command with an input of constraints."""
