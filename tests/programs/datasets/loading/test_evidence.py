"""What a column says of itself: read where it is clear, asked about where it contradicts itself."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pyarrow.parquet as pq
import pytest

from programs.datasets.loading.ingest import ingest
from programs.datasets.loading.limits import Options
from programs.datasets.loading.problems import DatasetProblems
from tests.programs.datasets.conftest import NOW

HEADER = "member_id,purchased_at,amount\n"


def load(write, store, text, kind="purchases", **said):
    options = Options(**{"currency": "USD", "now": NOW, **said})
    return ingest([write("a.csv", text)], kind, store=store, options=options)


def refused(write, store, text, **said):
    with pytest.raises(DatasetProblems) as caught:
        load(write, store, text, **said)
    (problem,) = caught.value.problems
    return problem


def stored(store, result):
    return pq.read_table(store.root / result.snapshot.path).to_pylist()


def dates(*written):
    return HEADER + "".join(f"m{n},{day},1.50\n" for n, day in enumerate(written))


@pytest.mark.parametrize(
    ("written", "instant"),
    [
        ("2024-03-01 10:30:00 -0500", datetime(2024, 3, 1, 15, 30, tzinfo=UTC)),
        ("2024-03-01 10:30 +0530", datetime(2024, 3, 1, 5, 0, tzinfo=UTC)),
        ("2024-03-01T10:30:00+02", datetime(2024, 3, 1, 8, 30, tzinfo=UTC)),
        ("2024-03-01T10:30:00.250+02:00", datetime(2024, 3, 1, 8, 30, 0, 250000, tzinfo=UTC)),
        ("2024-03-01 10:30:00 UTC", datetime(2024, 3, 1, 10, 30, tzinfo=UTC)),
    ],
)
def test_the_offset_of_a_time_is_read_however_it_is_written(write, store, written, instant):
    (row,) = stored(store, load(write, store, dates(written)))
    assert row["purchased_at"] == instant


def test_dates_that_contradict_each_other_are_asked_about_whatever_most_of_them_say(write, store):
    problem = refused(write, store, dates("05/13/2023", "06/14/2023", "07/20/2023", "13/05/2023"))
    assert problem.code == "contradicting_dates"
    assert "13/05/2023" in problem.message
    assert "05/13/2023" in problem.message
    result = load(
        write, store, dates("05/13/2023", "06/14/2023", "07/20/2023", "13/05/2023"), date_format="mdy"
    )
    assert (result.snapshot.rows, result.rejected_rows) == (3, 1)


HALF = ("2023-05-04", "2023-12-06", "2023-03-02", "13/05/2023", "14/06/2023", "25/12/2023")


def test_dates_of_which_a_spreadsheet_swapped_some_are_asked_about(write, store):
    problem = refused(write, store, dates(*HALF))
    assert problem.code == "half_converted_dates"
    assert "2023-03-02" in problem.message
    assert "13/05/2023" in problem.message
    assert load(write, store, dates(*HALF), date_format="dmy").snapshot.rows == 6


@pytest.mark.parametrize("clear", ["2023-05-14", "04/05/2023"])
def test_one_date_that_a_spreadsheet_would_not_have_left_so_ends_the_doubt(write, store, clear):
    assert load(write, store, dates(*HALF, clear)).snapshot.rows == 7


def test_numbers_that_contradict_each_other_are_asked_about(write, store):
    text = "member_id;purchased_at;amount\n1;2024-01-15;12.50\n2;2024-01-15;9.99\n3;2024-01-15;45,90\n"
    problem = refused(write, store, text)
    assert problem.code == "contradicting_decimals"
    assert "12.50" in problem.message
    assert "45,90" in problem.message
    assert load(write, store, text, decimal_separator=".").rejected_rows == 1


@pytest.mark.parametrize(
    ("written", "amount", "currency"),
    [
        ("1,23,456.50", "123456.5", "INR"),
        ("12,34,56,789.00", "123456789", "INR"),
        ("−7.25", "-7.25", "USD"),
        ("9.25-", "-9.25", "USD"),
        ("−$7.25", "-7.25", "USD"),
    ],
)
def test_amounts_of_other_places(write, store, written, amount, currency):
    result = load(write, store, f'{HEADER}1,2024-01-01,"{written}"\n', currency=currency)
    assert [row["amount"] for row in stored(store, result)] == [Decimal(amount)]


@pytest.mark.parametrize("written", ["NULL", "nan", "N/A", "None", "-", "\\N", "#N/A", "0", "0.0", "guest"])
def test_what_stands_for_nobody_is_no_member(write, store, written):
    result = load(write, store, f"{HEADER}{written},2024-01-01,5\nm1,2024-01-01,5\n")
    assert [row["member_id"] for row in stored(store, result)] == ["m1"]
    assert result.rejected_rows == 1


def test_an_id_is_one_however_a_spreadsheet_wrote_it(write, store):
    result = load(write, store, f"{HEADER}17850.0,2024-01-01,5\n17850,2024-01-02,5\n1785.05,2024-01-03,5\n")
    assert sorted(row["member_id"] for row in stored(store, result)) == ["1785.05", "17850", "17850"]


@pytest.mark.parametrize("total", ["Grand Total", "total", "Subtotal", "TOTALS:"])
def test_a_line_of_totals_is_no_member(write, store, total):
    result = load(write, store, f"{HEADER}m1,2024-01-01,10\n{total},2024-01-31,10\n")
    assert result.snapshot.rows == 1
    assert result.reasons == {"member_id: looks like a line of totals, not like somebody": 1}


@pytest.mark.parametrize("day", ["01/15/24", "0024-01-15"])
def test_no_date_is_stored_in_the_first_century(write, store, day):
    text = f"metric,dimension,member,starts_on,ends_on,target\npipeline,partner,north,{day},2024-03-31,5\n"
    with pytest.raises(DatasetProblems, match=r"(?s).*") as caught:
        load(write, store, text, kind="targets")
    assert "a year needs four digits" in caught.value.problems[0].message
