"""Sends what is queued for webhooks: in order within each plan, again with longer waits, nothing lost.

Of each chain of a subscription only the first message that has not arrived may go; what comes after it waits.
So a receiver never sees an event of a plan before an earlier one, unless a person sends an old one again. A
process that dies between the receiver's yes and our commit sends once more, under the same id.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Exists, OuterRef

from gtm.core import clock
from gtm.core.actors import SWEEP, Actor, acting_as
from gtm.core.fsm import perform
from gtm.core.places import outside
from plans.engine.webhooks import bodies, gathering, signing
from plans.engine.webhooks.subscriptions import gave_up, note, why_not_told
from plans.models import (
    UNDELIVERED_STATES,
    DeliveryState,
    WebhookDelivery,
    WebhookState,
    WebhookSubscription,
)

logger = logging.getLogger(__name__)

SECONDS_A_PASS = 20.0
"""The control worker has other things to do; what is left goes with the next pass."""
SECONDS_A_POST = 10.0
MOST_ANSWERED = 16 * 1024
FIRST_WAIT = timedelta(seconds=5)
LONGEST_WAIT = timedelta(hours=1)
TAKEN_FOR = timedelta(minutes=1)
"""After this a message that a process took is free again: the process is gone."""
KEPT_FOR = timedelta(days=30)
"""How long a message that has arrived is kept for a look at it. A replay makes it anew from the log."""
GONE, TOO_MANY, UNAVAILABLE = 410, 429, 503


@dataclass(slots=True)
class WebhookPass:
    """What one pass did: messages queued, sent, and attempts that failed."""

    gathered: int = 0
    sent: int = 0
    failed: int = 0


class _NotTaken(Exception):
    """The receiver did not take a message. ``rests``: how long it asks to be left alone."""

    def __init__(
        self, why: str, *, status: int | None = None, rests: timedelta | None = None, is_down: bool = False
    ):
        super().__init__(why)
        self.status, self.rests, self.is_down = status, rests, is_down


def work_off() -> WebhookPass:
    """One pass over all subscriptions. Safe at any moment, by any number of processes."""
    done, until = WebhookPass(), time.monotonic() + SECONDS_A_PASS
    with acting_as(Actor.system("Webhooks", via=SWEEP)):
        active = WebhookSubscription.objects.filter(state=WebhookState.ACTIVE).order_by("pk")
        for pk in active.values_list("pk", flat=True):
            try:
                done.gathered += gathering.gather(pk)
                _work_off_one(pk, until, done)
            except Exception:  # noqa: BLE001 - one receiver must not silence all others
                logger.exception("webhook %s failed; it tries again", pk)
        WebhookDelivery.objects.filter(state="sent", sent_at__lt=clock.now() - KEPT_FOR).delete()
    return done


def _work_off_one(pk: int, until: float, done: WebhookPass) -> None:
    """Rounds over the chains of one subscription: the first message of each, until nothing can go."""
    subscription = WebhookSubscription.objects.select_related("owner").get(pk=pk)
    if why := why_not_told(subscription):
        _disable(subscription, why)
        return
    WebhookDelivery.objects.filter(
        subscription=pk, state="sending", taken_at__lt=clock.now() - TAKEN_FOR
    ).update(state="retry_wait", error="The process that sent it was lost.")
    stuck: set[str] = set()
    while time.monotonic() < until and (firsts := _firsts(subscription, stuck)):
        for delivery in firsts:
            if time.monotonic() >= until or not _is_open(subscription):
                return
            if not _take(delivery):
                stuck.add(delivery.chain)
                continue
            try:
                _post(subscription, delivery)
            except _NotTaken as error:
                stuck.add(delivery.chain)
                done.failed += 1
                if _not_taken(subscription, delivery, error):
                    return
            else:
                _taken(subscription, delivery)
                done.sent += 1


def _is_open(subscription: WebhookSubscription) -> bool:
    rests = subscription.rests_until
    return subscription.state == WebhookState.ACTIVE and (rests is None or rests <= clock.now())


def _firsts(subscription: WebhookSubscription, stuck: set[str]) -> list[WebhookDelivery]:
    """The first message of each chain that has not arrived, where it is due."""
    waiting = WebhookDelivery.objects.filter(subscription=subscription, state__in=UNDELIVERED_STATES)
    earlier = waiting.filter(chain=OuterRef("chain"), sequence__lt=OuterRef("sequence"))
    heads = [
        row for row in waiting.exclude(Exists(earlier)).order_by("due_at", "pk") if row.chain not in stuck
    ]
    now = clock.now()
    due = [row for row in heads if row.state != DeliveryState.SENDING and row.due_at <= now]
    stuck |= {row.chain for row in heads} - {row.chain for row in due}
    return due


def _take(delivery: WebhookDelivery) -> bool:
    """Whether this process has it now. Whoever comes second finds it taken."""
    now = clock.now()
    mine = WebhookDelivery.objects.filter(
        pk=delivery.pk, state=delivery.state, attempts=delivery.attempts
    ).update(
        state=DeliveryState.SENDING.value,
        attempts=delivery.attempts + 1,
        taken_at=now,
        first_tried_at=delivery.first_tried_at or now,
    )
    if mine:
        delivery.attempts += 1
        delivery.first_tried_at = delivery.first_tried_at or now
    return bool(mine)


def _post(subscription: WebhookSubscription, delivery: WebhookDelivery) -> None:
    """One request. Raises _NotTaken."""
    at = clock.now()
    try:
        headers = {
            "webhook-id": delivery.event_id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": signing.signatures(subscription, delivery.event_id, at, delivery.body),
        }
        reply = outside.post(
            subscription.url,
            delivery.body.encode(),
            bodies.MEDIA_TYPE,
            settings.GTM_PRIVATE_WEBHOOK_HOSTS,
            most=MOST_ANSWERED,
            seconds=SECONDS_A_POST,
            headers=headers,
            cuts_off=True,
        )
    except (outside.Unreachable, outside.NotAllowed, signing.NoSecret) as error:
        raise _NotTaken(str(error), is_down=True) from error
    if 200 <= reply.status < 300:
        delivery.status = reply.status
        return
    rests = _asked_rest(reply.retry_after) if reply.status in (TOO_MANY, UNAVAILABLE) else None
    raise _NotTaken(f"The receiver answers {reply.status}.", status=reply.status, rests=rests)


def _asked_rest(retry_after: str) -> timedelta | None:
    """Seconds only: a date is another clock's."""
    asked = int(retry_after) if retry_after.isdecimal() and len(retry_after) < 7 else 0
    return min(timedelta(seconds=asked), LONGEST_WAIT) if asked else None


