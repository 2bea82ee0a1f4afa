"""The rip-cord: one row a pull, and what it took to release it."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models

from gtm.core.governed import StateField, StatefulModel


class RipcordState(models.TextChoices):
    PULLED = "pulled", "Pulled"
    RELEASED = "released", "Released"
    ABORTED = "aborted", "Aborted"


CLOSERS = 2
"""So many people close a pull, whichever way."""


class RipcordPull(StatefulModel):
    class Scope(models.TextChoices):
        PLAN = "plan", "One plan"
        PROGRAM = "program", "A program"
        INSTALLATION = "installation", "The whole installation"

    scope = models.CharField(max_length=20, choices=Scope.choices)
    plan = models.ForeignKey(
        "plans.Plan", null=True, blank=True, on_delete=models.PROTECT, related_name="pulls"
    )
    program = models.ForeignKey(
        "programs.Program", null=True, blank=True, on_delete=models.PROTECT, related_name="pulls"
    )
    state = StateField(default=RipcordState.PULLED.value, choices=RipcordState.choices)
    reason = models.TextField()
    pulled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="pulls"
    )
    trigger = models.CharField(
        max_length=60, blank=True, help_text="The trigger that pulled it, if no person did"
    )
    remediation = models.TextField(blank=True)
    released_by = models.JSONField(
        default=list, help_text="Who agreed to close it, in order: person, name, said, to (release or abort)"
    )
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]
        verbose_name = "rip-cord pull"
        constraints = [
            models.UniqueConstraint(
                fields=["plan"],
                condition=models.Q(state="pulled", scope="plan"),
                name="ripcord_one_open_pull_per_plan",
            ),
            models.UniqueConstraint(
                fields=["program"],
                condition=models.Q(state="pulled", scope="program"),
                name="ripcord_one_open_pull_per_program",
            ),
            models.UniqueConstraint(
                fields=["scope"],
                condition=models.Q(state="pulled", scope="installation"),
                name="ripcord_one_open_pull_of_all",
            ),
        ]

    def __str__(self) -> str:
        return f"rip-cord on {self.plan or self.program or 'the installation'}"

    def change_chain(self) -> str:
        return self.plan.change_chain() if self.plan else "installation"

    def agreed_to(self, wish: str) -> list[dict[str, Any]]:
        """Who agreed to "release" or to "abort"."""
        return [agreed for agreed in self.released_by if agreed["to"] == wish]

    @property
    def is_to_be_aborted(self) -> bool:
        """Whether two people have said so: from then on there is no release."""
        return len(self.agreed_to("abort")) >= CLOSERS
