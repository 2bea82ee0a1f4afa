"""Who outside is told of events by HTTP: the subscription, its secrets, how far it is, and each message."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models

from gtm.core import clock
from gtm.core.governed import StateField, StatefulModel
from gtm.core.places import outside
from plans.schemas import webhook_events


class WebhookState(models.TextChoices):
    ACTIVE = "active", "Active"
    PAUSED = "paused", "Paused"
    DISABLED = "disabled", "Disabled after failures"
    ENDED = "ended", "Ended"


class WebhookSubscription(StatefulModel):
    """An address outside that is told of events. Its owner answers for it and is told when it fails."""

    name = models.CharField(max_length=60, unique=True)
    url = models.URLField(
        max_length=500,
        help_text="Where to post. Put no secret into it: it stands in the change log",
    )
    program = models.ForeignKey(
        "programs.Program",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="webhooks",
        help_text="Events of this program only; empty for every program",
    )
    events = models.JSONField(
        default=list,
        blank=True,
        help_text=f"Types of events, one per line: “- {webhook_events.PLAN_ENDED}”. Empty for all",
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="webhooks", editable=False
    )
    state = StateField(default=WebhookState.ACTIVE.value, choices=WebhookState.choices)
    disabled_why = models.CharField(max_length=240, blank=True, editable=False)
    since = models.DateTimeField(default=clock.now, editable=False, help_text="Events from this time on")
    failing_since = models.DateTimeField(
        null=True, editable=False, help_text="Since when nothing has arrived; empty where the last one did"
    )
    rests_until = models.DateTimeField(null=True, editable=False)
    gathered_until = models.DateTimeField(default=clock.now, editable=False)

    unlogged_fields = frozenset({"since", "failing_since", "rests_until", "gathered_until"})

    class Meta:
        ordering = ["name"]
        permissions = [("manage_webhooks", "Can make and change webhooks")]

    def __str__(self) -> str:
        return self.name

    def change_label(self) -> str:
        return f"webhook {self.name}"

    def clean(self) -> None:
        """Every fault at once, by field; for forms, REST and import."""
        found: dict[str, Any] = {}
        if fault := _fault_of(self.url):
            found["url"] = fault
        if not isinstance(self.events, list) or not all(isinstance(one, str) for one in self.events):
            found["events"] = "Give a list of types of events."
        elif unknown := sorted(set(self.events) - set(webhook_events.TYPES)):
            known = ", ".join(webhook_events.TYPES)
            found["events"] = f"There is no event {', '.join(unknown)}. There are: {known}."
        if found:
            raise ValidationError(found)


def _fault_of(url: str) -> str:
    host = outside.host_of(url)
    if not host:
        return "Give a whole address: https://host/path."
    parts = urlsplit(url)
    if "@" in parts.netloc or parts.fragment:
        return "Give an address without a name, password or fragment."
    if parts.scheme != "https" and host not in settings.GTM_PRIVATE_WEBHOOK_HOSTS:
        return "Only https is posted to. (An operator can name hosts in GTM_PRIVATE_WEBHOOK_HOSTS.)"
    return ""


class WebhookSecret(models.Model):
    """A secret that signs, encrypted. It is shown once; while two overlap, each message has both signatures.

    Not governed: a row of history would be a copy of it. What happens to one is told of whose it is.
    """

    subscription = models.ForeignKey(
        WebhookSubscription, null=True, on_delete=models.CASCADE, related_name="secrets"
    )
    source = models.ForeignKey(
        "plans.IncomingSource", null=True, on_delete=models.CASCADE, related_name="secrets"
    )
    ciphertext = models.TextField()
    made_at = models.DateTimeField(default=clock.now)
    ends_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                name="webhook_secret_of_one",
                condition=models.Q(subscription__isnull=True, source__isnull=False)
                | models.Q(subscription__isnull=False, source__isnull=True),
            )
        ]

    def __str__(self) -> str:
        return f"secret {self.pk} of {self.subscription or self.source}"


class WebhookPosition(models.Model):
    """How far a subscription has read a chain of the change log. What comes after it is not queued yet."""

    subscription = models.ForeignKey(WebhookSubscription, on_delete=models.CASCADE, related_name="positions")
    chain = models.CharField(max_length=120)
    sequence = models.PositiveBigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["subscription", "chain"], name="webhook_position_once_per_chain")
        ]

    def __str__(self) -> str:
        return f"{self.chain} #{self.sequence}"


class DeliveryState(models.TextChoices):
    QUEUED = "queued", "Queued"
    SENDING = "sending", "Being sent"
    RETRY_WAIT = "retry_wait", "Waiting to retry"
    SENT = "sent", "Sent"
    FAILED = "failed", "Given up"


UNDELIVERED_STATES = frozenset({"queued", "sending", "retry_wait"})


class WebhookDelivery(models.Model):
    """One event for one subscription: a row of the change log and the body made of it. Bookkeeping.

    The body is made once, so every attempt sends the same bytes under the same id.
    """

    subscription = models.ForeignKey(WebhookSubscription, on_delete=models.CASCADE, related_name="deliveries")
    chain = models.CharField(max_length=120)
    sequence = models.PositiveBigIntegerField(help_text="The row of the change log in its chain")
    event_id = models.CharField(max_length=64, help_text="The same in every attempt and every replay")
    type = models.CharField(max_length=60)
    plan = models.ForeignKey(
        "plans.Plan", null=True, on_delete=models.CASCADE, related_name="webhook_deliveries"
    )
    body = models.TextField()
    state = models.CharField(max_length=20, choices=DeliveryState.choices, default=DeliveryState.QUEUED.value)
    attempts = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField(default=clock.now)
    taken_at = models.DateTimeField(null=True)
    first_tried_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    status = models.PositiveSmallIntegerField(null=True, help_text="What the receiver answered last")
    error = models.CharField(max_length=240, blank=True)
    made_at = models.DateTimeField(default=clock.now)

    class Meta:
        ordering = ["-pk"]
        verbose_name_plural = "webhook deliveries"
        constraints = [
            models.UniqueConstraint(
                fields=["subscription", "chain", "sequence"], name="webhook_delivery_once_per_row"
            )
        ]
        indexes = [
            models.Index(fields=["subscription", "state", "chain", "sequence"], name="webhook_due"),
            models.Index(fields=["sent_at"], name="webhook_sent"),
        ]

    def __str__(self) -> str:
        return f"{self.type} to {self.subscription}"
