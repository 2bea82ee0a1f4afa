"""Which fraud cases a person sees, and one by its number or key."""

from __future__ import annotations

from typing import Any

from django.db.models import Case, Exists, Q, QuerySet, When

from gtm.core.errors import NotFound
from plans.cases.fraud.models import OPEN_FRAUD_STATES, FraudCase
from programs.models import Partner


def visible_fraud_cases(user: Any) -> QuerySet[FraudCase]:
    """Suspicions are for our own people: a partner's contact may stand in one."""
    cases = FraudCase.objects.select_related(
        "plan", "program", "owner", "opened_by", "held_by", "appealed_by", "decided_by"
    )
    if not user.is_active:
        return cases.none()
    return cases.exclude(Exists(Partner.objects.filter(contact__accounts=user)))


def fraud_cases_of_plan(plan: Any, user: Any) -> QuerySet[FraudCase]:
    """The cases that a plan opened and the user may see, the open ones first."""
    if not user.has_perm("plans.view_fraudcase"):
        return FraudCase.objects.none()
    is_open = Case(When(state__in=OPEN_FRAUD_STATES, then=0), default=1)
    return visible_fraud_cases(user).filter(plan=plan).order_by(is_open, *FraudCase._meta.ordering)


def find_fraud_case(reference: str) -> FraudCase:
    """By number, or by key (the newest of it). Raises NotFound."""
    cases = FraudCase.objects.select_related("plan", "program")
    named = Q(pk=int(reference)) if reference.isdigit() else Q(key=reference)
    found = cases.filter(named).order_by("-pk").first()
    if found is None:
        raise NotFound(f"There is no fraud case {reference}.", hint="Work, Fraud cases lists them.")
    return found