def _taken(subscription: WebhookSubscription, delivery: WebhookDelivery) -> None:
    rows = WebhookDelivery.objects.filter(pk=delivery.pk)
    rows.update(state="sent", sent_at=clock.now(), status=delivery.status, error="")
    if subscription.failing_since is not None:
        note(subscription, failing_since=None, rests_until=None)


def _not_taken(subscription: WebhookSubscription, delivery: WebhookDelivery, error: _NotTaken) -> bool:
    """Write down the failure. Answers whether the subscription is to be left alone for this pass."""
    now, patience = clock.now(), timedelta(hours=settings.GTM_WEBHOOK_PATIENCE_HOURS)
    reason = str(error)[:240]
    rows = WebhookDelivery.objects.filter(pk=delivery.pk)
    wait = error.rests or min(FIRST_WAIT * 2 ** min(delivery.attempts - 1, 20), LONGEST_WAIT)
    rows.update(state="retry_wait", due_at=now + wait, status=error.status, error=reason)
    if subscription.failing_since is None:
        note(subscription, failing_since=now)
    failing_since = subscription.failing_since or now
    if rests := error.rests or (_rest_of(now - failing_since) if error.is_down else None):
        note(subscription, rests_until=now + rests)
    if error.status == GONE:
        _disable(subscription, "The receiver answers 410: it is gone for good.")
    elif now - failing_since >= patience:
        _disable(subscription, f"Nothing has arrived since {failing_since:%Y-%m-%d %H:%M} UTC. {reason}")
    elif _alone_is_refused(delivery, now, patience):
        rows.update(state="failed")
        gave_up(subscription, delivery, reason)
    return error.is_down or not _is_open(subscription)


def _rest_of(failing_for: timedelta) -> timedelta:
    """How long an address that does not answer at all is left alone, the longer the longer it is so."""
    return min(max(FIRST_WAIT, failing_for / 10), LONGEST_WAIT)


def _alone_is_refused(delivery: WebhookDelivery, now: datetime, patience: timedelta) -> bool:
    """Whether others arrive and this one has not for as long as we try: it must not hold up its plan."""
    return delivery.first_tried_at is not None and now - delivery.first_tried_at >= patience


def _disable(subscription: WebhookSubscription, why: str) -> None:
    why = why[:240]
    perform(subscription, "disable", comment=why, set_fields={"disabled_why": why})
