"""A plan: one run of a command, from its inputs to its evidence."""

from __future__ import annotations

import secrets
from datetime import datetime
from types import MappingProxyType
from typing import Any

from django.conf import settings
from django.db import models

from gtm.core import clock
from gtm.core.governed import StateField, StatefulModel
from gtm.core.money_field import MoneyField
from plans.models.read_by import ReadBy
from plans.schemas import rules


class PlanState(models.TextChoices):
    DRAFT = "draft", "Draft"
    IN_REVIEW = "in_review", "In review"
    CHANGES_REQUESTED = "changes_requested", "Changes requested"
    REJECTED = "rejected", "Rejected"
    APPROVED = "approved", "Approved"
    RUNNING = "running", "Running"
    BLOCKED = "blocked", "Blocked"
    PAUSED = "paused", "Paused"
    HELD = "held", "Held"
    ABORTING = "aborting", "Aborting"
    ABORTED = "aborted", "Aborted"
    SUCCEEDED = "succeeded", "Succeeded"
    SUCCEEDED_DEGRADED = "succeeded_degraded", "Succeeded, degraded"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"
    SUPERSEDED = "superseded", "Superseded"


LIVE_PLAN_STATES = frozenset(
    {
        "draft",
        "in_review",
        "changes_requested",
        "approved",
        "running",
        "blocked",
        "paused",
        "held",
        "aborting",
    }
)
FINAL_PLAN_STATES = frozenset(PlanState.values) - LIVE_PLAN_STATES
AT_WORK_PLAN_STATES = frozenset({"running", "blocked"})
"""A blocked plan waits at one task; the others go on."""
CHANGEABLE_PLAN_STATES = AT_WORK_PLAN_STATES | {"approved"}
RESTING_PLAN_STATES = frozenset({"changes_requested", "paused"})
"""Its clocks stand still by itself, with or without a rip-cord."""
SUCCEEDED_PLAN_STATES = frozenset({"succeeded", "succeeded_degraded"})
GIVEN_UP_PLAN_STATES = frozenset({"cancelled", "aborted"})
STUCK_PLAN_STATES = frozenset({"blocked", "held"})
"""Plans that go on only when somebody acts."""
TROUBLED_PLAN_STATES = GIVEN_UP_PLAN_STATES | STUCK_PLAN_STATES | {"failed", "rejected"}
PLAN_ID_PREFIX = "plan-"


def new_plan_id(at: datetime | None = None, *, apart: bool = False) -> str:
    """``plan-20261121-061500``, by the second it begins in; with a suffix where two fall together.

    ``apart`` asks for the suffix: another transaction may have taken the name and not committed yet.
    """
    plain = f"{PLAN_ID_PREFIX}{at or clock.now():%Y%m%d-%H%M%S}"
    taken = apart or Plan.objects.filter(plan_id=plain).exists()
    return f"{plain}-{secrets.token_hex(3)}" if taken else plain


def of_command(key: str, plan: str = "") -> dict[str, str]:
    """The filter for plans of a command by its key; ``plan`` (``plan__``) leads to them from other rows."""
    plugin, _, name = key.partition(":")
    return {f"{plan}plugin": plugin, f"{plan}command": name}


