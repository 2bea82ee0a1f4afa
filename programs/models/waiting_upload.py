"""A file that somebody looks at before loading it: bookkeeping of a day, that every host reads."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class WaitingUpload(models.Model):
    """Whose file waits under which name, whether it is being loaded, and which dataset it became."""

    name = models.CharField(max_length=80, primary_key=True, help_text="Ours, never the person's")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="waiting_uploads"
    )
    sha256 = models.CharField(max_length=64, blank=True, help_text="Empty while the file is being kept")
    kept_at = models.DateTimeField()
    taken_at = models.DateTimeField(null=True, help_text="Since when somebody loads it")
    dataset = models.PositiveBigIntegerField(null=True, help_text="What it became; the file is gone then")

    def __str__(self) -> str:
        return self.name
