"""Fraud cases: opened by a review, held, released or confirmed by people, two on each, and open to appeal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.db import transaction

from gtm.core import actors, canonical, clock
from gtm.core.actors import Actor
from gtm.core.evidence import changelog
from gtm.core.fsm import perform
from plans.cases import handover
from plans.cases.fraud.models import (
    FRAUD_LABELS,
    HOLDING_FRAUD_STATES,
    OPEN_FRAUD_STATES,
    FraudCase,
    FraudCaseKind,
    FraudProposal,
)
from plans.engine.people.permissions import asked_by, persons_of, why_not_ours
from plans.models import Plan
from programs.models import Person, Program

Params = Mapping[str, Any]

# What each transition writes about who did it.
_WRITES = {"hold": "held_by", "appeal": "appealed_by", "release": "decided_by", "confirm": "decided_by"}


def open_all(plan: Plan, found: Iterable[Mapping[str, Any]]) -> list[FraudCase]:
    """Open a case for each finding that no open case covers and nobody has decided on. Again changes nothing.

    A case decided on the same referrals stays decided; new referrals of the same people are a new question.
    Runs in the caller's transaction.
    """
    opener = next(iter(asked_by(plan.requested_by)), None)
    known: dict[str, list[FraudCase]] = {}
    for case in FraudCase.objects.filter(program=plan.program):
        known.setdefault(case.key, []).append(case)
    opened = []
    for values in found:
        earlier = known.get(values["key"], [])
        if any(c.state in OPEN_FRAUD_STATES or c.plan_id == plan.pk for c in earlier):
            continue
        if set(values["referrals"]) <= {referral for c in earlier for referral in c.referrals}:
            continue
        case = FraudCase(
            plan=plan,
            program=plan.program,
            opened_by=opener,
            key=values["key"],
            referrals=values["referrals"],
            referrers=values["referrers"],
            evidence=values["evidence"],
            currency=values["currency"],
            kind=values.get("kind", FraudCaseKind.SIGNS.value),
            proposal=values.get("proposal", FraudProposal.HOLD.value),
            **{
                name: Decimal(str(values.get(name, 0)))
                for name in ("score", "at_risk", "expected_loss", "paid")
            },
        )
        case.save()
        opened.append(case)
    return opened


def act(
    case: FraudCase,
    name: str,
    *,
    comment: str,
    evidence: Sequence[str] = (),
    expected_version: int | None = None,
) -> FraudCase:
    """Hold, release, confirm or appeal, as the person who is acting, on ``evidence`` others can check.

    Raises what ``perform`` raises.
    """
    with transaction.atomic():
        changelog.lock_chain(case.change_chain())
        case.refresh_from_db()
        actor, now = actors.current().actor, clock.now()
        person = next(iter(persons_of(actor.user)), None)
        fields: dict[str, Any] = {}
        if name in _WRITES and person is not None:
            judgement = {
                "judgement": name,
                "person": person.name,
                "account": actor.label,
                "at": canonical.rfc3339(now),
                "comment": comment,
                "evidence": list(evidence),
            }
            fields = {f"{_WRITES[name]}_id": person.pk, "judgements": [*case.judgements, judgement]}
            if name in ("release", "confirm"):
                fields["decided_at"] = now
        perform(case, name, comment=comment, expected_version=expected_version, set_fields=fields)
    return case


def hand_over(case: FraudCase, *, owner: Person, comment: str) -> FraudCase:
    """Give an open case to somebody else who may judge it, with the reason.

    Raises what ``handover`` raises.
    """
    with transaction.atomic():
        handover.locked(case)
        refused, unfit = may_judge(actors.current().actor, case, {}), _why_unfit(case, owner)
        handover.hand_over(case, owner, comment, states=OPEN_FRAUD_STATES, refused=refused, unfit=unfit)
    return case


def why_no_handover(actor: Actor, case: FraudCase) -> str:
    return handover.why_not(case, OPEN_FRAUD_STATES, may_judge(actor, case, {}))


def _why_unfit(case: FraudCase, person: Person) -> str | None:
    if not handover.has_permission(person, "plans.judge_fraudcase"):
        return f"{person} may not judge fraud cases."
    if case.state != "open" and (part := _parts_in(case).get(person.pk)):
        return f"{person} {part}. Somebody else must close the case."
    return None


def may_judge(actor: Actor, case: FraudCase, params: Params) -> str | None:
    """A person with the permission, in a session; not the engine and not a token."""
    if actor.is_system or not actor.interactive:
        return "Only a person in a session can judge a fraud case."
    if refused := why_not_ours(actor):
        return refused
    if not persons_of(actor.user):
        return f"The account {actor.label} belongs to no person in the directory."
    if not actor.user.has_perm("plans.judge_fraudcase"):
        return "You need the permission to judge fraud cases."
    return None


def may_close(actor: Actor, case: FraudCase, params: Params) -> str | None:
    """A second person: nobody who opened, held, appealed or decided the case before may close it."""
    if refused := may_judge(actor, case, params):
        return refused
    involved = _parts_in(case)
    for person in persons_of(actor.user):
        if person.pk in involved:
            return f"{person.name} {involved[person.pk]}. Somebody else must close the case."
    return None


def _parts_in(case: FraudCase) -> dict[int | None, str]:
    """Whoever has ever had a part in the case, not only those whose names stand in it now."""
    parts = {
        "opened_by_id": "opened it",
        "held_by_id": "held it",
        "appealed_by_id": "brought the appeal",
        "decided_by_id": "decided it before",
    }
    rows = [{name: getattr(case, name) for name in parts}, *case.history.order_by().values(*parts).distinct()]
    return {row[name]: said for name, said in parts.items() for row in rows}


def held_referrals(program: Program) -> set[str]:
    """Referrals whose reward must not be paid now: their case is held, appealed or confirmed."""
    cases = FraudCase.objects.filter(program=program, state__in=HOLDING_FRAUD_STATES)
    return {referral for case in cases for referral in case.referrals}


def decided_labels(program: Program) -> dict[str, bool]:
    """Referral → whether people found it fraud. A later decision about a referral replaces an earlier one."""
    decided = FraudCase.objects.filter(program=program, state__in=FRAUD_LABELS).order_by("decided_at", "pk")
    return {referral: FRAUD_LABELS[case.state] for case in decided for referral in case.referrals}


def audited_referrals(program: Program) -> set[str]:
    """Referrals of the random audit sample about which people were asked, decided or not."""
    cases = FraudCase.objects.filter(program=program, kind=FraudCaseKind.AUDIT.value)
    return {referral for case in cases for referral in case.referrals}


def count_decided(program: Program) -> dict[str, int]:
    """How many proposed cases people confirmed and released; the audit sample was not proposed."""
    cases = FraudCase.objects.filter(program=program).exclude(kind=FraudCaseKind.AUDIT.value)
    return {state: cases.filter(state=state).count() for state in FRAUD_LABELS}


def decisions(program: Program) -> list[dict[str, Any]]:
    """What people decided, a decision each: kind of the case, its referrals, whether they are fraud."""
    decided = FraudCase.objects.filter(program=program, state__in=FRAUD_LABELS).order_by("decided_at", "pk")
    return [
        {"key": case.key, "kind": case.kind, "referrals": case.referrals, "fraud": FRAUD_LABELS[case.state]}
        for case in decided
    ]
