"""Whether a plan or a program is stopped, and a plan's epoch: asked by everything that is about to act."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import Min, Q, QuerySet

from gtm.core.prepared import PreparedRead
from plans.models import OPEN_CASE_STATES, Escalation, Plan, RipcordPull
from programs.models import Program


def wider_pulls(plan: Plan) -> QuerySet[RipcordPull]:
    """Pulls on the plan's program and on the installation, open and closed."""
    return pulls_on(plan.program_id)


def pulls_on(program: Any) -> QuerySet[RipcordPull]:
    """Pulls on a program, by its key or by an expression for it, and on the installation."""
    return RipcordPull.objects.filter(Q(scope="installation") | Q(scope="program", program=program))


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


_ASKING = PreparedRead(
    lambda program: (
        Escalation.objects.order_by("pk")
        .filter(plan__program=program, asks_to_stop=True, state__in=sorted(OPEN_CASE_STATES))
        .values_list("plan", "plan__plan_id", "subject", "evidence")
    ),
    program=900_000_901,
)


def nothing_asks_to_stop(plan: Plan, params: Mapping[str, Any]) -> str | None:
    """No case is open whose trigger asks to stop the plan: its own, or one that counts what it breached."""
    asking = []
    for of_plan, plan_id, subject, evidence in _ASKING.rows(program=plan.program_id):
        if of_plan == plan.pk:
            asking.append(subject)
        elif any(told.get("plan_id") == plan.plan_id for told in _list(evidence)):
            asking.append(f"{subject} (case of {plan_id}, which counts this plan)")
    if not asking:
        return None
    return f"Nothing is published while this is open: {'; '.join(asking)}. Resolve it on its ladder first."


def _list(evidence: Any) -> Any:
    """JSON that a prepared read hands on as it is stored."""
    return json.loads(evidence) if isinstance(evidence, str) else evidence


def open_pull_of(program: Program) -> RipcordPull | None:
    """The program's own rip-cord, where it is pulled. A pull on the installation is another."""
    return RipcordPull.objects.filter(scope="program", program=program, state="pulled").first()


def program_is_pulled(program: Program, params: Mapping[str, Any]) -> str | None:
    """The program's own rip-cord is pulled. Without it, the plans of a held program would go on."""
    return (
        None
        if open_pull_of(program)
        else ("To hold a program, pull its rip-cord. This also stops its plans.")
    )


def program_pull_is_closed(program: Program, params: Mapping[str, Any]) -> str | None:
    """Two people have closed the program's own rip-cord."""
    return "Two people must close its rip-cord, by a release or an abort." if open_pull_of(program) else None


def program_before_hold(program: Program, params: Mapping[str, Any]) -> str:
    """The state the program was in when it was held, read from its history."""
    return program.history.exclude(state="held").order_by("-history_id").first().state
