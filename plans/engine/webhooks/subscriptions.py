"""What people do with subscriptions: pause, resume, end, replay, and send one message again."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from gtm.core import canonical, clock
from gtm.core.errors import InvalidInput, Problem, WrongState
from gtm.core.evidence import changelog
from gtm.core.fsm import perform
from gtm.core.models import ChangeLogEntry
from plans.engine.webhooks import bodies, gathering, signing
from plans.models import (
    UNDELIVERED_STATES,
    DeliveryState,
    Plan,
    WebhookDelivery,
    WebhookState,
    WebhookSubscription,
)
from programs.selectors import is_partners_contact

MOST_REPLAYED = 10_000
REPLAYED, SENT_AGAIN, GIVEN_UP = "replayed", "sent again", "given up"


def why_not_told(subscription: WebhookSubscription) -> str:
    """Why the owner of a subscription must hear nothing more; empty where it goes on."""
    owner = subscription.owner
    service = getattr(owner, "service_account", None)
    if not owner.is_active or (service is not None and not service.owner.is_active):
        return "The account of its owner is closed."
    if not owner.has_perm("plans.view_plan") or is_partners_contact(owner):
        return "Its owner may no longer see plans."
    return ""


def note(subscription: WebhookSubscription, **values: Any) -> None:
    """Bookkeeping of the pass, on the row and on the object."""
    WebhookSubscription.objects.filter(pk=subscription.pk).note(**values)
    for name, value in values.items():
        setattr(subscription, name, value)


def gave_up(subscription: WebhookSubscription, delivery: WebhookDelivery, why: str) -> None:
    """A row about a message that was given up; the owner is told by it."""
    with transaction.atomic():
        after = f"{delivery.type} {delivery.event_id}"
        changelog.append(subscription, GIVEN_UP, field="delivery", after=after, reason=why)


def make(owner: Any, **fields: Any) -> tuple[WebhookSubscription, str]:
    """A subscription that ``owner`` answers for, and its secret, which is not shown again.

    Raises ValidationError by field.
    """
    subscription = WebhookSubscription(owner=owner, **fields)
    subscription.full_clean(exclude=["owner"])
    with transaction.atomic():
        subscription.save()
        return subscription, signing.make(subscription)


def resume(subscription: WebhookSubscription, *, comment: str) -> WebhookSubscription:
    """Go on where it stood: what has happened meanwhile is in the log and follows in order."""
    perform(subscription, "resume", comment=comment, set_fields={"disabled_why": ""})
    waiting = subscription.deliveries.filter(state="retry_wait")
    waiting.update(due_at=clock.now())
    note(subscription, failing_since=None, rests_until=None)
    return subscription


def send_again(delivery: WebhookDelivery, *, reason: str) -> WebhookDelivery:
    """Queue a message that was given up, or has arrived, once more. Raises WrongState."""
    with transaction.atomic():
        changelog.lock_chain(delivery.subscription.change_chain())
        delivery = WebhookDelivery.objects.select_for_update().get(pk=delivery.pk)
        if delivery.state in UNDELIVERED_STATES:
            raise WrongState("The message is on its way.")
        _queue_again(WebhookDelivery.objects.filter(pk=delivery.pk))
        after = f"{delivery.type} {delivery.event_id}"
        changelog.append(delivery.subscription, SENT_AGAIN, field="delivery", after=after, reason=reason)
    delivery.refresh_from_db()
    return delivery


def replay(
    subscription: WebhookSubscription, *, since: datetime, plan: Plan | None = None, reason: str
) -> int:
    """Send every event since then again, made from the change log where it is no longer here.

    With the ids that they had: a receiver that keeps them notices. Answers how many. Raises InvalidInput
    where there are more than it takes at once.
    """
    if subscription.state == WebhookState.ENDED:
        raise WrongState("The webhook has ended.")
    rows = ChangeLogEntry.objects.filter(at__gte=canonical.rfc3339(since), entity__in=bodies.entities())
    if plan is not None:
        rows = rows.filter(chain=plan.change_chain())
    with transaction.atomic():
        changelog.lock_chain(subscription.change_chain())
        found = []
        for event in gathering.events_of(subscription, rows.order_by("chain", "sequence")):
            found.append(gathering.delivery_of(subscription, event))
            if len(found) > MOST_REPLAYED:
                said = f"there are more than {MOST_REPLAYED:,} events; choose a later time, or one plan."
                raise InvalidInput("Nothing is replayed.", problems=[Problem("since", said)])
        WebhookDelivery.objects.bulk_create(found, ignore_conflicts=True, batch_size=500)
        for start in range(0, len(found), 500):
            ids = [delivery.event_id for delivery in found[start : start + 500]]
            again = WebhookDelivery.objects.filter(subscription=subscription, event_id__in=ids)
            _queue_again(again.exclude(state__in=UNDELIVERED_STATES))
        said = f"{len(found)} events since {canonical.rfc3339(since)}"
        changelog.append(subscription, REPLAYED, field="events", after=said, reason=reason)
    return len(found)


def _queue_again(rows: Any) -> None:
    rows.update(
        state=DeliveryState.QUEUED.value,
        attempts=0,
        due_at=clock.now(),
        first_tried_at=None,
        sent_at=None,
        error="",
    )
