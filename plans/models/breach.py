"""A breach: a plan found a rule's condition met in a period. The same period by two plans counts once."""

from __future__ import annotations

from django.db import models

from gtm.core.governed import GovernedModel


class Breach(GovernedModel):
    plan = models.ForeignKey("plans.Plan", on_delete=models.CASCADE, related_name="breaches")
    task = models.ForeignKey("plans.Task", null=True, on_delete=models.CASCADE, related_name="breaches")
    program = models.ForeignKey("programs.Program", on_delete=models.PROTECT, related_name="breaches")
    command = models.CharField(max_length=161, help_text="Key of the command, plugin:name")
    rule = models.SlugField(max_length=60)
    window = models.CharField(
        max_length=60,
        blank=True,
        default="",
        help_text="Over what time it was measured; each has its own counter",
    )
    model = models.CharField(max_length=60, blank=True, default="", help_text="The method that measured it")
    scope = models.CharField(
        max_length=120, blank=True, default="", help_text="Of what it was measured, a campaign for one"
    )
    period = models.CharField(
        max_length=120, help_text="What was measured: a window, or a design's fingerprint"
    )
    value = models.CharField(max_length=60, blank=True)
    message = models.TextField(blank=True)
    answered_by = models.JSONField(
        default=list,
        blank=True,
        help_text="Slugs of roles that answer it, beside whoever asked for the plan and owns its program",
    )
    cleared_at = models.DateTimeField(
        null=True, blank=True, help_text="When a later measurement was good again"
    )

    class Meta:
        ordering = ["created_at"]
        verbose_name_plural = "breaches"
        constraints = [
            models.UniqueConstraint(
                fields=["plan", "rule", "window", "model", "scope", "period"],
                name="breach_once_a_plan_and_period",
            )
        ]

    def __str__(self) -> str:
        return f"{self.rule} in {self.period}"

    def change_chain(self) -> str:
        return self.plan.change_chain()

    def change_label(self) -> str:
        return f"breach of {self.rule}"
