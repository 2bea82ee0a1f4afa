"""The metrics an alert threshold of optimize-referrals may name."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kpi:
    """``unit``: share, money, or what is counted."""

    title: str
    unit: str
    definition: str


KPIS = {
    "conversion": Kpi(
        "Referral conversion", "share", "Won / submitted, both in the window by their own time"
    ),
    "qualified_rate": Kpi("Qualified of referred", "share", "Of the window's invitations, at its end"),
    "click_rate": Kpi("Clicked of invited", "share", "Of the window's invitations, at its end"),
    "refund_rate": Kpi(
        "Refunds per order won", "share", "Refunds / won, both in the window by their own time"
    ),
    "submissions": Kpi("Referrals submitted", "referrals", "In the window"),
    "revenue": Kpi("Revenue won", "money", "In the window"),
    "payout_ratio": Kpi(
        "Payout / gross margin", "share", "Rewards / gross margin of the window's invitations won"
    ),
    "cost_per_won": Kpi("Reward per customer won", "money", "Rewards / won of the window's invitations"),
    "viral_k": Kpi("Viral coefficient K", "users per user", "Won / people who invited, in the window"),
    "fraud_rate": Kpi("Share of referrals proposed for hold", "share", "Held / invited in the window"),
    "money_at_risk": Kpi(
        "Rewards at risk", "money", "Rewards of the referrals proposed for hold, in the window"
    ),
    "partner_nps": Kpi("Partner NPS", "points", "Promoters less detractors of all answers in the window"),
    "concentration": Kpi("Concentration of revenue (HHI)", "index", "Sum of squared shares of partners"),
}
"""Name → definition; each is its own trigger."""
