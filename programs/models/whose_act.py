"""Whose act it is: that of the people of an account, and for the account of a program also of its owner's.

A program decides nothing, but it asks: it starts runs, revises them, proposes. Whoever answers for it has
asked, and so decides nothing about it. Who *acts* in a session is another question (``persons_of``).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db.models import Q


def of_account(user: Any) -> Q:
    """People whose act something is that the account ``user`` did; nobody's where it is None."""
    if user is None:
        return Q(pk__in=())
    return Q(accounts=user) | Q(accounts__owned_services__user=user)


def by_people(field: str, people: Collection[int]) -> Q:
    """Rows of which what the account in ``field`` did is an act of these people."""
    return Q(**{f"{field}__people__in": people}) | Q(
        **{f"{field}__service_account__owner__people__in": people}
    )
