"""Policies and ladders as versions: proposed by one person, brought into force by another.

A command declares who decides at its gates and who stands on its ladder; that is version 0. A version in
force takes its place for runs that start from then on. A plan keeps the text it started with, and its number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from django.db import transaction
from django.db.models import Max

from gtm.core import actors, canonical, clock
from gtm.core.errors import GuardNotMet, InvalidInput, NotFound, NotPermitted, Problem
from gtm.core.evidence import changelog
from gtm.core.fsm import perform
from plans.engine.escalation import rota_texts
from plans.engine.gates import preview
from plans.models import LADDER, MOST_RUNGS, Plan, PolicyVersion, chain_of
from plans.runs import registry
from plans.schemas.declaration import Command, Gate
from programs.models import Role

GATE_FIELDS = ("seats", "hours", "on_reject", "on_exhausted", "distinct_from")
LADDER_FIELDS = ("rungs", "repeats")
RUNG_FIELDS = ("roles", "hours", "effect", "rota")
ON_REJECT, ON_EXHAUSTED = ("veto", "impossible"), ("hold", "reject")
EFFECTS = ("notify", "add authority", "transfer authority")
MOST_HOURS = 2000  # a working year
MOST_SEATS, MOST_ROLES = 6, 3  # what a form can show, and a person take in


@dataclass(frozen=True, slots=True)
class PolicyInForce:
    """What holds for a gate or the ladder: the number of the version and its full text."""

    subject: str
    title: str
    number: int
    text: Mapping[str, Any]


# ------------------------------------------------------------------ what is in force


def declared(command: Command) -> dict[str, PolicyInForce]:
    """Version 0 of everything a command has rules for: each gate by its key, and the ladder."""
    found = {gate.key: PolicyInForce(gate.key, gate.title, 0, _text_of(gate)) for gate in _gates(command)}
    rungs = [{k: value for k, value in asdict(rung).items() if value is not None} for rung in command.ladder]
    text = canonical.plain({"rungs": rungs, "repeats": command.ladder_repeats})
    return found | {LADDER: PolicyInForce(LADDER, "Escalation ladder", 0, text)}


def in_force(command: Command) -> dict[str, PolicyInForce]:
    """The rules that a run of the command would start under now."""
    found = declared(command)
    for row in PolicyVersion.objects.filter(command=command.key, state="in_force"):
        if row.subject in found:  # a gate the command has no more asks nobody
            rule = found[row.subject]  # its text fills in what versions did not say yet
            found[row.subject] = PolicyInForce(row.subject, rule.title, row.number, {**rule.text, **row.text})
    return found


def kept_by(plan: Plan, command: Command) -> dict[str, PolicyInForce]:
    """The rules a plan started under; those in force now for gates that come to it later."""
    found, rules = in_force(command), plan.rules
    for gate in rules.gates:
        text = {name: gate.stored[name] for name in GATE_FIELDS if name in gate.stored}
        found[gate.key] = PolicyInForce(gate.key, gate.title, gate.policy_version, text)
    rungs = [{k: value for k, value in rung.stored.items() if k != "rung"} for rung in rules.ladder]
    text = {"rungs": rungs, "repeats": rules.ladder_repeats}
    return found | {LADDER: PolicyInForce(LADDER, found[LADDER].title, rules.ladder_version, text)}


def _gates(command: Command) -> list[Gate]:
    return [step.gate for step in command.steps if step.gate is not None]


def _text_of(gate: Gate) -> dict[str, Any]:
    return canonical.plain({name: value for name, value in asdict(gate).items() if name in GATE_FIELDS})


# ------------------------------------------------------------------ proposing and deciding


def propose(name: str, subject: str, changes: Mapping[str, Any], *, reason: str) -> PolicyVersion:
    """Propose other rules for a gate or the ladder of a command (key, or name), as changes of those in force.

    Raises NotFound for a command or a subject there is not, NotPermitted without the permission, InvalidInput
    with every problem of the text at once, or where nothing differs.
    """
    command, actor = registry.get(name), actors.current().actor
    if actor.is_system or not actor.user.has_perm("plans.propose_policy"):
        raise NotPermitted("You need the permission to propose policies.")
    with transaction.atomic():
        changelog.lock_chain(chain_of(command.key))
        rule = _rule(command, subject)
        text = {**rule.text, **canonical.plain(dict(changes))}
        problems = [*_faults(command, subject, text)]
        if not reason.strip():
            problems.append(Problem("reason", "is required.", code="required"))
        if problems:
            raise InvalidInput("This is not a valid policy.", problems=problems)
        if subject != LADDER:
            text["seats"] = preview.read_seats(text["seats"])  # with what was left out
        if text == rule.text:
            problem = Problem("text", f"says what version {rule.number} says, which is in force.")
            raise InvalidInput("Nothing would change.", problems=[problem])
        about = PolicyVersion.objects.filter(command=command.key, subject=subject)
        row = PolicyVersion(
            command=command.key,
            subject=subject,
            number=(about.aggregate(last=Max("number"))["last"] or 0) + 1,
            based_on=rule.number,
            text=text,
            reason=reason.strip(),
            proposed_by=actor.user,
        )
        row.save()
    return row


def decide(row: PolicyVersion, verb: str, *, comment: str) -> PolicyVersion:
    """Adopt, reject or withdraw a proposal. Adopted, it takes the place of what is in force at once.

    Raises what ``perform`` raises; GuardNotMet where another version came into force since it was proposed,
    InvalidInput where it does not fit the organisation any more.
    """
    if verb not in ("adopt", "reject", "withdraw"):
        problem = Problem("act", f"“{verb}” is unknown.", ("adopt", "reject", "withdraw"))
        raise InvalidInput("There is no such action for a policy.", problems=[problem])
    with transaction.atomic():
        changelog.lock_chain(row.change_chain())
        row.refresh_from_db()
        if verb == "adopt" and row.state == "proposed":
            _make_room(row, comment)
        fields = {"decided_by": actors.current().actor.user, "decided_at": clock.now()}
        perform(row, verb, comment=comment, set_fields=fields)
    return row


def _make_room(row: PolicyVersion, comment: str) -> None:
    command = registry.get(row.command)
    rule = _rule(command, row.subject)
    if rule.number != row.based_on:
        raise GuardNotMet(
            f"Version {rule.number} came into force since version {row.number} was proposed.",
            hint="Propose it again on top of what is in force.",
        )
    if problems := list(_faults(command, row.subject, row.text)):
        raise InvalidInput("It no longer fits the organisation.", problems=problems)
    with actors.on_their_behalf("Policies"):
        for current in PolicyVersion.objects.filter(
            command=row.command, subject=row.subject, state="in_force"
        ):
            perform(current, "replace", comment=f"Version {row.number} took its place. {comment}".strip())


def _rule(command: Command, subject: str) -> PolicyInForce:
    rules = in_force(command)
    if subject not in rules:
        problem = Problem(
            "subject", f"“{subject}” is not a gate of {command.path}.", tuple(rules), code="unknown"
        )
        raise NotFound(f"{command.path} has no such gate.", problems=[problem])
    return rules[subject]


# ------------------------------------------------------------------ what a text must be


def _faults(command: Command, subject: str, text: Mapping[str, Any]) -> Iterable[Problem]:
    """Everything wrong with a full text, each by its path."""
    known = LADDER_FIELDS if subject == LADDER else GATE_FIELDS
    for name in sorted(set(text) - set(known)):
        yield Problem(name, "is unknown.", known, code="unknown")
    if subject == LADDER:
        yield from _ladder_faults(text)
    else:
        yield from _gate_faults(command, subject, text)


def _gate_faults(command: Command, subject: str, text: Mapping[str, Any]) -> Iterable[Problem]:
    try:
        seats = preview.read_seats(text["seats"])
    except InvalidInput as error:
        yield from error.problems
    else:
        if len(seats) > MOST_SEATS:
            yield Problem("seats", f"must be at most {MOST_SEATS}.")
        if all(seat["condition"] for seat in seats):
            yield Problem("seats", registry.ALWAYS_ASKED)
    if not _is_whole(text["hours"], 1, MOST_HOURS):
        yield Problem("hours", f"must be a whole number of working hours, 1 to {MOST_HOURS}.")
    for name, choices in (("on_reject", ON_REJECT), ("on_exhausted", ON_EXHAUSTED)):
        if text[name] not in choices:
            yield Problem(name, f"“{text[name]}” is unknown.", choices)
    others = tuple(gate.key for gate in _gates(command) if gate.key != subject)
    named = text["distinct_from"]
    if not isinstance(named, list):
        yield Problem("distinct_from", "must be a list of other gates.", others)
    else:
        for key in (key for key in named if key not in others):
            yield Problem("distinct_from", f"“{key}” is not another gate of the command.", others)


def _ladder_faults(text: Mapping[str, Any]) -> Iterable[Problem]:
    rungs, lowest = text["rungs"], registry.LOWEST_LADDER
    if not isinstance(rungs, list) or not lowest <= len(rungs) <= MOST_RUNGS:
        yield Problem("rungs", f"must be a list of {lowest} to {MOST_RUNGS} rungs.")
    else:
        roles = tuple(Role.objects.order_by("slug").values_list("slug", flat=True))
        for at, rung in enumerate(rungs):
            yield from _rung_faults(f"rungs.{at}", rung, roles)
    if not _is_whole(text["repeats"], 0, registry.MOST_REPEATS):
        yield Problem("repeats", f"must be a whole number, 0 to {registry.MOST_REPEATS}.")


def _rung_faults(at: str, rung: Any, roles: tuple[str, ...]) -> Iterable[Problem]:
    if not isinstance(rung, Mapping):
        yield Problem(at, "must be an object with roles, hours and effect, and a rota if there is one.")
        return
    for name in sorted(set(rung) - set(RUNG_FIELDS)):
        yield Problem(f"{at}.{name}", "is unknown.", RUNG_FIELDS, code="unknown")
    if "rota" in rung:
        yield from rota_texts.faults(f"{at}.rota", rung["rota"])
    named = rung.get("roles")
    least = 0 if "rota" in rung and rung.get("effect") == EFFECTS[0] else 1  # only a role gives authority
    if not isinstance(named, list) or not least <= len(named) <= MOST_ROLES:
        yield Problem(f"{at}.roles", f"must be a list of {least} to {MOST_ROLES} roles.", roles)
    else:
        for role in (role for role in named if role not in roles):
            yield Problem(f"{at}.roles", f"“{role}” is not a role.", roles)
    if not _is_whole(rung.get("hours"), 1, MOST_HOURS):
        yield Problem(f"{at}.hours", f"must be a whole number of working hours, 1 to {MOST_HOURS}.")
    if rung.get("effect") not in EFFECTS:
        yield Problem(f"{at}.effect", f"“{rung.get('effect', '')}” is unknown.", EFFECTS)


def _is_whole(value: Any, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
