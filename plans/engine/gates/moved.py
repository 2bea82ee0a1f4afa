"""What a program was before somebody who asked for a plan of it moved it to another kind or region.

While a plan is open that takes two people. Alone and shortly before, it is how a requester would choose who
decides: so whoever decides must be able to for what the program was, too. A program that has had no plan yet
is still being set up.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from gtm.core import clock
from plans.engine.gates.taken import BEFORE_THE_PLAN
from plans.models import Plan
from programs.models import Program

LOOKED_AT = ("kind", "region")


class Moved:
    """Read when it is first asked for: where no authority and no seat looks at either, it does not matter.

    ``accounts``: account → people.
    """

    def __init__(self, accounts: Mapping[int | None, Collection[int]] | None = None):
        self._accounts = accounts or {}
        self._moves: dict[int, list[tuple[dict[str, str], int | None, datetime]]] = {}

    def before(
        self, program: int | None, askers: Collection[int], plan_made_at: datetime | None
    ) -> list[dict[str, str]]:
        """Kind and region as they were before each move by one of ``askers`` shortly before the plan."""
        if program is None or not self._accounts:
            return []
        if program not in self._moves:
            self._moves[program] = _moves_of(program)
        until = plan_made_at or clock.now()
        return [
            was
            for was, user, at in self._moves[program]
            if until - BEFORE_THE_PLAN <= at <= until and {*self._accounts.get(user, ())} & {*askers}
        ]


def _moves_of(program: int) -> list[tuple[dict[str, str], int | None, datetime]]:
    first = Plan.objects.filter(program=program).order_by("created_at").values_list("created_at", flat=True)
    first_plan = first.first()
    found = []
    was: dict[str, str] | None = None
    rows = Program.history.filter(id=program).order_by("history_id")
    for user, at, *values in rows.values_list("history_user_id", "history_date", *LOOKED_AT):
        now = dict(zip(LOOKED_AT, values, strict=True))
        if was is not None and was != now and first_plan is not None and first_plan < at:
            found.append((was, user, at))
        was = now
    return found
