"""From the change log to the queue of a subscription. The log is the outbox: no change writes a second one.

Each subscription knows how far it has read each chain. Rows of a chain are numbered and written under its
lock, so nothing can appear behind a position: nothing is lost, whenever a process dies, and a subscription
that was paused goes on where it stood.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from gtm.core import canonical, clock
from gtm.core.models import ChangeLogChain, ChangeLogEntry
from plans.engine.webhooks import bodies
from plans.models import (
    UNDELIVERED_STATES,
    DeliveryState,
    Plan,
    WebhookDelivery,
    WebhookPosition,
    WebhookState,
    WebhookSubscription,
)
from plans.schemas import webhook_events

OVERLAP = timedelta(hours=1)
"""A chain says when it grew before its transaction commits; none lasts as long as this."""
MOST_WAITING = 5_000
"""Of one subscription. What is beyond stays in the log until there is room."""
NOT_TOLD = ("notices:",)
"""Chains about messages to people."""


def gather(subscription_pk: int) -> int:
    """Queue what the log has for a subscription; answers how many. Safe for any number of processes."""
    with transaction.atomic():
        subscription = WebhookSubscription.objects.select_for_update().get(pk=subscription_pk)
        if subscription.state != WebhookState.ACTIVE:
            return 0
        began, room = clock.now(), MOST_WAITING - _waiting(subscription)
        positions = dict(subscription.positions.values_list("chain", "sequence"))
        made = 0
        for chain in _grown_since(subscription.gathered_until - OVERLAP):
            known = positions.get(chain.name, 0)
            if known < chain.sequence and made < room:
                made += _gather_chain(subscription, chain, known, room - made)
        if made < room:
            WebhookSubscription.objects.filter(pk=subscription.pk).note(gathered_until=began)
        return made


def _waiting(subscription: WebhookSubscription) -> int:
    return subscription.deliveries.filter(state__in=UNDELIVERED_STATES).count()


def _grown_since(when: datetime) -> QuerySet[ChangeLogChain]:
    rows = ChangeLogChain.objects.filter(grown_at__gte=when).order_by("grown_at", "name")
    for prefix in NOT_TOLD:
        rows = rows.exclude(name__startswith=prefix)
    return rows


def _gather_chain(subscription: WebhookSubscription, chain: ChangeLogChain, known: int, room: int) -> int:
    """Queue the events of one chain after ``known``; what does not fit stays for the next pass."""
    if not _concerns(subscription, chain.name):
        _move(subscription, chain.name, chain.sequence)
        return 0
    rows = ChangeLogEntry.objects.filter(
        chain=chain.name, sequence__gt=known, sequence__lte=chain.sequence, entity__in=bodies.entities()
    )
    if not known:
        rows = rows.filter(at__gte=canonical.rfc3339(subscription.since))
    made: list[WebhookDelivery] = []
    reached = chain.sequence
    for event in events_of(subscription, rows.order_by("sequence")):
        if len(made) == room:
            reached = made[-1].sequence
            break
        made.append(delivery_of(subscription, event))
    WebhookDelivery.objects.bulk_create(made, ignore_conflicts=True)  # a replay may have queued one before
    _move(subscription, chain.name, reached)
    return len(made)


def _concerns(subscription: WebhookSubscription, chain: str) -> bool:
    """Whether a plan's chain is of the subscription's program; every other chain may be."""
    if subscription.program_id is None or not chain.startswith("plan:"):
        return True
    plan_id = chain.removeprefix("plan:")
    return Plan.objects.filter(plan_id=plan_id, program=subscription.program_id).exists()


def _move(subscription: WebhookSubscription, chain: str, reached: int) -> None:
    WebhookPosition.objects.update_or_create(
        subscription=subscription, chain=chain, defaults={"sequence": reached}
    )


def wanted_by(subscription: WebhookSubscription) -> Sequence[str]:
    return subscription.events or list(webhook_events.TYPES)


def events_of(
    subscription: WebhookSubscription, rows: QuerySet[ChangeLogEntry]
) -> Iterable[bodies.LoggedEvent]:
    """The rows that are events for this subscription, in the order of ``rows``."""
    wanted = wanted_by(subscription)
    for entry in rows.select_related("payload").iterator(chunk_size=500):
        event = bodies.read(entry, wanted)
        if event and subscription.program_id in (None, event.program_id):
            yield event


def delivery_of(subscription: WebhookSubscription, event: bodies.LoggedEvent) -> WebhookDelivery:
    """The message about an event, queued and not saved."""
    return WebhookDelivery(
        subscription=subscription,
        chain=event.entry.chain,
        sequence=event.entry.sequence,
        event_id=event.event_id,
        type=event.type,
        plan=event.plan,
        body=bodies.body_of(event),
        state=DeliveryState.QUEUED.value,
        due_at=clock.now(),
    )
