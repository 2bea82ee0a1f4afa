"""Liability on a ledger whose end is known: what was issued lately is seen at the product's own rates."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from plans.export import document
from tests.plans.commands.loyalty_program import DAYS, START, SUMMARY, load, load_purchases, run, values

SHARES = (0.05, 0.10, 0.15, 0.10, 0.05, 0.03, 0.02, 0.01)
"""Of the points of a month, redeemed on the 20th of that month and of those after it."""
RATE, MONTHLY, CAMPAIGN = sum(SHARES), 100_000, 3_200_000
LAST = 10
"""October, of which 20 days are over: nine full months before it."""


def at(month, day):
    return datetime(2025, month, day, 12, tzinfo=UTC)


def ledger(*campaigns):
    """Points of a quiet program, issued on the 2nd of each month, and of campaigns on those days."""
    rows = []
    for month in range(1, LAST + 1):
        rows.append(("issue", at(month, 2), at(month, 2), MONTHLY))
        rows += [
            ("redeem", at(month + age, 20), at(month, 2), MONTHLY * share)
            for age, share in enumerate(SHARES)
            if month + age <= LAST
        ]
    rows += [("issue", moment, moment, CAMPAIGN) for moment in campaigns]
    entries, posted, issued, points = zip(*rows, strict=True)
    return pa.table({
        "entry_id": [f"e{n}" for n in range(len(rows))],
        "member_id": ["m0000"] * len(rows),
        "entry": entries,
        "posted_at": posted,
        "issued_at": issued,
        "points": [float(each) for each in points],
    })  # fmt: skip


SPIKE = 5_000_000


@pytest.fixture
def watched(loyalty, tmp_path):
    """The verdict on spikes of a run over a week, with this many days of the ledger's last week in it."""
    load_purchases(loyalty, tmp_path)

    def run_with(*days):
        load(loyalty, tmp_path, "point_ledger", weekly(*days))
        plan = run(f"{SUMMARY} --window 7d", "data-pull", "health-diagnostics")
        return document.build(plan)

    return run_with


def weekly(*spikes):
    """Points of every day, a few more each week, and millions on some days before the end of the data."""
    end = START + timedelta(days=DAYS, hours=-12)
    days = [end - timedelta(days=n) for n in range(200)]
    rows = [("issue", day, day, 1000.0 + n % 7) for n, day in enumerate(days)]
    rows += [("redeem", day, day - timedelta(days=40), 300.0) for day in days[:150]]
    rows += [("issue", end - timedelta(days=n), end - timedelta(days=n), float(SPIKE)) for n in spikes]
    entries, posted, issued, points = zip(*rows, strict=True)
    return pa.table({
        "entry_id": [f"w{n}" for n in range(len(rows))], "member_id": ["m0000"] * len(rows),
        "entry": entries, "posted_at": posted, "issued_at": issued, "points": points,
    })  # fmt: skip


def verdict(body):
    return next(one["verdict"] for one in body["readings"] if one["rule"] == "liability-spike")


@pytest.mark.parametrize("day", range(7))
def test_a_spike_on_any_day_of_a_week_is_seen_by_the_run_over_that_week(watched, day):
    assert verdict(watched(day)) == "breached"


@pytest.mark.parametrize("day", [7, 8])
def test_a_spike_of_before_the_week_is_no_news(watched, day):
    assert verdict(watched(day)) == "good"


def test_liability_without_a_threshold_is_held_against_what_counts_as_a_spike(watched):
    def metric(body):
        found = next(one for one in body["success_metrics"] if one["key"] == "liability")
        return found["actual"] <= found["target"], found["met"]

    assert metric(watched()) == (True, True)
    assert metric(watched(0)) == metric(watched(4)) == (False, False)


@pytest.fixture
def owed(loyalty, tmp_path):
    """Points expected to be redeemed, as a run says, with a ledger of these campaigns."""
    load_purchases(loyalty, tmp_path)

    def run_with(*campaigns):
        load(loyalty, tmp_path, "point_ledger", ledger(*campaigns))
        plan = run(SUMMARY, "data-pull", "health-diagnostics")
        loyalty.refresh_from_db()
        return values(plan)["health"]["liability"] / float(loyalty.point_unit_cost)

    return run_with


def test_a_quiet_program_owes_exactly_what_its_months_will_still_redeem(owed):
    lived = [min(LAST - month + 1, len(SHARES)) for month in range(1, LAST + 1)]
    assert owed() == pytest.approx(sum(MONTHLY * sum(SHARES[ages:]) for ages in lived))


@pytest.mark.parametrize(
    ("day", "least"), [(at(LAST, 18), 0.99), (at(LAST - 1, 28), 0.88)], ids=["this month", "last month"]
)
def test_a_points_campaign_is_owed_at_the_rate_of_the_program_the_day_it_goes_out(owed, day, least):
    quiet, after = owed(), owed(day)
    assert least * CAMPAIGN * RATE < after - quiet <= 1.001 * CAMPAIGN * RATE
