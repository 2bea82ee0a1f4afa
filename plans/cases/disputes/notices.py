"""Who is told of a dispute: our people of a claim, partners of an answer to sign, whom it is handed to.

And partners of a result that they may dispute.
"""

from __future__ import annotations

from typing import Any

from gtm.core import clock
from gtm.core.places.times import time_in_words
from plans.case_kinds import CaseNotice
from plans.cases.disputes.models import OPEN_DISPUTE_STATES, AttributionRecord, Dispute
from plans.engine.people.permissions import people_with
from plans.models import NoticeKind
from programs.models import Partner, Person


def _facts(dispute: Dispute) -> dict[str, Any]:
    return {"state": dispute.state, "owner_id": dispute.owner_id}


def _recipients(notice: Any, dispute: Dispute) -> list[Person]:
    if notice.facts["state"] == "answered":
        signed = {entry["partner"] for entry in dispute.signed_off}
        return [p.contact for p in dispute.record.parties if p.contact and p.slug not in signed]
    if notice.facts["owner_id"]:
        return list(Person.objects.filter(pk=notice.facts["owner_id"]))
    contacts = set(Partner.objects.filter(contact__isnull=False).values_list("contact_id", flat=True))
    return [person for person in people_with("plans.answer_dispute") if person.pk not in contacts]


def _wording(notice: Any, dispute: Dispute) -> tuple[str, tuple[str, ...]]:
    subject, claim = f"{dispute.claimant} on {dispute.deal}", f"{dispute.claimant} claims: {dispute.claim}"
    about = str(dispute.record.campaign)
    if notice.facts["state"] == "answered":
        hint = "Sign it off if you agree. It is settled when every partner has."
        return f"An answer to sign: {subject}", (about, claim, f"The answer: {dispute.answer}", hint)
    handed = "It was handed to you." if notice.facts["owner_id"] else ""
    return f"A dispute to answer: {subject}", (about, claim, handed)


def _pointless(notice: Any, dispute: Dispute, person: Person) -> str | None:
    if dispute.state != notice.facts["state"]:
        return f"The dispute is {dispute.get_state_display().lower()}."
    if person.pk in {entry["person"] for entry in dispute.signed_off}:
        return f"{person} has signed."
    return None


NOTICE = CaseNotice(
    kind=NoticeKind.CASE,
    events=frozenset({("created", ""), ("answer", "state"), ("changed", "owner")}),
    recipients=_recipients,
    wording=_wording,
    pointless=_pointless,
    facts=_facts,
)


def _partner(notice: Any, record: AttributionRecord) -> list[Person]:
    return [record.partner.contact] if record.partner.contact else []


def _result(notice: Any, record: AttributionRecord) -> tuple[str, tuple[str, ...]]:
    until = time_in_words(record.dispute_until, record.plan.program.time_zone)
    window = f"From {record.window_start} to {record.window_end}, by the agreed model."
    hint = f"Look at the deals. You may dispute it until {until}."
    return f"A result of {record.partner} is published: {record.campaign}", (window, hint)


def _over(notice: Any, record: AttributionRecord, person: Person) -> str | None:
    return None if record.is_disputable_at(clock.now()) else "The time to dispute is over."


RESULT = CaseNotice(
    kind=NoticeKind.CASE,
    about="plans.attributionrecord",
    events=frozenset({("created", "")}),
    recipients=_partner,
    wording=_result,
    pointless=_over,
)
TOLD_WHILE = OPEN_DISPUTE_STATES
