"""What the door does with good rows, bad rows and the same rows again."""

import io
import json
import random
import tempfile
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from programs.datasets.engines.duck import DuckDBEngine
from programs.datasets.loading.cells import inert
from programs.datasets.loading.ingest import ingest
from programs.datasets.loading.limits import Options
from programs.datasets.loading.rejects import export_rejects
from programs.datasets.snapshots.store import SnapshotStore
from tests.programs.datasets.conftest import NOW

HEADER = "member_id,purchased_at,amount\n"


def rows_of(store, result):
    return pq.read_table(store.root / result.snapshot.path).to_pylist()


def amounts_of(store, result):
    return sorted(row["amount"] for row in rows_of(store, result))


@pytest.mark.parametrize(
    ("written", "amount"),
    [
        ("12.50", "12.5"),
        ("$1,234.56", "1234.56"),
        ("1 234.56 USD", "1234.56"),
        ("(12.50)", "-12.5"),
        ("-$12.50", "-12.5"),
        ("1'234.50", "1234.5"),
        ("0.0001", "0.0001"),
    ],
)
def test_amounts_as_people_write_them(written, amount, write, store, options):
    file = write("a.csv", f'{HEADER}1,2024-01-01,"{written}"\n')
    result = ingest([file], "purchases", store=store, options=options)
    assert amounts_of(store, result) == [Decimal(amount)]


def test_decimal_comma_is_found_from_the_column(write, store, options):
    file = write("a.csv", "member_id;purchased_at;amount\n1;2024-01-01;1.234,50\n2;2024-01-01;12,5\n")
    result = ingest([file], "purchases", store=store, options=options)
    assert amounts_of(store, result) == [Decimal("12.5"), Decimal("1234.5")]


def test_date_order_is_found_from_the_column(write, store, options):
    file = write("a.csv", HEADER + "1,03/04/2024,5\n2,25/04/2024,5\n")
    result = ingest([file], "purchases", store=store, options=options)
    assert result.snapshot.window_start == datetime(2024, 4, 3, tzinfo=UTC)
    assert any("day, month, year" in note for note in result.notes)


def test_naive_times_are_local_and_a_time_that_did_not_exist_is_rejected(write, store):
    file = write("a.csv", HEADER + "1,2024-03-31 02:30,5\n2,2024-01-01 12:00,5\n3,2024-01-01T12:00Z,5\n")
    result = ingest(
        [file], "purchases", store=store, options=Options("EUR", time_zone="Europe/Berlin", now=NOW)
    )
    assert result.reasons == {
        "purchased_at: does not exist in Europe/Berlin: the clocks went forward over it": 1
    }
    assert [row["purchased_at"].hour for row in rows_of(store, result)] == [11, 12]


@pytest.mark.parametrize("offset", ["+01:00", "+0100", "+01"])
@pytest.mark.parametrize("time", ["T12:00", " 12:00:00", "T12:00:00.000001"])
def test_offsets_are_honoured(time, offset, write, store, options):
    file = write("a.csv", HEADER + f"1,2024-01-01{time}{offset},5\n")
    result = ingest([file], "purchases", store=store, options=options)
    assert result.snapshot.window_start.replace(microsecond=0) == datetime(2024, 1, 1, 11, tzinfo=UTC)


@pytest.mark.parametrize("written", ["ABC 5", "5 apples", "1,23,4", "--5", "", "1e400", "£5"])
def test_what_is_no_amount_in_the_row_s_currency_is_rejected(written, write, store, options):
    file = write("a.csv", f'{HEADER}1,2024-01-01,7.25\n1,2024-01-01,"{written}"\n')
    result = ingest([file], "purchases", store=store, options=options)
    assert (result.snapshot.rows, result.rejected_rows) == (1, 1)


@pytest.mark.parametrize("written", ["5 EUR", "EUR5", "€5"])
def test_an_amount_that_names_its_currency_is_in_it(written, write, store, options):
    file = write("a.csv", f"{HEADER}1,2024-01-01,7.25\n1,2024-01-01,{written}\n")
    result = ingest([file], "purchases", store=store, options=options)
    assert result.snapshot.currencies == ("EUR", "USD")


def test_an_amount_may_not_contradict_the_currency_column(write, store, options):
    text = "member_id,purchased_at,amount,currency\n1,2024-01-01,5 EUR,USD\n"
    text += "1,2024-01-01,5,XYZ\n1,2024-01-01,5,USD\n"
    result = ingest([write("a.csv", text)], "purchases", store=store, options=options)
    assert result.reasons == {
        "amount: written in another currency than the row's": 1,
        "currency: not an ISO 4217 currency code": 1,
    }


