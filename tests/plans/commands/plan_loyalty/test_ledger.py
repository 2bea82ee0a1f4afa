"""The triangle of a point ledger holds full months only: the day of the run does not move the forecast."""

from datetime import UTC, date, datetime

import numpy as np
import pytest

from plans.commands.plan_loyalty.steps.assumed import measured_redemption
from plans.commands.shared.figures import percent
from plans.commands.shared.ledger import end_of_full_months, forecast, read_vintages
from programs.datasets import OpenData, Options, SnapshotStore
from programs.datasets.loading.ingest import ingest

MONTHS = 8
SHARES = (0.05, 0.10, 0.15, 0.10, 0.05, 0.03, 0.02, 0.01)
"""Of what was issued in a month, redeemed by the 20th of that month and of those after it."""


def lines(until):
    """1000 points issued on the 2nd of each month; every vintage is redeemed alike."""
    found = []
    for n in range(MONTHS):
        found.append((f"i{n}", date(2025, n + 1, 2), "issue", "", 1000))
        found += [
            (f"r{n}-{age}", date(2025, n + 1 + age, 20), "redeem", date(2025, n + 1, 2), round(1000 * share))
            for age, share in enumerate(SHARES)
            if n + age < MONTHS
        ]
    return [row for row in found if row[1] < until]


@pytest.fixture
def ledger(tmp_path):
    def load(until):
        path = tmp_path / f"{until}.csv"
        rows = [
            f"{key},m1,{day},{entry},{issued},{points}" for key, day, entry, issued, points in lines(until)
        ]
        path.write_text("\n".join(["entry_id,member_id,posted_at,entry,issued_at,points", *rows]) + "\n")
        store = SnapshotStore(tmp_path / "store")
        taken = ingest([path], "point_ledger", store=store, options=Options()).snapshot
        return OpenData(tmp_path / "store", [{"kind": "point_ledger", "sha256": taken.sha256, "partner": ""}])

    return load


def test_an_unfinished_month_is_no_development_period(ledger):
    """On 10 August the month's redemptions, all on the 20th, are still to come."""
    young, whole = date(2025, 8, 10), date(2025, 8, 1)
    at_end_of_july = datetime(2025, 8, 1, tzinfo=UTC)
    found = read_vintages(ledger(young))
    same = read_vintages(ledger(whole), as_of=at_end_of_july)
    assert found.until == same.until == at_end_of_july
    assert found.months == same.months and len(found.months) == 7
    assert np.array_equal(found.redeemed, same.redeemed, equal_nan=True)
    assert forecast(found).rate_of_issued.value == pytest.approx(sum(SHARES[:7]) + found.tail.rate)


def test_a_month_that_is_over_counts(ledger):
    found = read_vintages(ledger(date(2025, 9, 1)), as_of=datetime(2025, 9, 1, tzinfo=UTC))
    assert len(found.months) == 8
    assert forecast(found).rate_of_issued.value == pytest.approx(sum(SHARES) + found.tail.rate)


def test_without_a_full_month_there_is_no_forecast(ledger):
    found = read_vintages(ledger(date(2025, 1, 25)))
    assert found.reason == "The point ledger shows no points issued in a full month."


@pytest.mark.parametrize(
    ("end", "until"),
    [
        ("2025-06-01T00:00+00:00", "2025-06-01T00:00+00:00"),
        ("2025-05-31T00:00+00:00", "2025-05-01T00:00+00:00"),
        ("2025-05-31T20:00+00:00", "2025-05-31T20:00+00:00"),
        ("2025-03-15T00:00+00:00", "2025-03-01T00:00+00:00"),
    ],
)
def test_a_month_is_over_when_less_than_a_day_is_missing(end, until):
    found = end_of_full_months(datetime.fromisoformat(end))
    assert found == datetime.fromisoformat(until)


def test_where_no_list_tells_tiers_apart_the_rate_says_that_it_is_one_for_all(ledger):
    found = measured_redemption(ledger(date(2025, 9, 1)))
    assert found.source.endswith(
        "one rate for all tiers: it takes a member list with tiers and a point ledger"
    )


def test_chain_ladder_and_cape_cod_stand_beside_the_rate(ledger):
    held = ledger(date(2025, 9, 1))
    other = forecast(read_vintages(held))
    assert (
        f"chain ladder says {percent(other.rate_of_issued.value)}, Cape Cod {percent(other.cape_cod_rate)}"
        in measured_redemption(held).source
    )
