"""Signed messages from outside, over REST: taken once, kept as they came, loaded by a profile, no more."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse
from rest_framework.test import APIClient
from standardwebhooks import Webhook

from gtm.core import access_tokens
from gtm.core.actors import Actor, acting_as
from gtm.core.errors import InvalidInput
from gtm.core.models import ChangeLogEntry
from plans.engine.webhooks import incoming
from plans.models import ReceivedMessage
from programs.models import Dataset, LoadProfile, Program
from tests.doors import url, user

ROWS = [
    {"customer_id": "A", "order_id": "1", "bought": "2026-01-05", "amount": "12.50"},
    {"customer_id": "B", "order_id": "2", "bought": "2026-01-06", "amount": "8.00"},
]
ADDRESS = "hooks/shop/"


@pytest.fixture
def ops(as_, site):
    return as_("ops")


@pytest.fixture
def account(site):
    """A service account that may add datasets."""
    with acting_as(Actor.system("Test")):
        made = access_tokens.make_service("shop", owner=user("ops"), purpose="Sends its orders.").user
    made.user_permissions.add(Permission.objects.get(codename="add_dataset"))
    return made


@pytest.fixture
def body(account):
    with acting_as(Actor.system("Test")):
        profile = LoadProfile(
            program=Program.objects.get(slug="cdnow"),
            name="shop",
            kind="purchases",
            mapping={"member_id": "customer_id", "purchased_at": "bought"},
            options={"currency": "USD"},
        )
        profile.save()
    return {"name": "shop", "profile": profile.pk, "series": "replace", "account": "shop"}


@pytest.fixture
def secret(ops, body):
    made = ops.post(url("incoming-webhooks/"), body, format="json")
    assert made.status_code == 201, made.data
    answer = ops.post(url(f"incoming-webhooks/{made.data['id']}/new-secret/"), {}, format="json")
    return answer.data["secret"]


def send(secret, rows=None, *, event_id="msg_1", at=None, raw=None, kind="application/json"):
    raw = raw if raw is not None else json.dumps(ROWS if rows is None else rows).encode()
    at = at or datetime.now(UTC)
    headers = {
        "webhook-id": event_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(event_id, at, raw.decode("utf-8", "replace")),
    }
    return APIClient().post(url(ADDRESS), raw, content_type=kind, headers=headers)


def test_a_signed_message_is_kept_as_it_came_and_loaded_in_the_name_of_its_account(secret, ops):
    answer = send(secret)
    assert (answer.status_code, answer.data["state"]) == (202, "waiting")
    assert bytes(ReceivedMessage.objects.get().raw) == json.dumps(ROWS).encode()
    assert incoming.load_waiting() == 1
    (shown,) = ops.get(url("received-messages/")).data["results"]
    assert (shown["state"], shown["why"]) == ("loaded", "")
    dataset = Dataset.objects.get(pk=shown["dataset"])
    assert (dataset.program.slug, dataset.kind, dataset.rows) == ("cdnow", "purchases", 2)
    row = ChangeLogEntry.objects.get(entity="programs.dataset", event="created", entity_id=str(dataset.pk))
    assert row.payload.body["actor"].startswith("shop")


def test_the_same_id_counts_once_and_has_one_body(secret):
    send(secret)
    incoming.load_waiting()
    again = send(secret)
    assert (again.status_code, again.data["state"]) == (200, "loaded")
    assert send(secret, ROWS[:1]).status_code == 409
    assert (ReceivedMessage.objects.count(), incoming.load_waiting()) == (1, 0)


@pytest.mark.parametrize("minutes", [-6, 6])
def test_an_old_message_and_one_of_the_future_are_refused(secret, minutes):
    answer = send(secret, at=datetime.now(UTC) + timedelta(minutes=minutes))
    assert (answer.status_code, ReceivedMessage.objects.count()) == (401, 0)


def test_another_secret_another_body_and_no_signature_are_refused(secret):
    assert send("whsec_" + "A" * 43 + "=").status_code == 401
    assert APIClient().post(url(ADDRESS), b"[]", content_type="application/json").status_code == 401
    at = datetime.now(UTC)
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign("msg_1", at, "[]"),
    }
    forged = APIClient().post(url(ADDRESS), b"[1]", content_type="application/json", headers=headers)
    assert (forged.status_code, ReceivedMessage.objects.count()) == (401, 0)
    assert forged["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("header", ["v1", "v1,=", ",", "v1,%%%", "x" * 5000])
def test_a_damaged_signature_is_refused_and_no_defect(secret, header):
    headers = {"webhook-id": "m", "webhook-timestamp": str(int(datetime.now(UTC).timestamp()))}
    told = headers | {"webhook-signature": header}
    assert APIClient().post(url(ADDRESS), b"\xff", content_type="text/csv", headers=told).status_code == 401
    assert APIClient().post(url(ADDRESS), b"a", content_type="text/csv", headers=told).status_code == 401


def test_what_is_no_media_type_of_rows_and_what_is_too_long_are_refused(secret, monkeypatch):
    assert send(secret, kind="application/xml").status_code == 400
    monkeypatch.setattr(incoming, "MOST_BYTES", 10)
    assert send(secret).status_code == 413
    assert APIClient().post(url("hooks/nobody/"), b"[]", content_type="text/csv").status_code == 404


def test_rows_that_the_contract_refuses_say_why_and_change_nothing(secret, ops):
    send(secret, [{"customer_id": "A"}])
    before = Dataset.objects.count()
    incoming.load_waiting()
    (shown,) = ops.get(url("received-messages/")).data["results"]
    assert (shown["state"], shown["dataset"], Dataset.objects.count()) == ("refused", None, before)
    assert "purchased_at" in shown["why"]


def test_a_worker_that_died_after_the_load_does_not_load_again(secret, monkeypatch):
    send(secret)
    with monkeypatch.context() as crash:
        crash.setattr(incoming, "_end", lambda *told, **more: None)
        incoming.load_waiting()
    count, (message,) = Dataset.objects.count(), ReceivedMessage.objects.all()
    assert message.state == "loading"
    ReceivedMessage.objects.update(taken_at=message.received_at - timedelta(hours=1))
    monkeypatch.setattr(incoming, "load_dataset", lambda *told, **more: pytest.fail("loaded again"))
    incoming.load_waiting()
    message.refresh_from_db()
    assert (message.state, Dataset.objects.count()) == ("loaded", count)


def test_a_defect_is_tried_three_times_and_then_said(secret, monkeypatch):
    def broken(*told, **more):
        raise RuntimeError("disk")

    send(secret)
    monkeypatch.setattr(incoming, "load_dataset", broken)
    assert [incoming.load_waiting() for _ in range(4)] == [1, 1, 1, 0]
    assert ReceivedMessage.objects.get().state == "refused"


def test_an_account_that_may_more_than_it_needs_or_too_little_is_refused(ops, body, account):
    def faults():
        answer = ops.post(url("incoming-webhooks/"), body, format="json")
        return [problem["message"] for problem in answer.json()["errors"]]

    account.user_permissions.add(Permission.objects.get(codename="decide_approval"))
    assert faults() == ["The account may do more than it needs: plans.decide_approval."]
    account.user_permissions.clear()
    assert faults() == ["The account may not add datasets."]
    body["account"] = "ops"
    assert "ops" in faults()[0]  # a person's account is not among those to choose


def test_an_account_that_lost_its_permission_loads_nothing_more(secret, account):
    send(secret)
    account.user_permissions.clear()
    incoming.load_waiting()
    message = ReceivedMessage.objects.get()
    assert (message.state, "may not add datasets" in message.why) == ("refused", True)


def test_a_message_can_do_nothing_but_load(secret):
    """Whatever it says: no row of it names a plan, a task or a decision."""
    send(secret, [{"decision": "approve", "approval": 1}])
    rows = ChangeLogEntry.objects.filter(entity__startswith="plans.").exclude(entity="plans.incomingsource")
    before = rows.count()
    incoming.load_waiting()
    assert rows.count() == before


def test_who_may_not_manage_webhooks_makes_no_secret_and_pages_show_it_once(as_, client, secret, ops):
    (row,) = ops.get(url("incoming-webhooks/")).data["results"]
    assert as_("analyst").post(url(f"incoming-webhooks/{row['id']}/new-secret/")).status_code == 403
    client.force_login(user("ops"))
    page = reverse("admin:plans_incoming_secret", args=[row["id"]])
    assert "whsec_" not in client.get(page).content.decode()
    assert "whsec_" in client.post(page, {"overlap_hours": 1}).content.decode()
    assert client.get(reverse("admin:plans_receivedmessage_changelist")).status_code == 200
    assert client.get(reverse("admin:plans_incomingsource_add")).status_code == 200


def test_an_id_of_control_characters_is_refused(secret):
    with pytest.raises(InvalidInput):
        at = datetime.now(UTC)
        headers = {
            "webhook-id": "a\x01b",
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": Webhook(secret).sign("a\x01b", at, "[]"),
        }
        incoming.take("shop", headers, "application/json", b"[]")