def test_hour_that_comes_twice_is_read_as_standard_time(write, store):
    file = write("a.csv", HEADER + "1,2023-10-29 02:30,5\n")
    result = ingest(
        [file], "purchases", store=store, options=Options("EUR", time_zone="Europe/Berlin", now=NOW)
    )
    assert result.snapshot.window_start == datetime(2023, 10, 29, 1, 30, tzinfo=UTC)


def test_every_reason_of_a_bad_row_is_kept_beside_what_was_sent(write, store, options):
    file = write("a.csv", HEADER + ",never,lots\n1,2024-01-01,5\n2,2024-01-01\n")
    result = ingest([file], "purchases", store=store, options=options)
    rejects = pq.read_table(store.root / result.rejects).to_pylist()
    assert [(row["row"], row["reasons"]) for row in sorted(rejects, key=lambda row: row["row"])] == [
        (1, ["member_id: missing", "purchased_at: not a date or time", "amount: not a number"]),
        (3, ["row has 2 values, the header 3"]),
    ]
    assert json.loads(rejects[1]["cells"]) == {"member_id": None, "purchased_at": "never", "amount": "lots"}
    assert (result.input_rows, result.snapshot.rows, result.rejected_rows) == (3, 1, 2)


def test_an_order_id_twice_is_one_order_and_a_contradiction_is_none(write, store, options):
    header = "order_id,member_id,purchased_at,amount\n"
    rows = "A,1,2024-01-01,5\nA,1,2024-01-01,5\nB,1,2024-01-02,5\nB,1,2024-01-02,6\n"
    result = ingest([write("a.csv", header + rows)], "purchases", store=store, options=options)
    assert (result.snapshot.rows, result.duplicate_rows, result.rejected_rows) == (1, 1, 2)
    assert result.reasons == {"contradicts another row of the same key": 2, "the same row again": 1}


def test_the_latest_row_of_a_member_counts(write, store, options):
    text = "member_id,enrolled_at,updated_at,tier\n"
    text += "1,2023-01-01,2024-01-01,gold\n1,2023-01-01,2024-02-01,silver\n"
    result = ingest([write("m.csv", text)], "members", store=store, options=options)
    assert [row["tier"] for row in rows_of(store, result)] == ["silver"]
    assert (result.duplicate_rows, result.rejected_rows) == (1, 0)


def test_overlapping_files_without_keys_count_each_event_once(write, store, options):
    january = write("jan.csv", HEADER + "1,2024-01-01,5\n1,2024-01-01,5\n2,2024-01-02,5\n")
    both = write("both.csv", HEADER + "1,2024-01-01,5\n2,2024-01-02,5\n3,2024-02-01,7\n")
    result = ingest([january, both], "purchases", store=store, options=options)
    assert (result.input_rows, result.snapshot.rows, result.duplicate_rows) == (6, 4, 2)


def test_the_same_file_again_stores_nothing_new(write, store, options):
    file = write("a.csv", HEADER + "1,2024-01-01,5\n")
    first = ingest([file], "purchases", store=store, options=options)
    before = sorted(store.root.rglob("*"))
    again = ingest([file, file], "purchases", store=store, options=options)
    assert (first.stored_before, again.stored_before) == (False, True)
    assert again.snapshot == first.snapshot == store.get("purchases", first.snapshot.sha256)
    assert sorted(store.root.rglob("*")) == before


def test_stored_rows_are_read_only(write, store, options):
    result = ingest([write("a.csv", HEADER + "1,2024-01-01,5\n")], "purchases", store=store, options=options)
    assert (store.root / result.snapshot.path).stat().st_mode & 0o222 == 0


def test_explicit_mapping_wins_over_names(write, store, options):
    file = write("a.csv", "member_id,purchased_at,amount,net\n1,2024-01-01,5,4\n")
    result = ingest([file], "purchases", store=store, mapping={"amount": "net"}, options=options)
    assert amounts_of(store, result) == [Decimal(4)]


def test_broken_json_line_is_a_rejected_row(write, store, options):
    good = '{"member_id": "1", "purchased_at": "2024-01-01", "amount": 5.25, "a/b": null}\n'
    file = write("a.jsonl", good + "{oops\n[1]\n")
    result = ingest([file], "purchases", store=store, options=options)
    assert (result.input_rows, result.snapshot.rows) == (3, 1)
    assert result.reasons == {"line is not a JSON object": 2}
    assert amounts_of(store, result) == [Decimal("5.25")]


def test_a_json_number_is_never_ambiguous(write, store, options):
    file = write("a.jsonl", '{"member_id": "1", "purchased_at": "2024-01-01", "amount": 1.234}\n')
    result = ingest([file], "purchases", store=store, options=options)
    assert amounts_of(store, result) == [Decimal("1.234")]


