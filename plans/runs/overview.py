"""What a program, a campaign or a partner has, and what to do next about it. A fixed number of queries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Q
from django.urls import reverse
from django.utils.http import urlencode

from plans.models import OPEN_APPROVAL_STATES, Approval, Plan
from plans.runs import registry
from plans.schemas.declaration import Command
from programs.models import CLOSED_PROGRAM_STATES, Dataset, Program

MOST_PLANS = 5
MOST_DATASETS = 200
MOST_WAITING = 5
ASKING = {
    "changes_requested": "Answer the request for changes",
    "blocked": "Find out what blocks it",
    "held": "The rip-cord holds it",
    "paused": "It is paused",
}
PLAN_FIELDS = ("plan_id", "objective", "command", "state", "created_at", "program_id")


@dataclass(frozen=True, slots=True)
class NextStep:
    """One thing to do next: a sentence, where it is done, and what the link says."""

    text: str
    url: str
    label: str


@dataclass(frozen=True, slots=True)
class Overview:
    datasets: Sequence[Dataset]
    plans: Sequence[Plan]
    steps: Sequence[NextStep]


def of_program(program: Program) -> Overview:
    datasets = _newest(Q(program=program))
    commands = [c for c in registry.all_commands() if c.program_kind == program.kind]
    ran = set(Plan.objects.filter(program=program).values_list("plugin", "command").distinct())
    steps = [*_waiting(Q(plan__program=program)), *_asking(Q(program=program))]
    if program.state in CLOSED_PROGRAM_STATES:
        return Overview(datasets, _latest(Q(program=program)), steps)
    there = {dataset.kind for dataset in datasets}
    steps += _missing(commands, there, program)
    for command in commands:
        if (command.plugin, command.name) not in ran and there >= set(command.required_datasets):
            steps.append(_start(command, program))
    return Overview(datasets, _latest(Q(program=program)), steps)


def of_campaign(campaign: Any) -> Overview:
    mine = Q(campaign=campaign)
    return Overview(_newest(mine), _latest(mine), [*_waiting(Q(plan__campaign=campaign)), *_asking(mine)])


def of_partner(partner: Any) -> Overview:
    """A partner's own data, and the plans of the campaigns it takes part in."""
    mine = Q(campaign__partners=partner)
    waiting = _waiting(Q(plan__campaign__partners=partner))
    return Overview(_newest(Q(partner=partner)), _latest(mine), [*waiting, *_asking(mine)])


def _newest(which: Q) -> list[Dataset]:
    """The current dataset of each kind and partner."""
    chosen = Dataset.objects.filter(which, current_since__isnull=False).select_related("partner")
    rows = chosen.order_by("-current_since", "-pk")
    found: dict[tuple[str, int | None], Dataset] = {}
    for dataset in rows.defer("profile", "sources", "mapping", "options", "reject_reasons")[:MOST_DATASETS]:
        found.setdefault((dataset.kind, dataset.partner_id), dataset)
    return sorted(found.values(), key=lambda one: (one.kind, one.partner_id or 0))


def _latest(which: Q) -> list[Plan]:
    return list(Plan.objects.filter(which).only(*PLAN_FIELDS).order_by("-created_at", "-pk")[:MOST_PLANS])


def _waiting(which: Q) -> list[NextStep]:
    rounds = Approval.objects.filter(which, state__in=OPEN_APPROVAL_STATES).order_by("pk")
    rows = rounds.values_list("pk", "title", "plan__objective")[:MOST_WAITING]
    return [
        NextStep(
            f"{title} is open: {objective}", reverse("admin:plans_approval_change", args=[pk]), "Look at it"
        )
        for pk, title, objective in rows
    ]


def _asking(which: Q) -> list[NextStep]:
    plans = Plan.objects.filter(which, state__in=ASKING).order_by("-created_at", "-pk")
    rows = plans.values_list("pk", "state", "objective")[:MOST_WAITING]
    return [
        NextStep(
            f"{ASKING[state]}: {objective}", reverse("admin:plans_plan_change", args=[pk]), "Open the plan"
        )
        for pk, state, objective in rows
    ]


def _missing(commands: Sequence[Command], there: set[str], program: Program) -> list[NextStep]:
    needs: dict[str, list[str]] = {}
    for command in commands:
        for kind in command.required_datasets:
            if kind not in there:
                needs.setdefault(kind, []).append(command.action or command.title)
    upload = reverse("admin:programs_dataset_upload")
    return [
        NextStep(
            f"No {kind.replace('_', ' ')} yet: needed by {' and '.join(names)}.",
            f"{upload}?{urlencode({'program': program.pk, 'kind': kind})}",
            "Load a file",
        )
        for kind, names in needs.items()
    ]


def _start(command: Command, program: Program) -> NextStep:
    name = command.action or command.title
    query = urlencode({"from": f"program-{program.pk}"})
    url = f"{reverse('admin:plans_run_command', args=[command.key])}?{query}"
    return NextStep(f"“{name}” has not run for this program yet. Its data are loaded.", url, name)
