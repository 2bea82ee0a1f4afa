"""A running plan made to fit other inputs: tasks that came and went, and new due dates. Numbers stay."""

from __future__ import annotations

from gtm.core import clock
from gtm.core.actors import on_their_behalf
from gtm.core.fsm import perform
from plans.engine.escalation import clocks
from plans.engine.record import content
from plans.models import FINAL_TASK_STATES, Plan
from plans.runs import policies
from plans.runs.draft import Draft, build_task, due_at, roles_by_slug, snapshot


def refit(plan: Plan, draft: Draft) -> None:
    """Add the tasks that are new, skip those that are gone, set what each waits for. In a transaction.

    A task that is there keeps its number; a new one gets the next of its stage. The structure is not sealed:
    the review that follows does that.
    """
    tasks = {task.key: task for task in plan.tasks.all()}
    roles = roles_by_slug()
    numbers: dict[str, str] = {}
    for position, (stage, step) in enumerate((s, step) for s in draft.command.stages for step in s.steps):
        task = tasks.get(step.key)
        if task is None:
            number = _next_number(plan, stage.stage_id)
            task = build_task(plan, stage, step, roles, position, draft.command, task_id=number)
            tasks[step.key] = task
        elif task.position != position:
            task.position = position
            task.save()
        numbers[step.task_id] = step.key
    for step in draft.command.steps:
        wanted = [tasks[numbers[need]] for need in step.needs]
        if {t.pk for t in wanted} != set(tasks[step.key].needs.values_list("pk", flat=True)):
            tasks[step.key].set_related("needs", wanted)
    present = {step.key for step in draft.command.steps}
    gone = list(plan.tasks.exclude(key__in=present))
    for task in gone:
        task.set_related("needs", [])
    with on_their_behalf("Rework"):
        for task in (task for task in gone if task.state not in FINAL_TASK_STATES):
            perform(
                task,
                "skip",
                comment="The inputs do not need it any more.",
                set_fields={"finished_at": clock.now()},
            )
    rules = policies.kept_by(plan, draft.command)  # other policies do not move a plan that has begun
    declared = snapshot(draft.command, draft.facts.get("trigger_versions", {}), rules)
    declared["reads"] |= {task.key: [] for task in gone}  # what was done for them stays done
    if plan.declaration != declared:
        with content.telling(plan, ""):
            plan.declaration = declared
            plan.save()


def limit_retries(plan: Plan, limit: int) -> None:
    """Another limit of retries, for the plan and every task that is not done."""
    if plan.rules.max_retries != limit:
        plan.declaration = plan.declaration | {"max_retries": limit}
        plan.save()
    for task in plan.tasks.exclude(state__in=FINAL_TASK_STATES).exclude(max_retries=limit):
        task.max_retries = limit
        task.save()


def reschedule(plan: Plan, draft: Draft) -> None:
    """The due date of every task that is not done, where its owner works."""
    steps = {step.key: step for step in draft.command.steps}
    for task in plan.tasks.select_related("owner", "plan__program").exclude(state__in=FINAL_TASK_STATES):
        due = due_at(steps[task.key], task.owner, plan.program)
        if task.due_at != due:
            clocks.move_due(task, due)


def _next_number(plan: Plan, stage_id: str) -> str:
    used = plan.tasks.filter(stage_id=stage_id).values_list("task_id", flat=True)
    return f"{stage_id}.{max((int(number.rpartition('.')[2]) for number in used), default=0) + 1}"
