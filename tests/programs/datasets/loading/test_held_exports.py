"""The exports people hold are read right, or asked about in one question."""

from __future__ import annotations

import pyarrow.parquet as pq
import pytest

from programs.datasets.loading.ingest import ingest
from programs.datasets.loading.limits import CHOICES, Options
from programs.datasets.loading.problems import DatasetProblems
from tests.programs.datasets.conftest import NOW
from tests.programs.datasets.loading.held_columns import LINES, MEANINGS
from tests.programs.datasets.loading.held_exports import PLAIN, SHAPES, Case, packed
from tests.programs.datasets.loading.held_odd import ODD
from tests.programs.datasets.loading.held_unread import UNREAD

CASES = SHAPES | MEANINGS | ODD | UNREAD
OPTIONS = {choice.name for choice in CHOICES}


def load(case: Case, write, store, mapping: dict[str, str], said: dict[str, str]):
    files = [write(name, content) for name, content in case.files.items()]
    options = Options(**{"home_currency": "USD", "now": NOW, **said})
    return ingest(files, case.kind, store=store, mapping=mapping, options=options)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_an_export_is_read_right_or_asked_about(case, write, store):
    if case.asks:
        # A column of theirs that has to be named first is no answer to a question about what it holds.
        named = case.mapping if "column" not in case.asks else {}
        with pytest.raises(DatasetProblems) as asked:
            load(case, write, store, named, {})
        assert (
            " ".join(problem.code for problem in asked.value.problems[:1] if " " not in case.asks)
            in case.asks
        )
        assert set(case.asks.split()) <= {problem.code for problem in asked.value.problems}
        for shown in case.shows:
            assert shown in str(asked.value)
        assert [path for path in store.root.rglob("*") if path.is_file()] == []
    result = load(case, write, store, case.mapping, case.said)
    rows = pq.read_table(store.root / result.snapshot.path).to_pylist()
    for row in rows:  # what was refunded beside an order stays known, see test_netting
        row["amount"] = row["amount"] - (row.get("refunded_amount") or 0) if row.get("amount") else None
    found = [tuple(row[name] for name in case.columns.split()) for row in rows]
    assert sorted(found, key=str) == sorted(case.rows, key=str)
    told = (result.rejected_rows, result.left_out_rows, result.folded_rows)
    assert told == (case.rejected, case.left_out, case.folded)
    accounted = result.snapshot.rows + sum(told) + result.duplicate_rows
    assert result.input_rows == accounted


@pytest.mark.parametrize("case", [pytest.param(case, id=key) for key, case in CASES.items() if case.said])
def test_the_answers_are_options_that_exist(case):
    assert case.said.keys() <= OPTIONS | {"time_zone", "home_zone", "home_currency", "zone_is_said"}


def bomb() -> bytes:
    return packed(a__csv=b"1" * 30_000_000)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (bomb(), "unpacks_too_large"),
        (packed(**{f"f{n}__csv": "x" for n in range(201)}), "too_many_files"),
        (packed(inner__zip=packed(a__csv=PLAIN)), "nested_archive"),
        (packed(__MACOSX="x"), "no_file"),
        (packed(a__csv=PLAIN)[:-30], "damaged"),
    ],
)
def test_a_hostile_zip_is_refused_in_bounds(content, code, write, store, options):
    with pytest.raises(DatasetProblems) as refused:
        ingest([write("a.zip", content)], "purchases", store=store, options=options)
    assert [problem.code for problem in refused.value.problems] == [code]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"header_row": "9"}, "header_row is 9"),
        ({"header_row": "first"}, "counts from 1"),
        ({"footer_rows": "some"}, "is not a number of rows"),
        ({"constants": "colour=red"}, "have no column “colour”"),
        ({"constants": "red"}, "constants=survey=nps"),
        ({"value_map": "region=x"}, "have no column"),
        ({"filters": "Status"}, "names no values"),
        ({"filters": "Stat: paid"}, "a column “Stat”"),
        ({"subtract_columns": "amuont"}, "Did you mean “amount”"),
        ({"line_items": "yes"}, "price_each"),
        ({"sign_rule": "negative_redeems"}, "no points to redeem"),
        ({"time_zone": "Berlin"}, "not an IANA time zone"),
        ({"filters": "member_id: bob"}, "leave out all of the 1 rows"),
    ],
)
def test_an_option_that_cannot_be_meant_is_refused_with_what_can(said, words, write, store):
    with pytest.raises(DatasetProblems, match=words):
        options = Options(**{"home_currency": "USD", "now": NOW, **said})
        ingest([write("a.csv", PLAIN)], "purchases", store=store, options=options)


def test_a_line_that_is_not_accepted_takes_its_order_with_it(write, store):
    text = LINES + "8,bob,2024-02-01,A,1,4.00\n8,bob,2024-02-01,B,many,1.00\n"
    case = Case({"a.csv": text}, [])
    result = load(case, write, store, {}, {"line_items": "price_each"})
    assert (result.snapshot.rows, result.rejected_rows, result.folded_rows) == (1, 2, 1)
    assert "another line of the same order was not accepted" in result.reasons


def test_a_rejected_row_is_shown_by_example(write, store):
    result = load(Case({"a.csv": PLAIN + "bob,never,2\n"}, []), write, store, {}, {})
    assert result.examples == {"purchased_at: not a date or time": "“never” in row 2 of a.csv"}


def test_when_every_row_is_rejected_the_shapes_that_are_read_are_named(write, store):
    with pytest.raises(
        DatasetProblems, match=r"“never” in row 1 of a.csv\. Accepted: 2026-03-31, .*date_format"
    ):
        load(Case({"a.csv": PLAIN.replace("2024-02-01", "never")}, []), write, store, {}, {})


def test_the_zone_of_a_header_wins_over_the_program_s_and_is_said(write, store):
    result = load(CASES["a header that says the zone"], write, store, {}, {"time_zone": "Asia/Tokyo"})
    assert any("times read in UTC, as the header says" in note for note in result.notes)
