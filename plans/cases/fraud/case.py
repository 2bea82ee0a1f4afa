"""Fraud cases, as they plug in."""

from __future__ import annotations

from pathlib import Path

from plans.case_kinds import CaseKind, DocumentSection, Place, Route, register
from plans.cases.fraud import inbox, notices, section, selectors
from plans.cases.fraud.machine import FRAUD_CASE

register(
    CaseKind(
        name="fraud",
        title="Fraud cases",
        machine=FRAUD_CASE,
        pages="plans.cases.fraud.pages",
        waiting=inbox.waiting,
        of_plan=selectors.fraud_cases_of_plan,
        notices=(notices.NOTICE,),
        told_while=notices.TOLD_WHILE,
        sections=(
            DocumentSection(
                "fraud_cases", "fraud_cases", section.opened, Path(__file__).with_name("section.json")
            ),
        ),
        routes=(Route("fraud-cases", "plans.cases.fraud.api:FraudCaseViewSet", "fraud-case"),),
        navigation=(Place("Fraud cases", "policy", "plans.fraudcase"),),
        permissions=("plans.judge_fraudcase",),
    )
)
