"""Tasks of a plan, and every attempt at one."""

from __future__ import annotations

from types import MappingProxyType

from django.conf import settings
from django.db import models

from gtm.core import clock
from gtm.core.governed import StateField, StatefulModel


class TaskKind(models.TextChoices):
    AUTOMATED = "automated", "Automated"
    HUMAN = "human", "Done by people"
    GATE = "gate", "Approval gate"


class TaskState(models.TextChoices):
    PENDING = "pending", "Pending"
    AWAITING_APPROVAL = "awaiting_approval", "Awaiting approval"
    READY = "ready", "Ready"
    LEASED = "leased", "Leased"
    RUNNING = "running", "Running"
    RETRY_WAIT = "retry_wait", "Waiting to retry"
    FALLBACK_READY = "fallback_ready", "Substitute ready"
    FALLBACK_RUNNING = "fallback_running", "Substitute running"
    WITH_SUBSTITUTE = "with_substitute", "With the substitute"
    UNKNOWN = "unknown", "Effect unknown"
    ESCALATED = "escalated", "Escalated"
    SUSPENDED = "suspended", "Suspended"
    SUCCEEDED = "succeeded", "Succeeded"
    SUCCEEDED_DEGRADED = "succeeded_degraded", "Succeeded, degraded"
    SUCCEEDED_MANUAL = "succeeded_manual", "Done by hand"
    WAIVED = "waived", "Waived"
    SKIPPED = "skipped", "Skipped"
    CANCELLED = "cancelled", "Cancelled"


DONE_STATES = frozenset({"succeeded", "succeeded_degraded", "succeeded_manual", "waived", "skipped"})
FINAL_TASK_STATES = DONE_STATES | {"cancelled"}
DEGRADED_STATES = frozenset({"succeeded_degraded", "succeeded_manual", "waived"})
"""Done, but not as it was planned."""
COMPUTED_STATES = frozenset({"succeeded", "succeeded_degraded"})
"""Done by its step, so that a replay can do it again."""
CARRIED_OUT_STATES = COMPUTED_STATES | {"succeeded_manual"}
"""Done by its step, or by people: not waived, not skipped."""
UNOPENED_STATES = frozenset({"pending", "suspended"})
"""It opens once all that it needs is done."""
CLAIMABLE_STATES = frozenset({"ready", "fallback_ready"})
COMPUTING_STATES = frozenset({"running", "fallback_running"})
AT_WORK_STATES = COMPUTING_STATES | {"leased"}
MOVING_STATES = CLAIMABLE_STATES | AT_WORK_STATES | {"retry_wait"}
"""An automated task goes on without anybody."""
WAITING_STATES = CLAIMABLE_STATES | {"awaiting_approval", "retry_wait"}
"""Begun by nobody yet: a stop suspends it at once."""
STUCK_STATES = frozenset({"escalated", "unknown"})
ANSWERED_STATES = STUCK_STATES | {"with_substitute"}
"""An automated task that people have the answer to."""
ASSIGNED_STATES = frozenset({"ready", "suspended", "with_substitute"})
"""With people: to be done, or to be done once a stop is over."""
WITH_PEOPLE = models.Q(kind=TaskKind.HUMAN.value, state="ready") | models.Q(state="with_substitute")
"""People are to do it now: a task of theirs, or a step of the engine whose substitute they are."""


