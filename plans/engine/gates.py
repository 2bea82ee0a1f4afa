"""Approval gates: rounds are opened, people decide, the policy says what follows."""

from __future__ import annotations

from gtm.core import clock
from gtm.core.fsm import perform
from plans.models import Approval, Task


def open_round(task: Task) -> Approval:
    """Open the next round at the gate of ``task``: whom it asks and what exactly is to be approved."""
    declared = next(g for g in task.plan.declaration["gates"] if g["key"] == task.key)
    approval = Approval(
        plan=task.plan,
        task=task,
        gate=task.key,
        title=declared["title"],
        round=task.approvals.count() + 1,
        policy=declared,
        question=declared["question"],
        amount=task.plan.amount,
        currency=task.plan.currency,
    )
    approval.save()
    perform(approval, "open", set_fields={"opened_at": clock.now()})
    return approval
