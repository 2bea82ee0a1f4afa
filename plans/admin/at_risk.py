"""Live plans that are at risk: late, escalated, stopped, or with an answer that says no; with the money."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Exists, F, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce

from gtm.core import clock
from plans.models import (
    ANSWERED_STATES,
    ASKING_STATES,
    LIVE_PLAN_STATES,
    OPEN_CASE_STATES,
    STUCK_PLAN_STATES,
    Approval,
    Artifact,
    Escalation,
    Plan,
    Task,
)
from plans.schemas.answer import DO_NOT, Answer
from plans.selectors import PLAN_DOCUMENTS, answers_of

MOST = 8


@dataclass(frozen=True, slots=True)
class AtRisk:
    """A plan, why it is at risk (sentences), since when it is late, and its answer."""

    plan: Plan
    reasons: tuple[str, ...]
    late_since: datetime | None
    answer: Mapping[str, Any] | None


def at_risk(most: int = MOST) -> list[AtRisk]:
    """The plans that are late for longest first, then the others, the oldest first."""
    now = clock.now()
    late_tasks = Task.objects.filter(
        plan=OuterRef("pk"), due_at__lt=now, frozen_at=None, state__in=ANSWERED_STATES | {"ready"}
    )
    late_rounds = Approval.objects.filter(plan=OuterRef("pk"), due_at__lt=now, state__in=ASKING_STATES)
    cases = Escalation.objects.filter(plan=OuterRef("pk"), state__in=OPEN_CASE_STATES)
    says_no = Artifact.objects.filter(
        plan=OuterRef("pk"), kind=Answer.kind, superseded_at=None, payload__verdict=DO_NOT
    )
    looked_ahead = Plan.objects.filter(state__in=LIVE_PLAN_STATES, next_forecast_at__isnull=False)
    renewed = answers_of(looked_ahead.defer(*PLAN_DOCUMENTS))  # a look ahead may say a no, or take one back
    say_no = [pk for pk, answer in renewed.items() if answer["verdict"] == DO_NOT]
    plans = Plan.objects.filter(state__in=LIVE_PLAN_STATES).annotate(
        task_late=Subquery(late_tasks.order_by("due_at").values("due_at")[:1]),
        round_late=Subquery(late_rounds.order_by("due_at").values("due_at")[:1]),
        is_escalated=Exists(cases),
        says_no=Exists(says_no),
    )
    plans = plans.filter(
        Q(task_late__isnull=False)
        | Q(round_late__isnull=False)
        | Q(is_escalated=True)
        | (Q(says_no=True) & ~Q(pk__in=renewed))
        | Q(pk__in=say_no)
        | Q(state__in=STUCK_PLAN_STATES)
    )
    late = Coalesce(F("task_late"), F("round_late"))
    rows = list(
        plans.select_related("program")
        .defer(*PLAN_DOCUMENTS)
        .order_by(late.asc(nulls_last=True), "created_at")[:most]
    )
    answers = answers_of(rows)
    for plan in rows:
        plan.says_no = (answers.get(plan.pk) or {}).get("verdict") == DO_NOT
    return [
        AtRisk(
            plan,
            tuple(_reasons(plan)),
            min(filter(None, (plan.task_late, plan.round_late)), default=None),
            answers.get(plan.pk),
        )
        for plan in rows
    ]


def _reasons(plan: Any) -> list[str]:
    told = {
        "A task is late": plan.task_late is not None,
        "An approval is late": plan.round_late is not None,
        "An escalation is open": plan.is_escalated,
        "Its answer says no": plan.says_no,
        "It is stopped": plan.state == "held",
        "It is blocked": plan.state == "blocked",
    }
    return [reason for reason, holds in told.items() if holds]
