"""What changed around a plan: noted with the change, and carried into the plan's own log after it."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from gtm.core import clock

AROUND = "changed around it"
"""The event of a row about what a plan rests on: its agreement, its program, a policy."""
MEASURED = "measured"
"""The event of a row about a success metric that a later run measured."""


class OutsideChange(models.Model):
    """A row that a plan's log is owed. Bookkeeping: the evidence is the row of the log it becomes.

    It is written with the change and never holds the plan's chain, so that nobody ever holds two chains. Who
    acted is kept, for it is carried later.
    """

    plan = models.ForeignKey("plans.Plan", on_delete=models.CASCADE, related_name="outside_changes")
    event = models.CharField(max_length=40)
    field = models.CharField(
        max_length=300, help_text="The place that changed, such as agreement/dispute_days"
    )
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    reason = models.TextField(blank=True)
    actor = models.CharField(max_length=320)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    via = models.CharField(max_length=40)
    request_id = models.CharField(max_length=80, blank=True)
    on_behalf_of = models.CharField(max_length=320, blank=True)
    noted_at = models.DateTimeField(default=clock.now)
    carried_at = models.DateTimeField(null=True, db_index=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.field} of {self.plan}"
