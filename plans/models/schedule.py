"""A schedule runs a command again and again; each time it is due is a row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models

from gtm.core import actors, clock
from gtm.core.governed import GovernedModel, StateField, StatefulModel
from plans.schemas import cron


class CatchUp(models.TextChoices):
    CATCH_UP = "catch_up", "Run what was missed, each once"
    SKIP = "skip", "Skip what was missed"


class Schedule(GovernedModel):
    """When, on which program and with which inputs a command runs.

    It runs in the name of whoever last said what it does: nobody launches a plan in another's name and then
    decides on it.
    """

    name = models.SlugField(max_length=60, unique=True)
    command = models.CharField(
        max_length=161,
        help_text="Key of the command, plugin:name; the name is enough if only one plugin has it",
    )
    program = models.ForeignKey("programs.Program", on_delete=models.PROTECT, related_name="schedules")
    inputs = models.JSONField(default=dict, blank=True)
    crontab = models.CharField(
        max_length=100,
        default="0 6 * * 1",
        blank=True,
        help_text="Minute, hour, day of month, month, day of week, in the program's time zone. If both "
        "days are given, it is due on either. Leave it empty to run only at booked times, once each",
    )
    catch_up = models.CharField(max_length=20, choices=CatchUp.choices, default=CatchUp.SKIP)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="schedules",
        editable=False,
        help_text="The person who last changed what it does; counts as requester of each run",
    )
    is_active = models.BooleanField(default=True)
    watched_until = models.DateTimeField(default=clock.now, editable=False)
    next_due_at = models.DateTimeField(null=True, editable=False, db_index=True)

    checks: ClassVar[list[Callable[[Schedule], dict[str, str]]]] = []
    """What the commands have to say about a schedule: faults by field."""
    unlogged_fields = frozenset({"watched_until", "next_due_at"})
    WHAT_IT_DOES: ClassVar = ("command", "inputs", "crontab", "program_id")
    """Whoever changes one of them becomes the owner, and has asked for every run that follows."""

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Every fault at once, by field; for forms, REST and import."""
        found: dict[str, str] = {}
        try:
            if self.crontab and cron.next_after(self.crontab, "UTC", clock.now()) is None:
                found["crontab"] = "It is not due within eight years."
        except ValueError as error:
            found["crontab"] = str(error)
        for check in self.checks:
            found |= check(self)
        if found:
            raise ValidationError(found)

    def save(self, *args: Any, **kwargs: Any) -> None:
        """A schedule that is new, changed or switched on again starts from now: nothing was missed."""
        if self._state.adding or self._differs("crontab", "program_id", "is_active"):
            self.watched_until = clock.now()
        person = actors.current().actor.user
        if person and (self._state.adding or self._differs(*self.WHAT_IT_DOES)):
            self.owner = person
        rings = self.is_active and self.crontab
        zone = self.program.time_zone
        self.next_due_at = cron.next_after(self.crontab, zone, self.watched_until) if rings else None
        super().save(*args, **kwargs)

    def _differs(self, *names: str) -> bool:
        before = type(self)._base_manager.get(pk=self.pk)
        return any(getattr(before, name) != getattr(self, name) for name in names)


class ScheduledRunState(models.TextChoices):
    DUE = "due", "Due"
    STARTED = "started", "Started"
    SKIPPED = "skipped", "Skipped"
    REFUSED = "refused", "Refused"


class ScheduledRun(StatefulModel):
    """One time a schedule was due, and what came of it."""

    schedule = models.ForeignKey(Schedule, on_delete=models.PROTECT, related_name="runs")
    due_at = models.DateTimeField()
    state = StateField(default=ScheduledRunState.DUE.value, choices=ScheduledRunState.choices)
    plan = models.ForeignKey(
        "plans.Plan", null=True, blank=True, on_delete=models.PROTECT, related_name="scheduled_runs"
    )
    reason = models.TextField(blank=True, help_text="Why it was skipped or refused")

    class Meta:
        ordering = ["-due_at"]
        constraints = [
            models.UniqueConstraint(fields=["schedule", "due_at"], name="scheduled_run_once_per_due_time")
        ]
        indexes = [models.Index(fields=["state", "due_at"], name="scheduled_run_due")]

    def __str__(self) -> str:
        return f"{self.schedule} of {self.due_at:%Y-%m-%d %H:%M} UTC"

    def change_chain(self) -> str:
        """A chain of its own: starting a plan holds the plan's, and nothing ever holds two."""
        return f"schedule:{self.schedule_id}"

    @property
    def idempotency_key(self) -> str:
        return f"schedule:{self.schedule_id}:{self.due_at:%Y-%m-%dT%H:%MZ}"
