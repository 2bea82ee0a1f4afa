"""How one thing leads to the next: guards and effects the transition tables name.

A finished task makes its successors ready in the same transaction; a plan closes what it leaves open.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from django.db.models import Exists, OuterRef

from gtm.core import clock, events
from gtm.core.fsm import OFFERED, Change, perform
from gtm.core.prepared import PreparedRead
from plans.engine.escalation import clocks, ladder
from plans.engine.gates import rounds, scope
from plans.engine.people import substitutes
from plans.engine.running import kept_outputs, steps
from plans.engine.running.under_lock import opens_after
from plans.engine.stopping import stopped
from plans.models import (
    AT_WORK_PLAN_STATES,
    CLAIMABLE_STATES,
    DEGRADED_STATES,
    DONE_STATES,
    FINAL_TASK_STATES,
    OPEN_APPROVAL_STATES,
    UNOPENED_STATES,
    Approval,
    BreakGlass,
    Escalation,
    Plan,
    RipcordPull,
    Task,
    TaskKind,
    TaskState,
)
from plans.schemas.rules import GateRules

Params = Mapping[str, Any]

_OPEN_TASKS = PreparedRead(
    lambda plan: (
        Task.objects.order_by()
        .filter(plan=plan, state__in=sorted(frozenset(TaskState.values) - FINAL_TASK_STATES))
        .values_list("pk")[:1]
    ),
    plan=900_000_901,
)
_TASK_STATES = PreparedRead(
    lambda plan: Task.objects.order_by().filter(plan=plan).values_list("state").distinct(), plan=900_000_901
)
_BYPASSED = PreparedRead(
    lambda plan: Approval.objects.order_by().filter(plan=plan, state="bypassed").values_list("pk")[:1],
    plan=900_000_901,
)
_OWED = PreparedRead(
    lambda plan: (
        BreakGlass.objects.order_by().filter(approval__plan=plan, state="granted").values_list("pk")[:1]
    ),
    plan=900_000_901,
)


# ------------------------------------------------------------------ guards


def checklist_passed(plan: Plan, params: Params) -> str | None:
    """No blocking item of the review checklist is open."""
    open_items = [i for i in plan.checklist if i["blocking"] and i["result"] != "passed"]
    told = "; ".join(": ".join(filter(None, (i["text"], i.get("evidence")))) for i in open_items)
    return f"Open on the review checklist: {told}" if open_items else None


def every_task_done(plan: Plan, params: Params) -> str | None:
    """Every task is finished."""
    if not _OPEN_TASKS.rows(plan=plan.pk):
        return None
    left = plan.tasks.exclude(state__in=FINAL_TASK_STATES).count()
    return f"{left} tasks are not finished."


def no_review_owed(plan: Plan, params: Params) -> str | None:
    """Every use of break-glass has its review."""
    if not _OWED.rows(plan=plan.pk):
        return None
    owed = BreakGlass.objects.filter(approval__plan=plan, state="granted").select_related("approval")
    return f"{', '.join(map(str, owed))} must be reviewed first."


def may_publish(task: Task, params: Params) -> str | None:
    """A task that publishes waits for every case that asks to stop its plan; others need not."""
    publishes = steps.publishes(task.plan.command_key, task.key)
    return stopped.nothing_asks_to_stop(task.plan, params) if publishes else None


def pull_is_closed(plan: Plan, params: Params) -> str | None:
    """Two people have closed the plan's own rip-cord."""
    is_open = RipcordPull.objects.filter(plan=plan, scope="plan", state="pulled").exists()
    return "Two people must close its rip-cord, by a release or an abort." if is_open else None


def abort_is_agreed(pull: RipcordPull, params: Params) -> str | None:
    """Two people have agreed to abort."""
    return None if pull.is_to_be_aborted else "Two people must agree to abort."