class Plan(StatefulModel):
    """What was asked, under which rules, and how far it is.

    ``declaration`` is the command's declaration as it stood at the start: ladder, guardrails,
    policies and checklist of this run. A later edit of the command does not move a running plan.
    It is read through ``rules``, and through nothing else.
    """

    plan_id = models.CharField(max_length=60, unique=True, editable=False)
    revision = models.PositiveIntegerField(default=1, editable=False)
    state = StateField(default=PlanState.DRAFT.value, choices=PlanState.choices)
    held_from = models.CharField(max_length=30, blank=True, editable=False)
    epoch = models.PositiveIntegerField(default=0, editable=False, help_text="Raised by every rip-cord pull")

    plugin = models.CharField(max_length=80)
    command = models.CharField(max_length=80, db_index=True)
    usage = models.TextField(help_text="The line that reproduces this run")
    inputs = models.JSONField(default=dict)
    objective = models.CharField(max_length=240)
    complexity = models.CharField(max_length=20)
    strategy = models.CharField(max_length=20)
    declaration = models.JSONField(default=dict)
    structure_sha256 = models.CharField(
        max_length=64,
        blank=True,
        editable=False,
        help_text="Digest of tasks, edges, roles, limits as accepted",
    )
    datasets = models.JSONField(default=list, help_text="Fingerprints of the data this run reads")
    checklist = models.JSONField(
        default=list, help_text="Review checklist: item, result, checked by, at, evidence"
    )
    context = models.JSONField(
        default=dict, help_text="Facts about the program at the start, which the steps read"
    )
    seed = models.PositiveBigIntegerField()
    amount = MoneyField(of="currency", null=True, blank=True)
    currency = models.CharField(max_length=3, default="USD")

    program = models.ForeignKey("programs.Program", on_delete=models.PROTECT, related_name="plans")
    campaign = models.ForeignKey(
        "programs.Campaign", null=True, blank=True, on_delete=models.PROTECT, related_name="plans"
    )
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="requested_plans"
    )
    idempotency_key = models.CharField(max_length=120, null=True, blank=True, unique=True)  # noqa: DJ001
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    next_forecast_at = models.DateTimeField(
        null=True, blank=True, help_text="When the command's look ahead is made next; empty where it has none"
    )
    expected_seconds = models.PositiveIntegerField(
        default=0, help_text="Estimated duration of the automated part"
    )

    rules = ReadBy("declaration", rules.plan_rules)

    unlogged_fields = frozenset({"started_at", "finished_at", "next_forecast_at"})
    digested_fields = MappingProxyType({"declaration": "", "context": ""})

    class Meta:
        ordering = ["-created_at"]
        indexes = [
            models.Index(fields=["state", "-created_at"], name="plan_by_state"),
            models.Index(fields=["program", "command", "-created_at"], name="plan_by_program"),
            models.Index(fields=["-created_at"], name="plan_newest"),
            models.Index(fields=["-finished_at"], name="plan_last_finished"),
            models.Index(
                fields=["next_forecast_at"],
                name="plan_next_forecast",
                condition=models.Q(next_forecast_at__isnull=False),
            ),
        ]
        permissions = [
            ("operate_plan", "Can start, cancel and steer plans"),
            ("pull_ripcord", "Can pull the rip-cord"),
            ("release_ripcord", "Can release a pulled rip-cord"),
            ("audit_plan", "Can read every plan and the change log"),
        ]

    def __str__(self) -> str:
        return self.plan_id

    def told_at_creation(self) -> dict[str, Any]:
        """What was asked and for how much, in full; the digest of the rules stands among the columns."""
        return {"inputs": self.inputs, "amount": self.amount, "currency": self.currency}

    def change_chain(self) -> str:
        return f"plan:{self.plan_id}"

    def change_label(self) -> str:
        return self.plan_id

    @property
    def command_key(self) -> str:
        """``plugin:name`` of the command, as the registry keeps it."""
        return f"{self.plugin}:{self.command}"

    @property
    def is_live(self) -> bool:
        return self.state in LIVE_PLAN_STATES


class PlanFile(models.Model):
    """How far the plan's file in the plans folder has come: bookkeeping, not evidence."""

    plan = models.OneToOneField(Plan, on_delete=models.CASCADE, primary_key=True, related_name="file")
    sequence = models.PositiveBigIntegerField()
    anchor = models.PositiveBigIntegerField(default=0, help_text="Number of the last anchor it shows")
    seal = models.PositiveBigIntegerField(
        default=0, help_text="Row that seals what it says; none where it was written before there were seals"
    )
    sha256 = models.CharField(max_length=64, blank=True, help_text="Of its bytes, as we wrote them")
    written_at = models.DateTimeField(null=True, help_text="Empty where an earlier version wrote it")

    def __str__(self) -> str:
        return f"{self.plan} up to row {self.sequence}"
