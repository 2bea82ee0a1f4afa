"""A fair share of a long list, for a pass that must not take long and keeps nothing in memory."""

from __future__ import annotations

import random
from typing import Any

from django.db.models import QuerySet


def a_share(rows: QuerySet[Any], most: int) -> list[Any]:
    """All of the ordered ``rows`` where there are at most ``most``, else one stretch of so many, by lot.

    The first ones would have every pass to themselves and the last ones none; drawn by lot each comes up, and
    two passes at once look at different ones.
    """
    stretches = -(-rows.count() // most)
    if stretches <= 1:
        return list(rows[:most])
    start = random.randrange(stretches) * most  # noqa: S311 - spreads work, guards nothing
    return list(rows[start : start + most])
