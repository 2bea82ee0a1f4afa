"""What people are told: the outbox row, one message a person and channel, and what each person prefers."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

from gtm.core import clock
from gtm.core.governed import GovernedModel, StateField, StatefulModel
from gtm.core.places import messages

MAIL = "mail"


class NoticeKind(models.TextChoices):
    DECISION = "decision", "A decision is needed"
    REMINDER = "reminder", "Reminder of a decision"
    CHANGES = "changes", "Changes were asked for"
    RUNG = "rung", "An escalation has reached you"
    CASE = "case", "A case waits for you"
    EXHAUSTED = "exhausted", "Nobody answered an escalation"
    TASK = "task", "A task is assigned to you"
    TASK_REMINDER = "task-reminder", "Reminder of a task"
    OVERDUE = "overdue", "A task is overdue"
    STAND_IN = "stand-in", "You stand in for somebody"
    BREACH = "breach", "A limit was breached"
    RIPCORD = "ripcord", "The rip-cord was pulled"
    BOARD = "board", "A governance board is called"
    ENDED = "ended", "A plan has ended"
    SCHEDULE = "schedule", "A scheduled run did not start"
    POLICY = "policy", "A policy is proposed"
    AUTHORITY = "authority", "Who may decide changes"
    ACCOUNT = "account", "Your account was changed"
    MESSAGE = "message", "Somebody wrote about a plan"
    OUTLOOK = "outlook", "The answer of a running plan has turned"
    INVITATION = "invitation", "An invitation to a meeting"
    WEBHOOK = "webhook", "A webhook of yours fails"


UNMUTABLE = frozenset(
    {
        NoticeKind.DECISION,
        NoticeKind.RUNG,
        NoticeKind.RIPCORD,
        NoticeKind.BOARD,
        NoticeKind.AUTHORITY,
        NoticeKind.ACCOUNT,
    }
)
"""Governance counts on these having been told; how and when is the person's choice, whether is not."""


class Notice(models.Model):
    """The outbox: a matter to tell, committed with the change that is told. Bookkeeping, not evidence.

    Whom it concerns and by which channel is worked out after the commit, so that nothing about messages
    can hold up or undo a decision.
    """

    key = models.CharField(max_length=200, unique=True, help_text="The same matter is told once")
    kind = models.CharField(max_length=20, choices=NoticeKind.choices)
    entity = models.CharField(max_length=100)
    entity_id = models.CharField(max_length=64)
    plan = models.ForeignKey("plans.Plan", null=True, on_delete=models.CASCADE, related_name="notices")
    facts = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=clock.now)
    addressed_at = models.DateTimeField(null=True)
    withdrawn_at = models.DateTimeField(null=True)
    withdrawn_reason = models.CharField(max_length=240, blank=True)

    class Meta:
        ordering = ["created_at", "pk"]
        indexes = [
            models.Index(fields=["addressed_at", "withdrawn_at"], name="notice_waiting"),
            models.Index(fields=["entity", "entity_id"], name="notice_by_subject"),
        ]

    def __str__(self) -> str:
        return self.key


class NotificationState(models.TextChoices):
    QUEUED = "queued", "Queued"
    SENDING = "sending", "Being sent"
    RETRY_WAIT = "retry_wait", "Waiting to retry"
    SENT = "sent", "Sent"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


UNSENT_STATES = frozenset({"queued", "retry_wait"})
FAILING_STATES = frozenset({"retry_wait", "failed"})
"""Of interest to operations: the last try went wrong."""


class Notification(StatefulModel):
    """One message to one person over one channel."""

    notice = models.ForeignKey(Notice, on_delete=models.CASCADE, related_name="notifications")
    person = models.ForeignKey("programs.Person", on_delete=models.CASCADE, related_name="notifications")
    channel = models.CharField(max_length=60, help_text="mail, or the name of a channel")
    state = StateField(default=NotificationState.QUEUED.value, choices=NotificationState.choices)
    is_digest = models.BooleanField(default=False, help_text="Waits for the person's daily summary")
    subject = models.CharField(max_length=240)
    body = models.TextField()
    url = models.URLField(max_length=400)
    due_at = models.DateTimeField(
        help_text=("Not sent before this time: daily summary, quiet hours, next attempt")
    )
    attempts = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=240, blank=True, help_text="Why it has not arrived")

    unlogged_fields = frozenset({"due_at"})

    class Meta:
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["notice", "person", "channel"], name="notification_once_per_person_and_channel"
            )
        ]
        indexes = [models.Index(fields=["state", "due_at"], name="notification_due")]

    def __str__(self) -> str:
        return f"{self.subject} → {self.person} by {self.channel}"

    def change_chain(self) -> str:
        """A chain of its own: a plan's evidence does not grow because somebody was told of it."""
        return self.chain_of(self.notice.plan.plan_id if self.notice.plan else None)

    @staticmethod
    def chain_of(plan_id: str | None) -> str:
        """The chain of the messages about a plan, by its public id, or about none."""
        return f"notices:{plan_id}" if plan_id else "notices"

    def change_label(self) -> str:
        return f"notice “{self.notice.kind}” by {self.channel}"


class NotificationPreference(GovernedModel):
    """How a person wants to be told. Somebody without a row gets mail at once."""

    class Digest(models.TextChoices):
        IMMEDIATE = "immediate", "At once"
        DAILY = "daily", "One summary a day"

    person = models.OneToOneField(
        "programs.Person", on_delete=models.CASCADE, related_name="notification_preference"
    )
    by_mail = models.BooleanField(default=True)
    channels = models.JSONField(
        default=list, blank=True, help_text="Names of channels, one per line: “- finance”"
    )
    digest = models.CharField(max_length=20, choices=Digest.choices, default=Digest.IMMEDIATE)
    digest_hour = models.PositiveSmallIntegerField(default=8, help_text="In the person's time zone, 0 to 23")
    quiet_from = models.TimeField(null=True, blank=True, help_text="In the person's time zone")
    quiet_until = models.TimeField(null=True, blank=True)
    muted_kinds = models.JSONField(
        default=list,
        blank=True,
        help_text=("Kinds of notices that you do not want, one per line: “- reminder”"),
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="preference_digest_hour_exists", condition=models.Q(digest_hour__lt=24)
            )
        ]

    def __str__(self) -> str:
        return f"notification settings of {self.person}"

    def ways(self) -> list[str]:
        return [*([MAIL] if self.by_mail else []), *self.channels]

    def clean(self) -> None:
        """Every fault at once, by field; for forms, REST and import."""
        found: dict[str, Any] = {}
        known = messages.channels()
        unknown = [str(name) for name in self.channels if known.get(name, "unknown") is not None]
        if unknown:
            usable = ", ".join(name for name, fault in known.items() if fault is None) or "none"
            found["channels"] = f"Not a channel of this installation: {', '.join(unknown)}. Usable: {usable}."
        if not self.ways():
            found["by_mail"] = "Keep mail or choose a channel, so that decisions reach you."
        unmutable = sorted(set(self.muted_kinds) & UNMUTABLE)
        if unmutable:
            found["muted_kinds"] = f"Cannot be muted: {', '.join(unmutable)}."
        elif strange := sorted(set(self.muted_kinds) - set(NoticeKind.values)):
            found["muted_kinds"] = f"No such kind: {', '.join(strange)}."
        if (self.quiet_from is None) != (self.quiet_until is None):
            found["quiet_until"] = "Give both the beginning and the end of the quiet hours."
        if self.digest_hour > 23:
            found["digest_hour"] = "Give an hour from 0 to 23."
        if found:
            raise ValidationError(found)
