"""Whose turn a layer of a rota says it is, and when that may change: wall-clock arithmetic. Pure.

A layer rotates its people from ``since`` on, a day or some weeks each. ``days`` and ``hours`` say when it is
on; outside them it asks nobody. Hours that end before they begin go over midnight and belong to the day on
which they begin: "fri" and "18:00-08:00" reach into Saturday morning. All times are naive, of one zone.
PagerDuty reads layers in the same way: a later one covers those before it while it is on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, time, timedelta

from plans.schemas.declaration import Layer, Rota

TURNS = {"day": 1, "week": 7, "2 weeks": 14, "4 weeks": 28}
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY = timedelta(days=1)
_SINCE = re.compile(r"\d{4}-\d{2}-\d{2}(?: \d{2}:\d{2})?")
_HOURS = re.compile(r"(\d{2}:\d{2})-(\d{2}:\d{2})")


def layers_of(rota: Rota) -> tuple[Layer, ...]:
    """From the first one to the one that covers all others."""
    first = Layer(rota.turn, rota.since, rota.people, rota.days, rota.hours)
    return (first, *rota.layers)


def begins_at(since: str) -> datetime:
    """The first moment of a layer. Raises ValueError for what is neither a day nor a day with a time."""
    if not _SINCE.fullmatch(since):
        raise ValueError(f"“{since}” is neither a day nor a day with a time.")
    return datetime.fromisoformat(since)


def weekdays(days: str) -> frozenset[int]:
    """ "mon-fri, sun" as numbers from 0 for Monday; empty is every day. Raises ValueError for other words."""
    found: set[int] = set()
    for part in days.split(",") if days else ():
        first, _, last = part.strip().partition("-")
        at, to = WEEKDAYS.index(first), WEEKDAYS.index(last or first)
        found |= {day % 7 for day in range(at, (to if to >= at else to + 7) + 1)}
    return frozenset(found or range(7))


def hours_of(hours: str) -> tuple[time, time] | None:
    """ "18:00-08:00" as its two ends, None where it is on all day. Raises ValueError for other words."""
    if not hours:
        return None
    found = _HOURS.fullmatch(hours)
    if not found or found[1] == found[2]:
        raise ValueError(f"“{hours}” are no hours.")
    return time.fromisoformat(found[1]), time.fromisoformat(found[2])


def is_on(layer: Layer, local: datetime) -> bool:
    """Whether the layer asks anybody at this moment."""
    if local < begins_at(layer.since):
        return False
    days, hours = weekdays(layer.days), hours_of(layer.hours)
    if hours is None:
        return local.weekday() in days
    begins, ends = hours
    if begins < ends:
        return begins <= local.time() < ends and local.weekday() in days
    if local.time() >= begins:
        return local.weekday() in days
    return local.time() < ends and (local - DAY).weekday() in days


def turns(layer: Layer, local: datetime) -> tuple[str, ...]:
    """The addresses in the order in which they are asked now; none while the layer is not on."""
    if not is_on(layer, local):
        return ()
    first = (local - begins_at(layer.since)) // (TURNS[layer.turn] * DAY) % len(layer.people)
    return (*layer.people[first:], *layer.people[:first])


def may_change(layer: Layer, start: datetime, end: datetime) -> Iterator[datetime]:
    """Every moment from ``start`` to before ``end`` at which the layer may ask others."""
    since = begins_at(layer.since)
    ends = hours_of(layer.hours) or ((time(),) if layer.days else ())
    day = datetime.combine(start, time())
    while day < end:
        for at in {since.time(), *ends}:
            moment = datetime.combine(day, at)
            if max(start, since) <= moment < end:
                yield moment
        day += DAY
