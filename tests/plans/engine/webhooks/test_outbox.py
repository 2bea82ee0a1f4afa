"""What goes out by webhooks, over real HTTP: signed, in order, again where it failed, and naming nobody."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.core.exceptions import ValidationError
from django.test import override_settings
from standardwebhooks import Webhook

from gtm.core.errors import InvalidInput, WrongState
from gtm.core.fsm import perform
from gtm.core.models import ChangeLogEntry
from plans.engine.webhooks import gathering, outbox, signing, subscriptions
from plans.models import Notice, WebhookDelivery, WebhookSubscription
from plans.schemas import webhook_events as types
from tests.factories import ProgramFactory, make_plan


@pytest.fixture
def time(time):
    """The receiver believes no old signature, so this world begins today."""
    time.now = datetime.now(UTC)
    return time


def numbers(site):
    return [int(event["sequence"]) for event in site.taken]


def states(subscription):
    rows = subscription.deliveries.order_by("sequence")
    return list(rows.values_list("state", flat=True))


def pause(plan):
    perform(plan, "pause", comment="Anna Muster is at lunch")
    perform(plan, "resume", comment="She is back")


# ------------------------------------------------------------------ what is told


def test_an_event_is_a_cloudevent_of_its_row_of_the_log_and_names_nobody(subscribed, receiver, settings):
    plan = make_plan(objective="Keep Anna Muster")
    subscribed(events=[types.PLAN_MOVED])
    pause(plan)
    assert outbox.work_off() == outbox.WebhookPass(gathered=2, sent=2)
    first, second = receiver.taken
    row = ChangeLogEntry.objects.get(chain=plan.change_chain(), event="pause")
    assert first == {
        "specversion": "1.0",
        "id": first["id"],
        "source": settings.GTM_BASE_URL,
        "type": "gtm.plan.moved",
        "subject": f"plans/{plan.plan_id}",
        "time": row.at,
        "datacontenttype": "application/json",
        "sequence": f"{row.sequence:012d}",
        "data": {
            "object": {"kind": "plan", "id": str(plan.pk)},
            "event": "pause",
            "from": "running",
            "to": "paused",
            "change_log": {"chain": row.chain, "sequence": row.sequence, "hash": row.hash},
            "plan": {
                "plan_id": plan.plan_id,
                "command": "c",
                "plugin": "p",
                "program": plan.program.slug,
                "href": f"{settings.GTM_BASE_URL}/api/v1/plans/{plan.plan_id}/",
            },
        },
    }
    assert second["id"] != first["id"]
    assert "Anna" not in json.dumps(receiver.taken)


def test_every_type_is_of_the_list_and_what_begins_is_told_in_its_first_state(subscription, receiver):
    make_plan()
    outbox.work_off()
    told = {event["type"] for event in receiver.taken}
    assert {types.PLAN_CREATED, types.TASK_MOVED, types.APPROVAL_MOVED, types.CASE_OPENED} <= told
    assert told <= set(types.TYPES)
    (born,) = (event for event in receiver.taken if event["type"] == types.PLAN_CREATED)
    assert (born["data"]["from"], born["data"]["to"]) == (None, "draft")


def test_a_subscription_hears_of_its_program_and_of_what_comes_after_it(subscribed, receiver):
    mine, other = ProgramFactory(), ProgramFactory()
    before = make_plan(program=mine)
    subscribed(program=mine)
    after, foreign = make_plan(program=mine), make_plan(program=other)
    pause(before)
    outbox.work_off()
    subjects = {event["subject"] for event in receiver.taken}
    assert f"plans/{foreign.plan_id}" not in subjects
    told = [event["data"]["event"] for event in receiver.taken if event["subject"].endswith(before.plan_id)]
    assert told[0] == "pause"
    assert f"plans/{after.plan_id}" in subjects


# ------------------------------------------------------------------ signatures


def test_the_signature_holds_for_the_secret_and_for_no_other(subscription, receiver):
    receiver.secrets.append(signing.new_secret())
    make_plan()
    outbox.work_off()
    assert (receiver.taken, receiver.forged > 0) == ([], True)


def test_after_a_rotation_both_secrets_sign_until_the_overlap_is_over(subscription, time):
    old = signing.make(subscription)
    new = signing.make(subscription, overlap_hours=2)

    def verified_by(secret):
        at = time.now
        header = signing.signatures(subscription, "evt_1", at, "{}")
        return Webhook(secret).sign("evt_1", at, "{}") in header.split(" ")

    assert (verified_by(old), verified_by(new)) == (True, True)
    time.pass_time(hours=2, minutes=1)
    assert (verified_by(old), verified_by(new)) == (False, True)


def test_a_secret_is_nowhere_in_the_database(subscription, receiver):
    (secret,) = receiver.secrets
    kept = "".join(subscription.secrets.values_list("ciphertext", flat=True))
    assert secret not in kept and secret.removeprefix("whsec_") not in kept
    with override_settings(
        SECRET_KEY="another one, so that nothing of before can be read", SECRET_KEY_FALLBACKS=[]
    ):
        make_plan()
        done = outbox.work_off()
    assert (done.sent, done.failed) == (0, 1)
    assert "Make a new one" in subscription.deliveries.exclude(error="").get().error


def test_an_overlap_has_limits(subscription):
    with pytest.raises(InvalidInput):
        signing.make(subscription, overlap_hours=169)


# ------------------------------------------------------------------ order and failure


def test_what_comes_after_a_failure_waits_and_another_plan_does_not(subscribed, receiver, time):
    one, other = make_plan(), make_plan()
    subscription = subscribed(events=[types.PLAN_MOVED])
    receiver.answer = lambda number: 500 if number == 1 else 204
    pause(one)
    pause(other)
    assert outbox.work_off() == outbox.WebhookPass(gathered=4, sent=2, failed=1)
    assert {event["subject"] for event in receiver.taken} == {f"plans/{other.plan_id}"}
    assert outbox.work_off().sent == 0  # not before the first wait is over
    time.pass_time(seconds=6)
    assert outbox.work_off().sent == 2
    of_one = [e["data"]["event"] for e in receiver.taken if e["subject"].endswith(one.plan_id)]
    assert of_one == ["pause", "resume"]
    assert set(states(subscription)) == {"sent"}


def test_the_waits_grow_and_a_receiver_says_how_long(subscribed, receiver, time):
    plan = make_plan()
    subscription = subscribed(events=[types.PLAN_MOVED])
    receiver.answer = lambda number: 503
    pause(plan)
    waits = []
    for _ in range(4):
        outbox.work_off()
        first = subscription.deliveries.order_by("sequence").first()
        waits.append((first.due_at - time.now).total_seconds())
        time.now = first.due_at
    assert waits == [5, 10, 20, 40]
    receiver.headers = {"Retry-After": "600"}
    outbox.work_off()
    subscription.refresh_from_db()
    assert subscription.rests_until == time.now + timedelta(seconds=600)


def test_after_three_days_without_an_arrival_it_is_disabled_its_owner_told_and_nothing_lost(
    subscribed, receiver, time
):
    plan = make_plan()
    subscription = subscribed(events=[types.PLAN_MOVED])
    receiver.answer, receiver.is_of_another_time = (lambda number: 500), True
    pause(plan)
    for _ in range(80):
        outbox.work_off()
        time.pass_time(hours=1)
    subscription.refresh_from_db()
    assert subscription.state == "disabled"
    assert "Nothing has arrived since" in subscription.disabled_why
    assert Notice.objects.get(kind="webhook").facts["after"] == "disabled"
    pause(plan)
    asked = receiver.requests
    outbox.work_off()
    assert receiver.requests == asked
    receiver.answer = lambda number: 204
    subscriptions.resume(subscription, comment="Repaired")
    outbox.work_off()
    told = [event["data"]["event"] for event in receiver.taken]
    assert told == ["pause", "resume", "pause", "resume"]


def test_one_message_that_is_refused_while_others_arrive_is_given_up_after_three_days(
    subscribed, receiver, time
):
    bad, good = make_plan(), make_plan()
    subscription = subscribed(events=[types.PLAN_MOVED])
    pause(bad)
    outbox.work_off()
    receiver.taken.clear()
    refused = make_plan()

    def hates(event):
        return event["subject"].endswith(refused.plan_id) and event["data"]["event"] == "submit"

    receiver.refuses, receiver.is_of_another_time = hates, True
    for _ in range(80):
        pause(good)
        outbox.work_off()
        time.pass_time(hours=1)
    subscription.refresh_from_db()
    assert subscription.state == "active"
    assert list(subscription.deliveries.filter(state="failed").values_list("plan__plan_id", flat=True)) == [
        refused.plan_id
    ]
    of_it = [e["data"]["event"] for e in receiver.taken if e["subject"].endswith(refused.plan_id)]
    assert of_it[:2] == ["accept", "begin"]
    assert Notice.objects.get(kind="webhook").facts["field"] == "delivery"
    receiver.refuses = None
    lost = subscription.deliveries.get(state="failed")
    subscriptions.send_again(lost, reason="The receiver was mended")
    outbox.work_off()
    assert receiver.taken[-1]["id"] == lost.event_id


def test_a_receiver_that_is_gone_for_good_is_asked_no_more(subscription, receiver):
    receiver.answer = lambda number: 410
    make_plan()
    outbox.work_off()
    subscription.refresh_from_db()
    assert (subscription.state, receiver.requests) == ("disabled", 1)


def test_an_owner_who_may_not_see_plans_hears_nothing(subscription, receiver):
    subscription.owner.user_permissions.clear()
    make_plan()
    outbox.work_off()
    subscription.refresh_from_db()
    assert (subscription.state, receiver.requests) == ("disabled", 0)


# ------------------------------------------------------------------ paused, bounded, replayed


def test_a_pause_loses_nothing(subscribed, receiver):
    plan = make_plan()
    subscription = subscribed(events=[types.PLAN_MOVED])
    perform(subscription, "pause", comment="They move house")
    pause(plan)
    assert outbox.work_off() == outbox.WebhookPass()
    subscriptions.resume(subscription, comment="They have moved")
    outbox.work_off()
    assert [event["data"]["event"] for event in receiver.taken] == ["pause", "resume"]


def test_a_full_queue_leaves_the_rest_in_the_log(subscribed, receiver, monkeypatch):
    monkeypatch.setattr(gathering, "MOST_WAITING", 3)
    plan = make_plan()
    subscription = subscribed(events=[types.PLAN_MOVED])
    receiver.answer = lambda number: 500
    for _ in range(4):
        pause(plan)
    outbox.work_off()
    outbox.work_off()
    assert subscription.deliveries.count() == 3
    receiver.answer = lambda number: 204
    subscription.deliveries.update(due_at=subscription.since)
    for _ in range(4):
        outbox.work_off()
    assert len(receiver.taken) == 8
    assert numbers(receiver) == sorted(numbers(receiver))


def test_a_replay_sends_again_under_the_same_ids_also_what_is_no_longer_here(subscribed, receiver, time):
    plan, other = make_plan(), make_plan()
    subscription = subscribed(events=[types.PLAN_MOVED])
    pause(plan)
    pause(other)
    outbox.work_off()
    before = {event["id"] for event in receiver.taken if event["subject"].endswith(plan.plan_id)}
    receiver.is_of_another_time = True
    time.pass_time(days=31)
    outbox.work_off()
    assert not WebhookDelivery.objects.exists()  # kept for 30 days
    receiver.taken.clear()
    since = time.now - timedelta(days=32)
    assert (
        subscriptions.replay(subscription, since=since, plan=plan, reason="They lost a disk") == 5
    )  # 3 from its begin
    outbox.work_off()
    assert before <= {event["id"] for event in receiver.taken}
    assert numbers(receiver) == sorted(numbers(receiver))
    assert {event["subject"] for event in receiver.taken} == {f"plans/{plan.plan_id}"}


def test_a_replay_is_bounded_and_what_is_on_its_way_is_not_sent_twice(
    subscribed, receiver, monkeypatch, time
):
    plan = make_plan()
    subscription = subscribed(events=[types.PLAN_MOVED])
    receiver.answer = lambda number: 500
    pause(plan)
    outbox.work_off()
    with pytest.raises(WrongState):
        subscriptions.send_again(subscription.deliveries.first(), reason="Again")
    monkeypatch.setattr(subscriptions, "MOST_REPLAYED", 1)
    with pytest.raises(InvalidInput, match="Nothing is replayed"):
        subscriptions.replay(subscription, since=time.now - timedelta(days=1), reason="All of it")


# ------------------------------------------------------------------ where to


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("http://example.com/hook", "https"),
        ("https://user:secret@example.com/", "password"),
        ("https://example.com/#part", "fragment"),
        ("nonsense", "whole address"),
    ],
)
def test_an_address_that_must_not_be_posted_to_is_refused(subscription, url, word):
    subscription.url = url
    with pytest.raises(ValidationError, match=word):
        subscription.clean()


def test_an_unknown_event_is_refused_and_the_known_ones_named(subscription):
    subscription.events = ["gtm.plan.exploded"]
    with pytest.raises(ValidationError, match=r"gtm\.plan\.moved"):
        subscription.clean()


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1:9/hook", "https://169.254.169.254/latest", "https://[::1]/x"]
)
def test_a_private_address_is_not_posted_to(subscribed, receiver, url):
    subscription = subscribed(url=url)
    make_plan()
    outbox.work_off()
    told = WebhookDelivery.objects.exclude(error="").values_list("error", flat=True)
    assert ["not public" in error for error in told] == [True]
    assert WebhookSubscription.objects.get(pk=subscription.pk).failing_since is not None


def test_a_redirect_is_not_followed(subscription, receiver):
    receiver.answer = lambda number: 302
    receiver.headers = {"Location": "http://169.254.169.254/latest"}
    make_plan()
    assert outbox.work_off().sent == 0
    assert subscription.deliveries.exclude(error="").first().status == 302
