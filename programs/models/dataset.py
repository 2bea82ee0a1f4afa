"""A dataset: an immutable, fingerprinted snapshot of a customer's rows."""

from __future__ import annotations

from types import MappingProxyType

from django.db import models

from gtm.core import clock
from gtm.core.governed import GovernedModel


class Dataset(GovernedModel):
    """The registration of a snapshot. The rows are in Parquet; nothing here is edited after loading."""

    program = models.ForeignKey("programs.Program", on_delete=models.PROTECT, related_name="datasets")
    partner = models.ForeignKey(
        "programs.Partner", null=True, blank=True, on_delete=models.PROTECT, related_name="datasets"
    )
    campaign = models.ForeignKey(
        "programs.Campaign", null=True, blank=True, on_delete=models.PROTECT, related_name="datasets"
    )
    kind = models.CharField(max_length=40, db_index=True)
    contract_version = models.PositiveIntegerField(default=1)
    sources = models.JSONField(default=list, help_text="Name, bytes and SHA-256 of each file loaded")
    mapping = models.JSONField(default=dict, help_text="Our column → theirs")
    options = models.JSONField(default=dict, help_text="Currency, time zone, formats")
    snapshot = models.CharField(max_length=200, help_text="Path below the data directory")
    sha256 = models.CharField(max_length=64, db_index=True)
    rows = models.PositiveBigIntegerField()
    rejected_rows = models.PositiveBigIntegerField(default=0)
    duplicate_rows = models.PositiveBigIntegerField(default=0)
    rejects = models.CharField(max_length=200, blank=True, help_text="Rejected rows with their reasons")
    reject_reasons = models.JSONField(default=dict)
    window_start = models.DateTimeField(null=True, blank=True)
    window_end = models.DateTimeField(null=True, blank=True)
    profile = models.JSONField(default=dict, help_text="Column statistics for the preview")
    parts = models.JSONField(
        default=list, blank=True, help_text=("The loads that were added together, in order")
    )
    answer = models.JSONField(default=dict, blank=True, help_text="The answer of the last load of these rows")
    current_since = models.DateTimeField(
        null=True,
        blank=True,
        default=clock.now,
        editable=False,
        help_text="When it was chosen. The last choice in a series counts. Empty if it was taken back",
    )

    digested_fields = MappingProxyType({"answer": ""})

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["program", "kind", "sha256"],
                condition=models.Q(partner__isnull=True),
                name="dataset_same_rows_once",
            ),
            models.UniqueConstraint(
                fields=["program", "partner", "kind", "sha256"],
                condition=models.Q(partner__isnull=False),
                name="dataset_same_rows_once_per_partner",
            ),
        ]
        indexes = [models.Index(fields=["program", "kind", "-current_since"], name="dataset_latest")]

    def __str__(self) -> str:
        return f"{self.kind} of {self.program} ({self.rows:,} rows, {self.sha256[:12]})"
