"""The rip-cord: one person or a trigger pulls, two people release or abort. Works with workers and mail down.

A pull is one row and a higher epoch. Executors compare the epoch when they claim, before each outside
effect, and in the commit; a result that comes later is kept and not applied. A pull on a program or on the
installation commits its row first, which stops everything, then freezes plan by plan: a transaction never
holds the chains of two plans. ``repair`` finishes what a crash left between the two. An abort of theirs keeps
everything stopped until every plan in scope has ended, then closes the pull, then undoes what was done.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from gtm.core import actors, clock
from gtm.core.actors import Actor
from gtm.core.errors import GuardNotMet, InvalidInput, NotPermitted, Problem
from gtm.core.evidence import changelog
from gtm.core.fsm import perform
from plans.engine.escalation import clocks, ladder
from plans.engine.gates import conflicts, rounds
from plans.engine.people.permissions import may_pull_ripcord, may_release_ripcord, persons_of
from plans.engine.running import flow
from plans.engine.stopping import stopped_tasks, undo
from plans.engine.stopping.stopped import current_epoch, is_stopped
from plans.models import (
    ASKING_STATES,
    AT_WORK_PLAN_STATES,
    CLIMBING_STATES,
    LIVE_PLAN_STATES,
    RESTING_PLAN_STATES,
    WAITING_STATES,
    Plan,
    RipcordPull,
)
from plans.models.ripcord import CLOSERS
from programs.models import LIVE_PROGRAM_STATES, Program

__all__ = ["abort", "current_epoch", "is_stopped", "pull", "release"]

RELEASE, ABORT = "release", "abort"


def pull(
    scope: str, *, reason: str, plan: Plan | None = None, program: Program | None = None, trigger: str = ""
) -> RipcordPull:
    """Stop at once. Pulling what is pulled already changes nothing and answers the open pull.

    ``scope``: "plan" with ``plan``, "program" with ``program``, or "installation" alone; else InvalidInput.
    """
    _check_scope(scope, plan, program)
    _require_text(reason, "reason", "Say why.")
    actor = actors.current().actor
    with transaction.atomic():
        changelog.lock_chain(_chain(plan))
        if refused := may_pull_ripcord(actor, plan, {}):
            raise NotPermitted(refused)
        row = _open_pull(scope, plan, program)
        if row is not None:
            return row
        row = RipcordPull(
            scope=scope, plan=plan, program=program, reason=reason, pulled_by=actor.user, trigger=trigger
        )
        with actors.acting_as(actor, reason):
            row.save()
        if plan is not None:
            _stop(plan, reason)
        if program is not None:
            _hold_program(program, "hold", LIVE_PROGRAM_STATES, reason)
    if plan is None:
        for affected in _live_plans(program):
            _freeze(affected, reason)
    return row


def release(
    plan: Plan | None = None, *, remediation: str, scope: str = "plan", program: Program | None = None
) -> RipcordPull:
    """Agree to go on. The second person's agreement releases; each says what was remedied.

    Content and eligibility of every round are checked again; attempts are not given back.
    """
    _check_scope(scope, plan, program)
    _require_text(remediation, "remediation", "Say what was corrected.")
    with transaction.atomic():
        row, fields = _agreement(RELEASE, remediation, scope, plan, program)
        if sum(agreed["to"] == RELEASE for agreed in fields["released_by"]) < CLOSERS:
            perform(row, "agree", comment=remediation, set_fields=fields)
            return row
        perform(row, "release", comment=remediation, set_fields={**fields, "closed_at": clock.now()})
        if plan is not None:
            if row.trigger:  # what both wrote answers the case that pulled it
                ladder.close_remedied(plan, row.trigger, fields["remediation"])
            perform(plan, "release", comment=remediation)
            _go_on(plan, remediation)
        if program is not None:
            _hold_program(program, "release", ("held",), remediation)
    if plan is None:
        for affected in _live_plans(program):
            with transaction.atomic():
                changelog.lock_chain(affected.change_chain())
                changelog.append(affected, "released with its scope", reason=remediation)
                _go_on(affected, remediation)
    return row


def abort(
    plan: Plan | None = None, *, reason: str, scope: str = "plan", program: Program | None = None
) -> RipcordPull:
    """Agree to end what is stopped for good. The second person's agreement aborts, and nothing takes it back.

    A plan takes no further step, and what it did is undone in reverse order; of a program or the installation
    every live plan ends so, and the program with them.
    """
    _check_scope(scope, plan, program)
    _require_text(reason, "reason", "Say why.")
    with transaction.atomic():
        row, fields = _agreement(ABORT, reason, scope, plan, program)
        perform(row, "agree", comment=reason, set_fields=fields)
        if not row.is_to_be_aborted:
            return row
        if plan is not None:
            _close(row, "abort", row.remediation)
            perform(plan, "abort", comment=row.remediation)
    if plan is None:
        _abort_scope(row, reason)
    else:
        undo.finish_abort(plan, reason)
    return row


def _abort_scope(row: RipcordPull, reason: str) -> None:
    """End every live plan, then the pull, then undo what was done. Called again it goes on where it was."""
    with actors.on_their_behalf("Rip-cord"):
        while row.state == "pulled":
            for plan in _live_plans(row.program).exclude(state="aborting"):
                _abort_with_scope(plan, reason)
            with transaction.atomic():
                changelog.lock_chain(row.change_chain())
                row.refresh_from_db()
                if row.state == "pulled" and not _live_plans(row.program).exclude(state="aborting").exists():
                    _close(row, "abort", row.remediation)
                    if row.program is not None:
                        _hold_program(row.program, "abort", ("held",), reason)
    for plan in _live_plans(row.program).filter(state="aborting"):
        undo.finish_abort(plan, reason)


def _abort_with_scope(plan: Plan, reason: str) -> None:
    with transaction.atomic():
        changelog.lock_chain(plan.change_chain())
        plan.refresh_from_db()
        if not plan.is_live or plan.state == "aborting":
            return
        perform(plan, "abort_with_scope", comment=reason)
        if (own := _open_pull("plan", plan, None)) is not None:
            _close(own, "abort_with_scope", reason)


def _close(row: RipcordPull, verb: str, reason: str) -> None:
    with actors.on_their_behalf("Rip-cord"):
        perform(row, verb, comment=reason, set_fields={"closed_at": clock.now(), "remediation": reason})


def repair() -> int:
    """Freeze plans that an open pull has not reached, and set going those that a release has not."""
    repaired = 0
    stuck = Q(tasks__state="suspended") & ~Q(tasks__held_from="pending")
    stuck |= Q(approvals__state="frozen") | Q(escalations__state="paused")
    for pull_ in RipcordPull.objects.filter(state="pulled").exclude(scope="plan").select_related("program"):
        moving = Q(tasks__state__in=WAITING_STATES) | Q(approvals__state__in=ASKING_STATES)
        moving |= Q(escalations__state__in=CLIMBING_STATES, escalations__asks_to_stop=False)
        for plan in _live_plans(pull_.program).filter(moving).distinct():
            _freeze(plan, pull_.reason)
            repaired += 1
    for pull_ in RipcordPull.objects.filter(state="pulled").exclude(scope="plan").select_related("program"):
        if pull_.is_to_be_aborted:
            _abort_scope(pull_, pull_.remediation)
            repaired += 1
    for plan in _live_plans(None).filter(stuck, state__in=AT_WORK_PLAN_STATES).distinct():
        with transaction.atomic():
            changelog.lock_chain(plan.change_chain())
            plan.refresh_from_db()
            if plan.state in AT_WORK_PLAN_STATES and is_stopped(plan) is None:
                _go_on(plan, "The release was finished after an interruption.")
                repaired += 1
    return repaired


def _stop(plan: Plan, reason: str) -> None:
    plan.refresh_from_db()
    perform(plan, "hold", comment=reason, set_fields={"held_from": plan.state, "epoch": plan.epoch + 1})
    stopped_tasks.suspend_waiting(plan, reason)
    clocks.freeze(plan, reason)


def _freeze(plan: Plan, reason: str) -> None:
    with transaction.atomic():
        changelog.lock_chain(plan.change_chain())
        plan.refresh_from_db()
        stopped_tasks.suspend_waiting(plan, reason)
        clocks.freeze(plan, reason)
        changelog.append(plan, "stopped with its scope", reason=reason)


def _hold_program(program: Program, verb: str, states: Collection[str], reason: str) -> None:
    """The program shows what its plans feel; one that is not live stays as it is."""
    program.refresh_from_db()
    if program.state in states:
        with actors.on_their_behalf("Rip-cord"):
            perform(program, verb, comment=reason)


def _go_on(plan: Plan, remediation: str) -> None:
    """Everything back to where it was, unless another pull still holds the plan."""
    plan.refresh_from_db()
    if is_stopped(plan) is not None:
        return
    stopped_tasks.resume(plan, remediation)
    if plan.state in RESTING_PLAN_STATES:
        return
    for approval in [*clocks.thaw(plan, remediation), *plan.approvals.filter(state="exhausted")]:
        rounds.recheck(approval)
    with actors.on_their_behalf("Rip-cord"):
        flow.advance(plan)


def _agreement(
    wish: str, said: str, scope: str, plan: Plan | None, program: Program | None
) -> tuple[RipcordPull, dict[str, Any]]:
    """The open pull, locked, and its fields with this person's agreement. Who agreed otherwise changes it."""
    actor = actors.current().actor
    changelog.lock_chain(_chain(plan))
    row = _open_pull(scope, plan, program)
    if row is None:
        raise GuardNotMet(f"No rip-cord is pulled on {plan or program or 'the installation'}.")
    refused = may_release_ripcord(actor, plan, {}) or (why_no_release(actor, plan) if wish == RELEASE else "")
    if refused:
        raise NotPermitted(refused)
    person = next(iter(persons_of(actor.user)), None)
    if person is None:
        raise NotPermitted("The account belongs to no person in the directory.")
    if row.is_to_be_aborted:
        raise GuardNotMet(f"Two people have agreed to abort {row}.")
    if any(agreed["person"] == person.pk for agreed in row.agreed_to(wish)):
        raise NotPermitted(f"{person.name} has agreed already. A second person must agree, too.")
    others = [agreed for agreed in row.released_by if agreed["person"] != person.pk]
    mine = {"person": person.pk, "name": person.name, "said": said, "to": wish}
    agreed = [*others, mine]
    told = "\n".join(f"{one['name']}: {one['said']}" for one in agreed if one["to"] == wish)
    return row, {"released_by": agreed, "remediation": told}


