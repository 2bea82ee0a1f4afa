"""The second level: a referrer or a partner as a whole, against peers of the same kind.

What one order does not show, forty do: all of them clicked for within a minute and a half of the till, out
of advertisements, returned once the reward was paid, at the least basket that earns, each on a device
nobody saw before, or deals that sales had opened before. Every sign is a share k of n, held against the
shares of the others on a funnel whose width is the peers' own (Spiegelhalter 2005): peers differ by more
than chance, and a few cheats must not widen the yardstick, so the middle half of the peers sets it. Over all
subjects and signs false discovery is controlled (Benjamini and Hochberg 1995), and what is left weighs by
its Bayes factor bound (Sellke, Bayarri, Berger 2001).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import pyarrow as pa
from scipy.optimize import brentq
from scipy.stats import t as student

from gtm.core.percents import percent_text
from programs.analytics.fraud.catalogue import CATALOGUE, Hits, hits
from programs.analytics.fraud.table import Floats, ReferralTable
from programs.analytics.multiplicity import benjamini_hochberg

SIGNS: Mapping[str, tuple[str, str]] = MappingProxyType({
    "peer_quick": ("quick", "timed"),
    "peer_paid_clicks": ("paid_clicks", "orders"),
    "peer_returned": ("returned", "paid"),
    "peer_least_basket": ("least", "orders"),
    "peer_new_devices": ("new_devices", "orders"),
    "peer_claimed": ("claimed", "staged"),
})  # fmt: skip
"""Heuristic → its column of counts and of what they are counted of, in the answer to ``referral_peers``."""
WORDS = {
    "peer_quick": "{k} of {n} orders came as soon after the click as the fastest quarter of the program's",
    "peer_paid_clicks": "{k} of {n} orders came out of different clicks on advertisements",
    "peer_returned": "{k} of {n} orders were returned after the reward was paid",
    "peer_least_basket": "{k} of {n} orders are among the smallest twentieth of the program's baskets",
    "peer_new_devices": "{k} of {n} orders came from a device that nobody else used",
    "peer_claimed": "{k} of {n} deals were open a day or more before the invitation",
}
LEAST_ORDERS = {"referrer": 5, "partner": 10}
LEAST_PEERS, MANY_PEERS, LEAST_OTHERS = 8, 24, 100
MOST_OF_PARTNERS = 3.3
"""One sign of a partner is a question about it; it takes two to hold the rewards of everybody behind it."""
USUAL_SPREAD = 0.1
"""Standard deviation of honest peers on the scale asin √share: about ten points about a half."""
NO_OTHERS: Mapping[str, Any] = MappingProxyType({})
FALSE_DISCOVERY = 0.01
MOSTLY = {"peer_returned": 0.25}
"""A partner is asked about where half of its orders beyond its peers' show a sign, or a quarter came back."""
TAIL = 16
"""Degrees of freedom of the peers' distribution: heavier in the tail than a normal one."""
MIDDLE_HALF = 1.3489795
"""Width of the middle half of a normal distribution, in standard deviations."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A sign of a referrer or partner beyond its peers: ``count`` of ``of`` against an ``expected`` share."""

    level: str
    name: str
    sign: str
    count: int
    of: int
    expected: float
    p_value: float
    q_value: float
    weight: float

    @property
    def excess(self) -> float:
        """The share of its orders that show the sign beyond what peers show."""
        return (self.count / self.of - self.expected) / max(1 - self.expected, 1e-9)

    @property
    def sentence(self) -> str:
        said = WORDS[self.sign].format(k=self.count, n=self.of)
        return f"Of {self.level} {self.name} {said}; of peers {percent_text(self.expected, 0)}."


def find_patterns(counts: pa.Table, *, false_discovery: float = FALSE_DISCOVERY) -> tuple[Pattern, ...]:
    """Every sign of every subject of ``counts`` beyond its peers, by ``false_discovery`` over all of them.

    ``counts`` has level, name, partner and the columns of ``SIGNS``, a row a subject. A partner is judged
    by what is left without its referrers who show a pattern of their own, so that one of them does not
    accuse the others; a partner most of whose referrers they are shows it itself.
    """
    rows = counts.to_pylist()
    others: Mapping[str, Any] = next((row for row in rows if row["level"] == "others"), {})
    of_referrers = _beyond([row for row in rows if row["level"] == "referrer"], false_discovery, others)
    shown = {(each.name, each.sign) for each in of_referrers}
    whole = {row["name"]: row for row in rows if row["level"] == "partner"}
    rest = {name: dict(row) for name, row in whole.items()}
    theirs: dict[tuple[str, str], list[Pattern]] = {}
    owner = {row["name"]: row["partner"] for row in rows if row["level"] == "referrer"}
    for row in rows:
        if row["level"] != "referrer" or row["partner"] not in rest:
            continue
        for sign, columns in SIGNS.items():
            if (row["name"], sign) in shown:
                for column in columns:
                    rest[row["partner"]][f"{sign} {column}"] = (
                        rest[row["partner"]].get(f"{sign} {column}", 0) + row[column]
                    )
    for each in of_referrers:
        if owner[each.name] in whole:
            theirs.setdefault((owner[each.name], each.sign), []).append(each)
    of_partners = [
        each
        for each in _beyond(list(rest.values()), false_discovery)
        if each.excess >= MOSTLY.get(each.sign, 0.5)
    ]
    known = {(each.name, each.sign) for each in of_partners}
    for (partner, sign), patterns in theirs.items():
        count, of = SIGNS[sign]
        # Two of three hands are the partner; two of three hundred advocates are not.
        if (partner, sign) not in known and 2 * len(patterns) >= whole[partner]["referrers"] > 1:
            worst = min(patterns, key=lambda each: each.p_value)
            of_partners.append(
                replace(
                    worst, level="partner", name=partner, count=whole[partner][count], of=whole[partner][of]
                )
            )
    return tuple(
        sorted(
            (*of_referrers, *of_partners), key=lambda each: (each.p_value, each.level, each.name, each.sign)
        )
    )


