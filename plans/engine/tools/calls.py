"""Tool hooks of a task: each is called when the task has been computed, and is on record with its outcome.

A call never decides about the task. What a tool cannot answer is on record as failed or not run, with why.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import DatabaseError

from gtm.core import canonical, clock
from gtm.core.evidence import changelog
from plans.engine.running import kept_outputs
from plans.engine.running.steps import LeaseLost
from plans.engine.tools import definitions, flows, outside, procedures, records, servers
from plans.engine.tools.request import ToolAnswer, ToolRequest
from plans.models import CallOutcome, Task, TaskAttempt, ToolCall
from plans.schemas.declaration import ToolHook, ToolWork
from plans.schemas.outputs import StepResult

logger = logging.getLogger(__name__)

FAULTY = "built-in:{}"
CHANGED = "tooling changed"
"""The event of a row about what answers for a hook now, and what did in the run before."""
Progress = Callable[[int, str], None]

WORK: Mapping[str, Callable[[ToolRequest], ToolAnswer]] = {
    ToolWork.DEFINITIONS: definitions.compare,
    ToolWork.PROCEDURES: procedures.look_up,
    ToolWork.COMPARISON: records.weigh,
    ToolWork.RETROSPECTIVE: records.look_back,
    ToolWork.FLOW: flows.walk,
}


@dataclass(frozen=True, slots=True)
class MadeCall:
    """A call that was made, and what came of it."""

    hook: ToolHook
    answer: ToolAnswer
    started_at: datetime
    milliseconds: int


def make(task: Task, result: StepResult, values: Mapping[str, Any], progress: Progress) -> list[MadeCall]:
    """Call the tools that are hooked to this task. Writes nothing."""
    made = []
    for hook in task.plan.rules.tool_hooks:
        if hook.step == task.key:
            started_at, began = clock.now(), time.monotonic()
            answer = _answer(ToolRequest(hook, task, values, result.outputs, progress))
            made.append(MadeCall(hook, answer, started_at, round(1000 * (time.monotonic() - began))))
    return made


def _answer(asked: ToolRequest) -> ToolAnswer:
    """What the tool answers. A fault of a tool is its answer, and not one of the task."""
    try:
        try:
            server = servers.find(asked.hook.tool)
        except servers.BadToolServer as error:
            return ToolAnswer("", CallOutcome.NOT_RUN, str(error))
        return outside.ask(server, asked) if server else WORK[asked.hook.work](asked)
    except (LeaseLost, DatabaseError):
        raise
    except Exception as error:
        logger.exception("%s of %s failed", asked.hook.work, asked.task)
        said = f"{type(error).__name__}: {error}"
        return ToolAnswer(FAULTY.format(asked.hook.work), CallOutcome.FAILED, said)


def keep(task: Task, attempt: TaskAttempt, made: Sequence[MadeCall], *, first: int) -> None:
    """Record the calls with what they answered, as outputs from position ``first`` on."""
    for call in made:
        answer = call.answer
        kept = None
        if answer.output is not None:
            (kept,) = kept_outputs.keep(task, [answer.output], first=first)
            first += 1
        plain = canonical.plain(answer.arguments)
        _tell_another_performer(task, call)
        ToolCall(
            plan=task.plan,
            task=task,
            attempt=attempt,
            tool=call.hook.tool,
            work=call.hook.work,
            performed_by=answer.performed_by,
            arguments=plain,
            arguments_sha256=canonical.digest(plain),
            outcome=answer.outcome,
            said=answer.said,
            result_sha256=kept.sha256 if kept else _digest(answer.result),
            kept=kept,
            started_at=call.started_at,
            milliseconds=call.milliseconds,
        ).save()


def _digest(result: Any) -> str:
    return "" if result is None else canonical.digest(canonical.plain(result))


def _tell_another_performer(task: Task, call: MadeCall) -> None:
    """A row where another tool, or another version, answers than the last that did on this program."""
    plan, hook = task.plan, call.hook
    same = {"plan__program": plan.program_id, "plan__plugin": plan.plugin, "plan__command": plan.command}
    answered = ToolCall.objects.filter(outcome=CallOutcome.ANSWERED, tool=hook.tool, work=hook.work, **same)
    last = answered.order_by("-pk").values_list("performed_by", flat=True).first()
    by = call.answer.performed_by
    if call.answer.outcome == CallOutcome.ANSWERED and last is not None and last != by:
        place = f"tooling/{hook.work}"
        changelog.append(plan, CHANGED, field=place, before=last, after=by, reason=call.answer.said)
