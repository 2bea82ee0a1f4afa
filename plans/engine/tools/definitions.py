"""Which definitions changed since the run before: catalogue, metrics, runbook, columns of the data."""

from __future__ import annotations

import json
from typing import Any

from gtm.core import canonical
from gtm.core.evidence.differ import differ
from gtm.core.readable import readable
from plans.engine.tools.request import ToolAnswer, ToolRequest, run_before, value_at
from plans.models import CallOutcome, Plan
from plans.schemas.outputs import Column, Table
from programs.models import Dataset

BY = "built-in:definition-diff 1"
DATA = "datasets"
"""The place of what the data are made of: contract and columns of each data set."""
MOST_PLACES = 500
LONGEST_VALUE = 300
NOTHING = "–"


def compare(asked: ToolRequest) -> ToolAnswer:
    """Each place of the subject that differs: from the catalogue of the program, or from the run before."""
    hook = asked.hook
    now = columns_of(asked.plan) if hook.subject == DATA else asked.value(hook.subject)
    if hook.beside:
        name = hook.beside.rpartition(".")[2]
        other, against = f"the program's {name}", hook.beside
        now, before = _in_common(now, asked.value(hook.beside))
    else:
        earlier = run_before(asked.plan, asked.task)
        other = against = earlier.plan_id if earlier else ""
        before = _of(earlier, hook.subject) if earlier else {}
    changes = list(differ(canonical.plain(before or {}), canonical.plain(now)))
    rows = [(c.place or hook.subject, _text(c.before), _text(c.after)) for c in changes[:MOST_PLACES]]
    said = _sentence(len(changes), other)
    left = len(changes) - len(rows)
    table = Table(
        f"tool-{hook.work}",
        f"{hook.purpose}: what differs",
        [Column("place", "Place"), Column("before", "Before"), Column("after", "Now")],
        rows,
        note=f"{said} {left} more are left out." if left else said,
    )
    arguments = {"subject": hook.subject, "against": against or None}
    return ToolAnswer(BY, CallOutcome.ANSWERED, said, arguments, table)


def _sentence(count: int, other: str) -> str:
    places = "1 place" if count == 1 else f"{count} places"
    if not other:
        return f"There is no run before to compare with; {places} noted."
    verb = "differs" if count == 1 else "differ"
    return f"{places} {verb} from {other}." if count else f"Nothing differs from {other}."


def _in_common(now: Any, there: Any) -> tuple[Any, Any]:
    """Rows of the run and of the catalogue with the columns that both have, amounts as numbers."""
    if not (there and now):
        return now, there
    names = there[0].keys() & now[0].keys()
    made, had = ([{name: _number(row.get(name)) for name in names} for row in rows] for rows in (now, there))
    return made, had


def _number(value: Any) -> Any:
    """An amount is text in the catalogue and a number in what a task makes."""
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _of(plan: Plan, subject: str) -> Any:
    return columns_of(plan) if subject == DATA else value_at(plan, subject, {})


def columns_of(plan: Plan) -> dict[str, Any]:
    """Data set → the version of its contract, and our column → the source's."""
    named = {told["id"]: told for told in plan.datasets}
    found = Dataset.objects.filter(pk__in=named).values_list("pk", "kind", "contract_version", "mapping")
    return {
        f"{kind} of {named[pk]['partner']}" if named[pk].get("partner") else kind: {
            "contract": contract,
            "columns": mapping,
        }
        for pk, kind, contract, mapping in found
    }


def _text(value: Any) -> str:
    """In words, as pages show it; the parts of an object in the order of their names, on any database."""
    if value is None:
        return NOTHING
    said = value if isinstance(value, str) else readable(json.loads(json.dumps(value, sort_keys=True)))
    return said if len(said) <= LONGEST_VALUE else f"{said[: LONGEST_VALUE - 1]}…"
