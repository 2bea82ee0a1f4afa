"""Disputes of published attribution, as they plug in."""

from __future__ import annotations

from pathlib import Path

from plans.case_kinds import CaseKind, DocumentSection, Place, Route, register
from plans.cases.disputes import inbox, notices, section, selectors
from plans.cases.disputes.machine import DISPUTE

SCHEMA = Path(__file__).with_name("section.json")

register(
    CaseKind(
        name="disputes",
        title="Disputes",
        machine=DISPUTE,
        pages="plans.cases.disputes.pages",
        waiting=inbox.waiting,
        of_plan=selectors.disputes_of_plan,
        notices=(notices.NOTICE, notices.RESULT),
        told_while=notices.TOLD_WHILE,
        sections=(
            DocumentSection(
                "attribution", "attribution_records", section.published, SCHEMA, is_required=False
            ),
        ),
        routes=(
            Route("attribution", "plans.cases.disputes.api:AttributionViewSet", "attribution"),
            Route("disputes", "plans.cases.disputes.api:DisputeViewSet", "dispute"),
        ),
        navigation=(
            Place("Attribution", "pie_chart", "plans.attributionrecord"),
            Place("Disputes", "balance", "plans.dispute"),
        ),
        permissions=("plans.answer_dispute",),
    )
)
