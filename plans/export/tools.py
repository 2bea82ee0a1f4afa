"""The tools that a command's document names, and every call that was made in the place of one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from plans.models import CallOutcome, Plan, Task
from plans.schemas.declaration import ToolHook

NOT_YET = "Task {} has not been done."
BEFORE_CALLS = "The plan was started before calls of tools were recorded."
NO_TASK = "The plan has no task at which it would be called."


def calls(plan: Plan) -> list[dict[str, Any]]:
    """Every call, in the order in which they were made; of a task that was done again all of them stand."""
    return [
        {
            "tool": call.tool,
            "task_id": call.task.task_id,
            "work": call.work,
            "performed_by": call.performed_by or None,
            "arguments": call.arguments,
            "arguments_sha256": call.arguments_sha256,
            "outcome": call.outcome,
            "said": call.said,
            "result_sha256": call.result_sha256 or None,
            "output": call.kept_id,
            "started_at": call.started_at,
            "duration_ms": call.milliseconds,
        }
        for call in plan.tool_calls.select_related("task").order_by("pk")
    ]


def of_plan(plan: Plan) -> list[dict[str, Any]]:
    """The hooks of a plan with their calls, as its page shows them."""
    return hooks(plan, plan.tasks.all(), calls(plan))


def hooks(plan: Plan, tasks: Iterable[Task], made: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Each hook with its calls, and where it stands: the outcome of its last call, or why there is none."""
    found = []
    for hook in plan.rules.tool_hooks:
        own = [
            {key: value for key, value in call.items() if key != "tool"}
            for call in made
            if (call["tool"], call["work"]) == (hook.tool, hook.work)
        ]
        found.append(
            {
                "tool": hook.tool,
                "purpose": hook.purpose,
                "work": hook.work or None,
                "status": own[-1]["outcome"] if own else CallOutcome.NOT_RUN,
                "reason": None if own else _why_none(hook, tasks),
                "evidence": [_sentence(call) for call in own],
                "calls": own,
            }
        )
    return found


def _why_none(hook: ToolHook, tasks: Iterable[Task]) -> str:
    if not hook.work:
        return BEFORE_CALLS
    at = next((task.task_id for task in tasks if task.key == hook.step), "")
    return NOT_YET.format(at) if at else NO_TASK


def _sentence(call: Mapping[str, Any]) -> str:
    by = call["performed_by"] or "nothing"
    return f"{call['task_id']}: {by}, {CallOutcome(call['outcome']).label.lower()}. {call['said']}"
