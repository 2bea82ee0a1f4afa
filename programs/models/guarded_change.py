"""A change that takes two people: what would change who may decide, or what a plan has published."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from gtm.core.governed import StateField, StatefulModel


class GuardedKind(models.TextChoices):
    ROLE = "role", "Role and authority"
    ABSENCE = "absence", "Absence of somebody else"
    DELEGATION = "delegation", "Delegation of somebody else"
    ROTA = "rota", "Who is on call instead"
    LINK = "link", "Account of a person"
    ACCOUNT = "account", "Rights of an account"
    PASSWORD = "password", "Password of somebody else"  # noqa: S105 - a kind
    FACTOR = "factor", "Second factor of somebody else"
    CONTACT = "contact", "Contact of a partner"
    FACTS = "facts", "Calendar and facts of a program"
    PUBLISHED = "published", "What a plan has published"


class GuardedState(models.TextChoices):
    PROPOSED = "proposed", "Proposed"
    APPROVED = "approved", "Approved"
    REFUSED = "refused", "Refused"
    WITHDRAWN = "withdrawn", "Withdrawn"
    SINGLE_HANDED = "single_handed", "Single-handed"
    CONFIRMED = "confirmed", "Confirmed"


UNSETTLED_CHANGE_STATES = frozenset({"proposed", "single_handed"})
"""A second person is still wanted."""
MADE_CHANGE_STATES = frozenset({"approved", "single_handed", "confirmed"})
ALONE_STATES = frozenset({"single_handed", "confirmed"})
"""Made by one person, because nobody else was there to agree."""


class GuardedChange(StatefulModel):
    """A change of authority, or of what a plan has published: proposed by one person, made by another.

    Until then nothing is changed. Where nobody else could agree it is made at once and marked as
    single-handed, until a second person confirms it. ``values`` are what is to be written, ``before`` what
    stood there.
    """

    kind = models.CharField(max_length=20, choices=GuardedKind.choices)
    what = models.CharField(max_length=300, help_text="What changes, in words")
    entity = models.CharField(max_length=100)
    object_id = models.CharField(max_length=64, blank=True, help_text="Empty for what is still to be made")
    verb = models.CharField(max_length=20)
    values = models.JSONField(default=dict)
    before = models.JSONField(default=dict)
    people = models.JSONField(default=list, help_text="Numbers of the people whose authority it concerns")
    roles = models.JSONField(default=list)
    programs = models.JSONField(default=list)
    reason = models.TextField(blank=True)
    state = StateField(default=GuardedState.PROPOSED.value, choices=GuardedState.choices)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="asked_changes"
    )
    requested_label = models.CharField(max_length=200)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="decided_changes"
    )
    decided_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at", "-pk"]
        verbose_name = "change by two people"
        verbose_name_plural = "changes by two people"
        indexes = [
            models.Index(fields=["entity", "object_id"], name="guarded_change_by_object"),
        ]
        permissions = [
            ("decide_guardedchange", "Can agree to changes of who may decide that others propose"),
        ]

    def __str__(self) -> str:
        return self.what

    def change_label(self) -> str:
        return f"change {self.pk}: {self.what}"


class PendingPassword(models.Model):
    """The hash of a password that waits for the second person. It stands in no log, and goes when decided."""

    change = models.OneToOneField(GuardedChange, on_delete=models.CASCADE, related_name="pending_password")
    encoded = models.CharField(max_length=128)

    def __str__(self) -> str:
        return f"password of change {self.change_id}"
