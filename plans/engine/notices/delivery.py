"""The outbox: notices become messages to people, messages go out, and what fails is tried again.

Every step is a row and a swap, so two workers at once, a crash or a month's outage send nothing twice. The
one gap no protocol closes, a crash between the mail server's yes and our commit, sends again under the same
Message-ID, which mail readers show once.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Q
from django.utils import timezone

from gtm.core import clock
from gtm.core.actors import SWEEP, Actor, acting_as
from gtm.core.errors import StaleVersion, WrongState
from gtm.core.evidence import changelog
from gtm.core.fsm import perform
from gtm.core.places import messages
from plans.engine.notices import addressing, invitations, table
from plans.engine.notices.wording import Wording
from plans.engine.people.directory import read_once
from plans.models import MAIL, UNSENT_STATES, Notice, NoticeKind, Notification, NotificationPreference
from programs.models import Person

logger = logging.getLogger(__name__)

BATCH = 200
MOST_ATTEMPTS = 10
FIRST_BACKOFF = timedelta(minutes=1)
LONGEST_BACKOFF = timedelta(hours=1)
LOST_AFTER = timedelta(minutes=10)
CALLS = frozenset({NoticeKind.RIPCORD, NoticeKind.BOARD})
"""Not held back by quiet hours either."""
AT_ONCE = CALLS | {
    NoticeKind.REMINDER,
    NoticeKind.TASK_REMINDER,
    NoticeKind.RUNG,
    NoticeKind.EXHAUSTED,
    NoticeKind.INVITATION,
}
"""Not held back for a daily summary: their time is running, or each has a file of its own."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What one pass did: messages made, sent, cancelled, and attempts that failed."""

    made: int = 0
    sent: int = 0
    cancelled: int = 0
    failed: int = 0


def work_off() -> Sent:
    """One pass. Safe at any moment, by any number of processes."""
    with acting_as(Actor.system("Notifier", via=SWEEP)):
        table.tell_overdue(clock.now())
        with read_once():
            made = sum(_each(_address, one, default=0) for one in _waiting())
        _recover()
        return _send_due(made)


def _send_due(made: int) -> Sent:
    """A channel that fails is left alone for the rest of the pass: its time-outs would hold up the others."""
    sent = cancelled = failed = 0
    broken: set[str] = set()
    for together in _due(clock.now()):
        if together[0].channel in broken:
            continue
        one = _each(_send, together, default=Sent())
        sent, cancelled, failed = sent + one.sent, cancelled + one.cancelled, failed + one.failed
        if one.failed:
            broken.add(together[0].channel)
    return Sent(made, sent, cancelled, failed)


def _each(act: Callable[[Any], Any], subject: Any, *, default: Any) -> Any:
    try:
        return act(subject)
    except Exception:  # noqa: BLE001 - one matter that cannot be told must not silence all others
        logger.exception("the outbox failed on %s; it tries again", subject)
        return default


# ------------------------------------------------------------------ addressing


def _waiting() -> list[tuple[int, str]]:
    """The oldest that nobody has been written to about, each with the chain that its messages are told in."""
    rows = Notice.objects.filter(addressed_at=None, withdrawn_at=None).order_by("pk")
    found = rows.values_list("pk", "plan__plan_id")[:BATCH]
    return [(pk, Notification.chain_of(plan_id)) for pk, plan_id in found]


def _address(waiting: tuple[int, str]) -> int:
    """Write one message a person and channel. Once: whoever comes second finds the notice addressed."""
    pk, chain = waiting
    with changelog.holding(chain):
        notice = Notice.objects.select_related("plan__program").get(pk=pk)
        if notice.addressed_at is not None or notice.withdrawn_at is not None:
            return 0
        made, obj = 0, addressing.subject_of(notice)
        if obj is not None:
            words: dict[str, Wording] = {}
            people = addressing.recipients(notice, obj)
            wishes = preferences_of(people)
            for person in people:
                zone = person.zone
                with timezone.override(zone):  # they read the times where they are
                    words[zone] = words.get(zone) or addressing.worded(notice, obj)
                made += _write(notice, person, wishes[person.pk], words[zone])
        Notice.objects.filter(pk=notice.pk).update(addressed_at=clock.now())
    return made


def _write(notice: Notice, person: Person, wish: NotificationPreference, words: Wording) -> int:
    if notice.kind in wish.muted_kinds:
        return 0
    is_digest = wish.digest == wish.Digest.DAILY and notice.kind not in AT_ONCE
    for channel in wish.ways():
        Notification(
            notice=notice,
            person=person,
            channel=channel,
            is_digest=is_digest,
            subject=words.subject[:240],
            body=words.body,
            url=words.url,
            due_at=_when(notice, wish, person, is_digest),
        ).save()
    return len(wish.ways())


