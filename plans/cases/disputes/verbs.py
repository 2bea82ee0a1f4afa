"""Disputes: a partner claims in time, we answer, all partners sign off; the board hears of it at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from gtm.core import actors, clock
from gtm.core.actors import Actor
from gtm.core.errors import GuardNotMet, InvalidInput, NotPermitted, Problem
from gtm.core.evidence import changelog
from gtm.core.fsm import perform
from plans.cases import handover
from plans.cases.disputes.models import OPEN_DISPUTE_STATES, AttributionRecord, Dispute
from plans.engine.alarms import readings
from plans.engine.people.permissions import persons_of, why_not_in_person
from plans.models import Plan
from plans.schemas.outputs import Signal
from programs import datasets
from programs.models import Partner, Person
from programs.selectors import partners_of
from programs.series import snapshot_store

Params = Mapping[str, Any]

TRIGGER = "sourced-pipeline-dispute"


def file(
    record: AttributionRecord, claimant: Partner, *, deal: str, claim: str, evidence: Sequence[str] = ()
) -> Dispute:
    """File a claim on a published record. If the run has read a deal of this name, the ladder opens at once,
    and a live plan is stopped; a claim about any other waits for those who answer disputes.

    Raises NotPermitted for people who do not speak for the claimant, GuardNotMet when the time is over, and
    InvalidInput for a claimant outside the campaign or a claim without words. A claim that is open
    already is answered as it is.
    """
    _check(record, claimant, {"deal": deal, "claim": claim})
    is_in_data = was_read(record.plan, deal)
    with transaction.atomic():
        changelog.lock_chain(record.change_chain())
        found = Dispute.objects.filter(
            record=record, claimant=claimant, deal=deal.strip(), state__in=OPEN_DISPUTE_STATES
        ).first()
        if found is not None:
            return found
        dispute = Dispute(
            record=record,
            claimant=claimant,
            deal=deal.strip(),
            claim=claim.strip(),
            evidence=list(evidence),
            in_data=is_in_data,
        )
        dispute.save()
        if not is_in_data:
            return dispute
        message = f"{claimant} disputes {dispute.deal}: {dispute.claim}"
        readings.raise_signal(record.plan, None, Signal(TRIGGER, message, period=f"dispute {dispute.pk}"))
    return dispute


def was_read(plan: Plan, deal: str) -> bool:
    """Whether the data of a run have a deal of this name, in the books of any partner."""
    return datasets.OpenData(snapshot_store(), plan.datasets).names("opportunities", "opportunity_id", deal)


def answer(dispute: Dispute, text: str, *, expected_version: int | None = None) -> Dispute:
    """Answer a claim. A new answer asks every partner again."""
    with transaction.atomic():
        changelog.lock_chain(dispute.change_chain())
        person = next(iter(persons_of(actors.current().actor.user)), None)
        fields = {"answer": text, "answered_by_id": person.pk if person else None, "signed_off": []}
        perform(dispute, "answer", comment=text, expected_version=expected_version, set_fields=fields)
    return dispute


def sign_off(dispute: Dispute, said: str, *, expected_version: int | None = None) -> Dispute:
    """Agree with the answer, for one's own partner. The last partner's agreement settles the dispute."""
    with transaction.atomic():
        changelog.lock_chain(dispute.change_chain())
        dispute.refresh_from_db()
        actor = actors.current().actor
        if refused := may_sign_off(actor, dispute, {}):
            raise NotPermitted(refused)
        partner, person = _parties(dispute, actor)[0], persons_of(actor.user)[0]
        signed = [
            *dispute.signed_off,
            {"partner": partner.slug, "person": person.pk, "name": person.name, "said": said},
        ]
        missing = {p.slug for p in dispute.record.parties} - {s["partner"] for s in signed}
        fields: dict[str, Any] = {"signed_off": signed}
        if missing:
            perform(dispute, "agree", comment=said, expected_version=expected_version, set_fields=fields)
            return dispute
        fields["closed_at"] = clock.now()
        perform(dispute, "settle", comment=said, expected_version=expected_version, set_fields=fields)
        _clear(dispute)
    return dispute


def withdraw(dispute: Dispute, why: str, *, expected_version: int | None = None) -> Dispute:
    """Take a claim back, as the claimant."""
    with transaction.atomic():
        changelog.lock_chain(dispute.change_chain())
        closed = {"closed_at": clock.now()}
        perform(dispute, "withdraw", comment=why, expected_version=expected_version, set_fields=closed)
        _clear(dispute)
    return dispute


def act(dispute: Dispute, name: str, said: str, *, expected_version: int | None = None) -> Dispute:
    """Answer, agree or withdraw by the name of the transition, as every interface offers it.

    Raises InvalidInput for other names, and what the verb raises.
    """
    verbs = {"answer": answer, "agree": sign_off, "withdraw": withdraw}
    if name not in verbs:
        problem = Problem("act", f"“{name}” is unknown.", tuple(verbs))
        raise InvalidInput("There is no such action for a dispute.", problems=[problem])
    return verbs[name](dispute, said, expected_version=expected_version)


def hand_over(dispute: Dispute, *, owner: Person, comment: str) -> Dispute:
    """Give an open dispute to somebody else who may answer it. Raises what ``handover`` raises."""
    with transaction.atomic():
        handover.locked(dispute)
        refused, unfit = may_answer(actors.current().actor, dispute, {}), _why_unfit(owner)
        handover.hand_over(dispute, owner, comment, states=OPEN_DISPUTE_STATES, refused=refused, unfit=unfit)
    return dispute


def why_no_handover(actor: Actor, dispute: Dispute) -> str:
    return handover.why_not(dispute, OPEN_DISPUTE_STATES, may_answer(actor, dispute, {}))


def _why_unfit(person: Person) -> str | None:
    if not handover.has_permission(person, "plans.answer_dispute"):
        return f"{person} may not answer disputes."
    if Partner.objects.filter(contact=person).exists():
        return f"{person} represents a partner."
    return None


def may_answer(actor: Actor, dispute: Dispute, params: Params) -> str | None:
    """Our own people with the permission, but no party to the dispute."""
    if actor.is_system or not actor.user.has_perm("plans.answer_dispute"):
        return "You need the permission to answer disputes."
    if _parties(dispute, actor):
        return "A person who represents a partner of the campaign cannot answer its disputes."
    return None


def may_sign_off(actor: Actor, dispute: Dispute, params: Params) -> str | None:
    """The contact of a partner of the campaign, once for that partner."""
    if actor.is_system or not actor.interactive or not (parties := _parties(dispute, actor)):
        return "Only the contact of a partner of the campaign can sign off, in a session."
    if refused := why_not_in_person(actor):
        return refused
    if len(parties) > 1:
        return "A person who represents several partners of the campaign cannot sign off for any of them."
    if parties[0].slug in {signed["partner"] for signed in dispute.signed_off}:
        return f"{parties[0]} has signed off already. The other partner must sign off, too."
    signed = {entry["person"]: entry["partner"] for entry in dispute.signed_off}
    for person in persons_of(actor.user):
        if person.pk in signed:
            return (
                f"{person} has signed off for {signed[person.pk]}. Another person must sign for {parties[0]}."
            )
    return None


def may_withdraw(actor: Actor, dispute: Dispute, params: Params) -> str | None:
    if actor.is_system or dispute.claimant not in _parties(dispute, actor):
        return f"Only {dispute.claimant} can withdraw its claim."
    return why_not_in_person(actor)


def _parties(dispute: Dispute, actor: Actor) -> list[Partner]:
    taking_part = {partner.pk for partner in dispute.record.parties}
    return [partner for partner in partners_of(actor.user) if partner.pk in taking_part]


def _check(record: AttributionRecord, claimant: Partner, told: Mapping[str, str]) -> None:
    actor = actors.current().actor
    if actor.is_system or claimant not in partners_of(actor.user):
        raise NotPermitted(f"Only the contact of {claimant} can file its disputes.")
    empty = [
        Problem(name, "is required.", code="required") for name, text in told.items() if not text.strip()
    ]
    if empty:
        raise InvalidInput("A dispute must name the deal and say what is claimed.", problems=empty)
    if claimant not in record.parties:
        raise InvalidInput(f"{claimant} is not a partner of {record.campaign}.")
    if not record.is_disputable_at(clock.now()):
        raise GuardNotMet(f"The time to dispute ended on {record.dispute_until:%Y-%m-%d %H:%M} UTC.")


def _clear(dispute: Dispute) -> None:
    """With no dispute left open in the program, the trigger counts from nothing."""
    plan = dispute.record.plan
    if not Dispute.objects.filter(record__plan__program=plan.program, state__in=OPEN_DISPUTE_STATES).exists():
        with actors.on_their_behalf("Triggers"):
            readings.clear(plan, [TRIGGER], period=f"dispute {dispute.pk} closed")
