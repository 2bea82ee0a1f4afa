"""When the sweep last found all well: bookkeeping of the engine itself, not evidence."""

from __future__ import annotations

from django.db import models


class Heartbeat(models.Model):
    name = models.SlugField(primary_key=True, max_length=40)
    beat_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} at {self.beat_at:%Y-%m-%d %H:%M:%S}"
