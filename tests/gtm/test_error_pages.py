"""What a person reads where something is refused, missing or broken, and what a program gets there."""

import pytest
from django.test import Client
from django.urls import reverse

from gtm.core.api.problem import MEDIA_TYPE
from gtm.core.errors import GuardNotMet, Problem
from plans.engine.people import inbox
from tests.doors import built, site, user

__all__ = ["built", "site"]
NOBODY_LEARNS = ("Traceback", "Exception", "request_path", "DEBUG")


@pytest.fixture
def people(site):
    def as_user(username, **options):
        client = Client(raise_request_exception=False, **options)
        if username:
            client.force_login(user(username))
        return client

    return as_user


def told(response, status):
    """The words of an error page, which is a page of the site."""
    text = response.content.decode()
    assert response.status_code == status
    assert "gtm/gtm.css" in text and "</html>" in text
    assert [word for word in NOBODY_LEARNS if word in text] == []
    return text


def test_who_may_not_is_told_why_as_whom_and_what_to_do(people):
    text = told(people("auditor").get(reverse("admin:plans_run")), 403)
    assert "To start a run, you need the permission to operate plans." in text
    assert "You are logged in as auditor, in the roles" in text
    assert "give you a role that allows it" in text and 'id="nav-sidebar"' in text


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("/plans/plan/999999/change/", "There is no such plan."),
        ("/plans/plan/run/no-such-command/", "There is no command no-such-command"),
        ("/no/such/place/", "There is nothing at /no/such/place/."),
    ],
)
def test_what_is_not_there_is_named_and_the_search_is_pointed_at(people, address, said):
    text = told(people("ops").get(address), 404)
    assert said in text and "Search finds plans" in text


def test_a_stranger_gets_the_page_without_the_navigation(people):
    text = told(people("").get("/join/no-such-program/"), 404)
    assert 'id="nav-sidebar"' not in text and "Go to the site" in text


def test_a_form_from_an_old_page_is_not_stored_and_its_sender_knows(people):
    client = people("ops", enforce_csrf_checks=True)
    text = told(client.post(reverse("admin:plans_inbox_decide"), {"decision": "approve"}), 403)
    assert "The form is no longer valid" in text and "nothing was stored" in text


def test_what_nobody_can_read_is_a_bad_request(people, settings):
    settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = 2
    text = told(people("ops").post(reverse("admin:plans_inbox_decide"), dict.fromkeys("abcd", "1")), 400)
    assert "This could not be read" in text
    assert "This could not be read" in told(people("").get("/", headers={"host": "evil.example"}), 400)


def test_a_defect_shows_when_and_where_but_not_what(people, monkeypatch):
    def break_down(user):
        raise RuntimeError("secret of the house")

    monkeypatch.setattr(inbox, "waiting_for", break_down)
    text = told(people("ops").get("/"), 500)
    assert "secret of the house" not in text
    assert " UTC, /." in text and "Check which, before you send it again" in text


def test_a_refusal_that_a_view_did_not_tell_is_told_with_every_reason(people, monkeypatch):
    def refuse():
        raise GuardNotMet("Not today.", hint="Come tomorrow.", problems=[Problem("due_date", "has passed.")])

    monkeypatch.setattr("plans.admin.plans.directory.context", refuse)
    text = told(people("ops").get(reverse("admin:plans_directory")), 422)
    assert "Not today." in text and "due date: has passed." in text and "Come tomorrow." in text


def test_the_address_of_a_form_opened_without_it_says_that_nothing_was_done(people):
    response = people("ops").get(reverse("admin:plans_inbox_decide"))
    text = told(response, 405)
    assert "Nothing was done." in text and response["Allow"] == "POST"


@pytest.mark.parametrize(("method", "status"), [("get", 404), ("post", 404)])
def test_rest_answers_what_is_not_there_with_a_problem_document(people, method, status):
    response = getattr(people("ops"), method)("/api/v1/no-such-thing/")
    assert (response.status_code, response["Content-Type"]) == (status, MEDIA_TYPE)
    assert response.json()["title"] == "There is no such address"


def test_rest_answers_a_foreign_host_with_a_problem_document(people):
    response = people("").get("/api/v1/plans/", headers={"host": "evil.example"})
    assert (response.status_code, response["Content-Type"]) == (400, MEDIA_TYPE)
    assert response.json()["status"] == 400
