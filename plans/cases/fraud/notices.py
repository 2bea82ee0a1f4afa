"""Who is told of fraud cases: once of those that a run opened, of an appeal, and whom one is handed to."""

from __future__ import annotations

from typing import Any

from plans.case_kinds import CaseNotice
from plans.cases.fraud.models import OPEN_FRAUD_STATES, FraudCase
from plans.engine.people.permissions import people_with
from plans.models import NoticeKind
from programs.models import Person


def _applies(case: FraudCase) -> bool:
    """A run opens many at once: people are told of the first, and find the others beside it."""
    if case.owner_id is not None or case.state != "open":
        return True
    return not FraudCase.objects.filter(plan=case.plan_id, pk__lt=case.pk).exists()


def _facts(case: FraudCase) -> dict[str, Any]:
    return {"state": case.state, "owner_id": case.owner_id}


def _recipients(notice: Any, case: FraudCase) -> list[Person]:
    """Who may judge, without those who had a part in it: they do not close it."""
    if notice.facts["owner_id"]:
        return list(Person.objects.filter(pk=notice.facts["owner_id"]))
    parts = {case.held_by_id, case.appealed_by_id, case.decided_by_id}
    if case.state != "open":
        parts.add(case.opened_by_id)
    return [person for person in people_with("plans.judge_fraudcase") if person.pk not in parts]


def _wording(notice: Any, case: FraudCase) -> tuple[str, tuple[str, ...]]:
    loss = f"{case.at_risk} {case.currency} of rewards due, {len(case.referrals)} referrals."
    appealed = "Somebody who had no part in it has to decide again." * (notice.facts["state"] == "appealed")
    if notice.facts["owner_id"]:
        return f"A fraud case is yours: {case.key}", (str(case.program), loss, appealed)
    if appealed:
        return f"A fraud case is appealed: {case.key}", (str(case.program), loss, appealed)
    count = FraudCase.objects.filter(plan=case.plan_id, state="open").count()
    said = f"{count} cases wait for a judgement" if count > 1 else "A case waits for a judgement"
    return f"Suspected fraud in {case.program}", (
        case.plan.objective,
        f"{said}. The first: {case.key}, {loss}",
    )


def _pointless(notice: Any, case: FraudCase, person: Person) -> str | None:
    if case.state == notice.facts["state"]:
        return None
    return f"The case is {case.get_state_display().lower()}."


NOTICE = CaseNotice(
    kind=NoticeKind.CASE,
    events=frozenset({("created", ""), ("appeal", "state"), ("changed", "owner")}),
    recipients=_recipients,
    wording=_wording,
    pointless=_pointless,
    applies=_applies,
    facts=_facts,
)
TOLD_WHILE = OPEN_FRAUD_STATES
