"""A breach: a rule's condition was met in a period. The same period twice counts once."""

from __future__ import annotations

from django.db import models

from gtm.core.governed import GovernedModel


class Breach(GovernedModel):
    plan = models.ForeignKey("plans.Plan", on_delete=models.CASCADE, related_name="breaches")
    task = models.ForeignKey("plans.Task", null=True, on_delete=models.CASCADE, related_name="breaches")
    program = models.ForeignKey("programs.Program", on_delete=models.PROTECT, related_name="breaches")
    command = models.CharField(max_length=161, help_text="Key of the command, plugin:name")
    rule = models.SlugField(max_length=60)
    period = models.CharField(
        max_length=120, help_text="What was measured: a window, or a design's fingerprint"
    )
    value = models.CharField(max_length=60, blank=True)
    message = models.TextField(blank=True)
    cleared_at = models.DateTimeField(
        null=True, blank=True, help_text="When a later measurement was good again"
    )

    class Meta:
        ordering = ["created_at"]
        verbose_name_plural = "breaches"
        constraints = [
            models.UniqueConstraint(
                fields=["program", "command", "rule", "period"], name="breach_once_per_period"
            )
        ]

    def __str__(self) -> str:
        return f"{self.rule} in {self.period}"

    def change_chain(self) -> str:
        return self.plan.change_chain()

    def change_label(self) -> str:
        return f"breach of {self.rule}"