class Task(StatefulModel):
    plan = models.ForeignKey("plans.Plan", on_delete=models.CASCADE, related_name="tasks")
    task_id = models.CharField(max_length=20, help_text='Number within the plan, e.g. "1.1"')
    position = models.PositiveIntegerField(default=0)
    stage_id = models.CharField(max_length=20)
    stage_name = models.CharField(max_length=120)
    key = models.SlugField(max_length=80, help_text="The step the task runs, unique within its command")
    name = models.CharField(max_length=160)
    purpose = models.TextField(blank=True)
    kind = models.CharField(max_length=20, choices=TaskKind.choices)
    state = StateField(default=TaskState.PENDING.value, choices=TaskState.choices)
    held_from = models.CharField(max_length=30, blank=True, editable=False)
    needs = models.ManyToManyField("self", symmetrical=False, blank=True, related_name="successors")

    agent = models.ForeignKey("programs.Role", on_delete=models.PROTECT, related_name="tasks")
    fallback_agent = models.ForeignKey(
        "programs.Role", null=True, blank=True, on_delete=models.PROTECT, related_name="substitute_tasks"
    )
    owner = models.ForeignKey(
        "programs.Person", null=True, blank=True, on_delete=models.PROTECT, related_name="owned_tasks"
    )
    covers_for = models.ForeignKey(
        "programs.Person", null=True, blank=True, editable=False, on_delete=models.PROTECT,
        related_name="covered_tasks", help_text="Who is away and whose task the owner does meanwhile",
    )  # fmt: skip
    skills = models.JSONField(default=list, blank=True)
    tools = models.JSONField(default=list, blank=True)
    output_var = models.CharField(max_length=60, blank=True)
    due_at = models.DateTimeField(null=True, blank=True)
    frozen_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="When its clock was stopped"
    )
    reminded = models.PositiveSmallIntegerField(
        default=0, editable=False, help_text="The last reminder sent, in percent of the time to do it"
    )
    remind_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="When the next reminder is due"
    )
    held_because = models.TextField(
        blank=True, help_text="Why it does not begin, although all that it needs is done"
    )
    expected_seconds = models.PositiveIntegerField(default=0)

    max_retries = models.PositiveSmallIntegerField(default=2)
    attempts_granted = models.PositiveSmallIntegerField(
        default=0, help_text="Extra attempts that people granted"
    )
    attempts_used = models.PositiveSmallIntegerField(default=0)
    restarts = models.PositiveSmallIntegerField(
        default=0, help_text=("Restarts after a lost worker; not counted as attempts")
    )
    fence = models.PositiveIntegerField(default=0, help_text="Only the attempt with this token may write")
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    rung_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="When the sweep last notified the workers of it"
    )
    progress = models.PositiveSmallIntegerField(default=0, help_text="Percent")
    progress_note = models.CharField(max_length=200, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    output = models.JSONField(null=True, blank=True, help_text="What later tasks read")
    output_sha256 = models.CharField(max_length=64, blank=True)
    error = models.JSONField(null=True, blank=True, help_text="The last error, in words")

    untold_links = frozenset({"needs"})
    unlogged_fields = frozenset(
        {
            "position",
            "fence",
            "frozen_at",
            "lease_expires_at",
            "remind_at",
            "rung_at",
            "progress",
            "progress_note",
            "started_at",
            "finished_at",
        }
    )
    digested_fields = MappingProxyType({"output": "output_sha256"})

    class Meta:
        ordering = ["plan", "position"]
        constraints = [models.UniqueConstraint(fields=["plan", "task_id"], name="task_one_per_number")]
        indexes = [
            models.Index(fields=["state", "next_attempt_at"], name="task_due"),
            models.Index(fields=["state", "lease_expires_at"], name="task_leases"),
            models.Index(fields=["state", "due_at"], name="task_overdue"),
            models.Index(fields=["state", "remind_at"], name="task_reminder"),
            models.Index(fields=["state", "-plan", "position"], name="task_by_state"),
        ]

    def __str__(self) -> str:
        return f"{self.task_id} {self.name}"

    def change_chain(self) -> str:
        return self.plan.change_chain()

    def change_label(self) -> str:
        return f"task {self.task_id} {self.name}"

    @property
    def attempts_allowed(self) -> int:
        return 1 + self.max_retries + self.attempts_granted

    @property
    def evidence_wanted(self) -> str:
        """What the runbook asks for as evidence that it is done; empty where it asks for nothing."""
        return self.plan.rules.evidence.get(self.task_id, "")

    @property
    def is_done(self) -> bool:
        return self.state in DONE_STATES

    @property
    def is_with_people(self) -> bool:
        """The same as ``WITH_PEOPLE`` asks of rows."""
        return self.state == ("ready" if self.kind == TaskKind.HUMAN else "with_substitute")


class TaskAttempt(models.Model):
    """One try at a task. Written by the engine only; its outcome is set once, with the task's transition."""

    class Executor(models.TextChoices):
        ORIGINAL = "original", "Original"
        SUBSTITUTE = "substitute", "Substitute"
        PERSON = "person", "Person"
        COMPENSATION = "compensation", "Compensation"

    class Outcome(models.TextChoices):
        RUNNING = "running", "Running"
        SUCCEEDED = "succeeded", "Succeeded"
        FAILED = "failed", "Failed"
        LOST = "lost", "Worker lost"
        SUPERSEDED = "superseded", "Result came too late"
        STOPPED = "stopped", "Stopped"

    COUNTED_OUTCOMES = frozenset({Outcome.SUCCEEDED, Outcome.FAILED})

    task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="attempts")
    number = models.PositiveSmallIntegerField(help_text="Attempt 2 of 3; a restart repeats its number")
    fence = models.PositiveIntegerField()
    epoch = models.PositiveIntegerField(default=0)
    executor = models.CharField(max_length=20, choices=Executor.choices, default=Executor.ORIGINAL)
    outcome = models.CharField(max_length=20, choices=Outcome.choices, default=Outcome.RUNNING)
    worker = models.CharField(max_length=120, blank=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT)
    started_at = models.DateTimeField(default=clock.now)
    finished_at = models.DateTimeField(null=True, blank=True)
    effect_started_at = models.DateTimeField(
        null=True, blank=True, help_text="When an effect outside this installation was about to begin"
    )
    error_class = models.CharField(max_length=30, blank=True, help_text="transient, permanent, unclear")
    error = models.TextField(blank=True)
    changed = models.CharField(
        max_length=240, blank=True, help_text="What this attempt did otherwise than the step itself"
    )
    code_sha256 = models.CharField(
        max_length=64, blank=True, help_text="Digest of the code that computed; empty before it was recorded"
    )
    late_output = models.JSONField(
        null=True, blank=True, help_text="A result that came too late: kept, not applied"
    )

    class Meta:
        ordering = ["task", "fence"]
        constraints = [models.UniqueConstraint(fields=["task", "fence"], name="attempt_one_per_fence")]

    def __str__(self) -> str:
        return f"attempt {self.number} of {self.task}"

    @property
    def seconds(self) -> float | None:
        return (self.finished_at - self.started_at).total_seconds() if self.finished_at else None
