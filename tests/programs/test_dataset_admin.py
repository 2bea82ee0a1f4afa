"""Data loaded in the admin: accepted, counted, or refused in words."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from programs.models import Dataset, Program
from tests.doors import built, site  # noqa: F401
from tests.plans.admin.conftest import demo, login  # noqa: F401

UPLOAD = reverse("admin:programs_dataset_upload")


def file(text: str, name: str = "orders.csv") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, text.encode())


@pytest.fixture
def form(demo):  # noqa: F811
    return {"program": Program.objects.get(slug="cdnow").pk, "kind": "purchases", "currency": "USD",
            "series": "replace"}  # fmt: skip


def test_a_good_file_is_loaded_and_its_bad_row_can_be_downloaded(login, form):  # noqa: F811
    rows = "customer,purchased_at,amount\nm1,2026-01-02,10.00\nm2,never,5.00\n"
    client = login("ops")
    response = client.post(UPLOAD, form | {"file": file(rows), "map-member_id": "customer"})
    dataset = Dataset.objects.latest("pk")
    assert response.url == reverse("admin:programs_dataset_answer", args=[dataset.pk])
    assert (dataset.rows, dataset.rejected_rows) == (1, 1)
    rejects = client.get(reverse("admin:programs_dataset_rejects", args=[dataset.pk])).content.decode()
    assert "never" in rejects


@pytest.mark.parametrize(
    ("text", "name", "column", "said"),
    [
        ("nothing,useful\n1,2\n", "orders.csv", "", "member_id"),
        ("", "orders.csv", "", "empty"),
        ("<html>", "orders.pdf", "", "pdf"),
        ("member_id,purchased_at,amount\n1,2026-01-02,3\n", "orders.csv", "nobody", "no column “nobody”"),
    ],
)
def test_a_bad_file_is_refused_in_words_and_leaves_nothing(login, form, text, name, column, said):  # noqa: F811
    before = Dataset.objects.count()
    response = login("ops").post(UPLOAD, form | {"file": file(text, name), "map-member_id": column})
    assert said in str(response.context["form"].errors).lower()
    assert Dataset.objects.count() == before


def test_an_approver_may_not_load_data(login, form):  # noqa: F811
    assert login("finance").get(UPLOAD).status_code == 403


def test_a_file_is_looked_at_mapped_and_loaded(login, form):  # noqa: F811
    rows = "customer,purchased_at,total\nm1,2026-01-02,10.00\nm2,2026-01-03,5.00\n"
    client, before = login("ops"), Dataset.objects.count()
    looked = client.post(UPLOAD, form | {"file": file(rows), "step": "preview"})
    (found,) = looked.context["preview"]["files"]
    assert [column["name"] for column in found["columns"]] == ["customer", "purchased_at", "total"]
    assert (found["rows"], len(found["first_rows"])) == (2, 2)
    assert Dataset.objects.count() == before
    chosen = {"map-member_id": "customer", "map-amount": "total", "map-purchased_at": "purchased_at"}
    told = form | {"token": looked.context["token"], "step": "load", **chosen}
    stolen = login("strategist").post(UPLOAD, told)
    assert "not kept any more" in " ".join(map(str, stolen.context["messages"]))
    loaded = client.post(UPLOAD, told)
    dataset = Dataset.objects.latest("pk")
    assert loaded.url == reverse("admin:programs_dataset_answer", args=[dataset.pk])
    assert (dataset.rows, next(iter(dataset.mapping.values()))["amount"]) == (2, "total")


def test_a_preview_says_what_is_missing(login, form):  # noqa: F811
    looked = login("ops").post(UPLOAD, form | {"file": file("when,what\n2026-01-02,x\n"), "step": "preview"})
    codes = [question["code"] for question in looked.context["preview"]["questions"]]
    assert codes.count("missing_column") >= 1
    assert "Not in this file" in looked.content.decode()
