"""What the fraud review reads: near the data, everything that no heuristic can fire on is left out.

A program of ten million referrals leaves some hundred thousand to look at; what a heuristic must know of the
others comes as counts. The screen decides nothing: a test holds it to the review of all referrals.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa

from programs.analytics.fraud.disposable import DISPOSABLE_DOMAINS
from programs.analytics.fraud.normalise import DOMAIN_ALIASES, DOTS_IGNORED, HYPHEN_TAGS, fold
from programs.analytics.fraud.review import Policy
from programs.analytics.fraud.table import COUNTS, MAILBOXES, MONEY, TIMES, Population, ReferralTable
from programs.analytics.fraud.traffic import CLICK_IDS
from programs.datasets import OpenData

POLICY = Policy(disposable_domains=DISPOSABLE_DOMAINS)


def policy_of(program: Mapping[str, Any]) -> Policy:
    """The house's policy with what the program's settings add to it."""
    return replace(POLICY, banned_sources=tuple(program["banned_sources"]))


def screened(data: OpenData, as_of: datetime, policy: Policy) -> tuple[ReferralTable, Population]:
    """The referrals worth a look as known at ``as_of``, and what all of them amount to."""
    referrals = data.snapshot("referrals")
    payouts = data.snapshot("referral_payouts") if data.has("referral_payouts") else None
    found = data.engine.referrals_to_review(referrals, payouts, as_of=as_of, **screen_of(policy))
    every = data.engine.referral_population(referrals, as_of=as_of)
    moments = ("refunds", "orders", "orders_squared", "refunds_weighted", "referrers_with_orders")
    first, second, third, fourth, fifth = (float(every[name]) for name in moments)
    population = Population(
        every["referrals"], every["referrers"], every["span_seconds"], (first, second, third, fourth, fifth)
    )
    return ReferralTable.from_columns(columns_of(found)), population


def screen_of(policy: Policy) -> dict[str, Any]:
    """The policy as parameters of the screen; a limit of its own is at least as wide as the heuristic's."""
    return {
        "trace_cap": policy.trace_cap,
        "place_cap": policy.place_cap,
        "holding_days": int(policy.holding_days),
        "grace_days": 6,
        "too_fast_seconds": policy.too_fast_seconds,
        "velocity_seconds": int(policy.velocity_hours * 3600),
        "velocity_minimum": 5,
        "sequence": 4,
        "refund_minimum": 3,
        "click_ids": f"({'|'.join(CLICK_IDS)})=",
        "disposable_domains": sorted(policy.disposable_domains),
        "banned_sources": sorted({fold(name).replace(" ", "") for name in policy.banned_sources}),
        "banned_hosts": sorted({name.lower() for name in policy.banned_sources}),
        "alias_domains": list(DOMAIN_ALIASES),
        "real_domains": list(DOMAIN_ALIASES.values()),
        "dots_ignored": sorted(DOTS_IGNORED),
        "hyphen_tags": sorted(HYPHEN_TAGS),
    }


def columns_of(found: pa.Table) -> dict[str, Any]:
    """Columns as ``ReferralTable`` takes them."""
    columns: dict[str, Any] = {}
    for field in fields(ReferralTable):
        if field.name in MAILBOXES:
            continue
        column = found.column(field.name)
        if field.name in TIMES or field.name in COUNTS:
            columns[field.name] = column.to_numpy()
        elif field.name in MONEY:
            columns[field.name] = np.nan_to_num(column.cast(pa.float64()).to_numpy())
        else:
            columns[field.name] = column.combine_chunks()
    return columns
