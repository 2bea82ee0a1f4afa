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
from programs.analytics.fraud.normalise import Texts
from programs.analytics.fraud.table import ReferralTable, Rows, codes, starts_with_hub


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


def people(table: ReferralTable) -> tuple[Texts, Texts]:
    """Names of the two people of each referral: customer id, else mailbox, else the referral itself."""
    mailbox = table.referee_mailbox
    referee = np.where(mailbox != "", "mail:" + mailbox, "referral:" + table.referral_id)
    referee = np.where(table.referee_customer_id != "", "id:" + table.referee_customer_id, referee)
    return "id:" + table.referrer_id, referee


def find_rings(table: ReferralTable, *, cap: int = 50) -> Rings:
    """Components of people over shared traces; ``cap`` is the most people a trace may join."""
    names, place = codes(np.concatenate(people(table)))
    size = len(table)
    referrer, referee = place[:size], place[size:]
    traces = (
        ("cookie", table.cookie_id, referee),
        ("cookie", table.referrer_cookie_id, referrer),
        ("device", table.device_id, referee),
        ("device", table.referrer_device_id, referrer),
        ("payment", table.payment_hash, referee),
        ("payment", table.referrer_payment_hash, referrer),
        ("payout", table.payout_hash, referrer),
    )
    kind_names = ("cookie", "device", "payment", "payout")
    joins = [(text != "") & ~starts_with_hub(text) for _, text, _ in traces]
    labels = np.concatenate(
        [f"{kind}:" + text[rows] for (kind, text, _), rows in zip(traces, joins, strict=True)]
    )
    kind = np.repeat([kind_names.index(name) for name, _, _ in traces], [int(rows.sum()) for rows in joins])
    who = np.concatenate([person[rows] for (_, _, person), rows in zip(traces, joins, strict=True)])
    values, value = codes(labels)
    # A pair as one number: sorting rows of two columns takes ten times as long.
    _, first = np.unique(who.astype(np.int64) * max(len(values), 1) + value, return_index=True)
    edges, edge_kind = np.column_stack([who, value])[first], kind[first]
    degree = np.bincount(edges[:, 1], minlength=len(values))
    joining = (degree[edges[:, 1]] >= 2) & (degree[edges[:, 1]] <= cap)
    edges, edge_kind = edges[joining], edge_kind[joining]
    total = len(names) + len(values)
    graph = coo_array((np.ones(len(edges)), (edges[:, 0], edges[:, 1] + len(names))), shape=(total, total))
    count, component = connected_components(graph, directed=False)
    component = component[: len(names)]
    inside = np.unique(np.column_stack([component[edges[:, 0]], edge_kind]), axis=0)
    return Rings(
        referrer=referrer,
        referee=referee,
        component=component.astype(np.intp),
        people=np.bincount(component, minlength=count),
        kinds=np.bincount(inside[:, 0], minlength=count),
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
