"""What the work of a backlog costs: values are net of it, or say that nobody has entered it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from plans.commands.shared.figures import money


def person_day_cost(program: Mapping[str, Any]) -> float | None:
    """In the program's currency; None where nobody has entered it."""
    entered = program.get("person_day_cost")
    return None if entered is None else float(entered)


def labour_note(program: Mapping[str, Any]) -> str:
    if person_day_cost(program) is None:
        return (
            "Values are before labour: nobody has entered what a person-day costs (settings of the program)."
        )
    return "Values are net of labour."


def labour_line(program: Mapping[str, Any], currency: str) -> tuple[str, str]:
    """Value and source of the assumption."""
    cost = person_day_cost(program)
    if cost is None:
        return "not entered", "counted as 0; enter it in the settings of the program"
    return money(cost, currency), "program settings"


def effort_text(days: float, labour: float, currency: str) -> str:
    return f"{days:g} person-days" + (f", {money(labour, currency)}" if labour else "")
