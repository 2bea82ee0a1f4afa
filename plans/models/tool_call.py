"""A call of a tool that a plan's document names: who answered it, about what, and with what result."""

from __future__ import annotations

from django.db import models

from gtm.core.governed import GovernedModel


class CallOutcome(models.TextChoices):
    ANSWERED = "answered", "Answered"
    FAILED = "failed", "Failed"
    NOT_RUN = "not_run", "Not run"


class ToolCall(GovernedModel):
    """Written once, with the success of the task that it belongs to; a task done again makes calls anew."""

    plan = models.ForeignKey("plans.Plan", on_delete=models.CASCADE, related_name="tool_calls")
    task = models.ForeignKey("plans.Task", on_delete=models.CASCADE, related_name="tool_calls")
    attempt = models.ForeignKey("plans.TaskAttempt", on_delete=models.CASCADE, related_name="tool_calls")
    tool = models.CharField(max_length=60, help_text="The tool that the command's document names")
    work = models.SlugField(max_length=40, help_text="What was to be done")
    performed_by = models.CharField(
        max_length=120, blank=True, help_text="What answered, with its version; empty where nothing did"
    )
    arguments = models.JSONField(default=dict)
    arguments_sha256 = models.CharField(max_length=64)
    outcome = models.CharField(max_length=20, choices=CallOutcome.choices)
    said = models.TextField(blank=True, help_text="The result in a sentence, or why there is none")
    result_sha256 = models.CharField(max_length=64, blank=True)
    kept = models.OneToOneField(
        "plans.Artifact", null=True, blank=True, on_delete=models.PROTECT, related_name="tool_call"
    )
    started_at = models.DateTimeField()
    milliseconds = models.PositiveIntegerField(help_text="How long it took")

    class Meta:
        ordering = ["plan", "pk"]

    def __str__(self) -> str:
        return f"{self.work} in the place of {self.tool}: {self.get_outcome_display().lower()}"

    def change_chain(self) -> str:
        return self.plan.change_chain()

    def change_label(self) -> str:
        return f"call {self.work} {self.arguments_sha256[:12]}"
