"""The metrics every installation begins with. The registry (model ``Metric``) holds them as rows from then on.

A key is ``<kind of program>-<name>``. Numerator and denominator name measures in words: a command computes a KPI
from the words that stand in the registry, so what is printed as the definition is what was counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

HIGHER, LOWER = "higher", "lower"
RUN = "window of the run"
"""The window of a flow. "90 days" is a fixed one; empty for a stock."""
MONEY = "money"
"""The unit of an amount in the program's currency."""
REPEAT_DAYS = 90
"""Within how many days of the first purchase a blueprint promises the second; the same whatever a run looks at."""
DEFINITION = ("unit", "direction", "numerator", "denominator", "window", "dimensions")
"""What of a metric is its definition: a change of one of them is a new version."""
GROUPS = ("tier", "cohort", "region", "channel")
REFERRAL_GROUPS = ("channel", "persona", "partner-tier", "region")


@dataclass(frozen=True, slots=True)
class MetricDefinition:
    """One row of the registry. ``owner_role`` is a role's slug; ``threshold`` alarms past it, against ``direction``."""

    key: str
    name: str
    unit: str
    direction: str
    numerator: str
    denominator: str = ""
    window: str = RUN
    dimensions: tuple[str, ...] = ()
    owner_role: str = ""
    threshold: str = ""


_INSIGHTS, _FINANCE, _REFERRALS, _PARTNERS = (
    "member-insights-analyst",
    "finance",
    "referral-architect",
    "partner-ops",
)

STANDARD = (
    MetricDefinition("loyalty-retention", "Retention", "%", HIGHER, "members active in the window and in the one before",
                     "members active in the window before", RUN, (), _INSIGHTS),
    MetricDefinition("loyalty-newest-cohorts", "Repeat rate of the newest cohorts", "%", HIGHER,
                     "members of the newest closed cohorts who bought again within the window",
                     "members of the newest closed cohorts", "90 days", (), _INSIGHTS),
    MetricDefinition("loyalty-repeat-rate", f"Repeat rate within {REPEAT_DAYS} days", "%", HIGHER,
                     "members who bought again within the window", "members observed for the window",
                     f"{REPEAT_DAYS} days", (), _INSIGHTS),
    MetricDefinition("loyalty-active-rate", "Active members", "%", HIGHER, "members with a purchase", "members",
                     RUN, GROUPS, _INSIGHTS),
    MetricDefinition("loyalty-enrolment", "Members enrolled", "members", HIGHER, "members enrolled", "", RUN, GROUPS, _INSIGHTS),
    MetricDefinition("loyalty-revenue", "Revenue", MONEY, HIGHER, "revenue", "", RUN, GROUPS, _INSIGHTS),
    MetricDefinition("loyalty-redemption-rate", "Redemption rate of the window", "%", HIGHER, "points redeemed",
                     "points earned", RUN, GROUPS, _INSIGHTS),
    MetricDefinition("loyalty-redemption-to-date", "Redemption rate to date", "%", HIGHER, "points redeemed to date",
                     "points earned to date", "", (), _FINANCE),
    MetricDefinition("loyalty-csat", "Satisfied members", "%", HIGHER, "CSAT answers of 4 or 5", "CSAT answers", RUN, GROUPS, _INSIGHTS),
    MetricDefinition("loyalty-churn-risk", "Churn risk of repeat buyers", "%", LOWER, "repeat buyers who have probably left",
                     "repeat buyers", "", (), _INSIGHTS),
    MetricDefinition("loyalty-liability", "Point liability", MONEY, LOWER, "points outstanding × cost × redemption rate of outstanding",
                     "", "", (), _FINANCE),
    MetricDefinition("loyalty-breakage", "Breakage of issued points", "%", LOWER, "points that will never be redeemed", "points earned to date",
                     "", (), _FINANCE),
    MetricDefinition("loyalty-alert-remediation-time", "Alert remediation time", "hours", LOWER,
                     "median hours from an alert's case to its resolution", "", "", (), _INSIGHTS),
    MetricDefinition("referral-conversion", "Referral conversion", "%", HIGHER, "referrals won", "referrals submitted",
                     RUN, REFERRAL_GROUPS, _REFERRALS),
    MetricDefinition("referral-qualified-rate", "Qualified of referred", "%", HIGHER, "invitations of the window qualified at its end",
                     "invitations of the window that became referrals", RUN, REFERRAL_GROUPS, _REFERRALS),
    MetricDefinition("referral-click-rate", "Clicked of invited", "%", HIGHER, "invitations of the window clicked at its end",
                     "invitations of the window", RUN, REFERRAL_GROUPS, _REFERRALS),
    MetricDefinition("referral-refund-rate", "Refunds per order won", "%", LOWER, "refunds", "referrals won before refunds", RUN,
                     REFERRAL_GROUPS, _REFERRALS),
    MetricDefinition("referral-submissions", "Referrals submitted", "referrals", HIGHER, "referrals submitted", "", RUN, REFERRAL_GROUPS, _REFERRALS),
    MetricDefinition("referral-revenue", "Revenue won", MONEY, HIGHER, "revenue of referrals won", "", RUN, REFERRAL_GROUPS, _REFERRALS),
    MetricDefinition("referral-payout-ratio", "Payout / gross margin", "%", LOWER, "rewards", "gross margin of the window's invitations won",
                     RUN, REFERRAL_GROUPS, _FINANCE),
    MetricDefinition("referral-cost-per-won", "Reward per customer won", MONEY, LOWER, "rewards", "the window's invitations won", RUN,
                     REFERRAL_GROUPS, _FINANCE),
    MetricDefinition("referral-viral-k", "Viral coefficient K", "users per user", HIGHER, "the window's invitations won", "people who invited in it", RUN, (), _REFERRALS),
    MetricDefinition("referral-fraud-rate", "Share of referrals proposed for hold", "%", LOWER, "referrals proposed for hold",
                     "invitations of the window", RUN, REFERRAL_GROUPS, _REFERRALS),
    MetricDefinition("referral-money-at-risk", "Rewards at risk", MONEY, LOWER, "rewards of referrals proposed for hold", "", RUN, (), _FINANCE),
    MetricDefinition("referral-partner-nps", "Partner NPS", "points", HIGHER, "promoters less detractors", "answers", RUN, (), _PARTNERS),
    MetricDefinition("referral-concentration", "Concentration of revenue (HHI)", "index", LOWER, "sum of squared revenue shares of partners",
                     "", RUN, (), _PARTNERS),
    MetricDefinition("partner-attribution-confidence", "Attribution confidence", "%", HIGHER,
                     "product of interval, model range, UTM coverage and identity precision", "", RUN, (), "co-marketing-analytics-lead"),
)  # fmt: skip


def titles_of(kind: str) -> dict[str, str]:
    """What a limit may name for a kind of program, with its title: the standard metrics of it."""
    return {name: metric.name for name, metric in _of_kind(kind)}


def units_of(kind: str) -> dict[str, str]:
    """The unit of each standard metric of a kind of program, by the names of ``titles_of``."""
    return {name: metric.unit for name, metric in _of_kind(kind)}


def _of_kind(kind: str) -> Iterator[tuple[str, MetricDefinition]]:
    prefix = f"{kind}-"
    for metric in STANDARD:
        if metric.key.startswith(prefix):
            yield metric.key.removeprefix(prefix).replace("-", "_"), metric
