"""Versions of the rules a command runs under: who decides at a gate, and who stands on the ladder."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from gtm.core.governed import StateField, StatefulModel

LADDER = "ladder"
"""The subject of a version that is about the escalation ladder; of any other it is the key of a gate."""


class PolicyState(models.TextChoices):
    PROPOSED = "proposed", "Proposed"
    IN_FORCE = "in_force", "In force"
    REPLACED = "replaced", "Replaced"
    REJECTED = "rejected", "Rejected"
    WITHDRAWN = "withdrawn", "Withdrawn"


class PolicyVersion(StatefulModel):
    """One version of a gate's policy or of a ladder. What a command declares itself is version 0.

    Runs that start while it is in force are held to it; a plan keeps the text it started with.
    """

    command = models.CharField(max_length=161, help_text="Key of the command, plugin:name")
    subject = models.SlugField(max_length=60, help_text="Key of the gate, or “ladder”")
    number = models.PositiveIntegerField(help_text="Number of the proposal for this subject")
    based_on = models.PositiveIntegerField(
        default=0, help_text=("The version in force when this one was proposed")
    )
    text = models.JSONField(help_text="Seats and service level of the gate, or the rungs")
    state = StateField(default=PolicyState.PROPOSED.value, choices=PolicyState.choices)
    reason = models.TextField()
    proposed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="proposed_policies"
    )
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="decided_policies",
    )
    decided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-pk"]
        verbose_name = "policy"
        verbose_name_plural = "policies"
        constraints = [
            models.UniqueConstraint(fields=["command", "subject", "number"], name="policy_one_per_number"),
            models.UniqueConstraint(
                fields=["command", "subject"],
                condition=models.Q(state="in_force"),
                name="policy_one_in_force_per_subject",
            ),
        ]
        permissions = [
            ("propose_policy", "Can propose a policy or a ladder"),
            ("adopt_policy", "Can adopt or reject what others propose"),
        ]

    def __str__(self) -> str:
        return f"{self.subject} of {self.command}, version {self.number}"

    def change_chain(self) -> str:
        return chain_of(self.command)

    def earlier_chains(self) -> tuple[str, ...]:
        """While commands were kept by their names, without that of their plugin."""
        return (chain_of(self.command.rpartition(":")[2]),)

    def change_label(self) -> str:
        return f"policy {self}"


def chain_of(command: str) -> str:
    """The chain of the change log that tells what became of a command's rules, by its key."""
    return f"policies:{command}"
