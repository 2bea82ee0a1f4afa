"""The matrices auditors ask for, written from the code that decides, as Markdown."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.apps import apps

from gtm.core.fsm import Transition, machines, nobody, system_only
from plans.engine.gates import duties
from plans.engine.gates.duties import Facts, SeparationRule

PERSON, STAND_IN, DELEGATE = "person", "stand-in", "delegate"
BY_HAND = "Written by `manage.py governance_matrices`; a test fails when it is out of date.\n"

_SITUATIONS: Sequence[tuple[SeparationRule, str, Mapping[str, Any]]] = (
    (SeparationRule.REQUESTED, "asked for or launched the run", {"requesters": {PERSON}}),
    (SeparationRule.EDITED, "edited material fields since the last approved revision", {"editors": {PERSON}}),
    (SeparationRule.EXECUTES, "executes or owns a task the gate guards", {"executors": {PERSON}}),
    (
        SeparationRule.DECIDED_ELSEWHERE,
        "decided a stage this one must be distinct from",
        {"decided_elsewhere": {PERSON}},
    ),
    (SeparationRule.NOT_A_PERSON, "is a token or service account", {"services": {PERSON}}),
    (SeparationRule.SPEAKS_FOR_A_PARTNER, "is the contact of a partner", {"speaks_for": {PERSON: "Acme"}}),
)


def separation_matrix() -> str:
    """Who must not decide at a gate, found by asking the rules about each situation."""
    rows = []
    for rule, situation, fields in _SITUATIONS:
        facts = Facts(**fields, acts_for={STAND_IN: {PERSON}}, chosen_by={DELEGATE: PERSON})
        barred = duties.excluded_people(duties.exclusions(facts))
        who = [_mark(person in barred) for person in (PERSON, STAND_IN, DELEGATE)]
        rows.append([str(int(rule)), f"The person {situation}", *who, barred[PERSON]])
    neither = duties.exclusions(Facts(acts_for={STAND_IN: {PERSON}}, chosen_by={DELEGATE: PERSON}))
    who = [_mark(any(e.person == p for e in neither)) for p in (PERSON, STAND_IN, DELEGATE)]
    rows.append(["–", "None of these", *who, ""])
    heads = ["Rule", "Situation", "The person, by any account", "A person who acts for them"]
    heads += ["A delegate they chose", "Message"]
    return "\n".join(
        [
            "# Separation of duties",
            "",
            BY_HAND,
            (
                "✗ must not decide at the gate, ✓ may where role and authority allow. The rules "
                "are checked when actions"
            ),
            (
                "are listed, in the transaction of the decision, and again for every vote when "
                "the round is final."
            ),
            "They apply to the person, not to the account. They apply to superusers, too.",
            "",
            *table(heads, rows),
            "",
        ]
    )


def permission_matrix() -> str:
    """Every transition of every governed object: from where, to where, by whom, under which conditions."""
    lines = ["# Permissions", "", BY_HAND]
    lines += [
        "Every possible change of state is listed here. All others are refused. If a transition names nobody,"
    ]
    lines += ["nobody may do it.", ""]
    for machine in sorted(machines(), key=lambda m: m.model._meta.label):
        lines += [f"## {machine.model._meta.verbose_name.capitalize()}", ""]
        lines += [*table(["Action", "From", "To", "Who", "Conditions"], map(_row, machine.transitions))]
        lines += ["", f"Final: {', '.join(sorted(machine.final))}.", ""]
    lines += ["## Permissions of accounts", "", *table(["Permission", "Allows"], _codenames()), ""]
    return "\n".join(lines)


def _row(transition: Transition) -> list[str]:
    target = transition.target if isinstance(transition.target, str) else "where it was before"
    conditions = [_sentence(guard) for guard in transition.guards]
    conditions += ["a reason is given"] if transition.comment_required else []
    sources = ", ".join(sorted(transition.sources))
    return [transition.name, sources, target, _who(transition), "; ".join(conditions)]


def _who(transition: Transition) -> str:
    named = {system_only: "the engine, when its conditions are met", nobody: "nobody"}
    return named.get(transition.permission) or _sentence(transition.permission)


def _sentence(function: Any) -> str:
    """The first line of a docstring; without one the name, in words."""
    told = inspect.getdoc(function)
    return told.splitlines()[0].rstrip(".") if told else function.__name__.replace("_", " ")


def _codenames() -> list[list[str]]:
    models = [m for label in ("programs", "plans") for m in apps.get_app_config(label).get_models()]
    found = [(f"{m._meta.app_label}.{c}", name) for m in models for c, name in m._meta.permissions]
    return [[code, name] for code, name in sorted(set(found))]


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [heads, ["---"] * len(heads), *rows]
    return [f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines]


def _mark(barred: bool) -> str:
    return "✗" if barred else "✓"
