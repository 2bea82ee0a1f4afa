"""Replay: the recorded inputs, data and seed must give the recorded outputs, byte for byte."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gtm.core import canonical, own_code
from plans.engine.running import runner, steps
from plans.models import COMPUTED_STATES, Plan, Task, TaskAttempt, TaskKind
from plans.schemas.outputs import payload_of

SENTENCES = "evidence"
CODE = {
    True: "the code is the same as when it was computed",
    False: "the code has changed since it was computed, which can be the reason",
    None: "which code computed it was not recorded",
}


@dataclass(frozen=True, slots=True)
class ReplayedTask:
    """What a task came to when it was computed again.

    ``is_same_code``: whether the code of today is that which computed it; None where no attempt recorded it.
    """

    task: str
    same: bool
    differing: tuple[str, ...] = ()
    is_same_code: bool | None = True

    def __str__(self) -> str:
        if self.same:
            changed = ", although the code has changed since it was computed"
            return f"{self.task}: identical{changed if self.is_same_code is False else ''}"
        return f"{self.task}: differs in {', '.join(self.differing)}; {CODE[self.is_same_code]}"


class _Silent:
    """A replay leaves no trace: progress goes nowhere, and nobody looks outside a second time."""

    def __init__(self, task: Task):
        self.observed = (task.output or {}).get("observed")

    def progress(self, percent: int, note: str = "") -> None:
        """Nobody watches."""

    effect = staticmethod(steps.refuse_effect)


def replay(plan: Plan) -> Iterator[ReplayedTask]:
    """Recompute every automated task that succeeded. Stores nothing."""
    done = plan.tasks.filter(kind=TaskKind.AUTOMATED, state__in=COMPUTED_STATES)
    for task in done.select_related("plan").order_by("position"):
        yield _compare(task)


def _compare(task: Task) -> ReplayedTask:
    last = task.attempts.filter(outcome="succeeded").order_by("-fence").first()
    result = runner.compute(task, last, _Silent(task))
    own = task.artifacts.filter(superseded_at=None, tool_call=None)
    stored = {a.key: (a.payload, a.sha256) for a in own}
    stored["values"] = task.output, task.output_sha256
    # What is stored and the digest it was recorded under: either may have been altered since.
    recorded = {key: {canonical.digest(payload), sha256} for key, (payload, sha256) in stored.items()}
    again = {o.key: {canonical.digest(payload_of(o))} for o in result.outputs}
    again["values"] = {canonical.digest(_with_sentences(task, runner.stored_values(result)))}
    differing = tuple(sorted(k for k in recorded.keys() | again.keys() if recorded.get(k) != again.get(k)))
    return ReplayedTask(str(task), not differing, differing, _is_same_code(last))


def _is_same_code(attempt: TaskAttempt | None) -> bool | None:
    if attempt is None or not attempt.code_sha256:
        return None
    return attempt.code_sha256 == own_code.digest()


def _with_sentences(task: Task, values: dict[str, Any]) -> dict[str, Any]:
    """Older outputs hold sentences about tools, which no step makes any more."""
    told = (task.output or {}).get(SENTENCES)
    return {**values, SENTENCES: told} if told is not None else values
