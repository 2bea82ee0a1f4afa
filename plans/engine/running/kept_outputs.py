"""What a task leaves behind for people to read, and what they are given to look at: artifacts, kept once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gtm.core import canonical
from plans.drawing import specification
from plans.engine.running import steps
from plans.models import DONE_STATES, Artifact, Task
from plans.schemas.outputs import Metrics, Output, payload_of


def keep(
    task: Task,
    outputs: Sequence[Output],
    *,
    first: int = 0,
    drawn: Mapping[str, Mapping[str, Any]] | None = None,
) -> list[Artifact]:
    """Write the outputs as artifacts of the task, in their order from position ``first`` on.

    ``drawn`` are the specifications of charts, by the key of their output.
    """
    kept = []
    for position, output in enumerate(outputs, start=first):
        payload = payload_of(output)
        artifact = Artifact(
            plan=task.plan,
            task=task,
            key=output.key,
            title=output.title,
            kind=output.kind,
            position=position,
            is_deliverable=output.key in task.plan.rules.deliverable_keys,
            payload=payload,
            sha256=canonical.digest(payload),
            specification=(drawn or {}).get(output.key),
        )
        artifact.save()
        kept.append(artifact)
    return kept


def draw_charts(outputs: Sequence[Output]) -> dict[str, dict[str, Any]]:
    """The specification of every chart, by its key. Raises TransientError naming a chart that has none."""
    definitions = _definitions(outputs)
    drawn = {}
    for output in outputs:
        if output.kind == "chart":
            try:
                payload = payload_of(output)
                drawn[output.key] = specification.specification(payload, definitions)
            except (ArithmeticError, LookupError, TypeError, ValueError) as error:
                raise steps.TransientError(f"The chart “{output.title}” cannot be drawn: {error}") from error
    return drawn


def _definitions(outputs: Sequence[Output]) -> dict[str, str]:
    """What the figures of a task are, by their labels: a series of a chart may be one of them."""
    figures = [figure for output in outputs if isinstance(output, Metrics) for figure in output.items]
    return {figure.label: figure.definition for figure in figures if figure.definition}


def write_brief(task: Task) -> None:
    """A task becomes somebody's: keep with it what they are to look at, where its step says what that is."""
    brief = steps.brief(task.plan.command_key, task.key)
    if brief is None:
        return
    done = task.plan.tasks.filter(state__in=DONE_STATES).exclude(output_var="").exclude(output=None)
    keep(task, brief(dict(done.values_list("output_var", "output")), task.plan.inputs))
