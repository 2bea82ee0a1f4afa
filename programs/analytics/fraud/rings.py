"""Structure between people: rings over shared traces, reciprocal pairs, cycles.

A ring is a connected component of the graph that joins a person to each trace (cookie, device,
payment instrument, payout account) they left. Network and postal addresses never connect: an office
would become one ring. A trace with more people than ``cap`` connects nobody (a kiosk, a clearing account).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from programs.analytics.fraud.catalogue import CATALOGUE, Hits, hits
from programs.analytics.fraud.numbers import Rows, distinct_by, distinct_pairs, numbered
from programs.analytics.fraud.table import TRACES, ReferralTable, codes


@dataclass(frozen=True, slots=True, eq=False)
class Rings:
    """Component of every person, with its size in people and the number of kinds of trace inside it.

    ``referrer`` and ``referee`` are the places of each referral's two people in ``component``.
    """

    referrer: Rows
    referee: Rows
    component: Rows
    people: Rows
    kinds: Rows


def people(table: ReferralTable) -> tuple[Rows, Rows]:
    """Numbers of the two people of each referral: by customer id, else mailbox, else the referral itself."""
    size = len(table)
    ids, customer = codes(np.concatenate([table.referrer_id, table.referee_customer_id]))
    boxes, box = codes(table.referee_mailbox)
    referee = np.where(table.referee_mailbox != "", len(ids) + box, len(ids) + len(boxes) + np.arange(size))
    referee = np.where(table.referee_customer_id != "", customer[size:], referee)
    number = numbered(np.concatenate([customer[:size], referee]))
    return number[:size], number[size:]


def find_rings(table: ReferralTable, *, cap: int = 50) -> Rings:
    """Components of people over shared traces; ``cap`` is the most people a trace may join."""
    referrer, referee = people(table)
    side = {"referrer": referrer, "referee": referee}
    size = int(max(referrer.max(initial=-1), referee.max(initial=-1))) + 1
    total, ends, other_ends, kinds = size, [], [], []
    for kind, columns in enumerate(TRACES.values()):
        traces = np.concatenate([getattr(table, name) for name, _ in columns])
        who = np.concatenate([side[name] for _, name in columns])
        trace, person = distinct_pairs(numbered(traces[traces > 0]), who[traces > 0])
        degree = np.bincount(trace)[trace]
        joins = (degree >= 2) & (degree <= cap)
        ends.append(person[joins])
        other_ends.append(total + trace[joins])
        kinds.append(np.full(int(joins.sum()), kind))
        total += int(trace.max(initial=-1)) + 1
    start, end = np.concatenate(ends), np.concatenate(other_ends)
    graph = coo_array((np.ones(len(start)), (start, end)), shape=(total, total))
    count, components = connected_components(graph, directed=False)
    component: Rows = components[:size].astype(np.intp)
    return Rings(
        referrer=referrer,
        referee=referee,
        component=component,
        people=np.bincount(component, minlength=count),
        kinds=distinct_by(component[start], np.concatenate(kinds), count),
    )


def ring_hits(rings: Rings, *, minimum: int = 3) -> Hits:
    """Referrals whose referred person is in a ring of at least ``minimum`` people by two kinds of trace.

    Full weight from five people, two thirds below. One kind of trace alone is a common tablet or a
    kiosk: it weighs a third from five people, and below that nothing beyond the shared trace itself.
    """
    at = rings.component[rings.referee]
    kinds_at, people_at = rings.kinds[at], rings.people[at]
    rows = np.flatnonzero((people_at >= minimum) & ((kinds_at >= 2) | (people_at >= 5)))
    size, kinds = people_at[rows], kinds_at[rows]
    share = np.where(kinds < 2, 1 / 3, np.where(size < 5, 2 / 3, 1.0))
    evidence = [
        f"{people} people tied by {kind} kind{'s' if kind > 1 else ''} of trace."
        for people, kind in zip(size.tolist(), kinds.tolist(), strict=True)
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
