"""CDNOW through the door and the engine, against the published numbers (Fader and Hardie 2001)."""

from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pytest

from programs.datasets.engines.duck import DuckDBEngine

AS_OF = datetime(1998, 7, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def engine(cdnow_store):
    return DuckDBEngine(cdnow_store)


def test_every_purchase_is_kept_and_repeated_rows_are_counted(cdnow):
    assert (cdnow.input_rows, cdnow.snapshot.rows) == (69_659, 69_659)
    assert (cdnow.rejected_rows, cdnow.duplicate_rows, cdnow.identical_rows) == (0, 0, 255)
    assert cdnow.snapshot.currencies == ("USD",)
    assert cdnow.snapshot.window_start == datetime(1997, 1, 1, tzinfo=UTC)
    assert cdnow.snapshot.window_end == datetime(1998, 6, 30, tzinfo=UTC)


def test_first_year_spend_has_the_published_quantiles(cdnow, engine):
    table = engine.first_year_spend(cdnow.snapshot, as_of=AS_OF)
    spend = np.array(table["spend"].to_pylist(), dtype=float)
    assert len(spend) == 23_570
    assert np.quantile(spend, [0.8, 0.9, 0.95, 0.99]).round(2).tolist() == [116.42, 205.40, 321.17, 740.05]
    top_fifth = np.sort(spend)[-len(spend) // 5 :].sum() / spend.sum()
    assert round(top_fifth, 3) == 0.657
    assert set(table["observed_days"].to_pylist()) == {365}


def test_cohorts_add_up_to_all_members_orders_and_revenue(cdnow, engine):
    table = engine.cohort_matrix(cdnow.snapshot).to_pydict()
    first = [age == 0 for age in table["age"]]
    assert np.array(table["members"])[first].sum() == 23_570
    assert sum(table["orders"]) == 69_659
    assert sum(table["revenue"]) == sum(engine.revenue_by_period(cdnow.snapshot)["revenue"].to_pylist())


def test_cohorts_are_those_of_the_first_quarter(cdnow, engine):
    table = engine.cohort_matrix(cdnow.snapshot).to_pylist()
    sizes = {row["cohort"].isoformat(): row["cohort_size"] for row in table}
    assert sizes == {"1997-01-01": 7846, "1997-02-01": 8476, "1997-03-01": 7248}


def test_frequency_counts_later_days_only(cdnow, engine):
    rows = engine.member_rfm(cdnow.snapshot, as_of=AS_OF).to_pylist()
    second = rows[1]  # two purchases on 1997-01-12
    assert (second["member_id"], second["orders"], second["frequency"]) == ("00002", 2, 0)
    assert second["monetary"] == Decimal("89.0000")
    assert len(rows) == 23_570


def test_life_table_ends_with_everyone(cdnow, engine):
    table = engine.lapse_table(cdnow.snapshot, as_of=AS_OF).to_pydict()
    assert table["at_risk"][0] == 23_570
    assert sum(table["lapsed"]) + sum(table["censored"]) == 23_570
