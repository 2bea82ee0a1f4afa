"""The answers of REST that can be given again: by account and key, for a day."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import models

from gtm.core import clock


class KeptAnswer(models.Model):
    """A key that an account has sent with a POST, and what that was answered once it was done."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="kept_answers")
    key = models.CharField(max_length=80)
    request_sha256 = models.CharField(max_length=64, help_text="Of method, address and body")
    status = models.PositiveSmallIntegerField(null=True, help_text="Empty until it is done")
    media_type = models.CharField(max_length=60, blank=True, help_text="Empty for JSON")
    headers = models.JSONField(default=dict)
    body = models.JSONField(null=True, help_text="Empty where it has a secret")
    made_at = models.DateTimeField(default=clock.now, db_index=True)

    class Meta:
        app_label = "core"
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="kept_answer_one_per_key")]

    def __str__(self) -> str:
        return f"{self.key} of {self.user}"


KEPT_FOR = timedelta(days=1)


def drop_old() -> None:
    KeptAnswer.objects.filter(made_at__lt=clock.now() - KEPT_FOR).delete()
