"""Webhooks over REST: a secret shown once, who may, and what became of each message."""

import pytest
from django.urls import reverse

from gtm.core.actors import Actor, acting_as
from plans.engine.webhooks import outbox
from plans.models import WebhookSubscription
from tests.doors import url, user
from tests.factories import make_plan
from tests.plans.engine.webhooks.receiver import receiving

BODY = {"name": "crm", "url": "https://crm.example.com/events", "events": ["gtm.plan.ended"]}
WHY = {"reason": "They move house"}


@pytest.fixture
def ops(as_):
    return as_("ops")


@pytest.fixture
def made(ops, plan):
    return ops.post(url("webhooks/"), BODY, format="json")


def at(made, deed=""):
    return url(f"webhooks/{made.data['id']}/{deed}")


def test_the_answer_of_its_making_has_the_secret_and_no_other_answer_has(ops, made):
    assert made.status_code == 201
    assert made.data["secret"].startswith("whsec_")
    assert (made.data["owner"], made.data["state"]) == ("ops", "active")
    secret = made.data["secret"].removeprefix("whsec_")
    for path in ("", "history/"):
        assert secret not in ops.get(at(made, path)).content.decode()
    assert secret not in ops.get(url("webhooks/")).content.decode()


@pytest.mark.parametrize("who", ["analyst", "finance", "auditor"])
def test_who_may_not_manage_webhooks_makes_and_moves_none(as_, made, who):
    other = as_(who)
    assert other.post(url("webhooks/"), BODY | {"name": "mine"}, format="json").status_code == 403
    for deed, body in (("pause/", WHY), ("new-secret/", {}), ("end/", WHY)):
        assert other.post(at(made, deed), body, format="json").status_code == 403
    assert (
        other.post(at(made, "replay/"), WHY | {"since": "2026-01-01T00:00:00Z"}, format="json").status_code
        == 403
    )


def test_every_fault_of_a_body_has_its_field(ops, plan):
    answer = ops.post(
        url("webhooks/"), {"name": "crm", "url": "http://127.0.0.1/", "events": ["gtm.no"]}, format="json"
    )
    assert answer.status_code == 400
    assert "events.0" in {problem["field"] for problem in answer.json()["errors"]}
    answer = ops.post(url("webhooks/"), BODY | {"url": "http://127.0.0.1/"}, format="json")
    assert [problem["field"] for problem in answer.json()["errors"]] == ["url"]


def test_a_change_needs_its_etag_and_moves_what_is_told(ops, made):
    assert ops.patch(at(made), {"events": []}, format="json").status_code == 428
    answer = ops.patch(at(made), {"events": []}, format="json", headers={"If-Match": made["ETag"]})
    assert (answer.status_code, answer.data["events"]) == (200, [])


def test_it_is_paused_resumed_and_ended_with_reasons(ops, made):
    told = [ops.post(at(made, deed), WHY, format="json") for deed in ("pause/", "resume/", "end/")]
    assert [answer.data["state"] for answer in told] == ["paused", "active", "ended"]
    assert ops.post(at(made, "resume/"), WHY, format="json").status_code == 409


def test_a_new_secret_is_shown_once_and_the_one_before_still_signs(ops, made):
    answer = ops.post(at(made, "new-secret/"), {"overlap_hours": 2}, format="json")
    assert answer.status_code == 201
    assert answer.data["secret"] != made.data["secret"]
    assert WebhookSubscription.objects.get().secrets.exclude(ends_at=None).count() == 1
    assert ops.post(at(made, "new-secret/"), {"overlap_hours": 999}, format="json").status_code == 400


def test_messages_are_listed_sent_again_and_replayed(ops, plan, settings):
    with receiving() as site:
        settings.GTM_PRIVATE_WEBHOOK_HOSTS = {site.host}
        made = ops.post(url("webhooks/"), {"name": "crm", "url": site.url}, format="json")
        site.secrets.append(made.data["secret"])
        with acting_as(Actor.system("Test")):
            make_plan(program=plan.program)
        outbox.work_off()
        first = ops.get(url("webhook-deliveries/?ordering=made_at")).data["results"][0]
        assert (first["state"], first["webhook"], first["status"]) == ("sent", "crm", 204)
        came = len(site.taken)
        again = ops.post(url(f"webhook-deliveries/{first['id']}/send-again/"), WHY, format="json")
        assert again.data["state"] == "queued"
        body = WHY | {"since": made.data["created_at"]}
        replayed = ops.post(at(made, "replay/"), body, format="json")
        assert (replayed.status_code, replayed.data["events"]) == (202, came)
        outbox.work_off()
        assert len(site.taken) == 2 * came
        assert len(site.once) == came


def test_the_page_shows_a_secret_once_and_is_for_those_who_may(client, made):
    page = reverse("admin:plans_webhook_secret", args=[made.data["id"]])
    client.force_login(user("ops"))
    assert "whsec_" not in client.get(page).content.decode()
    answer = client.post(page, {"overlap_hours": 24})
    assert "whsec_" in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]
    client.force_login(user("analyst"))
    assert client.get(page).status_code == 403


def test_who_makes_one_in_the_admin_is_its_owner_and_is_led_to_its_secret(client, made):
    client.force_login(user("ops"))
    fields = {
        "name": "erp",
        "url": "https://erp.example.com/",
        "events": ["gtm.plan.ended", "gtm.plan.moved"],
    }
    answer = client.post(reverse("admin:plans_webhooksubscription_add"), fields)
    row = WebhookSubscription.objects.get(name="erp")
    assert answer.url == reverse("admin:plans_webhook_secret", args=[row.pk])
    assert (row.owner, row.events) == (user("ops"), ["gtm.plan.ended", "gtm.plan.moved"])