def scope_is_to_be_aborted(plan: Plan, params: Params) -> str | None:
    """Two people have agreed to abort the plan's program or the whole installation."""
    if any(pull.is_to_be_aborted for pull in stopped.wider_pulls(plan).filter(state="pulled")):
        return None
    return "Nobody has aborted its program or the installation."


def subject_is_settled(case: Escalation, params: Params) -> str | None:
    """The case is not about an open round or a late task; only the decision, or the work, ends those."""
    late = case.task if case.trigger == ladder.TASK_OVERDUE else None
    if late is not None and late.is_with_people and late.due_at and late.due_at <= clock.now():
        return (
            f"{late} is not done yet. When it is done, this case ends. Acknowledge the case if "
            "you work on it."
        )
    asked = case.approval if case.trigger in (ladder.OVERDUE, ladder.UNSATISFIABLE) else None
    if asked is None or asked.state not in OPEN_APPROVAL_STATES:
        return None
    return (
        f"{asked.title} is not decided yet. Its decision will end this case. Acknowledge "
        "the case if you work on it."
    )


def is_with_people(task: Task, params: Params) -> str | None:
    """The task is one for people, or its substitute has it."""
    return None if task.state == "with_substitute" else is_human(task, params)


def is_human(task: Task, params: Params) -> str | None:
    """The task is done by people."""
    return None if task.kind == TaskKind.HUMAN else "The engine does this task itself."


def has_evidence(task: Task, params: Params) -> str | None:
    """What the runbook asks for as evidence is given."""
    wanted = task.evidence_wanted
    given = any(str(told).strip() for told in (params.get("evidence") or {}).values())
    if not wanted or given or params.get(OFFERED):
        return None
    asked = f"{wanted[0].lower()}{wanted[1:]}"
    return f"This task asks for evidence: {asked}. Give a link, or a sentence that others can check."


def nothing_is_stopped(task: Task, params: Params) -> str | None:
    """No rip-cord holds the plan. While one does, people can only write comments, which are kept."""
    return stopped.is_stopped(task.plan)


def content_is_approved(task: Task, params: Params) -> str | None:
    """Nothing is stopped, and the content is still what every gate before the task approved."""
    return stopped.is_stopped(task.plan) or scope.why_not_approved(task)


def gates_behind(task: Task) -> list[GateRules]:
    """The gates of the plan that lie on a path after the task."""
    found, queue, seen = [], [task], {task.pk}
    while queue:
        for after in queue.pop().successors.all():
            if after.pk not in seen:
                seen.add(after.pk)
                queue.append(after)
                if after.kind == TaskKind.GATE:
                    found.append(task.plan.rules.gate(after.key))
    return found


# ------------------------------------------------------------------ targets


def state_before_hold(obj: Any, params: Params) -> str:
    """Back to where it was; what was in a worker's hands starts again from ready."""
    if isinstance(obj, Plan) and obj.held_from == "running":
        return at_work_again(obj, params)
    return {"leased": "ready", "running": "ready" if isinstance(obj, Task) else "running",
            "fallback_running": "fallback_ready"}.get(obj.held_from, obj.held_from)  # fmt: skip


def at_work_again(plan: Plan, params: Params) -> str:
    """Running, or blocked where a task was escalated meanwhile."""
    return "blocked" if plan.tasks.filter(state="escalated").exists() else "running"


# ------------------------------------------------------------------ effects


def ring(task: Task, change: Change) -> None:
    """Tell a worker, after the commit, that there is something to do. The row says what; this is the bell."""
    if (
        task.kind == TaskKind.AUTOMATED
        and change.target in CLAIMABLE_STATES
        and task.plan.state in AT_WORK_PLAN_STATES
    ):
        events.publish_on_commit(events.TaskReady(task.pk))


def stop_clocks(plan: Plan, change: Change) -> None:
    clocks.freeze(plan, change.comment)


def start_clocks(plan: Plan, change: Change) -> None:
    """Under a rip-cord of the program or the installation its release starts them."""
    if stopped.is_stopped(plan) is None:
        for approval in clocks.thaw(plan, change.comment):
            rounds.recheck(approval)


