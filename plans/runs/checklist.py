"""The review checklist every command shares: dependencies, approvals, agents, data, deliverables."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

from gtm.core.places import objects
from plans.engine.escalation import rotas
from plans.engine.people.directory import Directory
from plans.models import LADDER
from plans.runs.policies import in_force
from plans.runs.registry import LOWEST_LADDER, faults
from plans.runs.start import Draft, approvable
from plans.schemas.constraints import stated_in
from plans.schemas.declaration import ChecklistItem, ToolWork
from plans.schemas.rules import rungs
from programs.models import Role
from programs.outreach import browser


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
    """Whose tasks others are asked for while they are away today: others of the role, else who covers it."""
    directory = Directory.today()
    covers = {step.agent: step.fallback_agent for step in draft.command.steps if step.gate is None}
    for role, cover in sorted(covers.items()):
        people = {a.person for a in directory.holders({role}) if a.is_valid_at(directory.now)}
        away = sorted(person.name for person in people if person.pk in directory.absences)
        here = sorted(person.name for person in people if person.pk not in directory.absences)
        if away:
            covering = f"{', '.join(here)} of the same role" if here else cover or "nobody"
            yield f"{', '.join(away)} ({role}) is away today: {covering} covers."


def _data(draft: Draft) -> tuple[bool, str]:
    told = [f"{d['kind']}: {d['rows']:,} rows, {d['rejected_rows']:,} rejected" for d in draft.datasets]
    return bool(told) or not draft.command.required_datasets, "; ".join(told) or "This command reads no data."


def _deliverables(draft: Draft) -> tuple[bool, str]:
    return bool(draft.command.deliverables), "; ".join(draft.command.outputs)


def _ladder(draft: Draft) -> tuple[bool, str]:
    ladder = in_force(draft.command)[LADDER].text["rungs"]
    told, directory = [], Directory.today()
    for rung in rungs([{"rung": n, **rung} for n, rung in enumerate(ladder, start=1)]):
        who = "/".join(rung.stands)
        if rung.rota is not None:
            who += f" ({rotas.on_call(rung.rota, draft.program, directory).in_words})"
        told.append(who)
    retries = f"at most {draft.command.max_retries} retries."
    return len(ladder) >= LOWEST_LADDER, f"{' → '.join(told)}; {retries}"


def _constraints(draft: Draft) -> tuple[bool, str]:
    found = stated_in(draft.inputs, draft.program.currency)
    rules = [f"“{one.text}” ({one.kind})" for one in found if one.is_checked]
    texts = [f"“{one.text}”" for one in found if not one.is_checked]
    told = [f"Checked against the design: {'; '.join(rules)}."] if rules else []
    told += [f"Not checked by the system, a person must: {'; '.join(texts)}."] if texts else []
    return True, " ".join(told) or "No constraints are stated."


def _tools(draft: Draft) -> tuple[bool, str]:
    """What a run uses: the code of its tasks, places to write to, and a browser where one is named."""
    runs = [step for step in draft.command.steps if step.run]
    absent = [step.task_id for step in runs if isinstance(step.run, str) and not _is_installed(step.run)]
    closed = [str(place) for place in _written_to() if not _writable(place)]
    told = [f"The code of task {', '.join(absent)} is not installed."] if absent else []
    told += [f"Nothing can be written to {', '.join(closed)}."] if closed else []
    told = told or [f"The code of {len(runs)} tasks is installed; results and the plan file can be written."]
    if any(hook.work == ToolWork.FLOW for hook in draft.command.tool_hooks):
        told.append(f"Browser: {browser.missing() or 'Chromium'}.")
    return not absent and not closed, " ".join(told)


def _is_installed(place: str) -> bool:
    try:
        return importlib.util.find_spec(place.partition(":")[0]) is not None
    except ModuleNotFoundError:  # not even its package
        return False


def _written_to() -> list[Path]:
    """The folders of results and plan files; with an object store, that of this host's copies."""
    if objects.data.is_folder:
        return [settings.GTM_DATA_DIR, settings.GTM_PLANS_DIR]
    return [settings.GTM_CACHE_DIR]


def _writable(place: Path) -> bool:
    """Whether files can be written there, or in what it would be made in."""
    there = next(one for one in (place, *place.parents) if one.exists())
    return os.access(there, os.W_OK)


def _goal(draft: Draft) -> tuple[bool, str]:
    """Each success criterion has an aim that can be held against a value."""
    goal = draft.command.objective(draft.inputs, draft.program)
    metrics = draft.command.success_metrics
    bare = [metric.label for metric in metrics if not (metric.comparator and metric.aim)]
    if bare:
        return False, f"{goal}. Nothing can be held against {', '.join(bare)}."
    held = "; ".join(f"{metric.label}: {metric.target}" for metric in metrics) or "no criterion is stated"
    return True, f"{goal}. Held to {held}."


STANDARD = (
    ChecklistItem("dependencies", "Dependencies are complete and in order", _dependencies),
    ChecklistItem("goal", "The goal matches the success criteria", _goal),
    ChecklistItem("agents", "People hold the role of every task", _agents),
    ChecklistItem("substitutes", "Substitutes are documented", _substitutes),
    ChecklistItem("approvals", "Today's people can give every approval", approvable),
    ChecklistItem("data", "The data that the run reads are loaded", _data),
    ChecklistItem("tools", "Tools that the run uses are available", _tools),
    ChecklistItem("deliverables", "Deliverables are named", _deliverables),
    ChecklistItem("guardrails", "Retry limit and escalation ladder are set", _ladder),
)
CONSTRAINTS = ChecklistItem("constraints", "Constraints are read as rules, or are for a person", _constraints)
"""For a command with an input of constraints."""
