"""Files nobody should have sent: each is refused with words that help, and leaves nothing behind."""

import gzip
import io
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from openpyxl import Workbook

from programs.datasets.loading.ingest import ingest
from programs.datasets.loading.limits import Limits, Options
from programs.datasets.loading.problems import DatasetProblems
from tests.programs.datasets.conftest import NOW

HEADER = "member_id,purchased_at,amount\n"


def parquet(**columns) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    return out.getvalue()


def zip_bomb() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b"0" * 30_000_000)
    return out.getvalue()


def entity_bomb() -> bytes:
    """A sheet that declares entities, as bombs do."""
    plain, out = io.BytesIO(), io.BytesIO()
    book = Workbook()
    book.active.append(["member_id", "purchased_at", 5])
    book.save(plain)
    entities = "".join(f'<!ENTITY a{n} "{chr(38)}a{n - 1};">' for n in range(1, 9))
    kind = f'<?xml version="1.0"?><!DOCTYPE s [<!ENTITY a0 "h">{entities}]>'
    with zipfile.ZipFile(plain) as good, zipfile.ZipFile(out, "w") as bad:
        for name in good.namelist():
            text = good.read(name).decode()
            sheet = name.endswith("sheet1.xml")
            bad.writestr(name, (kind + text.replace("<v>5</v>", "<v>&a8;</v>")) if sheet else text)
    return out.getvalue()


BAD_FILES = {
    "entity bomb": ("a.xlsx", entity_bomb(), "damaged", "not the plain XML of a sheet"),
    "empty": ("a.csv", b"", "empty_file", "The file is empty"),
    "header only": ("a.csv", HEADER.encode(), "no_rows", "a header but no rows"),
    "wrong delimiter": (
        "a.csv",
        b"member_id^purchased_at^amount\n1^2024-01-01^5\n",
        "missing_column",
        "set the delimiter",
    ),
    "binary named csv": ("a.csv", b"\x7fELF\x00\x01\x02" * 50, "binary", "binary, not text"),
    "zip bomb": ("a.xlsx", zip_bomb(), "unpacks_too_large", "not a plain table"),
    "gzip bomb": ("a.csv.gz", gzip.compress(b"1" * 30_000_000), "unpacks_too_large", "unpacks to more than"),
    "truncated gzip": (
        "a.csv.gz",
        gzip.compress(HEADER.encode() * 99)[:-9],
        "damaged",
        "gzip file is damaged",
    ),
    "damaged workbook": ("a.xlsx", b"PK\x03\x04 no zip", "damaged", "workbook is damaged"),
    "damaged parquet": ("a.parquet", b"PAR1 and no more", "damaged", "Parquet file is damaged"),
    "missing column": ("a.csv", b"member_id,purchased_at\n1,2024-01-01\n", "missing_column", "column amount"),
    "ambiguous column": (
        "a.csv",
        b"member_id,purchased_at,revenue,sales\n1,2024-01-01,5,6\n",
        "ambiguous_column",
        "2 columns could be amount",
    ),
    "not utf-8": ("a.csv", HEADER.encode() + "Zoë,2024-01-01,5\n".encode("latin-1"), "encoding", "not utf-8"),
    "every row bad": (
        "a.csv",
        f"{HEADER}1,never,5\n2,never,x\n".encode(),
        "every_row_rejected",
        "2 of 2 rows",
    ),
    "nested parquet": (
        "a.parquet",
        parquet(member_id=["1"], purchased_at=["2024-01-01"], amount=[[5]]),
        "column_type",
        "list<",
    ),
    "every line broken": ("a.jsonl", b'{"member_id": \nnonsense\n', "no_header", "no header"),
    "all in the future": (
        "a.csv",
        f"{HEADER}1,2999-01-01,5\n".encode(),
        "every_row_rejected",
        "in the future",
    ),
    "open quote": ("a.csv", f'{HEADER}"1,2024-01-01,5\n'.encode(), "open_quote", "never closed"),
    "ambiguous dates": ("a.csv", f"{HEADER}1,03/04/2024,5\n".encode(), "ambiguous_dates", "set date_format"),
    "ambiguous decimals": (
        "a.csv",
        f'{HEADER}1,2024-01-01,"1,234"\n'.encode(),
        "ambiguous_decimals",
        "set decimal_separator",
    ),
}


@pytest.mark.parametrize(("name", "content", "code", "words"), BAD_FILES.values(), ids=BAD_FILES.keys())
def test_bad_file_is_refused_and_nothing_is_stored(name, content, code, words, write, store, options):
    with pytest.raises(DatasetProblems) as refused:
        ingest([write(name, content)], "purchases", store=store, options=options)
    assert code in {problem.code for problem in refused.value.problems}
    assert words in str(refused.value)
    assert [path for path in store.root.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ("1,2024-01-01,5\n", "no_currency"),
        ("1,2024-01-01,$5\n", "no_currency"),
        ("1,2024-01-01,€5\n2,2024-01-01,£6\n", "several_currencies"),
    ],
)
def test_amounts_need_one_currency_or_a_column(rows, code, write, store):
    with pytest.raises(DatasetProblems) as refused:
        ingest([write("a.csv", HEADER + rows)], "purchases", store=store, options=Options(now=NOW))
    assert [problem.code for problem in refused.value.problems] == [code]


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        (Limits(file_bytes=20), "file_too_large"),
        (Limits(rows=1), "too_many_rows"),
        (Limits(columns=2), "too_many_columns"),
    ],
)
def test_limits_are_kept(limits, code, write, store, options):
    file = write("a.csv", HEADER + "1,2024-01-01,5\n2,2024-01-01,5\n")
    with pytest.raises(DatasetProblems) as refused:
        ingest([file], "purchases", store=store, options=options, limits=limits)
    assert [problem.code for problem in refused.value.problems] == [code]


def test_all_problems_of_all_files_come_at_once_with_the_nearest_name(write, store, options):
    one = write("one.csv", "member_id,purchased_at,amuont\n1,2024-01-01,5\n")
    two = write("two.csv", "who,when,how much\n1,2024-01-01,5\n")
    with pytest.raises(DatasetProblems) as refused:
        ingest([one, two], "purchases", store=store, options=options)
    found = {problem.field: problem.nearest for problem in refused.value.problems}
    assert found["one.csv: amount"] == "amuont"
    assert {"two.csv: member_id", "two.csv: purchased_at", "two.csv: amount"} <= found.keys()


def test_unknown_kind_names_the_nearest(store):
    with pytest.raises(DatasetProblems, match="Did you mean “purchases”"):
        ingest([], "purchase", store=store)
