"""The metric registry: KPIs are rows with versions, not code scattered in commands."""

from __future__ import annotations

from django.db import models

from gtm.core.governed import GovernedModel
from programs.schemas.metrics import DEFINITION


class Direction(models.TextChoices):
    HIGHER = "higher", "Higher is better"
    LOWER = "lower", "Lower is better"


class Metric(GovernedModel):
    """A KPI's definition. A change of definition raises ``definition_version``; the log keeps the diff."""

    key = models.SlugField(unique=True, max_length=60)
    name = models.CharField(max_length=120)
    unit = models.CharField(
        max_length=30, help_text="%, points, days, …; money is an amount in the program's currency"
    )
    direction = models.CharField(max_length=10, choices=Direction.choices)
    numerator = models.CharField(max_length=240)
    denominator = models.CharField(max_length=240, blank=True)
    window = models.CharField(
        max_length=60,
        blank=True,
        help_text=("“window of the run”, or e.g. 90 days; empty for a value at one moment"),
    )
    dimensions = models.JSONField(default=list, blank=True, help_text="One per line: “- tier”")
    owner_role = models.ForeignKey("programs.Role", null=True, blank=True, on_delete=models.PROTECT)
    threshold = models.DecimalField(
        max_digits=18,
        decimal_places=6,
        null=True,
        blank=True,
        help_text="A value worse than this alarms in a run that names no threshold; 0.8 means 80 %",
    )
    definition_version = models.PositiveIntegerField(default=1, editable=False)

    reasoned_fields = frozenset({"threshold"})

    class Meta:
        ordering = ["key"]

    def __str__(self) -> str:
        return f"{self.name} (v{self.definition_version})"

    def save(self, *args: object, **kwargs: object) -> None:
        if not self._state.adding:
            stored = type(self)._base_manager.get(pk=self.pk)
            if any(getattr(self, name) != getattr(stored, name) for name in DEFINITION):
                self.definition_version = stored.definition_version + 1
        super().save(*args, **kwargs)
