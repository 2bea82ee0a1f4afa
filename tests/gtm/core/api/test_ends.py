"""What once ended in a defect: large bodies, the ends of time, numbers without end, damaged files."""

import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook
from rest_framework.exceptions import ParseError

from gtm.core.api import parsers
from gtm.core.api.fields import is_countable
from gtm.core.errors import InvalidInput
from plans.export import render
from programs.datasets.loading.limits import Limits, Options
from programs.datasets.loading.problems import DatasetProblems
from programs.datasets.loading.source import Source
from programs.datasets.readers import read_source
from tests.doors import PURCHASES, fields, url
from tests.factories import round_of

ANY = {"headers": {"If-Match": "*"}}
DEEP = "[" * 50_000 + "]" * 50_000
EARLY, LATE = "0001-01-01T00:00:00%2B14:00", "9999-12-31T23:59:59-14:00"


def test_a_plan_of_more_than_two_and_a_half_megabytes_is_read(ops):
    large = {"integrity": {}, "padding": "x" * 3_000_000}
    refused = ops.post(url("plans/import/"), large, format="json")
    assert refused.status_code == 400
    assert refused.json()["title"] == "The input is not valid"


def test_a_body_without_end_is_too_large_and_no_defect(ops):
    raw = b'"' + b"x" * (parsers.MAX_BYTES + 1) + b'"'
    refused = ops.post(url("plans/import/"), raw, content_type="application/json")
    assert (refused.status_code, refused["Content-Type"]) == (413, "application/problem+json")
    assert refused.json()["type"] == "urn:gtm-governance:problem:too_large"


@pytest.mark.parametrize(
    "question",
    [
        f"plans/?created_at__gte={EARLY}",
        f"plans/?created_at__lt={LATE}",
        f"scheduled-runs/?due_at__gte={EARLY}",
        f"access-review/?at={EARLY}",
        f"access-review/?at={LATE}",
    ],
)
def test_the_ends_of_time_are_refused_in_questions(as_, question):
    refused = as_("auditor").get(url(question))
    assert refused.status_code == 400
    assert fields(refused) == [question.partition("?")[2].partition("=")[0]]


def test_the_ends_of_time_are_refused_in_bodies(as_, plan):
    body = {"slug": "c", "name": "C", "program": "cdnow", "starts_on": "0001-01-01", "ends_on": "9999-12-31"}
    refused = as_("admin").post(url("campaigns/"), body, format="json")
    assert refused.status_code == 400
    assert {"starts_on", "ends_on"} <= set(fields(refused))


@given(st.datetimes())
def test_what_is_countable_can_be_said_in_every_zone(moment):
    if is_countable(moment):
        assert 1899 <= moment.year <= 3000


@pytest.mark.parametrize("hours", [1e308, -1e308, 0, 24.1])
def test_break_glass_of_any_hours_is_refused_in_words(as_, plan, hours):
    body = {"approval": round_of(plan).pk, "reason": "Urgent", "hours": hours}
    refused = as_("admin").post(url("break-glass/"), body, format="json")
    assert (refused.status_code, fields(refused)) == (422, ["hours"])


@pytest.mark.parametrize("number", [2**53, -(2**53), 2**70])
def test_whole_numbers_that_the_change_log_cannot_hash_are_refused_where_they_stand(as_, plan, number):
    task = plan.tasks.get(key="publish")
    body = {"result": {"found": [1, number]}}
    refused = as_("admin").post(url(f"tasks/{task.pk}/complete/"), body, format="json", **ANY)
    assert (refused.status_code, fields(refused)) == (400, ["result.found.1"])


@pytest.mark.parametrize("text", [DEEP, '"\\ud800"', '{"\\u0000": 1}', "{"])
def test_json_inside_a_text_is_held_to_the_same(text):
    with pytest.raises(ParseError):
        parsers.read(text)


def test_a_number_that_is_none_is_no_number():
    with pytest.raises(InvalidInput):
        parsers.read("[1e999]")


@pytest.mark.parametrize("door", ["upload", "preview"])
@pytest.mark.parametrize("mapping", [DEEP, '{"member_id": "\\ud800"}'])
def test_the_mapping_of_a_load_may_be_anything_and_is_no_defect(as_, door, mapping):
    file = SimpleUploadedFile("p.csv", PURCHASES.encode())
    body = {"kind": "purchases", "program": "cdnow", "mapping": mapping, "file": file}
    refused = as_("analyst").post(url(f"datasets/{door}/"), body)
    assert (refused.status_code, refused["Content-Type"]) == (400, "application/problem+json")


def parquet() -> bytes:
    out = io.BytesIO()
    days = pa.array(["2024-01-01", "2024-01-02"])
    pq.write_table(pa.table({"member_id": ["a", "b"], "purchased_at": days, "amount": [1.5, 2.5]}), out)
    return out.getvalue()


WHOLE = parquet()


@given(place=st.integers(4, len(WHOLE) - 1), byte=st.integers(0, 255))
@example(place=len(WHOLE) - 8, byte=255)
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_parquet_is_refused_or_read_and_never_a_defect(tmp_path, place, byte):
    damaged = tmp_path / "damaged.parquet"
    damaged.write_bytes(WHOLE[:place] + bytes([byte]) + WHOLE[place + 1 :])
    try:
        read_source(Source(damaged), tmp_path, Options(), Limits())
    except DatasetProblems as refused:
        assert refused.problems


@given(cut=st.integers(4, len(WHOLE) - 1))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_half_a_parquet_is_refused(tmp_path, cut):
    half = tmp_path / "half.parquet"
    half.write_bytes(WHOLE[:cut] + b"PAR1")
    with pytest.raises(DatasetProblems):
        read_source(Source(half), tmp_path, Options(), Limits())


def test_an_unknown_field_of_a_body_is_refused_with_the_nearest(ops, plan):
    refused = ops.post(url(f"plans/{plan.plan_id}/ripcord/"), {"reason": "x", "reasn": "y"}, format="json")
    assert (refused.status_code, fields(refused)) == (400, ["reasn"])
    assert "Did you mean “reason”?" in refused.json()["errors"][0]["message"]


CONTROL = {
    "kind": "table",
    "key": "t",
    "title": "T",
    "columns": [{"key": "a", "label": "A\x0b", "kind": "text", "unit": ""}],
    "rows": [["before\x01after"], ["=1+1"]],
    "note": "",
}


def test_a_control_character_does_not_end_a_workbook():
    book = load_workbook(io.BytesIO(render.render(CONTROL, "xlsx").content))
    assert [cell.value for cell in book.active["A"]] == ["A\ufffd", "before\ufffdafter", "'=1+1"]


def test_the_request_keeps_its_id(ops):
    mine = ops.get(url("plans/"), headers={"X-Request-ID": "job-7/3"})
    assert mine["X-Request-ID"] == "job-7/3"
    other = ops.get(url("plans/?nope=1"), headers={"X-Request-ID": "two words, or\ta tab"})
    assert other.json()["request_id"] == other["X-Request-ID"] != ""
    assert " " not in other["X-Request-ID"]


def test_a_list_has_an_etag_and_is_304_while_nothing_changes(ops, plan):
    first = ops.get(url("plans/"))
    again = ops.get(url("plans/"), headers={"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", first["ETag"])
    ops.post(url(f"plans/{plan.plan_id}/ripcord/"), {"reason": "x"}, format="json")
    assert ops.get(url("plans/"), headers={"If-None-Match": first["ETag"]}).status_code == 200
