"""An escalation case climbs its ladder rung by rung until somebody resolves it."""

from __future__ import annotations

from django.db import models

from gtm.core.governed import StateField, StatefulModel
from plans.models.read_by import ReadBy
from plans.schemas import rules


class EscalationState(models.TextChoices):
    ARMED = "armed", "Armed"
    NOTIFIED = "notified", "Notified"
    ACKNOWLEDGED = "acknowledged", "Acknowledged"
    PAUSED = "paused", "Paused"
    EXHAUSTED = "exhausted", "Exhausted: on hold"
    RESOLVED = "resolved", "Resolved"
    CANCELLED = "cancelled", "Cancelled"


MOST_RUNGS = 9
"""A longer ladder is refused; lists of cases ask the database rung by rung."""
CLIMBING_STATES = frozenset({"armed", "notified", "acknowledged"})
UNANSWERED_STATES = frozenset({"notified", "exhausted"})
REACHED_STATES = UNANSWERED_STATES | {"acknowledged"}
"""A rung has fired: the case is with people."""
OPEN_CASE_STATES = CLIMBING_STATES | {"paused", "exhausted"}


class Escalation(StatefulModel):
    plan = models.ForeignKey("plans.Plan", on_delete=models.CASCADE, related_name="escalations")
    task = models.ForeignKey(
        "plans.Task", null=True, blank=True, on_delete=models.CASCADE, related_name="escalations"
    )
    approval = models.ForeignKey(
        "plans.Approval", null=True, blank=True, on_delete=models.CASCADE, related_name="escalations"
    )
    trigger = models.SlugField(max_length=60)
    about = models.CharField(max_length=80, default="plan", help_text="plan, task 2.1, approval finance …")
    subject = models.CharField(max_length=240)
    detail = models.TextField(blank=True)
    evidence = models.JSONField(
        default=list, blank=True, help_text="Each time the trigger fired: period, value"
    )
    asks_to_stop = models.BooleanField(
        default=False,
        help_text="Its trigger pulls the rip-cord: while it is open it climbs, and nothing is published",
    )
    told_at_once = models.JSONField(
        default=list, blank=True, help_text="Roles that are told when it opens, whatever rung it is on"
    )
    state = StateField(default=EscalationState.ARMED.value, choices=EscalationState.choices)
    held_from = models.CharField(max_length=30, blank=True, editable=False)
    ladder = models.JSONField(default=list, help_text="The rungs at the start of the plan")
    rung = models.PositiveSmallIntegerField(
        default=0, help_text=("The last rung that was notified; 0 means none")
    )
    cycle = models.PositiveSmallIntegerField(default=1)
    due_at = models.DateTimeField(null=True, blank=True, help_text="When the next rung is notified")
    frozen_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="When its clock was stopped"
    )
    acknowledged_by = models.ForeignKey(
        "programs.Person", null=True, blank=True, on_delete=models.PROTECT, related_name="acknowledged_cases"
    )
    owner = models.ForeignKey(
        "programs.Person",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="escalations",
        help_text="Whom it was handed to",
    )
    renewals = models.PositiveSmallIntegerField(default=0)
    restarted_due_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="The due time for which the watchdog restarted it"
    )
    occurrences = models.PositiveIntegerField(default=1)
    remediation = models.TextField(blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    rungs = ReadBy("ladder", rules.rungs)

    unlogged_fields = frozenset({"due_at", "frozen_at", "closed_at", "restarted_due_at"})

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["plan", "trigger", "about"],
                condition=models.Q(state__in=sorted(OPEN_CASE_STATES)),
                name="escalation_one_open_case_per_trigger",
            )
        ]
        indexes = [models.Index(fields=["state", "due_at"], name="escalation_due")]
        permissions = [("answer_escalation", "Can acknowledge and resolve escalations")]

    def __str__(self) -> str:
        return self.subject

    def change_chain(self) -> str:
        return self.plan.change_chain()

    @property
    def reached(self) -> tuple[rules.RungRules, ...]:
        """The rungs that have fired; a ladder that starts over keeps those of its earlier cycles."""
        return self.rungs if self.cycle > 1 else self.rungs[: self.rung]

    def change_label(self) -> str:
        return f"escalation {self.trigger}"


class RungFiring(models.Model):
    """A rung that fired: once per case, cycle and rung, whoever asks and however often."""

    case = models.ForeignKey(Escalation, on_delete=models.CASCADE, related_name="firings")
    cycle = models.PositiveSmallIntegerField()
    rung = models.PositiveSmallIntegerField()
    role = models.CharField(max_length=80)
    notified = models.JSONField(default=list, help_text="Who was notified")
    skipped_reason = models.CharField(max_length=240, blank=True)
    fired_at = models.DateTimeField()

    class Meta:
        ordering = ["case", "cycle", "rung"]
        constraints = [
            models.UniqueConstraint(fields=["case", "cycle", "rung"], name="rung_fires_once_per_cycle")
        ]

    def __str__(self) -> str:
        return f"rung {self.rung} of {self.case}"
