"""What is looked for: every heuristic with its explanation, weight and known false positives.

``weight`` is a log likelihood ratio (natural log): how much likelier the trace is in fraud than in
honest referrals. The values are expert priors (Good 1950, weight of evidence); a program's own data lower
them where honest people show the sign (``calibration``), its policy may replace them, and decided cases
refit them. ``family`` names what a heuristic is a witness of: witnesses of the same fact are not independent,
so scoring counts the strongest of a family in full and the others by half. What one browser and one home
leave, and how soon orders follow the click, is a single fact each (``ONE_FACT``): there the others do not
count at all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from programs.analytics.fraud.numbers import Rows
from programs.analytics.fraud.table import Floats


@dataclass(frozen=True, slots=True)
class Heuristic:
    key: str
    title: str
    family: str
    weight: float
    explanation: str
    false_positives: str


@dataclass(frozen=True, slots=True, eq=False)
class Hits:
    """Where one heuristic fired: row numbers, log-odds and a sentence of evidence for each."""

    key: str
    rows: Rows
    weights: Floats
    evidence: tuple[str, ...]


HOME = "home"
PACE, BURST = "timing", "burst"
ONE_FACT = frozenset({HOME, PACE, "graph"})
"""Families of which only the strongest witness counts: a browser has a device, a cookie and an address, and
orders within seconds of the click are quicker than peers' as well."""
CATALOGUE = {
    heuristic.key: heuristic
    for heuristic in (
        Heuristic("self_customer", "Referred themselves (customer id)", "identity", 6.0,
                  "Referrer and referred are the same customer.", "Two systems numbering people alike."),
        Heuristic("self_email", "Referred themselves (mailbox)", "identity", 5.5,
                  "Both addresses deliver to one mailbox once dots, tags and aliases are removed.",
                  "A couple or a small company sharing one mailbox."),
        Heuristic("self_name_address", "Same name at the same address", HOME, 3.0,
                  "Referrer and referred carry one name, however spelled, and one postal address.",
                  "Parent and child with one name."),
        Heuristic("self_name_trace", "Same name on one device or browser", HOME, 3.0,
                  "Referrer and referred carry one name, however spelled, and share a device or cookie.",
                  "Parent and child with one name and one tablet."),
        Heuristic("mail_alike", "Mailboxes that resemble each other", "mailbox", 3.2,
                  "Two people of one home or card have mailboxes that share what their names do not explain.",
                  "A couple that chose its mailboxes together."),
        Heuristic("shared_payment", "Shared payment instrument", "payment", 4.0,
                  "Referrer and referred pay with the same instrument.", "Couples, a company card."),
        Heuristic("shared_device", "Shared device", HOME, 2.5,
                  "Referrer and referred use the same device.", "Family tablet, a friend's phone."),
        Heuristic("shared_cookie", "Shared cookie", HOME, 2.5,
                  "Referrer and referred carry the same cookie.", "One browser in a household."),
        Heuristic("shared_payout", "Payout account of several referrers", "payment", 2.5,
                  "Rewards of referrers of several partners, or none, go to one account.",
                  "Couples; a treasurer of a club."),
        Heuristic("shared_ip_agent", "Shared network address and browser", HOME, 0.8,
                  "Several referred people of one referrer come from one address with one browser. "
                  "The address alone is never used.", "Flat shares, small offices, mobile carriers."),
        Heuristic("ring", "Ring", HOME, 4.5,
                  "People who share a browser, instrument or account and refer each other onward on it.",
                  "An extended family with common devices and cards."),
        Heuristic("disposable_domain", "Disposable mailbox", "mailbox", 2.0,
                  "The address is at a provider of throw-away mailboxes.", "People guarding their privacy."),
        Heuristic("mailbox_variants", "Spellings of one mailbox", "mailbox", 4.2,
                  "Several referred addresses are dot or +tag spellings of one mailbox.",
                  "One person invited twice with two spellings."),
        Heuristic("sequential_mailboxes", "Numbered mailboxes", "mailbox", 3.5,
                  "Referred addresses of one referrer count upwards.", "Numbers of students or staff."),
        Heuristic("velocity", "Burst of referrals", BURST, 1.8,
                  "More referrals within an hour than the referrer's and the program's rate explain.",
                  "A newsletter, a talk, a post that went around."),
        Heuristic("too_fast", "Converted too fast", PACE, 2.8,
                  "Seconds from first click to conversion, less than a person needs.",
                  "Clock skew; a click recorded late; one-tap payment."),
        Heuristic("refund_after_hold", "Refund just after the holding period", "refund", 2.5,
                  "The order was returned within days of the reward becoming payable.",
                  "A return window longer than the holding period."),
        Heuristic("refund_rate", "Refunds above peers", "refund", 2.0,
                  "More of the referrer's orders are refunded than peers of that size show.",
                  "A defective batch; an audience that the product does not fit."),
        Heuristic("banned_source", "Banned source", "traffic", 5.0,
                  "The referral came from a source the program forbids.", "A source lately unbanned."),
        Heuristic("paid_traffic", "Paid traffic", "traffic", 4.5,
                  "The referrer's clicks come from advertisements: a click id, or a medium that is paid for.",
                  "A friend copied a link out of an ad."),
        Heuristic("peer_quick", "Orders hijacked at the till", PACE, 3.3,
                  "The orders follow the click faster than peers': the shopper was at the till already.",
                  "A partner whose readers buy by one tap; leads entered when they have signed."),
        Heuristic("peer_paid_clicks", "Paid clicks above peers", "traffic", 4.5,
                  "More of the orders come out of advertisements than those of peers.",
                  "A partner who was allowed to advertise."),
        Heuristic("peer_returned", "Returned after the payout", "refund", 3.3,
                  "More of the orders are returned after the reward was paid than those of peers.",
                  "A defective batch; an audience that the product does not fit."),
        Heuristic("peer_least_basket", "Baskets at the minimum", "basket", 3.3,
                  "More of the orders are as small as an order can be than those of peers.",
                  "A partner of a cheap article; a trial offer."),
        Heuristic("peer_new_devices", "A new device for every order", "devices", 2.5,
                  "More of the orders come from devices seen only once than those of peers.",
                  "A young audience with new phones; browsers that hide what they are."),
        Heuristic("peer_claimed", "Claimed deals that were open", "claim", 3.3,
                  "More of the deals than those of peers were open before the invitation: sales had them.",
                  "Invitations entered late; dates of deals taken over from another system."),
        Heuristic("reciprocal", "Reciprocal pair", "graph", 2.2,
                  "Two people referred each other.", "Accounts opened again after a break."),
        Heuristic("cycle", "Cycle of referrals", "graph", 2.8,
                  "Following who referred whom leads back to the start.", "Accounts opened again, merged."),
    )
}  # fmt: skip


def hits(key: str, rows: Rows, evidence: list[str], weights: Floats | None = None) -> Hits:
    """Hits of a heuristic, at its catalogue weight unless ``weights`` says otherwise."""
    if weights is None:
        weights = np.full(len(rows), CATALOGUE[key].weight)
    return Hits(key, np.asarray(rows, dtype=np.intp), weights, tuple(evidence))
