"""The fraud cases that wait for a person."""

from __future__ import annotations

from typing import Any

from django.db.models import Q

from plans.case_kinds import WaitingCase
from plans.cases.fraud.models import OPEN_FRAUD_STATES, FraudCase, FraudCaseKind
from plans.cases.fraud.selectors import visible_fraud_cases
from plans.cases.handover import theirs_first


def waiting(user: Any, people: set[int], most: int) -> list[WaitingCase]:
    """For who may judge: new cases, and those under hold or appeal in which these people had no part yet.

    What was handed to them comes first, then the greatest expected loss.
    """
    if not user.has_perm("plans.judge_fraudcase"):
        return []
    roles = ("opened_by", "held_by", "appealed_by", "decided_by")
    cases = visible_fraud_cases(user).filter(state__in=OPEN_FRAUD_STATES)
    for role in roles:
        cases = cases.exclude(~Q(state="open"), **{f"{role}__in": people})
    cases = theirs_first(cases, people, *FraudCase._meta.ordering)
    return [_entry(case, people) for case in cases[:most]]


def _entry(case: FraudCase, people: set[int]) -> WaitingCase:
    detail = (
        f"{case.program} · {case.get_state_display().lower()} · {case.at_risk} {case.currency} of rewards due"
    )
    detail += " · handed to you" if case.owner_id in people else f" · with {case.owner}" if case.owner else ""
    name = "Audit sample" if case.kind == FraudCaseKind.AUDIT else "Fraud case"
    return WaitingCase(case, f"{name} {case.key}", detail, about=str(case.program))
