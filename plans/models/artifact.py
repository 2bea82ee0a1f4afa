"""What a task produced: a table, a chart, metrics, a document. Stored once, never edited."""

from __future__ import annotations

from types import MappingProxyType

from django.db import models

from gtm.core.governed import GovernedModel


class Artifact(GovernedModel):
    plan = models.ForeignKey("plans.Plan", on_delete=models.CASCADE, related_name="artifacts")
    task = models.ForeignKey("plans.Task", on_delete=models.CASCADE, related_name="artifacts")
    key = models.SlugField(max_length=80)
    title = models.CharField(max_length=160)
    kind = models.CharField(max_length=20)
    position = models.PositiveSmallIntegerField(default=0)
    is_deliverable = models.BooleanField(default=False, help_text="One of the outputs the command promises")
    payload = models.JSONField(help_text="The output in the form of its kind; see plans.schemas.outputs")
    sha256 = models.CharField(max_length=64)
    specification = models.JSONField(
        null=True,
        blank=True,
        editable=False,
        help_text="How a chart is drawn, in Vega-Lite, without its points: these come from the output",
    )

    superseded_at = models.DateTimeField(
        null=True, blank=True, help_text="A later revision of the plan computed it again; kept for the record"
    )

    digested_fields = MappingProxyType({"payload": "sha256", "specification": ""})

    class Meta:
        ordering = ["plan", "task", "position"]
        constraints = [
            models.UniqueConstraint(
                fields=["task", "key"],
                condition=models.Q(superseded_at__isnull=True),
                name="artifact_one_current_per_task",
            )
        ]

    def __str__(self) -> str:
        return self.title

    def change_chain(self) -> str:
        return self.plan.change_chain()

    def change_label(self) -> str:
        return f"output {self.key} {self.sha256[:12]}"
