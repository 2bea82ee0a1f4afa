"""How people speak of what is net in each kind of data, and of what is left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MovementWords:
    """``net``: what is net; ``rows``: what is counted; ``one`` and ``many``: what a movement belongs to.

    ``at_zero``: what is not any more when nothing is left; ``as_what``: what the others are left as;
    ``latest``: what is lowered by what names nothing; ``itself``: what a movement for itself is no more.
    """

    net: str
    rows: str
    one: str
    many: str
    at_zero: str
    as_what: str
    latest: str
    period: str
    dated: str
    itself: str


WORDS: Mapping[str, MovementWords] = {
    "purchases": MovementWords(
        "Orders", "sales", "order", "orders", "no purchases", " as purchases",
        "the customer's latest earlier order that fits", "Revenue is net in the period of the sale.", "sale",
        "No purchases, because cancelled in the order's own row",
    ),
    "referrals": MovementWords(
        "Orders of referrals", "referrals", "order", "referrals", "not won", "",
        "the referred customer's latest earlier order that fits",
        "Revenue, margin and customers won are net in the period of the sale.", "sale",
        "No referrals, because cancelled in the referral's own row",
    ),
    "referral_payouts": MovementWords(
        "Payouts", "payouts", "payout", "payouts", "no payouts", "",
        "the referral's latest earlier payout that fits",
        "What was paid out is net in the period of the payout.", "payout",
        "No payouts, because reversed in the payout's own row",
    ),
    "opportunities": MovementWords(
        "Deals", "deals", "deal", "deals", "no deals", "",
        "the company's or person's latest earlier deal that fits",
        "Pipeline and revenue are net in the period the deal opened or was won in.", "deal's opening or win",
        "No deals, because cancelled in the deal's own row",
    ),
}  # fmt: skip
