"""Deciding over REST: who may, on what, with which proof of presence."""

import pytest
from rest_framework.test import APIClient

from gtm.core import access_tokens
from gtm.core.actors import Actor, acting_as
from gtm.core.models import ChangeLogEntry
from plans.demo.organisation import PASSWORD
from tests.doors import fields, token_of, url, user
from tests.factories import gate, make_plan, round_of, seat

YES = {"decision": "approve", "comment": "Fine.", "password": PASSWORD}


@pytest.fixture
def approval(plan):
    return round_of(plan)


@pytest.fixture
def decide(approval, as_):
    """Decide as somebody who has just read the approval; keys with a value of None are left out."""

    def send(username, headers=None, **body):
        client = as_(username)
        seen = client.get(url(f"approvals/{approval.pk}/"))["ETag"]
        given = {key: value for key, value in (YES | body).items() if value is not None}
        headers = {"If-Match": seen} if headers is None else headers
        return client.post(url(f"approvals/{approval.pk}/decide/"), given, format="json", headers=headers)

    return send


def state_of(approval):
    approval.refresh_from_db()
    return approval.state


def test_an_approver_approves_and_the_answer_carries_the_new_etag(decide, approval, as_):
    response = decide("finance")
    assert (response.status_code, response.json()["state"]) == (200, "approved")
    assert response.json()["decisions"][0]["person"] == "Fiona Walsh"
    assert response["ETag"] == as_("finance").get(url(f"approvals/{approval.pk}/"))["ETag"]


def test_a_decision_needs_to_say_what_was_seen(decide, approval):
    response = decide("finance", headers={})
    assert (response.status_code, response["Content-Type"]) == (428, "application/problem+json")
    assert state_of(approval) == "pending"


def test_a_stale_etag_is_refused_and_nothing_is_lost(decide, approval):
    response = decide("finance", headers={"If-Match": '"stale"'})
    assert (response.status_code, approval.decisions.count(), state_of(approval)) == (412, 0, "pending")


def test_the_digest_of_the_content_stands_in_for_the_etag(decide, approval):
    assert decide("finance", headers={}, scope_sha256=approval.scope_sha256).status_code == 200


def test_another_content_than_was_seen_is_refused(decide, approval):
    assert decide("finance", headers={}, scope_sha256="0" * 64).status_code == 412
    assert state_of(approval) == "pending"


@pytest.mark.parametrize(("password", "words"), [(None, "need your password"), ("wrong", "is wrong")])
def test_money_asks_for_the_password_again(decide, approval, password, words):
    response = decide("finance", password=password)
    assert (response.status_code, response.json()["reauthenticate"]) == (403, True)
    assert words in response.json()["detail"]
    assert (state_of(approval), approval.decisions.count()) == ("pending", 0)


def test_a_token_never_decides(approval):
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {token_of('finance')}")
    shown = client.get(url(f"approvals/{approval.pk}/"))
    assert {action["allowed"] for action in shown.json()["actions"]} == {False}
    body = YES | {"scope_sha256": approval.scope_sha256}
    response = client.post(url(f"approvals/{approval.pk}/decide/"), body, format="json")
    assert response.status_code == 403
    assert "tokens and services cannot decide" in response.json()["detail"]


@pytest.mark.parametrize(
    ("username", "words"),
    [
        ("legal", "holds none of the roles"),
        ("admin", "belongs to no person"),
        ("analyst", "holds none of the roles"),
    ],
)
def test_only_the_eligible_decide_and_the_refusal_is_on_record(decide, approval, username, words):
    response = decide(username)
    assert response.status_code == 403
    assert words in response.json()["detail"]
    assert state_of(approval) == "pending"
    assert ChangeLogEntry.objects.filter(event="decision refused", entity_id=str(approval.pk)).count() == 1


def test_who_requested_does_not_decide_whatever_the_role(site, as_):
    with acting_as(Actor.system("Test")):
        approval = round_of(make_plan(gate(seat("finance")), requester=user("finance")))
    body = YES | {"scope_sha256": approval.scope_sha256}
    response = as_("finance").post(url(f"approvals/{approval.pk}/decide/"), body, format="json")
    assert (response.status_code, state_of(approval)) == (403, "pending")
    assert "nobody approves their own request" in response.json()["detail"]


def test_whoever_answers_for_a_program_does_not_decide_what_it_asked_for(site, as_):
    with acting_as(Actor.system("Test")):
        program = access_tokens.make_service("nightly", owner=user("finance"), purpose="Starts runs.").user
        approval = round_of(make_plan(gate(seat("finance")), requester=program))
    body = YES | {"scope_sha256": approval.scope_sha256}
    response = as_("finance").post(url(f"approvals/{approval.pk}/decide/"), body, format="json")
    assert (response.status_code, state_of(approval)) == (403, "pending")
    assert "nobody approves their own request" in response.json()["detail"]


@pytest.mark.parametrize("decision", ["reject", "request_changes"])
def test_a_no_needs_a_reason(decide, approval, decision):
    response = decide("finance", decision=decision, comment="")
    assert (response.status_code, fields(response)) == (422, ["comment"])
    assert state_of(approval) == "pending"


def test_a_final_request_answers_409_and_changes_nothing(decide, approval):
    decide("finance")
    response = decide("finance", decision="reject")
    assert (response.status_code, state_of(approval), approval.decisions.count()) == (409, "approved", 1)


def test_every_bad_field_of_a_decision_is_named(decide):
    response = decide("finance", decision="aprove", evidence=[], on_behalf_of="x")
    assert (response.status_code, sorted(fields(response))) == (400, ["decision", "evidence", "on_behalf_of"])
    assert {problem["pointer"] for problem in response.json()["errors"]} == {
        "#/decision", "#/evidence", "#/on_behalf_of",
    }  # fmt: skip
