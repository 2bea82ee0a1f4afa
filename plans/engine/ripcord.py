"""The rip-cord: one person or a trigger pulls, two people release. Works with workers and mail down.

A pull is one row and a higher epoch. Executors compare the epoch when they claim, before they write,
and in the commit; a result that comes later is kept and not applied.
"""

from __future__ import annotations

from django.db import transaction
from django.db.models import Q

from gtm.core import actors, changelog, clock
from gtm.core.errors import GuardNotMet, InvalidInput, NotPermitted, Problem
from gtm.core.fsm import perform
from plans.engine.permissions import may_pull_ripcord, may_release_ripcord, persons_of
from plans.models import Approval, Escalation, Plan, RipcordPull
from programs.models import Program

RELEASERS = 2
SUSPENDABLE = (
    "awaiting_approval", "ready", "leased", "running", "retry_wait", "fallback_ready", "fallback_running",
)  # fmt: skip
CLIMBING = ("armed", "notified", "acknowledged")


def pull(
    scope: str, *, reason: str, plan: Plan | None = None, program: Program | None = None, trigger: str = ""
) -> RipcordPull:
    """Stop at once. Pulling what is pulled already changes nothing and answers the open pull."""
    if not reason.strip():
        raise InvalidInput("Say why.", problems=[Problem("reason", "is required.", code="required")])
    actor = actors.current().actor
    with transaction.atomic():
        changelog.lock_chain(plan.change_chain() if plan else changelog.INSTALLATION)
        if refused := may_pull_ripcord(actor, plan, {}):
            raise NotPermitted(refused)
        open_pull = RipcordPull.objects.filter(
            scope=scope, plan=plan, program=program, state="pulled"
        ).first()
        if open_pull is not None:
            return open_pull
        row = RipcordPull(
            scope=scope, plan=plan, program=program, reason=reason, pulled_by=actor.user, trigger=trigger
        )
        with actors.acting_as(actor, reason):
            row.save()
        if plan is not None:
            _stop(plan, reason)
    return row


def _stop(plan: Plan, reason: str) -> None:
    plan.refresh_from_db()
    fields = {"held_from": plan.state, "epoch": plan.epoch + 1}
    perform(plan, "hold", comment=reason, set_fields=fields)
    with actors.on_their_behalf("Rip-cord"):
        for task in plan.tasks.filter(state__in=SUSPENDABLE):
            perform(
                task,
                "suspend",
                comment=reason,
                set_fields={"held_from": task.state, "lease_expires_at": None},
            )
        for approval in Approval.objects.filter(plan=plan, state__in=["pending", "unsatisfiable"]):
            perform(approval, "freeze", comment=reason)
        for case in Escalation.objects.filter(plan=plan, state__in=CLIMBING):
            perform(case, "pause", comment=reason, set_fields={"held_from": case.state, "due_at": None})


def release(plan: Plan, *, remediation: str) -> RipcordPull:
    """Agree to go on. The second person's agreement releases; each says what was remedied."""
    if not remediation.strip():
        raise InvalidInput(
            "Say what was remedied.", problems=[Problem("remediation", "is required.", code="required")]
        )
    actor = actors.current().actor
    with transaction.atomic():
        changelog.lock_chain(plan.change_chain())
        row = RipcordPull.objects.filter(plan=plan, state="pulled").first()
        if row is None:
            raise GuardNotMet(f"No rip-cord is pulled on {plan.plan_id}.")
        if refused := may_release_ripcord(actor, plan, {}):
            raise NotPermitted(refused)
        person = next(iter(persons_of(actor.user)), None)
        if person is None:
            raise NotPermitted("The account belongs to nobody in the directory of people.")
        if any(r["person"] == person.pk for r in row.released_by):
            raise NotPermitted(f"{person.name} has agreed already; it takes a second person.")
        agreed = [*row.released_by, {"person": person.pk, "name": person.name, "said": remediation}]
        fields = {"released_by": agreed, "remediation": remediation}
        if len(agreed) < RELEASERS:
            perform(row, "agree", comment=remediation, set_fields=fields)
            return row
        perform(row, "release", comment=remediation, set_fields={**fields, "closed_at": clock.now()})
        _go_on(plan, row, remediation)
    return row


def _go_on(plan: Plan, row: RipcordPull, remediation: str) -> None:
    """Everything back to where it was; clocks go on with the time they had left; attempts are not reset."""
    now = clock.now()
    stood_still = now - row.created_at
    plan.refresh_from_db()
    perform(plan, "release", comment=remediation)
    with actors.on_their_behalf("Rip-cord"):
        for task in plan.tasks.filter(state="suspended").select_related("plan"):
            perform(task, "unsuspend", comment=remediation)
        for approval in Approval.objects.filter(plan=plan, state="frozen"):
            due = approval.due_at + stood_still if approval.due_at else None
            perform(approval, "thaw", comment=remediation, set_fields={"due_at": due})
        for case in Escalation.objects.filter(plan=plan, state="paused"):
            perform(case, "unpause", comment=remediation, set_fields={"due_at": now})


def current_epoch(plan: Plan) -> int:
    """Counts every pull that ever touched the plan: its own, its program's, the installation's."""
    wider = RipcordPull.objects.filter(Q(scope="installation") | Q(scope="program", program=plan.program_id))
    return plan.epoch + wider.count()


def is_stopped(plan: Plan) -> str | None:
    """Why nothing may happen on this plan now, or None."""
    if plan.state == "held":
        return f"{plan.plan_id} is held: the rip-cord was pulled."
    wider = RipcordPull.objects.filter(state="pulled").filter(
        Q(scope="installation") | Q(scope="program", program=plan.program_id)
    )
    row = wider.first()
    return f"The rip-cord was pulled on {row.program or 'the installation'}: {row.reason}" if row else None