def test_every_format_with_the_same_rows_have_one_fingerprint(write, store, tmp_path, options):
    book = Workbook()
    book.active.append(["member_id", "purchased_at", "amount"])
    book.active.append(["01", datetime(2024, 1, 2, 3, 4, 5), 1.1 + 0.134])  # noqa: DTZ001
    book.save(tmp_path / "a.xlsx")
    instant = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
    table = pa.table({"member_id": ["01"], "purchased_at": [instant], "amount": [Decimal("1.2340")]})
    pq.write_table(table, tmp_path / "a.parquet")
    files = [
        write("a.csv", HEADER + "01,2024-01-02T03:04:05,1.2340\n"),
        write("a.jsonl", '{"member_id":"01","purchased_at":"2024-01-02 03:04:05","amount":"1.2340"}\n'),
        write("b.csv", (HEADER + "01,2024-01-02T03:04:05,1.2340\n").encode("utf-16")),
        tmp_path / "a.xlsx",
        tmp_path / "a.parquet",
    ]
    found = {ingest([file], "purchases", store=store, options=options).snapshot.sha256 for file in files}
    assert len(found) == 1


def test_survey_scores_keep_to_their_scale(write, store, options):
    text = "answered_at,survey,score\n2024-01-01,NPS,10\n2024-01-01,csat,6\n2024-01-01,nps,11\n"
    result = ingest([write("s.csv", text)], "survey_responses", store=store, options=options)
    assert result.reasons == {"score: above 10": 1, "score: outside 1 to 5 for csat": 1}


@pytest.mark.parametrize("cell", ["=1+1", "+cmd", "-cmd", "@sum", "\t=1", "\r=1"])
def test_formulas_are_made_inert(cell):
    assert inert(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["-12.50", "+3", "text", ""])
def test_numbers_and_words_stay_as_they_are(cell):
    assert inert(cell) == cell


def test_rejects_export_as_csv(write, store, options):
    result = ingest(
        [write("=a.csv", HEADER + "1,never,5\n1,2024-01-01,5\n")], "purchases", store=store, options=options
    )
    out = io.StringIO()
    assert export_rejects(store.root / result.rejects, out) == 1
    assert "'=a.csv,1,rejected,purchased_at: not a date or time" in out.getvalue()


amounts = st.decimals(min_value=-(10**9), max_value=10**9, places=4, allow_nan=False)
events = st.tuples(
    st.integers(1, 4),
    st.integers(0, 40).map(lambda day: (date(2024, 1, 1) + timedelta(days=day)).isoformat()),
    amounts.map(str) | st.sampled_from(["", "abc", "1.23456"]),
)
GOOD = (9, "2024-01-01", "1.5")


def text_of(rows):
    return HEADER + "".join(f"{member},{day},{amount}\n" for member, day, amount in rows)


def load(directory, *texts):
    store = SnapshotStore(Path(directory) / "store")
    files = []
    for number, text in enumerate(texts):
        file = Path(directory) / f"{number}.csv"
        file.write_text(text)
        files.append(file)
    options = Options(currency="USD", decimal_separator=".", now=NOW)
    return store, ingest(files, "purchases", store=store, options=options)


@settings(max_examples=6, deadline=None)  # each loads two files
@given(st.lists(events, max_size=12), st.randoms(use_true_random=False))
def test_rows_are_accounted_for_and_their_order_changes_nothing(rows, shuffler: random.Random):
    rows = [*rows, GOOD]
    shuffled = shuffler.sample(rows, len(rows))
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        store, result = load(one, text_of(rows))
        other_store, other = load(two, text_of(shuffled))
        assert result.snapshot.rows + result.rejected_rows + result.duplicate_rows == len(rows)
        assert other.snapshot == result.snapshot
        assert (store.root / result.snapshot.path).read_bytes() == (
            other_store.root / other.snapshot.path
        ).read_bytes()
        table = DuckDBEngine(store).cohort_matrix(result.snapshot)
        assert table.equals(DuckDBEngine(other_store).cohort_matrix(other.snapshot))


@settings(max_examples=4, deadline=None)
@given(st.lists(events, max_size=8))
def test_a_second_file_with_the_same_rows_changes_nothing(rows):
    text = text_of([*rows, GOOD])
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        _, result = load(one, text)
        _, doubled = load(two, text, text + "\n")
        assert doubled.snapshot == result.snapshot
        assert doubled.snapshot.rows + doubled.rejected_rows + doubled.duplicate_rows == doubled.input_rows


@settings(max_examples=8, deadline=None)
@given(st.lists(amounts, min_size=1, max_size=30))
def test_amounts_survive_exactly(values):
    with tempfile.TemporaryDirectory() as directory:
        store, result = load(directory, text_of([(1, "2024-01-01", value) for value in values]))
        assert amounts_of(store, result) == sorted(values)
