"""Files at the doors: refused whole with words that help, or taken with the rejects kept."""

import csv
import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from programs.models import Dataset, Partner
from tests.doors import HEADER, PURCHASES, fields, manage, stored, url
from tests.programs.datasets.loading.test_bad_files import BAD_FILES, parquet

UPLOAD = url("datasets/upload/")
BAD = {what: (name, content, words) for what, (name, content, _, words) in BAD_FILES.items()} | {
    "truncated parquet": ("a.parquet", parquet(member_id=["1"] * 99)[:-40], "Parquet file is damaged"),
    "huge cell": ("a.csv", f"{HEADER}{'x' * 3_000_000},2024-01-01,5\n".encode(), ""),
}


@pytest.fixture
def upload(ops):
    def send(name, content, client=ops, **rest):
        file = SimpleUploadedFile(name, content)
        told = {"kind": "purchases", "program": "cdnow", "series": "replace", "file": file}
        return client.post(UPLOAD, told | rest)

    return send


@pytest.mark.parametrize(("name", "content", "words"), BAD.values(), ids=BAD.keys())
def test_a_bad_file_is_refused_at_both_doors_and_nothing_is_stored(
    upload, settings, tmp_path, name, content, words
):
    path = tmp_path / name
    path.write_bytes(content)
    before = stored(settings.GTM_DATA_DIR)
    response = upload(name, content)
    assert response.status_code in (400, 413)
    assert response["Content-Type"] == "application/problem+json"
    assert words in str(response.json())
    assert name in str(response.json())
    code, said = manage("load_dataset", "purchases", str(path), "--program", "cdnow")
    assert code == 2
    assert words in said
    assert stored(settings.GTM_DATA_DIR) == before


def test_rejected_rows_are_kept_counted_and_explained(upload, ops):
    rows = f"{PURCHASES}m1,never,5\nm2,2024-01-01,much\n=1+1,2024-02-30,5\nm1,2024-02-11,1.50\n"
    taken = upload("a.csv", rows.encode())
    assert taken.status_code == 201
    found = taken.json()
    assert (found["rows"] + found["duplicate_rows"], found["rejected_rows"]) == (40, 3)
    assert sum(found["reject_reasons"].values()) == 3
    response = ops.get(url(f"datasets/{found['id']}/rejects/"))
    kept = list(csv.DictReader(io.StringIO(response.content.decode("utf-8-sig"))))
    assert (response["Content-Type"], len(kept)) == ("text/csv; charset=utf-8", 3)
    cells = [cell for row in kept for cell in row.values()]
    assert any("=1+1" in cell for cell in cells)
    assert not any(cell.startswith("=") for cell in cells)


def test_an_amount_keeps_the_currency_it_names_and_an_ambiguous_sign_is_rejected(upload):
    found = upload("a.csv", f"{HEADER}1,2024-01-01,€5\n2,2024-01-02,£6\n3,2024-01-03,7\n".encode()).json()
    assert (found["rows"], found["rejected_rows"]) == (2, 1)
    assert found["reject_reasons"] == {
        "amount: its sign is of another currency than the row's, which a currency column would name": 1
    }
    currency = found["profile"]["currency"]
    assert (currency["minimum"], currency["maximum"]) == ("EUR", "USD")


def test_the_same_file_again_is_the_dataset_that_is_there(upload, purchases):
    again = upload("renamed.csv", purchases.read_bytes())
    assert (again.status_code, again.json()["id"]) == (201, Dataset.objects.get().pk)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"program": "nope"}, ["program"]),
        ({"kind": "purchase"}, ["kind"]),
        ({"mapping": "{"}, ["mapping"]),
        ({"mapping": "[1]", "program": "nope", "file": ""}, ["program", "file", "mapping"]),
        ({"time_zone": "Mars/Base"}, ["time_zone"]),
        ({"currency": "XXX"}, ["currency"]),
    ],
)
def test_bad_words_about_a_file_are_named(upload, change, named):
    response = upload("a.csv", PURCHASES.encode(), **change)
    assert (response.status_code, fields(response)) == (400, named)


def test_the_command_line_counts_and_says_where_the_rejects_went(site, tmp_path):
    path = tmp_path / "some.csv"
    path.write_text(PURCHASES + "m1,never,5\n")
    code, said = manage("load_dataset", "purchases", str(path), "--program", "cdnow", "--replace")
    assert code == 0
    assert "40 rows read: 39 accepted, 1 rejected, 0 duplicates." in said
    assert "Rejected rows with their reasons: " in said


def test_every_bad_word_on_the_command_line_is_named(site, purchases):
    words = ("--program", "nope", "--partner", "none", "--map", "x")
    code, said = manage("load_dataset", "purchases", str(purchases), *words)
    assert code == 2
    for option in ("--program: “nope” is unknown. Allowed: ", "--partner: “none”", "--map: “x”"):
        assert option in said


def test_a_file_that_is_not_there_exits_2(site, tmp_path):
    code, said = manage("load_dataset", "purchases", str(tmp_path / "none.csv"), "--program", "cdnow")
    assert (code, "none.csv" in said) == (2, True)


JANUARY = f"{HEADER}m1,2024-01-05,5\n".encode()
FEBRUARY = f"{HEADER}m1,2024-02-05,7\n".encode()


def test_rows_of_two_owners_are_refused_where_one_would_be_left_out(upload, ops):
    assert upload("own.csv", JANUARY).status_code == 201
    partner = Partner.objects.order_by("slug").first()
    assert upload("theirs.csv", FEBRUARY, partner=partner.slug).status_code == 201
    usage = "/loyalty-lifecycle-orchestration:monitor-loyalty --window 30d"
    answer = ops.post(url("runs/"), {"usage": usage, "program": "cdnow"}, content_type="application/json")
    assert answer.status_code == 400
    assert f"purchases were loaded by ourselves, {partner}" in str(answer.json())
