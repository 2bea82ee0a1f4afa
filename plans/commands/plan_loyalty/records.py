"""What a plan-loyalty run writes: the program's tiers, benefits and triggers, once they are approved."""

from __future__ import annotations

from typing import Any

from plans.models import Plan
from programs import services


def apply_blueprint(plan: Plan, values: dict[str, Any]) -> None:
    """Write the catalogue in the transaction that records the task: published once, or not at all."""
    services.publish_loyalty_blueprint(plan.program, values, from_plan=plan.plan_id)


def withdraw_blueprint(plan: Plan, values: dict[str, Any]) -> None:
    """Undo ``apply_blueprint`` when the plan is aborted: the catalogue is again what it was before."""
    services.withdraw_loyalty_blueprint(plan.program, from_plan=plan.plan_id)
