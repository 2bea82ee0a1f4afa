"""A file that somebody looks at before loading it: bookkeeping of a day, that every host reads."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import models

KEPT_FOR = timedelta(days=1)
TAKEN_FOR = timedelta(minutes=30)
"""Longer than a load takes: after it, whoever took the file was killed."""


class WaitingUpload(models.Model):
    """Whose file waits under which name, whether it is being loaded, and which dataset it became."""

    name = models.CharField(max_length=80, primary_key=True, help_text="Ours, never the person's")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="waiting_uploads"
    )
    called = models.CharField(
        max_length=255, blank=True, help_text="The person's name for it, while it waits"
    )
    sha256 = models.CharField(max_length=64, blank=True, help_text="Empty while the file is being kept")
    kept_at = models.DateTimeField()
    taken_at = models.DateTimeField(null=True, help_text="Since when somebody loads it")
    dataset = models.PositiveBigIntegerField(null=True, help_text="What it became; the file is gone then")

    @property
    def kept_until(self) -> datetime:
        """When it is forgotten, if nobody loads it."""
        return self.kept_at + KEPT_FOR

    def __str__(self) -> str:
        return self.name
