"""An approval round at a gate, and the decisions people made in it."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models

from gtm.core import clock
from gtm.core.governed import GovernedModel, StateField, StatefulModel
from gtm.core.money_field import MoneyField
from plans.models.read_by import ReadBy
from plans.schemas import rules

FALLBACK = "fallback for"
"""How the authority of somebody from a gate's fallback list begins, on a bench and in evidence."""


class ApprovalState(models.TextChoices):
    SCHEDULED = "scheduled", "Scheduled"
    PENDING = "pending", "Pending"
    FROZEN = "frozen", "Frozen"
    APPROVED = "approved", "Approved"
    REJECTED = "rejected", "Rejected"
    CHANGES_REQUESTED = "changes_requested", "Changes requested"
    UNSATISFIABLE = "unsatisfiable", "Nobody can decide"
    EXHAUSTED = "exhausted", "Ladder exhausted"
    SUPERSEDED = "superseded", "Superseded"
    CANCELLED = "cancelled", "Cancelled"
    BYPASSED = "bypassed", "Bypassed (review due)"


ASKING_STATES = frozenset({"pending", "unsatisfiable"})
"""People are asked and the clock runs."""
DECIDABLE_STATES = ASKING_STATES | {"exhausted"}
POSTPONED_STATES = frozenset({"scheduled", "frozen"})
"""Open, and nobody is asked now."""
OPEN_APPROVAL_STATES = DECIDABLE_STATES | POSTPONED_STATES
STANDING_STATES = frozenset({"approved", "bypassed"})
"""What is behind the gate may start."""
VOTED_STATES = STANDING_STATES | {"rejected", "changes_requested", "superseded", "exhausted"}
"""Its votes are complete, as far as there were any."""


class Approval(StatefulModel):
    """One round at one gate. ``policy`` is the gate as it stood when the plan started; ``rules`` reads it."""

    plan = models.ForeignKey("plans.Plan", on_delete=models.CASCADE, related_name="approvals")
    task = models.ForeignKey("plans.Task", on_delete=models.CASCADE, related_name="approvals")
    gate = models.SlugField(max_length=60)
    title = models.CharField(max_length=160)
    round = models.PositiveSmallIntegerField(default=1)
    state = StateField(default=ApprovalState.SCHEDULED.value, choices=ApprovalState.choices)
    policy = models.JSONField(default=dict)
    question = models.TextField(blank=True, help_text="What is asked, in a sentence")
    summary = models.JSONField(default=list, blank=True, help_text="Label and value pairs to decide on")
    amount = MoneyField(of="currency", null=True, blank=True)
    currency = models.CharField(max_length=3, default="USD")
    scope = models.JSONField(default=dict, blank=True, help_text="What exactly is approved")
    scope_sha256 = models.CharField(max_length=64, blank=True)
    opened_at = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField(null=True, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    frozen_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="When its clock was stopped"
    )
    reminded = models.PositiveSmallIntegerField(
        default=0, editable=False, help_text="The last reminder sent, in percent of the time to decide"
    )
    remind_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="When the next reminder is due"
    )
    bench = models.JSONField(
        default=dict, editable=False, help_text="Who held what when the round was opened; gains come too late"
    )
    missing = models.JSONField(
        default=list, blank=True, help_text=("Seats that nobody fills yet, with the reasons")
    )

    rules = ReadBy("policy", rules.gate_rules)

    unlogged_fields = frozenset({"opened_at", "decided_at", "frozen_at", "remind_at", "missing"})

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(fields=["task", "round"], name="approval_one_per_round"),
            models.UniqueConstraint(
                fields=["task"],
                condition=models.Q(state__in=sorted(OPEN_APPROVAL_STATES)),
                name="approval_one_open_round_per_gate",
            ),
        ]
        indexes = [
            models.Index(fields=["state", "due_at"], name="approval_due"),
            models.Index(fields=["state", "remind_at"], name="approval_reminder"),
        ]
        permissions = [("decide_approval", "Can be asked for decisions")]

    def __str__(self) -> str:
        return f"{self.title}, round {self.round}"

    def change_chain(self) -> str:
        return self.plan.change_chain()

    def change_label(self) -> str:
        return f"approval {self.gate} round {self.round}"


class DecisionKind(models.TextChoices):
    APPROVE = "approve", "Approve"
    REJECT = "reject", "Reject"
    REQUEST_CHANGES = "request_changes", "Request changes"
    RECUSE = "recuse", "Recuse"


class Decision(GovernedModel):
    """One person's vote. It may change while the round is open; the old one stays on record."""

    approval = models.ForeignKey(Approval, on_delete=models.CASCADE, related_name="decisions")
    person = models.ForeignKey("programs.Person", on_delete=models.PROTECT, related_name="decisions")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="decisions")
    on_behalf_of = models.ForeignKey(
        "programs.Person",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="decisions_by_delegate",
    )
    kind = models.CharField(max_length=20, choices=DecisionKind.choices)
    comment = models.TextField(blank=True)
    evidence = models.JSONField(default=dict, blank=True)
    scope_sha256 = models.CharField(max_length=64, blank=True, help_text="Digest of what this person saw")
    decided_at = models.DateTimeField(default=clock.now)
    superseded_at = models.DateTimeField(null=True, blank=True)
    void_reason = models.CharField(max_length=240, blank=True)

    class Meta:
        ordering = ["approval", "decided_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["approval", "person"],
                condition=models.Q(superseded_at__isnull=True),
                name="decision_one_live_vote_per_person",
            )
        ]

    def __str__(self) -> str:
        return f"{self.person}: {self.get_kind_display()}"

    def change_chain(self) -> str:
        return self.approval.plan.change_chain()

    def change_label(self) -> str:
        return f"decision of {self.person} on {self.approval.change_label()}"

    def told_at_creation(self) -> dict[str, Any]:
        """The vote itself: who, with whose authority and in which capacity, on what."""
        principal = self.on_behalf_of or self.person
        return {
            "gate": self.approval.gate,
            "round": self.approval.round,
            "person": self.person.name,
            "account": self.user.get_username(),
            "decision": self.kind,
            "authority": principal.name,
            "capacity": self.evidence.get("authority") or "in their own right",
            "scope_sha256": self.scope_sha256,
            "at": self.decided_at,
        }