def why_no_release(actor: Actor, plan: Plan | None) -> str:
    """Why this person does not let a plan go on: who asked for it, or edited it, may only end it."""
    if plan is None:
        return ""
    askers = conflicts.askers_of({plan.pk: plan}, conflicts.people_of_accounts())[plan.pk]
    theirs = [person for person in persons_of(actor.user) if person.pk in askers]
    return f"{theirs[0]} asked for this run, or edited it. Others have to release it." if theirs else ""


def _open_pull(scope: str, plan: Plan | None, program: Program | None) -> RipcordPull | None:
    return RipcordPull.objects.filter(scope=scope, plan=plan, program=program, state="pulled").first()


def _live_plans(program: Program | None) -> QuerySet[Plan]:
    plans = Plan.objects.filter(state__in=LIVE_PLAN_STATES).select_related("program").order_by("pk")
    return plans.filter(program=program) if program is not None else plans


def _chain(plan: Plan | None) -> str:
    return plan.change_chain() if plan else changelog.INSTALLATION


def _check_scope(scope: str, plan: Plan | None, program: Program | None) -> None:
    named = {"plan": (True, False), "program": (False, True), "installation": (False, False)}
    if named.get(scope) != (plan is not None, program is not None):
        problem = Problem("scope", f"“{scope}” needs exactly the object that it names.", tuple(named))
        raise InvalidInput("The scope of the rip-cord is unclear.", problems=[problem])


def _require_text(text: str, field: str, detail: str) -> None:
    if not text.strip():
        raise InvalidInput(detail, problems=[Problem(field, "is required.", code="required")])
