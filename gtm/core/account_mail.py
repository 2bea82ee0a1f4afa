"""Mail to the owner of an account: written with what it tells, sent when mail server and broker allow.

A message stands in the database from the moment it is due, so neither a broker nor a mail server that is down
loses it. It is sent at least once; its Message-ID makes two copies one message to a mail reader.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

from gtm.core import access_tokens, clock
from gtm.core.evidence import accounts
from gtm.core.models import AccountMail
from gtm.core.places import messages

FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=6)
GIVEN_UP = timedelta(days=7)
ALIKE = 100
"""So many messages at most in one pass."""

owners: list[Callable[[Any], Iterable[str]]] = []
"""Each answers further e-mail addresses of the owner of an account."""


def addresses_of(user: Any) -> list[str]:
    found = {user.email, *accounts.addresses_of(user), *(one for ask in owners for one in ask(user))}
    return sorted(found - {""})


def post(user: Any, subject: str, body: str, *, key: str) -> int:
    """Put a message to the owner among those that are due; answers to how many addresses.

    ``key`` names what it tells: the same key for the same account is posted once.
    """
    addresses = addresses_of(user)
    post_to(user, addresses, subject, body, key=key)
    return len(addresses)


def post_to(user: Any, addresses: Iterable[str], subject: str, body: str, *, key: str) -> None:
    """The same to some of the owner's addresses."""
    for address in addresses:
        message_id = f"{key}-{user.pk}-{access_tokens.digest_of(address)[:8]}"
        AccountMail.objects.get_or_create(
            message_id=message_id,
            defaults={"user": user, "address": address, "subject": subject, "body": body},
        )


def deliver() -> int:
    """Send what is due; answers how many went. What fails waits longer each time, for a week."""
    now = clock.now()
    due = AccountMail.objects.filter(next_at__lte=now, sent_at=None, given_up=False).order_by("next_at", "pk")
    sent = 0
    for row in due[:ALIKE]:
        try:
            messages.send_mail(row.address, row.subject, row.body, message_id=row.message_id)
        except messages.NotDelivered as error:
            wait = min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(row.attempts, 20))
            row.attempts, row.error, row.next_at = row.attempts + 1, str(error)[:240], now + wait
            row.given_up = error.for_good or now - row.made_at > GIVEN_UP
        else:
            row.attempts, row.error, row.sent_at, row.body = row.attempts + 1, "", now, ""
            sent += 1
        row.save()
    return sent
