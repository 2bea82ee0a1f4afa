"""A SYNTHETIC point ledger, member list, survey and test, derived from real purchases by published rules.

No public point ledger exists. The purchases stay as they are; everything here is made up from a seed:

- earn: one point per whole unit of money paid, at each purchase;
- burn: at a later purchase a member with ``SMALLEST_BURN`` points or more redeems all of them with chance
  ``BURN_CHANCE``, oldest points first;
- expiry: points lapse ``LIFE_DAYS`` days after they were earned;
- tiers: spend of the last 365 days against ``TIERS``, at the end and ``WINDOW_DAYS`` days before it;
- region and channel: drawn per member, the same chances for all, so no difference between them is real;
- CSAT: one purchase in ``SURVEY_EVERY`` is answered, with the chances ``SCORES``;
- test: "double-points" assigns half of the members each, a planted lift from ``BASE_RATE`` to ``TEST_RATE``.
"""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

SMALLEST_BURN, BURN_CHANCE, LIFE_DAYS = 50, 0.35, 365
TIERS = (("Member", 0.0), ("Silver", 120.0), ("Gold", 320.0))
WINDOW_DAYS = 30
REGIONS, CHANNELS = ("north", "south", "east", "west"), ("web", "store", "referral")
SURVEY_EVERY, SCORES = 20, (0.04, 0.06, 0.14, 0.40, 0.36)
EXPERIMENT, BASE_RATE, TEST_RATE = "double-points", 0.10, 0.12
POINT_COST = 0.008


def build_loyalty_world(
    members: list[str], times: list[datetime], amounts: list[float], rng: np.random.Generator
) -> dict[str, pa.Table]:
    """Tables by contract kind from purchases (one entry each, ``times`` aware). Raises ValueError on none."""
    if not members:
        raise ValueError("A program without purchases has no points.")
    order = sorted(range(len(members)), key=lambda n: (times[n], members[n], amounts[n]))
    end = max(times) + timedelta(days=1)
    return {
        "point_ledger": _ledger(order, members, times, amounts, end, rng),
        "members": _members(order, members, times, amounts, end, rng),
        "survey_responses": _survey(order, members, times, rng),
        "experiments": _experiment(sorted(set(members)), end - timedelta(days=28), rng),
    }


def _ledger(
    order: list[int],
    members: list[str],
    times: list[datetime],
    amounts: list[float],
    end: datetime,
    rng: np.random.Generator,
) -> pa.Table:
    draws, life = rng.random(len(order)), timedelta(days=LIFE_DAYS)
    lots: dict[str, deque[list[Any]]] = {}
    rows: list[tuple[str, datetime, str, int, datetime]] = []
    for draw, n in zip(draws, order, strict=True):
        who, now = members[n], times[n]
        own = lots.setdefault(who, deque())
        while own and own[0][0] + life <= now:
            issued, points = own.popleft()
            rows.append((who, issued + life, "expire", points, issued))
        if draw < BURN_CHANCE and sum(points for _, points in own) >= SMALLEST_BURN:
            rows += [(who, now, "redeem", points, issued) for issued, points in own]
            own.clear()
        if (earned := int(amounts[n])) > 0:
            own.append([now, earned])
            rows.append((who, now, "issue", earned, now))
    for who, own in lots.items():
        rows += [
            (who, issued + life, "expire", points, issued) for issued, points in own if issued + life < end
        ]
    rows.sort()
    return pa.table({
        "entry_id": [f"e{n:07d}" for n in range(len(rows))],
        "member_id": [row[0] for row in rows],
        "posted_at": [row[1] for row in rows],
        "entry": [row[2] for row in rows],
        "points": [float(row[3]) for row in rows],
        "issued_at": [row[4] for row in rows],
        "cost": [row[3] * POINT_COST if row[2] == "redeem" else None for row in rows],
    })  # fmt: skip


def _members(
    order: list[int],
    members: list[str],
    times: list[datetime],
    amounts: list[float],
    end: datetime,
    rng: np.random.Generator,
) -> pa.Table:
    year, back = timedelta(days=365), timedelta(days=WINDOW_DAYS)
    joined: dict[str, datetime] = {}
    now: dict[str, float] = {}
    before: dict[str, float] = {}
    for n in order:
        who, when = members[n], times[n]
        joined.setdefault(who, when)
        now[who] = now.get(who, 0.0) + (amounts[n] if when >= end - year else 0.0)
        inside = end - back - year <= when < end - back
        before[who] = before.get(who, 0.0) + (amounts[n] if inside else 0.0)
    names = sorted(joined)
    return pa.table({
        "member_id": names,
        "enrolled_at": [joined[who] for who in names],
        "tier": [_tier(now[who]) for who in names],
        "previous_tier": [_tier(before[who]) if joined[who] < end - back else None for who in names],
        "status": ["active"] * len(names),
        "region": rng.choice(REGIONS, len(names)),
        "channel": rng.choice(CHANNELS, len(names)),
    })  # fmt: skip


def _tier(spend: float) -> str:
    return next(name for name, threshold in reversed(TIERS) if spend >= threshold or threshold == 0)


def _survey(
    order: list[int], members: list[str], times: list[datetime], rng: np.random.Generator
) -> pa.Table:
    answered = order[::SURVEY_EVERY]
    return pa.table({
        "response_id": [f"s{n:06d}" for n in range(len(answered))],
        "member_id": [members[n] for n in answered],
        "answered_at": [times[n] for n in answered],
        "survey": ["csat"] * len(answered),
        "score": rng.choice(np.arange(1, 6), len(answered), p=SCORES),
    })  # fmt: skip


def _experiment(names: list[str], assigned_at: datetime, rng: np.random.Generator) -> pa.Table:
    arm = np.where(rng.permutation(len(names)) % 2 == 0, "control", "double")
    won = rng.random(len(names)) < np.where(arm == "control", BASE_RATE, TEST_RATE)
    return pa.table({
        "experiment": [EXPERIMENT] * len(names),
        "unit_id": names,
        "variant": arm,
        "assigned_at": [assigned_at] * len(names),
        "metric": ["bought"] * len(names),
        "value": won.astype(float),
    })  # fmt: skip
