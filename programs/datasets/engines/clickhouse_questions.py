"""Which questions ClickHouse is asked, and why it is not asked the others.

``ASKED`` have their SQL in ``sql/clickhouse``, made from DuckDB's, and a test that both give equal answers.
"""

from __future__ import annotations

from collections.abc import Mapping

ASKED = (
    "cohort_matrix", "first_year_spend", "lapse_table", "ledger_flows", "ledger_members", "ledger_triangle",
    "ledger_vintages", "member_rfm", "monthly_revenue", "newest_cohorts", "nps_groups", "purchase_spells",
    "recorded_tiers", "repeat_purchase", "retained_members", "spend_by_age", "spend_by_age_month",
    "survey_days", "survey_scores", "trailing_spend", "usage_activity",
)  # fmt: skip

NET = "referrals, payouts and deals are net of what changed them, which DuckDB works out on this host"
TIES = "of rows with the same time it may take another one than DuckDB"
FRAME = "it has no sum over the 365 days before each row"
LETTERS = "it writes some letters of other alphabets small, or takes spaces off, in another way"
ORDERED = "it adds fractions in no order, so that the last digit may differ"
MIDDLE = "its medians and quantiles are others, or written in another way"
LISTS = "lists as arguments are not written for it yet"
TABLES = "it is asked with tables of ours, which are not sent to it yet"
PARTNERS = "rows of several partners side by side are not written for it yet"
HASHES = "hashes that leave the question are those of DuckDB"

NOT_ASKED: Mapping[str, str] = {
    "contact_rows": PARTNERS,
    "deal_rows": PARTNERS,
    "experiment_arms": ORDERED,
    "filled_columns": NET,
    "goal_figures": MIDDLE,
    "journeys": PARTNERS,
    "ledger_first_in": "it joins stretches of running totals, which is not written for it yet",
    "ledger_months": "members are numbered in their order, which is not written for it yet",
    "lifecycle_days": FRAME,
    "loyalty_windows": LISTS,
    "member_personas": TIES,
    "member_profiles": TIES,
    "net_revenue_retention": ORDERED,
    "partner_events": TIES,
    "partner_referrals": NET,
    "payout_compliance": NET,
    "payouts_elsewhere": NET,
    "point_life": MIDDLE,
    "purchase_categories": LETTERS,
    "redemption_costs": ORDERED,
    "referral_audit": NET,
    "referral_clawbacks": NET,
    "referral_clusters": NET,
    "referral_flows": NET,
    "referral_funnel": NET,
    "referral_keys": HASHES,
    "referral_labels": NET,
    "referral_payout_flows": NET,
    "referral_peers": NET,
    "referral_rows": HASHES,
    "referral_trend": NET,
    "referrer_count": NET,
    "reward_levels": NET,
    "reward_ranks": NET,
    "survey_comments": LETTERS,
    "tagged_touches": PARTNERS,
    "target_rows": PARTNERS,
    "tier_moves": LISTS,
    "tier_redemptions": ORDERED,
    "touch_costs": PARTNERS,
    "touch_tags": PARTNERS,
    "trigger_counts": FRAME,
}
"""Question → why not, said after “cannot be asked of ClickHouse:”."""