def _beyond(
    rows: Sequence[Mapping[str, Any]], false_discovery: float, others: Mapping[str, Any] = NO_OTHERS
) -> tuple[Pattern, ...]:
    """The patterns of subjects of one level; ``others`` are the counts of those too small to be one."""
    found: list[Pattern] = []
    for sign, (count, of) in SIGNS.items():
        peers = [row for row in rows if row[of] - row.get(f"{sign} {of}", 0) >= LEAST_ORDERS[row["level"]]]
        small = (others.get(count) or 0, others.get(of) or 0) if len(peers) < MANY_PEERS else (0, 0)
        if small[1] < LEAST_OTHERS and len(peers) < LEAST_PEERS:
            continue
        k, n = (
            np.array([row[name] - row.get(f"{sign} {name}", 0) for row in peers], dtype=np.float64)
            for name in (count, of)
        )
        k = np.clip(k, 0.0, n)  # one advertisement may serve two referrers
        expected, p_values = beyond_peers(k, n, small if small[1] >= LEAST_OTHERS else None)
        found += [
            Pattern(row["level"], row["name"], sign, int(a), int(b), expected, p, 1.0, bayes_weight(sign, p))
            for row, a, b, p in zip(peers, k, n, p_values.tolist(), strict=True)
        ]
    judged = zip(found, benjamini_hochberg([each.p_value for each in found]) if found else (), strict=True)
    return tuple(
        replace(each, q_value=float(q)) for each, q in judged if q <= false_discovery and each.weight > 0
    )


def beyond_peers(k: Floats, n: Floats, others: tuple[int, int] | None = None) -> tuple[float, Floats]:
    """(the peers' share, one-sided p of each share k/n being above theirs).

    Where peers are few, they may mostly be cheats: ``others``, the count and total of everybody too small
    to be a peer, are the yardstick then, and peers are taken to differ by ``USUAL_SPREAD``.

    On the scale asin √share a share has the variance 1/(4n) (Freeman and Tukey 1950); what peers differ by
    beyond it is the extra variance at which the middle half of them is as wide as a normal one's.
    """
    y = np.arcsin(np.sqrt((k + 3 / 8) / (n + 3 / 4)))
    chance = 1 / (4 * n + 2)
    if others is not None:
        middle = float(np.arcsin(np.sqrt((others[0] + 3 / 8) / (others[1] + 3 / 4))))
        z = (y - middle) / np.sqrt(chance + USUAL_SPREAD**2)
        return float(np.sin(middle) ** 2), np.asarray(student.sf(z, TAIL), dtype=np.float64)
    middle = float(np.median(y))

    def width(extra: float) -> float:
        low, high = np.quantile((y - middle) / np.sqrt(chance + extra), [0.25, 0.75])
        return float(high - low)

    extra = float(brentq(lambda e: width(e) - MIDDLE_HALF, 0.0, 10.0)) if width(0.0) > MIDDLE_HALF else 0.0
    z = (y - middle) / np.sqrt(chance + extra)
    return float(np.sin(middle) ** 2), np.asarray(student.sf(z, TAIL), dtype=np.float64)


def bayes_weight(sign: str, p: float) -> float:
    """The most that a p-value can say, as log-odds: −ln(−e p ln p); at most the catalogue's weight."""
    if p >= 1 / np.e:
        return 0.0
    p = max(p, 1e-300)
    return float(min(-np.log(-np.e * p * np.log(p)), CATALOGUE[sign].weight))


def pattern_hits(table: ReferralTable, patterns: Sequence[Pattern], level: str) -> tuple[Hits, ...]:
    """Where patterns of a ``level`` weigh: on every order of their subject that was won."""
    found = []
    won, most = ~np.isnat(table.won_at), MOST_OF_PARTNERS if level == "partner" else np.inf
    for sign in SIGNS:
        weight, said = np.zeros(len(table)), np.full(len(table), "", dtype=object)
        for pattern in (each for each in patterns if (each.sign, each.level) == (sign, level)):
            worth = min(pattern.weight, most)
            shown = subject_rows(table, pattern) & won & (weight < worth)
            weight[shown], said[shown] = worth, pattern.sentence
        rows = np.flatnonzero(weight)
        found.append(hits(sign, rows, said[rows].tolist(), weight[rows]))
    return tuple(found)


def subject_rows(table: ReferralTable, pattern: Pattern) -> np.ndarray:
    """Which rows are of the pattern's referrer or partner."""
    return (table.referrer_id if pattern.level == "referrer" else table.partner_id) == pattern.name
