"""A plan taken in from elsewhere: a verified record, never run here."""

from __future__ import annotations

from django.db import models

from gtm.core.governed import GovernedModel


class ImportedPlan(GovernedModel):
    plan_id = models.CharField(max_length=60, db_index=True)
    sha256 = models.CharField(max_length=64, unique=True)
    head = models.CharField(max_length=64, help_text="Head of the document's change log")
    status = models.CharField(max_length=30)
    objective = models.CharField(max_length=240)
    command = models.CharField(max_length=80)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.plan_id} (imported)"
