"""Anchors and access reviews over REST: for auditors, read only."""

import pytest
from django.contrib.auth.models import Permission
from rest_framework.test import APIClient

from gtm.core.evidence import anchors
from gtm.core.models import SigningKey
from tests.factories import PersonFactory, UserFactory

pytestmark = pytest.mark.usefixtures("acting")
ANCHORS, REVIEW = "/api/v1/anchors/", "/api/v1/access-review/"


def client_of(user):
    client = APIClient()
    client.force_login(user)
    return client


@pytest.fixture
def auditor():
    user = UserFactory(username="auditor")
    user.user_permissions.add(Permission.objects.get(codename="audit_plan"))
    return client_of(user)


@pytest.mark.parametrize("url", [ANCHORS, REVIEW])
def test_others_than_auditors_are_refused(url):
    assert client_of(UserFactory()).get(url).status_code == 403
    assert APIClient().get(url).status_code == 401


def test_an_anchor_is_read_with_its_copies_and_never_written(auditor):
    made = anchors.anchor()
    row = auditor.get(f"{ANCHORS}{made.number}/").data
    assert {key: row[key] for key in (*anchors.SEALED, "root")} == anchors.record_of(made)
    assert [(copy["place"], copy["attempts"], copy["error"]) for copy in row["copies"]] == [("file", 1, "")]
    assert [auditor.post(ANCHORS).status_code, auditor.delete(f"{ANCHORS}1/").status_code] == [405, 405]


def test_a_review_answers_for_a_date_as_json_and_as_csv(auditor, time):
    PersonFactory(name="Ada", roles=["finance"])
    time.pass_time(days=1)
    told = auditor.get(f"{REVIEW}?at=2026-03-02").data
    seats = [(g["person"], g["what"], g["in_force"]) for g in told["grants"] if g["kind"] == "approver"]
    assert (told["at"], seats) == ("2026-03-02T23:59:59.999999Z", [("Ada", "finance", True)])
    sheet = auditor.get(f"{REVIEW}?at=2026-03-02&as=csv")
    assert sheet["Content-Type"] == "text/csv; charset=utf-8"
    assert "approver,Ada," in sheet.content.decode()
    assert auditor.get(f"{REVIEW}?at=2026-03-01").data["grants"] == []


@pytest.mark.parametrize("query", ["at=yesterday", "as=xlsx", "person=Ada"])
def test_a_question_it_does_not_know_is_refused(auditor, query):
    assert auditor.get(f"{REVIEW}?{query}").status_code == 400


def test_public_keys_are_read_by_everybody_who_has_an_account_and_never_written():
    SigningKey.objects.create(text="example.com/gtm+00000000+AAAA")
    client = client_of(UserFactory())
    (row,) = client.get("/api/v1/signing-keys/").data["results"]
    assert (row["text"], row["retired_at"]) == ("example.com/gtm+00000000+AAAA", None)
    assert client.post("/api/v1/signing-keys/", {}).status_code == 405
    assert APIClient().get("/api/v1/signing-keys/").status_code == 401
