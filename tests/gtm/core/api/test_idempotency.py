"""Idempotency-Key on every POST: done once, answered alike, given back where it was refused."""

from datetime import timedelta

import pytest
from drf_spectacular.generators import SchemaGenerator

from gtm.core import clock, kept_answer
from gtm.core.api import idempotency
from gtm.core.api.views import ActingMixin
from gtm.core.kept_answer import KeptAnswer
from plans.demo.organisation import PASSWORD
from plans.models import Decision, RipcordPull, WebhookSubscription
from programs.models import Dataset, GuardedChange, Program
from tests.doors import token_of, url
from tests.factories import round_of

NEW = {"slug": "gold-club", "name": "Gold Club", "kind": "loyalty", "currency": "USD"}
KEY = {"Idempotency-Key": "one"}


def send(client, path, body=NEW, key=KEY, **headers):
    return client.post(url(path), body, format="json", headers={**key, **headers})


def test_what_is_sent_again_is_made_once_and_answered_alike(ops):
    first, again = send(ops, "programs/"), send(ops, "programs/")
    assert (first.status_code, again.status_code) == (201, 201)
    assert (again.json(), again["ETag"]) == (first.json(), first["ETag"])
    assert (idempotency.REPLAYED in first, again[idempotency.REPLAYED]) == (False, "true")
    assert Program.objects.filter(slug="gold-club").count() == 1


def test_a_decision_is_one_vote_however_often_it_is_sent(as_, plan):
    approval = round_of(plan)
    path, body = f"approvals/{approval.pk}/decide/", {"decision": "approve", "password": PASSWORD}
    body["scope_sha256"] = approval.scope_sha256
    told = [send(as_("finance"), path, body).status_code for _ in range(2)]
    assert (told, Decision.objects.filter(approval=approval).count()) == ([200, 200], 1)


def test_a_proposal_that_waits_is_proposed_once(as_):
    body = {"person": "sales@demo.example", "role": "legal"}
    first, again = (send(as_("exec"), "approvers/", body) for _ in range(2))
    assert (first.status_code, again.status_code, again["Content-Type"]) == (202, 202, first["Content-Type"])
    assert GuardedChange.objects.filter(state="proposed").count() == 1


def test_the_rows_of_a_file_are_loaded_once(ops, purchases):
    before, told, first = Dataset.objects.count(), [], purchases.read_text() + "m9,2024-06-19,7.50\n"
    fields = {"kind": "purchases", "program": "cdnow", "currency": "USD", "series": "replace"}
    for rows in (first, first, f"{first}m8,2024-06-19,7.50\n"):
        purchases.write_text(rows)
        with purchases.open("rb") as file:
            answer = ops.post(url("datasets/upload/"), {**fields, "file": file}, headers=KEY)
        told.append(answer.status_code)
    assert (told, Dataset.objects.count()) == ([201, 201, 422], before + 1)


def test_a_key_is_of_one_request_and_of_one_account(ops, as_):
    send(ops, "programs/")
    other = send(ops, "programs/", NEW | {"slug": "silver-club"})
    assert (other.status_code, other.json()["type"].rpartition(":")[2]) == (422, "idempotency_key_reused")
    assert send(ops, "partners/", {"slug": "p", "name": "P"}).status_code == 422
    theirs = send(as_("partner"), "programs/", NEW | {"slug": "silver-club", "name": "Silver"})
    assert theirs.status_code == 201


def test_what_was_refused_may_be_sent_again_with_its_key(ops):
    assert send(ops, "programs/", NEW | {"kind": "nothing"}).status_code == 400
    assert not KeptAnswer.objects.exists()
    assert send(ops, "programs/").status_code == 201


def test_a_request_that_was_cut_off_is_not_done_again(ops, plan):
    body, path = {"scope": "plan", "plan": plan.plan_id, "reason": "r"}, "ripcords/"
    send(ops, path, body)
    KeptAnswer.objects.update(status=None, body=None)
    refused = send(ops, path, body)
    assert (refused.status_code, "cut off" in refused.json()["detail"]) == (409, True)
    assert RipcordPull.objects.count() == 1


def test_a_secret_is_shown_once_and_not_kept(ops):
    body = {"name": "crm", "url": "https://crm.example.com/", "events": []}
    secret = send(ops, "webhooks/", body).json()["secret"]
    again = send(ops, "webhooks/", body)
    assert (again.status_code, WebhookSubscription.objects.count()) == (409, 1)
    assert (secret in again.content.decode(), KeptAnswer.objects.get().body) == (False, None)


def test_a_token_sends_keys_too_and_a_long_one_is_refused(site, client):
    token = {"Authorization": f"Token {token_of('ops')}"}
    told = [
        client.post(url("programs/"), NEW, content_type="application/json", headers=token | KEY).status_code
        for _ in range(2)
    ]
    assert told == [201, 201]
    long = {"Idempotency-Key": "k" * (idempotency.LONGEST + 1)}
    refused = client.post(url("programs/"), NEW, content_type="application/json", headers=token | long)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "Idempotency-Key")


def test_a_key_and_its_answer_are_gone_after_a_day(ops):
    send(ops, "programs/")
    KeptAnswer.objects.update(made_at=clock.now() - timedelta(hours=25))
    kept_answer.drop_old()
    assert not KeptAnswer.objects.exists()


def test_every_post_of_an_account_tells_of_the_key():
    paths = SchemaGenerator().get_schema(request=None, public=True)["paths"]
    without = {
        path
        for path, methods in paths.items()
        if "post" in methods
        and not any(p["name"] == idempotency.HEADER for p in methods["post"].get("parameters", ()))
    }
    assert without == {
        "/api/v1/token/",
        "/api/v1/hooks/{name}/",
    }  # no account; a message has an id of its own


@pytest.mark.parametrize("name", ["initial", "finalize_response", "handle_exception"])
def test_no_view_of_ours_does_without(name):
    def below(view):
        return {view, *(found for sub in view.__subclasses__() for found in below(sub))}

    assert [view for view in below(ActingMixin) - {ActingMixin} if name in vars(view)] == []
