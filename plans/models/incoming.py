"""Signed messages from outside: who may send them, as what they are loaded, and each that came."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models

from gtm.core import clock
from gtm.core.governed import GovernedModel
from programs.series import ADD, HOW

MAY_LOAD = "programs.add_dataset"
MUST_NOT = ("plans.decide_approval", "plans.release_ripcord", "programs.decide_guardedchange")
"""What the account of a source has no business to hold, although no message could use it."""


class IncomingSource(GovernedModel):
    """A system outside that sends rows, signed. Each message is loaded by a load profile, for an account."""

    name = models.SlugField(max_length=60, unique=True, help_text="Part of the address that it posts to")
    profile = models.ForeignKey(
        "programs.LoadProfile",
        on_delete=models.PROTECT,
        related_name="incoming_sources",
        help_text="How its rows are read, and into which program",
    )
    series = models.CharField(
        max_length=20, choices=list(HOW.items()), default=ADD, help_text="What happens to the current data"
    )
    account = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="incoming_sources",
        help_text="The service account in whose name rows are loaded. It needs to add datasets, no more",
    )
    is_active = models.BooleanField(default=True, help_text="Whether messages are still taken")

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def change_label(self) -> str:
        return f"incoming webhook {self.name}"

    def clean(self) -> None:
        """Every fault at once, by field; for forms, REST and import."""
        found: dict[str, Any] = {}
        if self.account_id and (fault := why_not_for(self.account)):
            found["account"] = fault
        if self.profile_id and not self.profile.is_active:
            found["profile"] = "This load profile is switched off."
        if found:
            raise ValidationError(found)


def why_not_for(account: Any) -> str:
    """Why rows must not be loaded in the name of this account; empty where they may."""
    service = getattr(account, "service_account", None)
    if service is None or account.is_superuser:
        return "Choose a service account: messages are nobody's own act."
    if not account.is_active or not service.owner.is_active:
        return "The account, or that of the person who answers for it, is closed."
    if not account.has_perm(MAY_LOAD):
        return "The account may not add datasets."
    if held := [permission for permission in MUST_NOT if account.has_perm(permission)]:
        return f"The account may do more than it needs: {', '.join(held)}."
    return ""


class ReceivedState(models.TextChoices):
    WAITING = "waiting", "Waiting to be loaded"
    LOADING = "loading", "Being loaded"
    LOADED = "loaded", "Loaded"
    REFUSED = "refused", "Refused"


class ReceivedMessage(models.Model):
    """One message whose signature held, as it came. Its bytes are kept for 30 days, its digest for good."""

    source = models.ForeignKey(IncomingSource, on_delete=models.CASCADE, related_name="messages")
    event_id = models.CharField(max_length=200, help_text="The sender's own id; it counts once")
    sha256 = models.CharField(max_length=64)
    media_type = models.CharField(max_length=100)
    raw = models.BinaryField(null=True)
    received_at = models.DateTimeField(default=clock.now)
    state = models.CharField(
        max_length=20, choices=ReceivedState.choices, default=ReceivedState.WAITING.value
    )
    taken_at = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    dataset = models.ForeignKey(
        "programs.Dataset", null=True, on_delete=models.SET_NULL, related_name="received_messages"
    )
    why = models.TextField(blank=True, help_text="Why it was refused")

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["source", "event_id"], name="received_message_counts_once")
        ]
        indexes = [models.Index(fields=["state", "id"], name="received_waiting")]

    def __str__(self) -> str:
        return f"{self.event_id} from {self.source}"
