"""Approvals that are late: at the end of their time, the first rung."""

from __future__ import annotations

from datetime import datetime

from plans.engine import ladder, ripcord
from plans.models import OPEN_CASE_STATES, Approval

BATCH = 500


def escalate_overdue(now: datetime) -> int:
    """Open a case for every round whose time has run out and that has none yet."""
    late = Approval.objects.filter(state="pending", due_at__lte=now).exclude(
        escalations__trigger="approval-overdue", escalations__state__in=OPEN_CASE_STATES
    )
    opened = 0
    for approval in late.select_related("plan", "plan__program")[:BATCH]:
        if ripcord.is_stopped(approval.plan) is None:
            ladder.open_case(
                approval.plan,
                "approval-overdue",
                f"{approval.title} is overdue",
                approval=approval,
                detail=f"It was due {approval.due_at:%Y-%m-%d %H:%M} UTC.",
            )
            opened += 1
    return opened
