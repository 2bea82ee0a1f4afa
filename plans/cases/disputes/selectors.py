"""Which records and disputes a person sees: a partner's contact its own and its campaigns', no other."""

from __future__ import annotations

from typing import Any

from django.db.models import Case, Q, QuerySet, When

from gtm.core.errors import NotFound
from gtm.core.fsm import machine_of
from plans.cases.disputes.models import AttributionRecord, Dispute
from programs.selectors import partners_of


def visible_attribution(user: Any) -> QuerySet[AttributionRecord]:
    """A partner's contact sees the partner's own records; our people with the permission see all."""
    records = AttributionRecord.objects.select_related("plan__program", "campaign", "partner")
    if not user.is_active:
        return records.none()
    if mine := partners_of(user):
        return records.filter(partner__in=mine)
    return records if user.has_perm("plans.view_attributionrecord") else records.none()


def visible_disputes(user: Any) -> QuerySet[Dispute]:
    """A partner's contact sees the disputes of its campaigns, which it has to sign off; our people all."""
    found = Dispute.objects.select_related(
        "record__campaign", "record__partner", "record__plan", "claimant", "owner"
    )
    if not user.is_active:
        return found.none()
    if mine := partners_of(user):
        theirs = Q(record__campaign__partners__in=mine)
        theirs |= Q(record__plan__attribution_records__partner__in=mine)
        return found.filter(theirs).distinct()
    return found if user.has_perm("plans.view_dispute") else found.none()


def disputes_of_plan(plan: Any, user: Any) -> QuerySet[Dispute]:
    """The disputes of what a plan published that the user may see, the open ones first."""
    is_over = Case(When(state__in=sorted(machine_of(Dispute).final), then=1), default=0)
    return visible_disputes(user).filter(record__plan=plan).order_by(is_over, "-created_at", "-pk")


def find_record(reference: str, user: Any) -> AttributionRecord:
    """The record "plan-id/partner", where the user may see it. Raises NotFound."""
    plan_id, _, partner = reference.partition("/")
    found = visible_attribution(user).filter(plan__plan_id=plan_id, partner__slug=partner).first()
    if found is None:
        raise NotFound(f"There is no record {reference} that you may see.", hint="Write it as PLAN/partner.")
    return found


def find_dispute(reference: str, user: Any) -> Dispute:
    """By number, where the user may see it. Raises NotFound."""
    found = visible_disputes(user).filter(pk=reference if reference.isdigit() else 0).first()
    if found is None:
        raise NotFound(
            f"There is no dispute {reference} that you may see.", hint="Work, Disputes shows them."
        )
    return found
