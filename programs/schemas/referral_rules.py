"""What a program rules of its referrals: when rewards are due, what is allowed, how suspicion is weighed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

RELATIONS = ("household", "agency computer", "event tablet", "gift card", "co-working")
"""Why many people leave one trace, where a program knows it: such a trace or party says nothing of fraud."""
SUBJECTS = ("device", "cookie", "ip", "payment", "account", "address", "referrer", "partner")
PAYING_RULES = {
    "unknown_referral": "Paid for a referral nobody knows",
    "paid_twice": "Paid more than once for a referral",
    "before_win": "Paid before the customer was won",
    "before_holding": "Paid before the holding period was over",
    "after_refund": "Paid after the order was refunded",
    "above_reward": "Paid more than was promised, where both are in one currency",
    "below_minimum": "Paid for an order below the smallest that earns a reward",
    "other_beneficiary": "Paid to somebody else than the referrer",
}
HOUSE_RULES: Mapping[str, Any] = {
    "holding_days": 30, "minimum_order": None, "allowed_channels": [], "paid_traffic": "forbidden",
    "paying_rules": sorted(PAYING_RULES), "prior": 0.02, "hold": 50.0, "review": 25.0, "weights": {},
    "relations": [], "audit_size": 30, "payout_tolerance": 0.05,
}  # fmt: skip
"""What holds where a program says nothing."""


def payout_tolerance(facts: Mapping[str, Any]) -> float:
    """How far from a promise, as a share of it, a payout in another currency may lie and be all of it.

    ``facts`` are those that a plan keeps of its program. The payer's rate is not known, so an amount at the
    rate of another day would leave some cents of a promise that was paid.
    """
    rules = {**HOUSE_RULES, **facts.get("referral_rules", {})}
    return float(rules["payout_tolerance"])


def problems_of(rules: Any, heuristics: Mapping[str, Any]) -> list[str]:
    """What is wrong with ``rules``, a sentence each; weights may name ``heuristics``."""
    if not isinstance(rules, dict):
        return ["Must be named rules, one per line, such as holding_days: 14."]
    found = [
        f"“{name}” is no rule. Use one of {', '.join(HOUSE_RULES)}."
        for name in rules
        if name not in HOUSE_RULES
    ]
    for name, fits in CHECKS.items():
        if name in rules and (said := fits(rules[name])):
            found.append(f"{name}: {rules[name]!r} {said}")
    weights = rules.get("weights", {})
    if isinstance(weights, dict):
        found += [
            f"weights: “{key}” is no heuristic. Use one of {', '.join(sorted(heuristics))}."
            for key in weights
            if key not in heuristics
        ]
    if not found and (rules.get("review", 25) > rules.get("hold", 50)):
        found.append("review: must not lie above hold.")
    return found


def _number(low: float, high: float) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return "" if is_number and low <= value <= high else f"is no number from {low:g} to {high:g}."

    return check


def _words(allowed: tuple[str, ...] = ()) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        if not isinstance(value, list) or not all(isinstance(word, str) and word.strip() for word in value):
            return "is no list of words."
        unknown = [word for word in value if allowed and word not in allowed]
        return f"names {', '.join(unknown)}; use {', '.join(allowed)}." if unknown else ""

    return check


def _weights(value: Any) -> str:
    if not isinstance(value, dict) or any(_number(0, 10)(weight) for weight in value.values()):
        return "must name heuristics with log-odds from 0 to 10."
    return ""


def _relations(value: Any) -> str:
    told = "must be a list, each with relation: event tablet, subject: device and value: fp-77."
    if not isinstance(value, list):
        return told
    for each in value:
        if not isinstance(each, dict) or set(each) != {"relation", "subject", "value"}:
            return told
        if each["relation"] not in RELATIONS or each["subject"] not in SUBJECTS:
            return f"{told} Relations: {', '.join(RELATIONS)}; subjects: {', '.join(SUBJECTS)}."
        if not isinstance(each["value"], str) or not each["value"].strip():
            return told
    return ""


CHECKS: Mapping[str, Callable[[Any], str]] = {
    "holding_days": _number(0, 365),
    "minimum_order": lambda value: "" if value is None else _number(0, 1e9)(value),
    "allowed_channels": _words(),
    "paid_traffic": lambda value: (
        "" if value in ("allowed", "forbidden") else "is neither allowed nor forbidden."
    ),
    "paying_rules": _words(tuple(PAYING_RULES)),
    "prior": _number(0.0001, 0.5),
    "hold": _number(1, 100),
    "review": _number(1, 100),
    "weights": _weights,
    "relations": _relations,
    "audit_size": _number(0, 500),
    "payout_tolerance": _number(0, 0.5),
}
