"""Structure between people: rings over shared traces, reciprocal pairs, cycles.

A ring is a connected component of the graph that joins a person to each trace (cookie, device,
payment instrument, payout account) they left. Network and postal addresses never connect: an office
would become one ring. A trace with more people than ``cap`` connects nobody (a clearing account), nor does
one on which strangers meet.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from programs.analytics.fraud.catalogue import CATALOGUE, Hits, hits
from programs.analytics.fraud.numbers import Flags, Rows, distinct_by, distinct_pairs, numbered
from programs.analytics.fraud.table import TRACES, ReferralTable

FACT_OF = {"cookie": "browser", "device": "browser"}
FACTS = ("browser", "payment", "payout")


@dataclass(frozen=True, slots=True, eq=False)
class Rings:
    """Component of every person, its size in people, its kinds of trace (cookie and device are one).

    Its passers are people who were referred in it and refer on in it.

    ``referrer`` and ``referee`` are the places of each referral's two people in ``component``.
    """

    referrer: Rows
    referee: Rows
    component: Rows
    people: Rows
    kinds: Rows
    passers: Rows


def find_rings(table: ReferralTable, *, cap: int = 50) -> Rings:
    """Components of people over shared traces; ``cap`` is the most people a trace may join.

    A trace joins its people only where they refer each other: a kiosk, a conference's tablet or a fingerprint
    that repeats has strangers on it (``is_close``).
    """
    referrer, referee = table.referrer_person, table.person
    side = {"referrer": referrer, "referee": referee}
    size = int(max(referrer.max(initial=-1), referee.max(initial=-1))) + 1
    total, ends, other_ends, kinds = size, [], [], []
    for kind, columns in TRACES.items():
        traces = np.concatenate([getattr(table, name) for name, _ in columns])
        who = np.concatenate([side[name] for _, name in columns])
        trace, person = distinct_pairs(numbered(traces[traces > 0]), who[traces > 0])
        degree = np.bincount(trace)
        joins = ((degree >= 2) & (degree <= cap))[trace]
        trace, person = trace[joins], person[joins]
        joins = is_close(trace, person, degree, referrer, referee)[trace]
        ends.append(person[joins])
        other_ends.append(total + trace[joins])
        kinds.append(np.full(int(joins.sum()), FACTS.index(FACT_OF.get(kind, kind))))
        total += len(degree)
    start, end = np.concatenate(ends), np.concatenate(other_ends)
    graph = coo_array((np.ones(len(start)), (start, end)), shape=(total, total))
    count, components = connected_components(graph, directed=False)
    component: Rows = merged(components[:size].astype(np.intp), referrer, referee, count)
    inside = component[referrer] == component[referee]
    refers, is_referred = (np.zeros(size, dtype=bool) for _ in range(2))
    refers[referrer[inside]] = True
    is_referred[referee[inside & (referrer != referee)]] = True
    return Rings(
        referrer=referrer,
        referee=referee,
        component=component,
        people=np.bincount(component, minlength=count),
        kinds=distinct_by(component[start], np.concatenate(kinds), count),
        passers=np.bincount(component[refers & is_referred], minlength=count),
    )


def merged(component: Rows, referrer: Rows, referee: Rows, count: int) -> Rows:
    """Components of two people or more that refer each other twice or more are one: a hand has two phones."""
    shared = np.bincount(component, minlength=count) >= 2
    first, second = component[referrer], component[referee]
    across = shared[first] & shared[second] & (first != second)
    low, high = np.minimum(first, second)[across], np.maximum(first, second)[across]
    pair, times = np.unique(low.astype(np.int64) * count + high, return_counts=True)
    left, right = np.divmod(pair[times >= 2], count)
    graph = coo_array((np.ones(len(left)), (left, right)), shape=(count, count))
    _, group = connected_components(graph, directed=False)
    joined: Rows = group[component].astype(np.intp)
    return joined


def is_close(trace: Rows, person: Rows, degree: Rows, referrer: Rows, referee: Rows) -> Flags:
    """Traces on which people refer each other: a third of the referrals that would link all of them, or more.

    ``trace`` and ``person`` say who left which; ``degree`` is the people of each trace.
    """
    size = int(max(referrer.max(initial=-1), referee.max(initial=-1))) + 1
    start, end = distinct_pairs(referrer, referee)
    start, end = start[start != end], end[start != end]
    first = np.searchsorted(start, np.arange(size + 1))
    count = (first[1:] - first[:-1])[person]
    # Each person's referrals, once for each trace of theirs.
    place = np.repeat(first[person] - (np.cumsum(count) - count), count) + np.arange(int(count.sum()))
    on = np.repeat(trace, count)
    base = size + 1
    inside = np.isin(on * base + end[place], trace * base + person)
    found = np.bincount(on[inside], minlength=len(degree))
    close: Flags = found >= np.maximum(1, (degree - 1) / 3)
    return close


def ring_hits(rings: Rings, *, minimum: int = 3) -> Hits:
    """Referrals whose referred person is in a ring of at least ``minimum`` people.

    What tells a ring from a desk, where one person enters the orders of many, is that the referred refer on,
    on the same traces: two such people weigh in full, one two thirds, none a third. Below five people, and by
    one kind of trace (a browser, an instrument, an account), it weighs less, and a family tablet nothing.
    """
    at = rings.component[rings.referee]
    kinds_at, people_at, passers_at = rings.kinds[at], rings.people[at], rings.passers[at]
    rows = np.flatnonzero((people_at >= minimum) & ((kinds_at >= 2) | (people_at >= 5)))
    size, kinds, passers = people_at[rows], kinds_at[rows], passers_at[rows]
    share = np.select([passers >= 2, passers == 1], [1.0, 2 / 3], 1 / 3)
    share *= np.where(kinds < 2, 0.9, np.where(size < 5, 2 / 3, 1.0))
    evidence = [
        f"{people} people tied by {kind} kind{'s' if kind > 1 else ''} of trace, {on} of whom were referred "
        "and referred on."
        for people, kind, on in zip(size.tolist(), kinds.tolist(), passers.tolist(), strict=True)
    ]
    return hits("ring", rows, evidence, CATALOGUE["ring"].weight * share)


def loops(rings: Rings) -> list[Hits]:
    """Reciprocal pairs, and cycles of three or more (strongly connected components)."""
    size = len(rings.component)
    other = rings.referrer != rings.referee
    start, end = rings.referrer[other], rings.referee[other]
    # A pair as one number, there and back.
    pair = np.flatnonzero(other & np.isin(rings.referee * size + rings.referrer, start * size + end))
    graph = coo_array((np.ones(len(start)), (start, end)), shape=(size, size))
    _, strong = connected_components(graph, directed=True, connection="strong")
    members = np.bincount(strong)
    circle = strong[rings.referrer]
    rows = np.flatnonzero((circle == strong[rings.referee]) & (members[circle] >= 3))
    return [
        hits("reciprocal", pair, ["Each referred the other."] * len(pair)),
        hits("cycle", rows, [f"A circle of {members[circle[row]]} people." for row in rows]),
    ]
