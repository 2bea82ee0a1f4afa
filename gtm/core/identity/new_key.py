"""Second factors encrypted with the key of today: afterwards no earlier one is needed."""

from __future__ import annotations

from allauth.mfa.models import Authenticator
from django.db import transaction

from gtm.core import encrypted
from gtm.core.identity.adapters import PURPOSE

FIELDS = ("secret", "seed")
"""Of an authenticator app, and of recovery codes."""


def encrypt_again() -> int:
    """Answers how many factors were written. Raises encrypted.KeyGone, and nothing is written."""
    done = 0
    with transaction.atomic():
        for row in Authenticator.objects.select_for_update().order_by("pk"):
            held = {name: row.data[name] for name in FIELDS if name in row.data}
            new = {name: encrypted.again(text, purpose=PURPOSE) for name, text in held.items()}
            if new:
                Authenticator.objects.filter(pk=row.pk).update(data={**row.data, **new})
                done += 1
    return done
