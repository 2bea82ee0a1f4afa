"""Approval policy: a maximum matching of distinct people to seats. Pure, no Django.

Counting per role is wrong: one person with two roles would fill two seats. A stage is approved only
if a matching of distinct eligible people who approved fills every seat. The matching is Kuhn's (1955), in
ten lines to read: a library's takes longer to be handed a handful of people than this takes to seat them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from plans.schemas.declaration import Seat

APPROVE, REJECT, REQUEST_CHANGES, RECUSE = "approve", "reject", "request_changes", "recuse"


@dataclass(frozen=True, slots=True)
class SeatRule:
    """So many distinct people of a role, and why the seat is asked for."""

    role: str
    minimum: int = 1
    why: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a round has come to: pending, approved, rejected, changes_requested or unsatisfiable.

    ``assignment`` maps people to the role whose seat they fill; ``missing`` says which seats are open.
    """

    verdict: str
    assignment: Mapping[str, str]
    missing: tuple[str, ...] = ()


def applying_seats(seats: Sequence[Seat], facts: Mapping[str, Any]) -> tuple[SeatRule, ...]:
    """The seats whose condition holds for ``facts`` (amount, currency, kind, region, …)."""
    return tuple(
        SeatRule(seat.role, seat.minimum, seat.why or describe(seat.condition))
        for seat in seats
        if holds(seat.condition, facts)
    )


def holds(condition: Mapping[str, Any] | None, facts: Mapping[str, Any]) -> bool:
    """Whether a condition asks for its seat: {"field", and one of "over", "equals", "among", "is_true"}.

    What nobody can tell asks for the seat: a fact that is not there, and an amount in another currency
    than the condition's, which nobody compares without a rate. A fact that is None is known to be none.
    """
    if not condition:
        return True
    if condition["field"] not in facts:
        return True
    value = facts[condition["field"]]
    if "over" in condition:
        if value is None:
            return False
        if condition.get("currency") and facts.get("currency") != condition["currency"]:
            return True
        return Decimal(str(value)) > Decimal(str(condition["over"]))
    if "among" in condition:
        return value in condition["among"]
    if "equals" in condition:
        return bool(value == condition["equals"])
    return bool(value)


def describe(condition: Mapping[str, Any] | None) -> str:
    """Why a seat is asked for, in words."""
    if not condition:
        return "always asked"
    if "over" in condition:
        limit = f"{Decimal(str(condition['over'])):,f} {condition.get('currency', '')}".strip()
        return f"asked when {condition['field']} is over {limit}{_a_year(condition['field'])}"
    if "among" in condition:
        return f"asked when {condition['field']} is one of {', '.join(map(str, condition['among']))}"
    if "equals" in condition:
        return f"asked when {condition['field']} is {condition['equals']}"
    return f"asked when {condition['field']}"


def _a_year(fact: str) -> str:
    return " a year" if fact == "amount" else ""


def match(seats: Sequence[SeatRule], roles_of: Mapping[str, Collection[str]]) -> dict[str, str]:
    """A maximum matching of people to seats; answers person → role. Deterministic in its input's order.

    Kuhn, The Hungarian method for the assignment problem (1955): whoever comes takes a seat they may have, or
    that of somebody who finds another one. Who sits never has to leave altogether, so people come by name.
    """
    places = [seat.role for seat in seats for _ in range(seat.minimum)]
    sitting: dict[int, str] = {}

    def finds_a_seat(person: str, asked: set[int]) -> bool:
        for place, role in enumerate(places):
            if role in roles_of[person] and place not in asked:
                asked.add(place)
                if place not in sitting or finds_a_seat(sitting[place], asked):
                    sitting[place] = person
                    return True
        return False

    for person in sorted(roles_of):
        finds_a_seat(person, set())
    return {person: places[place] for place, person in sorted(sitting.items())}


def fills(seats: Sequence[SeatRule], roles_of: Mapping[str, Collection[str]]) -> bool:
    return not open_seats(seats, roles_of)


def open_seats(seats: Sequence[SeatRule], roles_of: Mapping[str, Collection[str]]) -> tuple[str, ...]:
    """Which seats stay empty when these people sit down, one entry a missing person."""
    return _left_empty(seats, match(seats, roles_of))


def _left_empty(seats: Sequence[SeatRule], assignment: Mapping[str, str]) -> tuple[str, ...]:
    taken, left = Counter(assignment.values()), []
    for seat in seats:
        filled = min(taken[seat.role], seat.minimum)
        taken[seat.role] -= filled
        left += [seat.role] * (seat.minimum - filled)
    return tuple(left)


def evaluate(
    seats: Sequence[SeatRule],
    votes: Mapping[str, str],
    roles_of: Mapping[str, Collection[str]],
    *,
    on_reject: str = "veto",
    on_behalf_of: Mapping[str, str] | None = None,
) -> Outcome:
    """What the live votes come to.

    ``votes`` maps people to their decision, in the order they voted; ``roles_of`` maps everybody eligible
    now (voted or not) to the roles they may sit for. A vote of somebody not eligible does not count.
    ``on_reject``: "veto" ends the round at the first rejection, "impossible" only when a rejection is why
    the seats can no longer be filled. ``on_behalf_of`` maps a voter to the principal whose authority the
    vote used: of a principal and those who stand in, the first vote counts, so one authority fills one seat.
    """
    counted = _first_of_each_authority(votes, on_behalf_of or {}, roles_of)
    if REQUEST_CHANGES in counted.values():
        return Outcome("changes_requested", {})
    yes = {person: roles_of[person] for person, vote in counted.items() if vote == APPROVE}
    assignment = match(seats, yes)
    missing = _left_empty(seats, assignment)
    if REJECT in counted.values() and on_reject == "veto":
        return Outcome("rejected", assignment, missing)
    if not missing:
        return Outcome("approved", assignment)
    still = yes | {person: roles for person, roles in roles_of.items() if person not in votes}
    if fills(seats, still):
        return Outcome("pending", assignment, missing)
    refused = {person: roles_of[person] for person, vote in counted.items() if vote == REJECT}
    if fills(seats, still | refused):
        return Outcome("rejected", assignment, missing)
    return Outcome("unsatisfiable", assignment, open_seats(seats, still))


def _first_of_each_authority(
    votes: Mapping[str, str], on_behalf_of: Mapping[str, str], eligible: Collection[str]
) -> dict[str, str]:
    used: set[str] = set()
    counted = {}
    for person, vote in votes.items():
        authority = on_behalf_of.get(person, person)
        if person in eligible and authority not in used:
            used.add(authority)
            counted[person] = vote
    return counted
