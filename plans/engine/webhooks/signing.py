"""The secrets of subscriptions and the signatures made with them, as Standard Webhooks has it.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import secrets
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Q

from gtm.core import clock, encrypted
from gtm.core.errors import InvalidInput, Problem
from gtm.core.evidence import changelog
from gtm.core.later import later
from plans.models import IncomingSource, WebhookSecret, WebhookSubscription

if TYPE_CHECKING:
    import standardwebhooks
else:
    standardwebhooks = later("standardwebhooks")

PURPOSE = "plans.engine.webhooks"
BEGINS = "whsec_"
BYTES = 32
OVERLAP_HOURS, MOST_HOURS = 24, 24 * 7
MADE = "secret made"


class NoSecret(Exception):
    """There is nothing to sign with; says why."""


def new_secret() -> str:
    """256 random bits as the specification writes them."""
    return BEGINS + base64.b64encode(secrets.token_bytes(BYTES)).decode()


def make(holder: WebhookSubscription | IncomingSource, *, overlap_hours: int = OVERLAP_HOURS) -> str:
    """A new secret, which nobody can find out again. Earlier ones count beside it for ``overlap_hours``.

    Raises InvalidInput.
    """
    if not 0 <= overlap_hours <= MOST_HOURS:
        problem = Problem("overlap_hours", f"must lie between 0 and {MOST_HOURS}.")
        raise InvalidInput("The secret was not made.", problems=[problem])
    secret, now = new_secret(), clock.now()
    ends = now + timedelta(hours=overlap_hours)
    with transaction.atomic():
        changelog.lock_chain(holder.change_chain())
        earlier = holder.secrets.filter(Q(ends_at=None) | Q(ends_at__gt=ends))
        had_one = earlier.update(ends_at=ends) > 0
        holder.secrets.create(ciphertext=encrypted.encrypt(secret, purpose=PURPOSE), made_at=now)
        said = f"The one before counts until {ends.isoformat()}." if had_one else ""
        changelog.append(holder, MADE, field="secret", after=now.isoformat(), reason=said)
    return secret


def signatures(subscription: WebhookSubscription, event_id: str, at: datetime, body: str) -> str:
    """The header ``webhook-signature``: one signature for each secret that counts now. Raises NoSecret."""
    counting = subscription.secrets.filter(Q(ends_at=None) | Q(ends_at__gt=at)).order_by("-pk")
    found = []
    for row in counting:
        try:
            secret = encrypted.decrypt(row.ciphertext, purpose=PURPOSE)
        except encrypted.KeyGone as error:
            raise NoSecret(f"The secret cannot be read. {error} Make a new one.") from error
        found.append(standardwebhooks.Webhook(secret).sign(event_id, at, body))
    if not found:
        raise NoSecret("There is no secret yet. Make one.")
    return " ".join(found)


def encrypt_again() -> int:
    """Encrypt every secret with the key of today; answers how many. Raises encrypted.KeyGone, and none is."""
    with transaction.atomic():
        rows = list(WebhookSecret.objects.select_for_update().order_by("pk"))
        for row in rows:
            new = encrypted.again(row.ciphertext, purpose=PURPOSE)
            WebhookSecret.objects.filter(pk=row.pk).update(ciphertext=new)
    return len(rows)
