"""Whether a plan is stopped, and its epoch: asked by everything that is about to act."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Min, Q, QuerySet

from plans.models import Plan, RipcordPull


def wider_pulls(plan: Plan) -> QuerySet[RipcordPull]:
    """Pulls on the plan's program and on the installation, open and closed."""
    return RipcordPull.objects.filter(Q(scope="installation") | Q(scope="program", program=plan.program_id))


def current_epoch(plan: Plan) -> int:
    """Counts every pull that ever touched the plan: its own, its program's, the installation's."""
    return plan.epoch + wider_pulls(plan).count()


def stopped_since(plan: Plan) -> datetime | None:
    """When the oldest pull that still holds the plan was made, or None."""
    own = RipcordPull.objects.filter(plan=plan, scope="plan")
    return (own | wider_pulls(plan)).filter(state="pulled").aggregate(first=Min("created_at"))["first"]


def is_stopped(plan: Plan) -> str | None:
    """Why nothing may happen on this plan now, or None."""
    if plan.state == "held":
        return f"{plan.plan_id} is held: the rip-cord was pulled."
    row = wider_pulls(plan).filter(state="pulled").select_related("program").first()
    return f"The rip-cord was pulled on {row.program or 'the installation'}: {row.reason}" if row else None


def stands_still(plan: Plan) -> str | None:
    """Why the plan's clocks do not run now, or None: it is stopped, or somebody paused it."""
    return is_stopped(plan) or (f"{plan.plan_id} is paused." if plan.state == "paused" else None)
