"""The disputes that wait for a person: an answer to sign for a partner's contact, a claim for our people."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from gtm.core import clock
from gtm.core.places.times import time_in_words
from plans.case_kinds import WaitingCase
from plans.cases.disputes.models import Dispute
from plans.cases.disputes.selectors import visible_attribution, visible_disputes
from plans.cases.handover import theirs_first
from plans.engine.people.inbox import take
from programs.selectors import partners_of


def waiting(user: Any, people: set[int], most: int) -> list[WaitingCase]:
    """What was handed to them, then the oldest.

    Who speaks for a partner signs and does not answer, as the transitions have it. Then come the results that
    they may still dispute and have not.
    """
    mine = {partner.pk: partner.slug for partner in partners_of(user)}
    rows = visible_disputes(user).order_by("created_at", "pk")
    if mine:
        answered = rows.filter(state="answered").prefetch_related(
            "record__campaign__partners", "record__plan__attribution_records__partner"
        )

        def unsigned(batch: Sequence[Dispute]) -> list[Dispute]:
            return [dispute for dispute in batch if _owes_signature(dispute, mine)]

        found = [_entry(dispute) for dispute in take(answered, unsigned, most)]
        return [*found, *_disputable(user, mine, most)]
    if not user.has_perm("plans.answer_dispute"):
        return []
    claims = theirs_first(rows.filter(state="open"), people, "created_at", "pk")
    return [_entry(dispute, people) for dispute in claims[:most]]


def _disputable(user: Any, mine: Collection[int], most: int) -> list[WaitingCase]:
    """Published results of theirs whose time to dispute runs, the one that ends first before the others."""
    records = visible_attribution(user).filter(dispute_until__gt=clock.now())
    records = records.exclude(disputes__claimant__in=mine).order_by("dispute_until", "pk")
    return [
        WaitingCase(
            record,
            f"Result of {record.partner}: {record.campaign}",
            f"{record.window_start} to {record.window_end} · may be disputed until "
            f"{time_in_words(record.dispute_until, record.plan.program.time_zone)}",
            called="attribution",
        )
        for record in records[:most]
    ]


def _owes_signature(dispute: Dispute, mine: dict[int, str]) -> bool:
    """Who speaks for several partners of the campaign signs for none of them."""
    parties = [mine[partner.pk] for partner in dispute.record.parties if partner.pk in mine]
    return len(parties) == 1 and parties[0] not in {signed["partner"] for signed in dispute.signed_off}


def _entry(dispute: Dispute, people: Collection[int] = ()) -> WaitingCase:
    detail = f"{dispute.record.campaign} · {dispute.get_state_display().lower()} · {dispute.claim}"
    detail += " · handed to you" if dispute.owner_id in people else ""
    about = str(dispute.record.campaign)
    return WaitingCase(dispute, f"Dispute of {dispute.claimant} on {dispute.deal}", detail, about=about)