def advance_plan(plan: Plan, change: Change) -> None:
    advance(plan)
    for task in plan.tasks.filter(kind=TaskKind.AUTOMATED, state__in=CLAIMABLE_STATES):
        events.publish_on_commit(events.TaskReady(task.pk))


def advance_after_task(task: Task, change: Change) -> None:
    """Behind a finished task its successors open; behind a gate, and where tasks are held until something
    else is so, anything may.
    """
    anything = task.kind == TaskKind.GATE or steps.may_hold(task.plan.command_key)
    may_end = not change.params.get("may_be_undone", False)
    advance(task.plan, after=None if anything else task, is_fresh=change.is_fresh, may_end=may_end)


def advance_after_case(case: Escalation, change: Change) -> None:
    """What a case kept from being published, and the end of the plan, may go on."""
    if case.asks_to_stop:
        advance(case.plan)


def advance(plan: Plan, *, after: Task | None = None, is_fresh: bool = False, may_end: bool = True) -> None:
    """Open everything whose needs are met, and close the plan when nothing is left.

    The chain is locked. ``after``: nothing else than this task has moved since the last time. ``is_fresh``:
    the plan was read under the lock, and nothing stops it. Without ``may_end`` the sweep closes it, when the
    time to undo is over: who clicks may have clicked wrongly.
    """
    if not is_fresh:
        plan.refresh_from_db()
    if plan.state not in AT_WORK_PLAN_STATES or (not is_fresh and stopped.is_stopped(plan)):
        return
    met = _needs_met(plan, after)
    if suspended := [task for task in met if task.state == "suspended"]:
        for task in suspended:
            perform(task, "unsuspend", comment="What it depends on is approved.")
        met = _needs_met(plan, after)
    has_opened = has_asked = False
    for task in met:
        if has_asked:
            task.refresh_from_db()  # an approval that carries over has advanced the plan from within
        if task.state != "pending" or held(task):
            continue
        has_opened = True
        if task.kind == TaskKind.GATE:
            has_asked = True
            perform(task, "ask_approval", is_fresh=True)
            rounds.open_round(task)
        else:
            perform(task, "make_ready", set_fields=_times(task), is_fresh=not has_asked)
            if task.kind == TaskKind.HUMAN:
                _reach_people(task)
    if has_opened and not has_asked:
        return
    if has_asked or not is_fresh:
        plan.refresh_from_db()
    if may_end and plan.state == "running" and not _OPEN_TASKS.rows(plan=plan.pk):
        finish(plan)


def open_next_round(approval: Approval, change: Change) -> None:
    """A round that its people cannot decide ends; the next one asks the people of today."""
    ladder.settle(approval=approval, reason=f"A new round asks instead: {change.comment}")
    rounds.open_round(approval.task)


def _reach_people(task: Task) -> None:
    """It is somebody's now: with what they are to look at, and with whoever stands in for somebody away."""
    kept_outputs.write_brief(task)
    if task.owner and not substitutes.here_today(task.owner):
        substitutes.hand_on(task)


def _times(task: Task) -> dict[str, Any]:
    """When it is due, by the step's hours on the program's calendar or as planned, and when to remind."""
    hours, now = task.plan.rules.due_hours.get(task.task_id), clock.now()
    due_at = clocks.calendar_of(task.plan).add_hours(now, hours) if hours else task.due_at
    times = clocks.times_of(task.plan, now, due_at) if task.kind == TaskKind.HUMAN else {"due_at": due_at}
    return {**times, "frozen_at": None}


def held(task: Task) -> str:
    """Why the task must not begin although all it needs is done; a new reason is put on record."""
    reason = why_held(task.plan, task)
    if task.held_because != reason:
        task.held_because = reason
        task.save()
    return reason


def why_held(plan: Plan, task: Task) -> str:
    """What keeps the task from beginning beside its needs: its step says so, or a case asks to stop."""
    if reason := steps.why_held(plan, task.key):
        return reason
    return may_publish(task, {}) or ""


