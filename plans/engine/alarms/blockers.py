"""Compliance blockers: what a gate that watches for them says no to counts as a breach of its trigger."""

from __future__ import annotations

from gtm.core.fsm import Change
from plans.engine.alarms import readings
from plans.models import Approval, DecisionKind, Plan
from plans.schemas.outputs import Signal


def count_rejection(plan: Plan, change: Change) -> None:
    """A person's no at such a gate opens a case, although the plan is over: its clone must not repeat it."""
    for approval in plan.approvals.filter(state="rejected").select_related("task"):
        votes = approval.decisions.filter(kind=DecisionKind.REJECT, superseded_at=None, void_reason="")
        vote = votes.select_related("person").order_by("-decided_at").first()
        if vote is not None:
            raise_blocker(approval, f"{approval.title} rejected by {vote.person}: {vote.comment}")


def raise_blocker(approval: Approval, message: str) -> bool:
    """Count it once, its period is the round. Answers whether it was new, and the gate watches for any."""
    signal = approval.rules.signal_on_changes
    period = f"{approval.plan.plan_id} {approval.gate} round {approval.round}"
    if not signal or approval.plan.readings.filter(rule=signal, period=period).exists():
        return False
    readings.raise_signal(approval.plan, approval.task, Signal(signal, message, period))
    return True
