"""Separation of duties: who must not decide at a gate, by which rule, by person. Pure, no Django.

Identity is the person, whatever the account. Nothing here knows of superusers: they are not exempt.
The rules follow least privilege and two-person control (NIST SP 800-53, AC-5; COSO 2013, principle 10).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum


class SeparationRule(IntEnum):
    """The rules in the order in which they are told."""

    REQUESTED = 1
    EDITED = 2
    EXECUTES = 3
    DECIDED_ELSEWHERE = 4
    ACTS_FOR = 5
    NOT_A_PERSON = 6
    SPEAKS_FOR_A_PARTNER = 7


_SENTENCES = {
    SeparationRule.REQUESTED: "asked for this run: nobody approves their own request",
    SeparationRule.EDITED: "edited the content after its last approval",
    SeparationRule.EXECUTES: "executes or owns a task that this gate guards",
    SeparationRule.DECIDED_ELSEWHERE: "decided another stage of this plan",
    SeparationRule.NOT_A_PERSON: "is a token or service account: a decision needs a person in a session",
}


@dataclass(frozen=True, slots=True)
class Facts:
    """What happened around a gate, in ids of people.

    ``requesters`` launched the run; ``editors`` changed material fields since the last approved revision;
    ``executors`` execute or own a task the gate guards; ``decided_elsewhere`` decided at a stage this one
    must be distinct from (empty where the stage does not say so); ``acts_for`` maps a stand-in (delegate,
    substitute) to the people whose authority they may use here; ``chosen_by`` maps a delegate to who chose
    them; ``services`` are the ids without a person in a session; ``speaks_for`` maps a person to the partner
    whose contact they are.
    """

    requesters: Collection[str] = ()
    editors: Collection[str] = ()
    executors: Collection[str] = ()
    decided_elsewhere: Collection[str] = ()
    acts_for: Mapping[str, Collection[str]] = field(default_factory=dict)
    chosen_by: Mapping[str, str] = field(default_factory=dict)
    services: Collection[str] = ()
    speaks_for: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Exclusion:
    """One reason why one person must not decide; ``sentence`` goes on after the person's name."""

    person: str
    rule: SeparationRule
    sentence: str


def exclusions(facts: Facts, names: Mapping[str, str] | None = None) -> tuple[Exclusion, ...]:
    """Every exclusion at a gate, a person may have several; sorted by person and rule.

    ``names`` maps ids to names for the sentences of rule 5; the id stands in where a name is missing.
    """
    called = names or {}
    own = [
        *_by(SeparationRule.REQUESTED, facts.requesters),
        *_by(SeparationRule.EDITED, facts.editors),
        *_by(SeparationRule.EXECUTES, facts.executors),
        *_by(SeparationRule.DECIDED_ELSEWHERE, facts.decided_elsewhere),
    ]
    for person, partner in facts.speaks_for.items():
        sentence = f"speaks for {partner}, and so does not decide for us"
        own.append(Exclusion(person, SeparationRule.SPEAKS_FOR_A_PARTNER, sentence))
    barred = {exclusion.person for exclusion in own}
    found = {*own, *_by(SeparationRule.NOT_A_PERSON, facts.services)}
    for stand_in, principals in facts.acts_for.items():
        for principal in barred.intersection(principals) - {stand_in}:
            sentence = f"acts for {called.get(principal, principal)}, who must not decide here"
            found.add(Exclusion(stand_in, SeparationRule.ACTS_FOR, sentence))
    for delegate, chooser in facts.chosen_by.items():
        if chooser in facts.requesters and delegate != chooser:
            sentence = f"is the delegate chosen by {called.get(chooser, chooser)}, who asked for this run"
            found.add(Exclusion(delegate, SeparationRule.ACTS_FOR, sentence))
    return tuple(sorted(found, key=lambda e: (e.person, e.rule, e.sentence)))


def excluded_people(found: Iterable[Exclusion]) -> dict[str, str]:
    """Person → every reason in one sentence, in the order of the rules."""
    reasons: dict[str, list[str]] = {}
    for exclusion in found:
        reasons.setdefault(exclusion.person, []).append(exclusion.sentence)
    return {person: "; ".join(sentences) for person, sentences in reasons.items()}


def _by(rule: SeparationRule, people: Iterable[str]) -> list[Exclusion]:
    return [Exclusion(person, rule, _SENTENCES[rule]) for person in people]
