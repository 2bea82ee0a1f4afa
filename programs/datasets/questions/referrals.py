"""The questions optimize-referrals asks. Windows are [start, end); ``as_of`` is exclusive.

Per-group answers carry the columns channel, persona, partner_tier, region; a dimension not asked for
(``by``) is "" throughout, and so is a value not recorded.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa

from gtm.core.errors import InvalidInput
from programs.datasets.snapshots.store import Snapshot

NO_PAYOUTS = pa.table({
    "referral_id": pa.array([], pa.string()),
    "account_hash": pa.array([], pa.string()),
    "paid_at": pa.array([], pa.timestamp("us", tz="UTC")),
})  # fmt: skip
PAYOUTS = ("referral_payouts",)
MOST_LISTED = 50_000
"""Units up to which a test's outcomes are listed one by one: skewed ones need more than their sums."""
DIMENSIONS = ("channel", "persona", "partner_tier", "region")


class ReferralQuestions(ABC):
    """Part of ``QueryEngine``."""

    def referral_funnel(
        self,
        referrals: Snapshot | None,
        *,
        start: datetime,
        end: datetime,
        as_of: datetime,
        by: Collection[str] = (),
        payouts: Snapshot | None = None,
        without: Collection[str] = (),
    ) -> pa.Table:
        """Invitations of the window as they stood at as_of, less those in ``without``: invites, clicks,
        referrals, qualified, pipeline, won, paid (nested), pipeline_amount, revenue, margin, priced and
        priced_revenue (won with a known margin), reward, out_of_order, labelled, fraud. Money and what is
        won are net of refunds before as_of, rewards of claw-backs."""
        datasets = {"referrals": referrals, "referral_payouts": payouts}
        chosen = _span(start, end) | _flags(by)
        return self._ask_with("referral_funnel", datasets, _left_out(without), PAYOUTS, as_of=as_of, **chosen)

    def referral_clusters(
        self,
        referrals: Snapshot | None,
        *,
        start: datetime,
        end: datetime,
        as_of: datetime,
        by: Collection[str] = (),
        by_partner: bool = False,
        payouts: Snapshot | None = None,
        without: Collection[str] = (),
    ) -> pa.Table:
        """The same invitations by who sent them: profile, clusters, invites to paid (nested). A profile is
        what one referrer did in each group, or with ``by_partner`` one partner and each referrer without
        one; ``clusters`` did just that."""
        datasets = {"referrals": referrals, "referral_payouts": payouts}
        chosen = _span(start, end) | _flags(by) | {"by_partner": by_partner}
        left_out = _left_out(without)
        return self._ask_with("referral_clusters", datasets, left_out, PAYOUTS, as_of=as_of, **chosen)

    def referral_flows(
        self, referrals: Snapshot | None, *, start: datetime, end: datetime, by: Collection[str] = ()
    ) -> pa.Table:
        """Events of the window by their own time: invites, submissions, qualified, conversions,
        gross_conversions, refunds, revenue and margin (net in the window of the sale), gross_revenue,
        refunded (in the window of the refund), fraud_flags, labelled. Adjoining windows add up."""
        return self._ask("referral_flows", {"referrals": referrals}, **_span(start, end), **_flags(by))

    def referral_payout_flows(
        self,
        referrals: Snapshot | None,
        payouts: Snapshot | None,
        *,
        start: datetime,
        end: datetime,
        by: Collection[str] = (),
    ) -> pa.Table:
        """Payouts of the window by their own time: payouts, paid_out (net in the window of the payout),
        gross_paid_out, held, reversed, clawed_back (in the window of the claw-back)."""
        datasets = {"referrals": referrals, "referral_payouts": payouts}
        return self._ask("referral_payout_flows", datasets, **_span(start, end), **_flags(by))

    def referral_trend(
        self, referrals: Snapshot | None, *, start: datetime, end: datetime, step_days: int = 7
    ) -> pa.Table:
        """step (0 from start), invites, submissions, conversions, refunds, revenue, by the event's time."""
        return self._ask("referral_trend", {"referrals": referrals}, step_days=step_days, **_span(start, end))

    def reward_levels(
        self,
        referrals: Snapshot | None,
        *,
        start: datetime,
        end: datetime,
        as_of: datetime,
        payouts: Snapshot | None = None,
        by_tier: bool = False,
    ) -> pa.Table:
        """tier ("" for all), reward and the currency in which it was promised, invites, won, payout,
        gross_margin of the invitations of the window at as_of, net of refunds; payout is the rewards less
        claw-backs."""
        datasets = {"referrals": referrals, "referral_payouts": payouts}
        chosen = _span(start, end) | {"by_tier": by_tier}
        return self._ask("reward_levels", datasets, PAYOUTS, as_of=as_of, **chosen)

    def reward_ranks(
        self,
        referrals: Snapshot | None,
        *,
        start: datetime,
        end: datetime,
        without: Collection[str] = (),
        payouts: Snapshot | None = None,
    ) -> pa.Table:
        """nth, referrers, reward, margin: of the nth customers that referrers won in the window."""
        datasets = {"referrals": referrals, "referral_payouts": payouts}
        return self._ask_with("reward_ranks", datasets, _left_out(without), PAYOUTS, **_span(start, end))

    def referrer_count(self, referrals: Snapshot | None, *, start: datetime, end: datetime) -> int:
        """How many different people invited in the window."""
        found = self._ask("referrer_count", {"referrals": referrals}, **_span(start, end))
        return int(found.column("referrers")[0].as_py())

    def filled_dimensions(self, referrals: Snapshot | None) -> dict[str, int]:
        """Dimension → rows that record it."""
        row = self._ask("filled_columns", {"referrals": referrals}).to_pylist()[0]
        return {name: row[name] for name in DIMENSIONS}

    def payout_compliance(
        self,
        referrals: Snapshot | None,
        payouts: Snapshot | None,
        *,
        start: datetime,
        end: datetime,
        holding_days: int,
        minimum_order: float | None = None,
    ) -> pa.Table:
        """rule, payouts, amount: payouts of the window that break a rule of paying."""
        datasets = {"referrals": referrals, "referral_payouts": payouts}
        rules = {"holding_days": holding_days, "minimum_order": minimum_order}
        return self._ask("payout_compliance", datasets, **rules, **_span(start, end))

    def payouts_elsewhere(
        self, referrals: Snapshot | None, payouts: Snapshot | None, *, as_of: datetime
    ) -> dict[str, int]:
        """rewards paid in another currency than they were promised in, and how many of them are near enough
        to the promise to be the ``whole`` of it."""
        datasets = {"referrals": referrals, "referral_payouts": payouts}
        (found,) = self._ask("payouts_elsewhere", datasets, as_of=as_of).to_pylist()
        return {"rewards": found["rewards"], "whole": found["whole"]}

    def referral_clawbacks(
        self, referrals: Snapshot | None, payouts: Snapshot | None, *, as_of: datetime
    ) -> pa.Table:
        """payout_id, referral_id, paid_at, undone_at, amount: paid, the order returned, never taken back."""
        datasets = {"referrals": referrals, "referral_payouts": payouts}
        return self._ask("referral_clawbacks", datasets, as_of=as_of)

    def partner_referrals(
        self,
        referrals: Snapshot | None,
        *,
        start: datetime,
        end: datetime,
        before: datetime | None = None,
        payouts: Snapshot | None = None,
        without: Collection[str] = (),
    ) -> pa.Table:
        """partner, tier, referrals, won, revenue, revenue_before (of [before, start)), orders,
        revenue_squares, gross_margin, payout, last_invited_at; net of refunds and claw-backs, in the window
        of the sale. ``orders`` of a revenue above zero. Referrals in ``without`` are in no figure."""
        datasets = {"referrals": referrals, "referral_payouts": payouts}
        chosen = _span(start, end) | {"before": _span(before or start, end)["start"]}
        return self._ask_with("partner_referrals", datasets, _left_out(without), PAYOUTS, **chosen)

    def partner_events(self, activity: Snapshot | None, *, start: datetime, end: datetime) -> pa.Table:
        """partner, tier, events, heard (by others), last_active_at."""
        return self._ask("partner_events", {"partner_activity": activity}, **_span(start, end))

    def nps_groups(self, responses: Snapshot | None, *, start: datetime, end: datetime) -> pa.Table:
        """partner, tier, channel, region, promoters, passives, detractors."""
        return self._ask("nps_groups", {"survey_responses": responses}, **_span(start, end))

    def referral_keys(
        self, referrals: Snapshot | None, payouts: Snapshot | None, *, as_of: datetime, **screen: Any
    ) -> pa.Table:
        """Every referral known at as_of as numbers, as ``fraud.screen`` reads them; ``screen``: parameters of
        the SQL file."""
        datasets = {"referrals": referrals} | ({"referral_payouts": payouts} if payouts else {})
        nothing = {} if payouts else {"referral_payouts": NO_PAYOUTS}
        return self._ask_with("referral_keys", datasets, nothing, as_of=as_of, **screen)

    def referral_rows(self, referrals: Snapshot | None, *, chosen: pa.Table, as_of: datetime) -> pa.Table:
        """Columns of the contract as known at as_of, without the label, of the referrals whose hashes
        ``chosen`` has in its column referral, beside its other columns."""
        return self._ask_with("referral_rows", {"referrals": referrals}, {"chosen": chosen}, as_of=as_of)

    def referral_peers(
        self, referrals: Snapshot | None, payouts: Snapshot | None, *, as_of: datetime, **limits: Any
    ) -> pa.Table:
        """level, name, partner, referrers, orders, timed, quick, paid_clicks, paid, returned, least,
        new_devices, staged, claimed: counts of whole referrers and partners, as ``fraud.peers`` reads them;
        ``limits``: parameters of the SQL file."""
        datasets = {"referrals": referrals, "referral_payouts": payouts}
        return self._ask("referral_peers", datasets, PAYOUTS, as_of=as_of, **limits)

    def referral_audit(
        self,
        referrals: Snapshot | None,
        *,
        proposed: Collection[str],
        salt: str,
        size: int,
        as_of: datetime,
        since: datetime | None = None,
    ) -> pa.Table:
        """referral_id, referrer_id, due, population, known, labelled: a random sample of ``size`` of the
        referrals won that are not ``proposed``, invited ``since`` or not paid, the same for one ``salt``;
        one row without an id where there is none."""
        tables = {"proposed": pa.table({"referral_id": pa.array(proposed, pa.string())})}
        return self._ask_with(
            "referral_audit", {"referrals": referrals}, tables, as_of=as_of, since=since, salt=salt, size=size
        )

    def referral_labels(
        self, referrals: Snapshot | None, *, judged: Collection[str], as_of: datetime
    ) -> pa.Table:
        """referral_id, referrer_id, fraud: all labelled fraud, and the ``judged`` ids labelled honest."""
        tables = {"judged": pa.table({"referral_id": pa.array(judged, pa.string())})}
        return self._ask_with("referral_labels", {"referrals": referrals}, tables, as_of=as_of)

    def experiment_arms(
        self, experiments: Snapshot | None, *, as_of: datetime, purchases: Snapshot | None = None
    ) -> pa.Table:
        """experiment, metric, variant, units, total, squares, cubes, two_valued, first_at, last_at; of the
        value from before the test stated, pre_total, pre_squares, pre_cross; of the spend before it
        spend_total, spend_squares, spend_cross (0 without ``purchases``). Of metrics of at most
        ``MOST_LISTED`` units that are not two-valued also listed, pre_listed, spend_listed: what each unit
        has, in one order; else None."""
        datasets = {"experiments": experiments, "purchases": purchases}
        return self._ask("experiment_arms", datasets, ("purchases",), as_of=as_of, most_listed=MOST_LISTED)

    @abstractmethod
    def _ask(
        self,
        question: str,
        datasets: dict[str, Snapshot | None],
        optional: Sequence[str] = (),
        /,
        **parameters: Any,
    ) -> pa.Table:
        """Run ``sql/<question>.sql`` over the snapshots, each a view named after its kind."""

    @abstractmethod
    def _ask_with(
        self,
        question: str,
        datasets: dict[str, Snapshot | None],
        tables: Mapping[str, pa.Table],
        optional: Sequence[str] = (),
        /,
        **parameters: Any,
    ) -> pa.Table:
        """The same with ``tables`` of the caller's beside the views."""


def _span(start: datetime, end: datetime) -> dict[str, str]:
    if start.tzinfo is None or end.tzinfo is None:
        raise InvalidInput("A window must say its time zone.")
    return {"start": start.isoformat(), "end": end.isoformat()}


def _left_out(referrals: Collection[str]) -> dict[str, pa.Table]:
    """A table and no argument: a list in the statement would be read again for every row."""
    return {"left_out": pa.table({"referral_id": pa.array(sorted(referrals), pa.string())})}


def _flags(by: Collection[str]) -> dict[str, bool]:
    if unknown := set(by) - set(DIMENSIONS):
        raise InvalidInput(f"No dimension of referrals: {', '.join(sorted(unknown))}.")
    return {f"by_{name}": name in by for name in DIMENSIONS}
