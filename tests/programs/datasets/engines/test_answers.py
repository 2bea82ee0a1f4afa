"""A question that was answered is not worked out again, and nothing else is taken for it."""

import os
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from programs.datasets.engines import views
from programs.datasets.engines.answers import WorkedOut
from programs.datasets.engines.duck import DuckDBEngine, MissingDataset
from programs.datasets.loading.ingest import ingest

ROWS = "member_id,purchased_at,amount\n1,2024-01-31T23:30Z,5\n2,2024-02-02,7\n"
AS_OF = datetime(2024, 6, 1, tzinfo=UTC)


@pytest.fixture
def purchases(write, store, options):
    return ingest([write("purchases.csv", ROWS)], "purchases", store=store, options=options).snapshot


@pytest.fixture
def opened(monkeypatch):
    """How often a connection was opened."""
    calls, hardened = [], views.hardened
    monkeypatch.setattr(views, "hardened", lambda *given: calls.append(1) or hardened(*given))
    return calls


def test_the_same_question_is_worked_out_once(store, purchases, opened):
    first = DuckDBEngine(store).revenue_by_period(purchases)
    assert DuckDBEngine(store).revenue_by_period(purchases) is first
    assert len(opened) == 1


def test_another_place_currency_or_parameter_is_another_question(store, purchases, opened):
    months = {
        zone: DuckDBEngine(store, zone=zone).revenue_by_period(purchases)["period"][0].as_py().isoformat()
        for zone in ("UTC", "Europe/Berlin")
    }
    assert months == {"UTC": "2024-01-01", "Europe/Berlin": "2024-02-01"}
    DuckDBEngine(store).trailing_spend(purchases, as_of=AS_OF, days=365)
    assert DuckDBEngine(store).trailing_spend(purchases, as_of=AS_OF, days=10)["spend"].to_pylist() == [0, 0]
    assert len(opened) == 4


def test_members_left_out_stay_out_of_what_was_answered_before(store, purchases):
    engine = DuckDBEngine(store)
    everybody = engine.trailing_spend(purchases, as_of=AS_OF)
    others = engine.without(views.LeftOut(members=("1",))).trailing_spend(purchases, as_of=AS_OF)
    assert (everybody.num_rows, others.num_rows) == (2, 1)


def test_rows_that_changed_on_disk_are_read_anew(store, purchases, opened):
    DuckDBEngine(store).revenue_by_period(purchases)
    os.utime(store.rows_path(purchases), ns=(1, 1))
    DuckDBEngine(store).revenue_by_period(purchases)
    assert len(opened) == 2


def test_a_question_without_its_data_is_refused_whatever_was_answered(store, purchases):
    engine = DuckDBEngine(store)
    engine.cohort_matrix(purchases)
    with pytest.raises(MissingDataset):
        engine.cohort_matrix(None)


def test_what_was_asked_longest_ago_makes_room():
    answers, one = WorkedOut(most_bytes=4 * 800), pa.table({"n": list(range(100))})
    for key in "abcd":
        answers.keep(key, one)
    assert answers.find("a") is one
    answers.keep("e", one)
    assert [key for key in "abcde" if answers.find(key) is not None] == ["a", "c", "d", "e"]


def test_an_answer_too_large_to_share_the_room_is_not_kept():
    answers = WorkedOut(most_bytes=3 * 800)
    answers.keep("a", pa.table({"n": list(range(100))}))
    assert answers.find("a") is None
