"""Records of thinking: what was weighed and chosen, and what became of what the run before proposed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from plans.engine.tools.request import ToolAnswer, ToolRequest, run_before, value_at
from plans.models import CallOutcome, Plan, Schedule
from plans.schemas.outputs import Column, Table
from plans.selectors import follow_ups_of

COMPARISON, RETROSPECTIVE = "built-in:comparison-record 1", "built-in:retro-record 1"
OPEN = "not followed up"


def weigh(asked: ToolRequest) -> ToolAnswer:
    """What stands at the subject, row by row, and the choice that ``beside`` holds.

    A table of the step is weighed as it is, with the kinds and units of its columns; of values nothing is
    known but whether they are numbers.
    """
    hook = asked.hook
    options, chosen = asked.value(hook.subject) or [], asked.value(hook.beside)
    rows = [option if isinstance(option, Mapping) else {"item": option} for option in options]
    columns = asked.columns(hook.subject) or _columns(rows)
    said = f"Weighed: {len(rows)}. Result: {chosen}."
    table = Table(
        f"tool-{hook.work}",
        f"{hook.purpose}: what was weighed",
        columns or [Column("item", "Item")],
        [[_word(row.get(column.key)) for column in columns] for row in rows],
        note=said,
    )
    arguments = {"options": hook.subject, "choice": hook.beside, "seed": asked.plan.seed}
    return ToolAnswer(COMPARISON, CallOutcome.ANSWERED, said, arguments, table)


def look_back(asked: ToolRequest) -> ToolAnswer:
    """What the run before proposed and what became of it, and when the next run looks back on this one."""
    plan, hook = asked.plan, asked.hook
    earlier = run_before(plan, asked.task)
    proposed = (value_at(earlier, hook.subject, {}) or []) if earlier else []
    became = {row.inputs["item"]: row for row in follow_ups_of(earlier)} if earlier else {}
    rows = [_proposed(item, became) for item in proposed]
    done = sum(standing == "succeeded" for *_, standing in rows)
    said = (
        f"Actions that {earlier.plan_id} proposed: {len(rows)}, done: {done}. {_next(plan)}"
        if earlier
        else f"There is no run before to look back on. {_next(plan)}"
    )
    table = Table(
        f"tool-{hook.work}",
        f"{hook.purpose}: what became of the last proposals",
        [
            Column("item", "Action"),
            Column("owner", "Owner"),
            Column("due", "Due"),
            Column("plan", "Became"),
            Column("standing", "Stands"),
        ],
        rows,
        note=said,
    )
    arguments = {"proposals": hook.subject, "of": earlier.plan_id if earlier else None}
    return ToolAnswer(RETROSPECTIVE, CallOutcome.ANSWERED, said, arguments, table)


def _proposed(item: Mapping[str, Any], became: Mapping[str, Plan]) -> tuple[str, str, str, str, str]:
    work = became.get(item["title"])
    owner, due = item.get("owner_role") or item.get("owner") or "", item.get("eta") or item.get("due") or ""
    return item["title"], owner, due, *((work.plan_id, work.state) if work else ("", OPEN))


def _next(plan: Plan) -> str:
    """When the next run is due: the cadence of looking back."""
    due: datetime | None = (
        Schedule.objects.filter(program=plan.program_id, command__in=(plan.command, plan.command_key))
        .filter(is_active=True, next_due_at__isnull=False)
        .order_by("next_due_at")
        .values_list("next_due_at", flat=True)
        .first()
    )
    return f"The next run is due on {due:%Y-%m-%d}." if due else "No schedule says when the next run is due."


def _columns(rows: Sequence[Mapping[str, Any]]) -> list[Column]:
    names = dict.fromkeys(name for row in rows for name, value in row.items() if _is_short(value))
    return [Column(name, name.replace("_", " ").capitalize(), _kind(rows, name)) for name in names]


def _kind(rows: Sequence[Mapping[str, Any]], name: str) -> str:
    """A column holds numbers where every value that there is is one."""
    found = [row[name] for row in rows if row.get(name) is not None]
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in found)
    return "number" if found and numbers else "text"


def _is_short(value: Any) -> bool:
    return not isinstance(value, Mapping | list | tuple)


def _word(value: Any) -> Any:
    return str(value) if isinstance(value, bool) else value