def ready_tasks(plan: Plan) -> list[Task]:
    """The ready set is a query: pending tasks with no unfinished need."""
    return [task for task in _needs_met(plan, None) if task.state == "pending"]


def _needs_met(plan: Plan, after: Task | None) -> list[Task]:
    """What may open: of the whole plan, or of what follows ``after``."""
    if after is None:
        waiting = Task.objects.filter(successors=OuterRef("pk")).exclude(state__in=DONE_STATES)
        rows = plan.tasks.filter(~Exists(waiting), state__in=UNOPENED_STATES)
        met = list(rows.order_by("position"))
        for task in met:
            task.plan = plan
    else:
        met = opens_after(after)
    behind = _behind_open_gates(plan, met, after) if met else frozenset()
    return [task for task in met if task.pk not in behind]


def _behind_open_gates(plan: Plan, tasks: list[Task], after: Task | None) -> Collection[int]:
    """A change may reopen a gate before tasks that are finished and stay so: what follows them waits too."""
    known = scope.known_structure(plan) if after is not None else None
    if known is not None and not any(known.gates_before(task.pk) for task in tasks):
        return frozenset()
    gates = plan.tasks.filter(kind=TaskKind.GATE).exclude(state__in=DONE_STATES)
    if not (open_gates := set(gates.values_list("pk", flat=True))):
        return frozenset()
    needs = scope.needs_of(plan)
    return {task.pk for task in tasks if scope.all_before(task.pk, needs) & open_gates}


def finish(plan: Plan) -> None:
    """Close the plan, which was just read under its lock, unless a break-glass owes its review or a case asks
    to stop: their end closes it.
    """
    if no_review_owed(plan, {}) or stopped.nothing_asks_to_stop(plan, {}):
        return
    ended = {"finished_at": clock.now()}
    states = {state for (state,) in _TASK_STATES.rows(plan=plan.pk)}
    if "cancelled" in states:
        perform(plan, "fail", comment="A task was cancelled.", set_fields=ended, is_fresh=True)
        return
    degraded = states & DEGRADED_STATES or _BYPASSED.rows(plan=plan.pk)
    perform(plan, "succeed_degraded" if degraded else "succeed", set_fields=ended, is_fresh=True)


def seal_structure(plan: Plan, change: Change) -> None:
    """What was accepted is on record, so that execution can refuse a plan that was rebuilt since."""
    plan.structure_sha256 = scope.structure_digest(plan)
    plan.save()


def block_plan(task: Task, change: Change) -> None:
    """An escalated task blocks its plan; siblings that are under way go on."""
    task.plan.refresh_from_db()
    if task.plan.state == "running":
        perform(task.plan, "block", comment=f"{task} is escalated: {change.comment}")


def unblock_plan(task: Task, change: Change) -> None:
    plan = task.plan
    plan.refresh_from_db()
    if plan.state == "blocked" and not plan.tasks.filter(state="escalated").exists():
        perform(plan, "unblock", comment=change.comment)


def close_plan(plan: Plan, change: Change) -> None:
    """A plan that ends leaves no open task, approval or ladder behind."""
    comment = f"The plan was {change.target.replace('_', ' ')}. {change.comment}".strip()
    now = clock.now()
    for approval in Approval.objects.filter(plan=plan, state__in=OPEN_APPROVAL_STATES):
        perform(approval, "cancel", comment=comment, set_fields={"decided_at": now})
    for task in plan.tasks.exclude(state__in=FINAL_TASK_STATES):
        perform(task, "cancel", comment=comment, set_fields={"finished_at": now})
    ladder.end_all(plan, comment)


def close_cases(plan: Plan, change: Change) -> None:
    """A plan that has succeeded leaves no ladder climbing: what nobody resolved ends with it, and says so."""
    ended = change.target.replace("_", " ")
    ladder.end_all(plan, f"The plan has {ended}; nobody wrote what was done about this.")
