"""The questions that commands may ask, whatever engine answers. Each is one SQL file; the answer is an Arrow
table in a fixed order.

Purchases, referrals, payouts and deals are net of refunds, claw-backs, cancellations and adjustments, each in
the period of its sale (see ``movements``); what is gross is named so. Amounts are DECIMAL(18,4) in the one
currency of the snapshot, periods are the local date they begin on, and ``as_of`` is exclusive, on the
program's wall clock. NumPy and SciPy go on from there.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from importlib.resources import files
from typing import Any, Literal

import pyarrow as pa

from gtm.core.errors import InvalidInput
from programs.datasets.questions.loyalty import LoyaltyQuestions
from programs.datasets.questions.partners import PartnerQuestions
from programs.datasets.questions.referrals import ReferralQuestions
from programs.datasets.snapshots.store import Snapshot

Period = Literal["day", "week", "month", "quarter", "year"]
PERIODS = ("day", "week", "month", "quarter", "year")
SQL = files("programs.datasets") / "sql"


class QueryEngine(LoyaltyQuestions, PartnerQuestions, ReferralQuestions, ABC):
    """The questions that commands may ask; an engine answers them from its own copy of the SQL files."""

    def cohort_matrix(self, purchases: Snapshot | None, *, period: Period = "month") -> pa.Table:
        """cohort, age, cohort_size, members, orders, revenue: retention is members / cohort_size."""
        return self._ask("cohort_matrix", {"purchases": purchases}, period=period)

    def revenue_by_period(self, purchases: Snapshot | None, *, period: Period = "month") -> pa.Table:
        """period, members, new_members, orders, paid_orders, revenue (net in the period of the sale), gross,
        refunded (in the period of the refund): AOV is revenue / orders."""
        return self._ask("monthly_revenue", {"purchases": purchases}, period=period)

    def member_rfm(self, purchases: Snapshot | None, *, as_of: datetime) -> pa.Table:
        """One row a member: first_date, last_date, orders, frequency, recency_days, tenure_days,
        inactive_days, monetary (Fader, Hardie and Lee 2005 for frequency, recency and tenure)."""
        return self._ask("member_rfm", {"purchases": purchases}, as_of=as_of)

    def first_year_spend(self, purchases: Snapshot | None, *, as_of: datetime, days: int = 365) -> pa.Table:
        """One row a member: first_date, observed_days (≤ days), orders, spend in the first ``days`` days."""
        return self._ask("first_year_spend", {"purchases": purchases}, as_of=as_of, days=days)

    def spend_by_age(self, purchases: Snapshot | None, *, as_of: datetime, days: int = 365) -> pa.Table:
        """age, spend: what all members spent on that day since their first purchase, 0 being that day."""
        return self._ask("spend_by_age", {"purchases": purchases}, as_of=as_of, days=days)

    def spend_by_age_month(self, purchases: Snapshot | None, *, as_of: datetime, months: int) -> pa.Table:
        """member (a number), month, spend: of members seen for ``months`` months since their first
        purchase."""
        return self._ask("spend_by_age_month", {"purchases": purchases}, as_of=as_of, months=months)

    def trailing_spend(self, purchases: Snapshot | None, *, as_of: datetime, days: int = 365) -> pa.Table:
        """One row a member known before as_of: orders and spend in the ``days`` days before it."""
        return self._ask("trailing_spend", {"purchases": purchases}, as_of=as_of, days=days)

    def repeat_purchase(self, purchases: Snapshot | None, *, as_of: datetime, days: int = 90) -> pa.Table:
        """One row: members observed for ``days`` days, repeat_members of them, too_young left out."""
        return self._ask("repeat_purchase", {"purchases": purchases}, as_of=as_of, days=days)

    def newest_cohorts(
        self, purchases: Snapshot | None, *, as_of: datetime, days: int, width: int
    ) -> pa.Table:
        """One row of those observed for ``days`` days who came last, within ``width`` days: members,
        repeat_members of them, first_from and first_to (days of their first purchases)."""
        return self._ask("newest_cohorts", {"purchases": purchases}, as_of=as_of, days=days, width=width)

    def retained_members(
        self, purchases: Snapshot | None, *, start: datetime, middle: datetime, as_of: datetime
    ) -> pa.Table:
        """One row: members with a purchase from start until middle, retained of them with one since."""
        return self._ask(
            "retained_members",
            {"purchases": purchases},
            start=start.isoformat(),
            middle=middle.isoformat(),
            as_of=as_of,
        )

    def net_revenue_retention(
        self, purchases: Snapshot | None, *, as_of: datetime, days: int = 365
    ) -> pa.Table:
        """One row over those who bought in the ``days`` days before the last ``days`` days: members,
        still_buying, earlier and later spend, and the sums of squares and products of both."""
        return self._ask("net_revenue_retention", {"purchases": purchases}, as_of=as_of, days=days)

    def lapse_table(
        self,
        purchases: Snapshot | None,
        *,
        as_of: datetime,
        inactive_days: int = 90,
        period: Period = "month",
    ) -> pa.Table:
        """tenure, at_risk, lapsed, censored: the discrete churn hazard is lapsed / at_risk."""
        return self._ask(
            "lapse_table",
            {"purchases": purchases},
            as_of=as_of,
            inactive_days=inactive_days,
            period=period,
        )

    def trigger_counts(
        self,
        purchases: Snapshot | None,
        *,
        as_of: datetime,
        days: int = 30,
        second_days: int = 30,
        frequent_orders: int = 3,
        lapse_factor: float = 2.0,
        win_back_days: int = 180,
        thresholds: Sequence[Decimal] = (),
        near: Decimal = Decimal("0.2"),
    ) -> pa.Table:
        """trigger, threshold, fired, members over the ``days`` days before as_of.

        Triggers: welcome, no_second_purchase, lapsing_frequent_buyer (silent for ``lapse_factor`` times
        the member's mean gap after ``frequent_orders`` orders), win_back, anniversary, near_tier (a purchase
        brings the spend of 365 days within the share ``near`` below a threshold). A trigger that did not
        fire has no row.
        """
        return self._ask(
            "trigger_counts",
            {"purchases": purchases},
            as_of=as_of,
            days=days,
            second_days=second_days,
            frequent_orders=frequent_orders,
            lapse_factor=lapse_factor,
            win_back_days=win_back_days,
            thresholds=list(thresholds),
            near=near,
        )

    def ledger_flows(
        self,
        ledger: Snapshot | None,
        *,
        as_of: datetime,
        period: Period = "month",
    ) -> pa.Table:
        """period, issued, redeemed, expired, reversed, adjusted, outstanding: points."""
        return self._ask("ledger_flows", {"point_ledger": ledger}, as_of=as_of, period=period)

    def ledger_triangle(
        self,
        ledger: Snapshot | None,
        *,
        as_of: datetime,
        period: Period = "month",
    ) -> pa.Table:
        """vintage, age, redeemed, expired, reversed: incremental points. An outflow that names its vintage
        takes
        from it; the others take first in, first out what is left; a null vintage for what cannot be placed.
        Adjustments downwards count as reversed."""
        return self._ask("ledger_triangle", {"point_ledger": ledger}, as_of=as_of, period=period)

    def ledger_vintages(
        self,
        ledger: Snapshot | None,
        *,
        as_of: datetime,
        period: Period = "month",
    ) -> pa.Table:
        """vintage, issued, members: the exposure that the triangle is divided by, adjustments upwards
        included."""
        return self._ask("ledger_vintages", {"point_ledger": ledger}, as_of=as_of, period=period)

    def ledger_months(self, ledger: Snapshot | None, *, as_of: datetime) -> pa.Table:
        """member (a number), vintage, period (months), left, redeemed, squares (of the points of each
        redemption), expired, reversed: points. With a vintage (member 0) the outflows that name it, of all
        members; else of each member what was issued and no outflow names, and the outflows that name none."""
        return self._ask("ledger_months", {"point_ledger": ledger}, as_of=as_of)

    def ledger_first_in(self, ledger: Snapshot | None, *, as_of: datetime) -> pa.Table:
        """One row: named (points redeemed that name their month of issue), and agree (those of them that
        first in first out would have taken from that month)."""
        return self._ask("ledger_first_in", {"point_ledger": ledger}, as_of=as_of)

    def tier_redemptions(
        self, ledger: Snapshot | None, members: Snapshot | None, *, as_of: datetime, mature: int, recent: int
    ) -> pa.Table:
        """tier, members, issued, redeemed, issued_squares, redeemed_squares, products (of points issued
        ``mature`` days ago or more), recent (points issued in the last ``recent`` days), recent_squares,
        recent_products (with issued): sums over members."""
        datasets = {"point_ledger": ledger, "members": members}
        return self._ask("tier_redemptions", datasets, as_of=as_of, mature=mature, recent=recent)

    def ledger_members(self, ledger: Snapshot, members: Snapshot, *, as_of: datetime) -> pa.Table:
        """member_id, tier: everybody with an entry in the ledger; "" where the list names no tier."""
        return self._ask("ledger_members", {"point_ledger": ledger, "members": members}, as_of=as_of)

    def redemption_costs(self, ledger: Snapshot | None, *, as_of: datetime, days: int = 365) -> pa.Table:
        """reward, redemptions, points, stated, cost, stated_points, cost_squares, point_squares,
        cross_products: what the redemptions of the ``days`` days before as_of cost, where they state it."""
        return self._ask("redemption_costs", {"point_ledger": ledger}, as_of=as_of, days=days)

    def survey_scores(
        self,
        responses: Snapshot | None,
        *,
        as_of: datetime,
        period: Period = "month",
    ) -> pa.Table:
        """survey, period, responses, promoters, detractors, satisfied, score_sum, score_squares."""
        return self._ask("survey_scores", {"survey_responses": responses}, as_of=as_of, period=period)

    def usage_activity(
        self,
        usage: Snapshot | None,
        *,
        as_of: datetime,
        period: Period = "month",
    ) -> pa.Table:
        """period, event, members, events."""
        return self._ask("usage_activity", {"usage_events": usage}, as_of=as_of, period=period)

    def lifecycle_days(
        self,
        purchases: Snapshot | None,
        *,
        as_of: datetime,
        threshold: float,
        members: Snapshot | None = None,
        ledger: Snapshot | None = None,
    ) -> pa.Table:
        """One row a member: day numbers of enrolment, first_purchase, second_purchase, fourth_purchase,
        near_next_tier and next_tier_reached (spend of 365 days within 20 % of ``threshold``, or there), and
        first_redemption."""
        datasets = {"purchases": purchases, "members": members, "point_ledger": ledger}
        optional = ("members", "point_ledger")
        return self._ask("lifecycle_days", datasets, optional, as_of=as_of, threshold=threshold)

    def survey_comments(self, responses: Snapshot | None, *, as_of: datetime) -> pa.Table:
        """survey, score, comment of answers that have words, the newest first, 100,000 at most."""
        return self._ask("survey_comments", {"survey_responses": responses}, as_of=as_of)

    def purchase_spells(self, purchases: Snapshot | None, *, as_of: datetime) -> pa.Table:
        """One row a purchase: member_id, amount, day numbers of purchase and next_purchase."""
        return self._ask("purchase_spells", {"purchases": purchases}, as_of=as_of)

    def survey_days(self, responses: Snapshot | None, *, as_of: datetime) -> pa.Table:
        """One row an NPS answer: day number and score."""
        return self._ask("survey_days", {"survey_responses": responses}, as_of=as_of)

    def member_profiles(
        self, purchases: Snapshot | None, *, as_of: datetime, members: Snapshot | None = None
    ) -> pa.Table:
        """One row a member with a purchase, by member_id: region, persona, age in years; null where neither
        the member list nor, for the region, the last purchase says."""
        datasets = {"purchases": purchases, "members": members}
        return self._ask("member_profiles", datasets, ("members",), as_of=as_of)

    def purchase_categories(self, purchases: Snapshot | None, *, as_of: datetime) -> pa.Table:
        """category (small letters, null where none is recorded), orders, spend."""
        return self._ask("purchase_categories", {"purchases": purchases}, as_of=as_of)

    def member_personas(self, members: Snapshot | None) -> pa.Table:
        """persona, members: the segments that the member list names."""
        return self._ask("member_personas", {"members": members})

    def goal_figures(self, purchases: Snapshot | None, *, as_of: datetime) -> pa.Table:
        """One row: what a goal starts from, see the SQL file."""
        return self._ask("goal_figures", {"purchases": purchases}, as_of=as_of)

    def point_life(self, ledger: Snapshot | None, *, as_of: datetime) -> pa.Table:
        """One row: the median days of life that issued points were given, and that lapsed points had had."""
        return self._ask("point_life", {"point_ledger": ledger}, as_of=as_of)

    @abstractmethod
    def _ask(
        self,
        question: str,
        datasets: dict[str, Snapshot | None],
        optional: Sequence[str] = (),
        /,
        **parameters: Any,
    ) -> pa.Table:
        """Run ``sql/<question>.sql`` over the snapshots, each a view named after its kind.

        A kind in ``optional`` may be None: its view has the contract's columns and no rows.
        """


def checked(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters with ``as_of`` as text. Raises InvalidInput: no such period, or a moment without a zone."""
    if parameters.get("period", "month") not in PERIODS:
        raise InvalidInput(f"“{parameters['period']}” is not a period; one of {', '.join(PERIODS)}.")
    if "as_of" not in parameters:
        return dict(parameters)
    if parameters["as_of"].tzinfo is None:
        raise InvalidInput("as_of must say its time zone.")
    return {**parameters, "as_of": parameters["as_of"].isoformat()}
