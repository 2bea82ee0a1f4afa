"""What is asked of a tool, and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from plans.models import CallOutcome, Plan, Task
from plans.schemas.declaration import ToolHook
from plans.schemas.outputs import Column, Output, Table

OUTPUTS = "outputs"


@dataclass(frozen=True, slots=True)
class ToolRequest:
    """A hook, when its task has been computed. ``values`` and ``outputs`` are what the task makes."""

    hook: ToolHook
    task: Task
    values: Mapping[str, Any]
    outputs: Sequence[Output]
    progress: Callable[[int, str], None]

    @property
    def plan(self) -> Plan:
        return self.task.plan

    def value(self, place: str) -> Any:
        """What stands at a place of this plan, None where nothing does. "outputs.KEY": rows of a table."""
        variable, _, rest = place.partition(".")
        if variable == OUTPUTS:
            return next(_rows(found) for found in self.outputs if found.key == rest)
        made = {self.task.output_var: self.values} if variable == self.task.output_var else {}
        return value_at(self.plan, place, made)

    def columns(self, place: str) -> Sequence[Column]:
        """The columns of the table at "outputs.KEY"; none where the place is a value."""
        variable, _, rest = place.partition(".")
        found = next((made for made in self.outputs if variable == OUTPUTS and made.key == rest), None)
        return found.columns if isinstance(found, Table) else ()


@dataclass(frozen=True, slots=True)
class ToolAnswer:
    """``said`` is the result in a sentence, or why there is none; ``output`` is kept with the task.

    ``result`` is what was found where the step itself has kept it.
    """

    performed_by: str
    outcome: CallOutcome
    said: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    output: Output | None = None
    result: Any = None


def value_at(plan: Plan, place: str, made: Mapping[str, Any]) -> Any:
    """What stands at "context.NAME", "inputs.NAME" or "output_var.key" of a plan; ``made`` comes first."""
    variable, *path = place.split(".")
    if variable in made:
        found = made[variable]
    elif variable in ("context", "inputs"):
        found = getattr(plan, variable)
    else:
        found = plan.tasks.filter(output_var=variable).values_list("output", flat=True).first()
    for part in path:
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _rows(table: Any) -> list[dict[str, Any]]:
    names = [column.key for column in table.columns]
    return [dict(zip(names, row, strict=True)) for row in table.rows]


def run_before(plan: Plan, task: Task) -> Plan | None:
    """The last run of the same command on the same program and campaign that got as far as this task."""
    same = {"program": plan.program_id, "plugin": plan.plugin, "command": plan.command}
    earlier = Plan.objects.filter(**same, campaign=plan.campaign_id, pk__lt=plan.pk)
    return earlier.filter(tasks__key=task.key, tasks__output__isnull=False).order_by("-pk").first()