def preference_of(person: Person) -> NotificationPreference:
    """The person's own, or the default, not stored."""
    return preferences_of([person])[person.pk]


def preferences_of(people: Iterable[Person]) -> dict[int, NotificationPreference]:
    """By the number of each person, in one query."""
    known = {person.pk: NotificationPreference(person=person) for person in people}
    stored = NotificationPreference.objects.filter(person__in=list(known))
    return known | {wish.person_id: wish for wish in stored}


def _when(notice: Notice, wish: NotificationPreference, person: Person, is_digest: bool) -> datetime:
    now = clock.now().astimezone(ZoneInfo(person.time_zone))
    if is_digest:
        today = now.replace(hour=wish.digest_hour, minute=0, second=0, microsecond=0)
        return today if today > now else today + timedelta(days=1)
    if notice.kind in CALLS or wish.quiet_from is None or wish.quiet_until is None:
        return now
    start, end, at = wish.quiet_from, wish.quiet_until, now.time()
    is_quiet = start <= at < end if start <= end else at >= start or at < end
    if not is_quiet:
        return now
    ends = now.replace(hour=end.hour, minute=end.minute, second=0, microsecond=0)
    return ends if ends > now else ends + timedelta(days=1)


# ------------------------------------------------------------------ sending


def _recover() -> None:
    """Messages a worker took and never came back from."""
    lost = Notification.objects.filter(state="sending", updated_at__lt=clock.now() - LOST_AFTER)
    for message in lost.order_by("pk")[:BATCH]:
        _fail(message, messages.NotDelivered("The worker was lost while it was sending."))


def _due(now: datetime) -> Iterable[list[Notification]]:
    """What is to go out, a person's daily summary together. Each channel has a queue of its own."""
    rows = Notification.objects.filter(state__in=UNSENT_STATES)
    rows = rows.filter(Q(due_at__lte=now) | Q(notice__withdrawn_at__isnull=False))
    groups: defaultdict[tuple[int, str, int], list[Notification]] = defaultdict(list)
    for channel in rows.order_by("channel").values_list("channel", flat=True).distinct():
        queue = rows.filter(channel=channel).select_related("notice__plan", "person")
        for message in queue.order_by("due_at", "pk")[:BATCH]:
            single = 0 if message.is_digest else message.pk
            groups[message.person_id, channel, single].append(message)
    return list(groups.values())


def _send(together: list[Notification]) -> Sent:
    claimed, cancelled = [], 0
    for message in together:
        reason = addressing.pointless(message.notice, addressing.subject_of(message.notice), message.person)
        if reason == addressing.LATER:  # to the end of the line: it must not hold up others
            Notification.objects.filter(pk=message.pk).note(due_at=clock.now())
            continue
        try:
            if reason:
                perform(message, "cancel", comment=reason)
                cancelled += 1
            else:
                perform(message, "claim", set_fields={"attempts": message.attempts + 1})
                claimed.append(message)
        except (WrongState, StaleVersion):
            logger.info("somebody else is sending %s", message.pk)
    if not claimed:
        return Sent(cancelled=cancelled)
    try:
        _hand_over(claimed)
    except messages.NotDelivered as error:
        for message in claimed:
            _fail(message, error)
        return Sent(cancelled=cancelled, failed=len(claimed))
    for message in claimed:
        perform(message, "deliver", set_fields={"sent_at": clock.now(), "error": ""})
    return Sent(sent=len(claimed), cancelled=cancelled)


def _hand_over(claimed: list[Notification]) -> None:
    """One message, or one summary of several, to the outside. Raises NotDelivered."""
    first, count = claimed[0], len(claimed)
    subject, body = first.subject, first.body
    if count > 1:
        subject = f"{count} notices for you"
        body = "\n\n".join(f"{number}. {m.subject}\n{m.body}" for number, m in enumerate(claimed, start=1))
    if first.channel == MAIL:
        messages.send_mail(
            first.person.email,
            subject,
            body,
            message_id=f"notice-{first.pk}-{count}",
            calendar=invitations.part_of(first.notice),
        )
    else:
        messages.send_to_channel(first.channel, subject, f"For {first.person.name}\n{body}")


def _fail(message: Notification, error: messages.NotDelivered) -> None:
    reason = str(error)[:240]
    if error.for_good or message.attempts >= MOST_ATTEMPTS:
        perform(message, "give_up", comment=reason, set_fields={"error": reason})
        return
    wait = min(FIRST_BACKOFF * 2 ** (message.attempts - 1), LONGEST_BACKOFF)
    fields = {"due_at": clock.now() + wait, "error": reason}
    perform(message, "retry_later", comment=reason, set_fields=fields)


def send_again(message: Notification, *, comment: str) -> Notification:
    """Operations repaired the channel: the failed message starts over."""
    perform(message, "send_again", comment=comment, set_fields={"attempts": 0, "due_at": clock.now()})
    return message
