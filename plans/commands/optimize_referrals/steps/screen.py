"""What the fraud review reads: near the data, everything that no heuristic can fire on is left out.

A program of ten million referrals leaves some hundred thousand to look at; what a heuristic must know of the
others comes as counts. The screen decides nothing: a test holds it to the review of all referrals.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import pyarrow as pa

from programs.analytics.fraud.disposable import DISPOSABLE_DOMAINS
from programs.analytics.fraud.normalise import DOMAIN_ALIASES, DOTS_IGNORED, HYPHEN_TAGS, fold
from programs.analytics.fraud.peers import LEAST_ORDERS, Pattern, find_patterns
from programs.analytics.fraud.review import Policy
from programs.analytics.fraud.screen import screen
from programs.analytics.fraud.table import Population, ReferralTable
from programs.analytics.fraud.traffic import CLICK_ID, LOOK_FOR, PAID_LINK
from programs.datasets import OpenData
from programs.schemas.referral_rules import HOUSE_RULES

TRACED = ("device", "cookie", "ip", "payment", "account", "address")
POLICY = Policy(disposable_domains=DISPOSABLE_DOMAINS)


def rules_of(program: Mapping[str, Any]) -> dict[str, Any]:
    """The program's rules of referrals, the house's where it says nothing."""
    return {**HOUSE_RULES, **program.get("referral_rules", {})}


def policy_of(program: Mapping[str, Any]) -> Policy:
    """The house's policy with what the program's settings add to it."""
    rules = rules_of(program)
    least = rules["minimum_order"]
    return replace(
        POLICY,
        banned_sources=tuple(program["banned_sources"]),
        holding_days=float(rules["holding_days"]),
        minimum_order=None if least is None else float(least),
        allowed_channels=tuple(rules["allowed_channels"]),
        paid_traffic_allowed=rules["paid_traffic"] == "allowed",
        prior=float(rules["prior"]),
        hold=float(rules["hold"]),
        review=float(rules["review"]),
        weights=dict(rules["weights"]),
        known_parties=known_of(rules, ("referrer", "partner")),
        known_traces=known_of(rules, TRACED),
    )


def known_of(rules: Mapping[str, Any], subjects: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """What a program declared to be of many people, by what it is."""
    return {
        subject: tuple(sorted(each["value"] for each in rules["relations"] if each["subject"] == subject))
        for subject in subjects
    }


def patterns_in(data: OpenData, as_of: datetime, policy: Policy) -> tuple[Pattern, ...]:
    """What whole referrers and partners did beyond their peers, as known at ``as_of``."""
    counts = data.engine.referral_peers(
        data.snapshot("referrals"),
        data.find("referral_payouts"),
        as_of=as_of,
        least_referrer=LEAST_ORDERS["referrer"],
        least_partner=LEAST_ORDERS["partner"],
        minimum_order=policy.minimum_order,
        paid_link=PAID_LINK,
        click_id=CLICK_ID,
    )
    return find_patterns(counts)


def screened(
    data: OpenData, as_of: datetime, policy: Policy, patterns: Sequence[Pattern] = ()
) -> tuple[ReferralTable, Population]:
    """The referrals worth a look as known at ``as_of``, and what all of them amount to.

    Every order of a referrer or partner of ``patterns`` is worth one.
    """
    watched = {
        f"watched_{level}s": sorted({each.name for each in patterns if each.level == level})
        for level in LEAST_ORDERS
    }
    referrals = data.snapshot("referrals")
    payouts = data.snapshot("referral_payouts") if data.has("referral_payouts") else None
    chosen, population = screen(
        data.engine.referral_keys(referrals, payouts, as_of=as_of, **looks_of(policy), **watched), policy
    )
    found = data.engine.referral_rows(referrals, chosen=chosen, as_of=as_of)
    return ReferralTable.from_columns(columns_of(found)), population


def looks_of(policy: Policy) -> dict[str, Any]:
    """The policy as parameters of the first look at rows; a limit of its own is as wide as the heuristic's."""
    return {
        "holding_days": int(policy.holding_days),
        "grace_days": 6,
        "too_fast_seconds": policy.too_fast_seconds,
        "click_ids": f"({'|'.join(LOOK_FOR)})=",
        "banned_sources": sorted({fold(name).replace(" ", "") for name in policy.banned_sources}),
        "banned_hosts": sorted({name.lower() for name in policy.banned_sources}),
        "allowed_channels": sorted({fold(name).replace(" ", "") for name in policy.allowed_channels}),
        **{f"known_{name}": list(policy.known_traces.get(name, ())) for name in TRACED if name != "address"},
        "alias_domains": list(DOMAIN_ALIASES),
        "real_domains": list(DOMAIN_ALIASES.values()),
        "dots_ignored": sorted(DOTS_IGNORED),
        "hyphen_tags": sorted(HYPHEN_TAGS),
        "disposable_domains": sorted(policy.disposable_domains),
    }


def columns_of(found: pa.Table) -> dict[str, Any]:
    """Columns as ``ReferralTable`` takes them."""

    def read(column: pa.ChunkedArray) -> Any:
        if pa.types.is_string(column.type):
            return column.combine_chunks()
        return (column.cast(pa.float64()) if pa.types.is_decimal(column.type) else column).to_numpy()

    return {name: read(column) for name, column in zip(found.column_names, found.columns, strict=True)}
