"""Runbooks: the templates of a launch's tasks, by kind of program and channel, as data with versions."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models, transaction

from gtm.core.governed import GovernedModel
from programs.analytics.thresholds import InvalidThresholds, parse_thresholds
from programs.models.people import Role
from programs.models.program import ProgramKind
from programs.schemas.launch_events import (
    problems_of_looks,
    problems_of_reviews,
    problems_of_sessions,
    with_numbers,
)
from programs.schemas.metrics import titles_of

EVENTS = ("sessions", "reviews", "looks", "without_sessions", "without_reviews")
APPROVALS = ("legal-approval", "finance-approval", "partner-approval")
"""Keys of the gates that every launch has before the decision; a runbook may add others of its own."""
GO_NO_GO = "go-no-go"
EVERY_GATE = (*APPROVALS, GO_NO_GO)


class Runbook(GovernedModel):
    """What every launch of a kind of program has to do, or what one channel adds to it.

    Each change of a task is a new version; a plan keeps the text it started with and says which version.
    """

    program_kind = models.CharField(max_length=20, choices=ProgramKind.choices)
    channel = models.SlugField(
        max_length=40,
        blank=True,
        help_text=("Leave it empty for every launch. Otherwise these tasks are added for the channel"),
    )
    title = models.CharField(max_length=120)
    is_active = models.BooleanField(default=True)
    sessions = models.JSONField(
        default=list, blank=True,
        help_text="Trainings and other meetings before and after the launch. Each: key, title, days "
        "(business days from the launch, -5 is before it), at (time of day), minutes, teams (roles), "
        "agenda. Where no runbook names any, the standard ones are held",
    )  # fmt: skip
    reviews = models.JSONField(
        default=list, blank=True,
        help_text="Reviews after the launch. Each: day (days after the launch), at (time of day), window "
        "(7d, 30d or 90d), detail (summary or full). Where no runbook of a launch names any, there are "
        "reviews on days 0, 1, 7 and 30",
    )  # fmt: skip
    looks = models.JSONField(
        default=list, blank=True,
        help_text="How often the limits of the monitoring plan are held against the newest data, between "
        "the reviews. Each: from_day and until_day (days after the launch), every_hours (1 to 24, counted "
        "from midnight where the program is at home), window (7d, 30d or 90d). Where no runbook of a launch "
        "names any: every hour on day 0, then once a day until day 30",
    )  # fmt: skip
    without_sessions = models.BooleanField(
        default=False,
        help_text="This runbook names no session on purpose: the standard ones are not held in their place",
    )
    without_reviews = models.BooleanField(
        default=False,
        help_text="This runbook names no review on purpose: the standard ones are not booked in their place",
    )
    definition_version = models.PositiveIntegerField(default=1, editable=False)

    class Meta:
        ordering = ["program_kind", "channel"]
        constraints = [
            models.UniqueConstraint(
                fields=["program_kind", "channel"], name="runbook_one_per_kind_and_channel"
            )
        ]

    def __str__(self) -> str:
        return f"{self.title} (v{self.definition_version})"

    def clean(self) -> None:
        roles = set(Role.objects.values_list("slug", flat=True))
        found = {
            "sessions": problems_of_sessions(self.sessions, roles),
            "reviews": problems_of_reviews(self.reviews),
            "looks": problems_of_looks(self.looks),
        }
        found |= self._said_and_unsaid()
        if wrong := {name: problems for name, problems in found.items() if problems}:
            raise ValidationError(wrong)
        for name in ("sessions", "reviews", "looks"):
            setattr(self, name, with_numbers(getattr(self, name)))

    def _said_and_unsaid(self) -> dict[str, list[str]]:
        """Nobody names sessions or reviews and says that there are none."""
        found: dict[str, list[str]] = {}
        if self.without_sessions and self.sessions:
            found["without_sessions"] = ["It names sessions. Take them away, or say that there are some."]
        if self.without_reviews and self.reviews:
            found["without_reviews"] = ["It names reviews. Take them away, or say that there are some."]
        return found

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Other sessions, reviews or looks are a new version, as other tasks are."""
        stored = Runbook.objects.filter(pk=self.pk).values(*EVENTS).first() if self.pk else None
        if stored and stored != {name: getattr(self, name) for name in EVENTS}:
            self.definition_version += 1
        super().save(*args, **kwargs)

    save.alters_data = True


class RunbookPhase(models.TextChoices):
    """When in the launch a task belongs; a phase waits for those before it."""

    TOOLING = "tooling", "Checklist: tooling, creative, legal, finance"
    COMMUNICATIONS = "communications", "Communications"
    ENABLEMENT = "enablement", "Training and enablement"
    APPROVAL = "approval", "An approval's estimate"
    DAY_OF = "day-of", "Day of launch"
    MONITORING = "monitoring", "Monitoring after launch"


BEFORE_LAUNCH = (
    RunbookPhase.TOOLING,
    RunbookPhase.COMMUNICATIONS,
    RunbookPhase.ENABLEMENT,
    RunbookPhase.APPROVAL,
)


class RunbookPart(GovernedModel):
    """A row of a runbook. A change of it is a new version of the runbook, unless that is just being made."""

    class Meta:
        abstract = True

    def save(self, *args: Any, new_version: bool = True, **kwargs: Any) -> None:
        with transaction.atomic():
            before = self.version if not self._state.adding else None
            super().save(*args, **kwargs)
            if new_version and self.version != before:
                self._raise_version()

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        with transaction.atomic():
            self._raise_version()
            return super().delete(*args, **kwargs)

    def _raise_version(self) -> None:
        runbook = Runbook.objects.get(pk=self.runbook_id)
        runbook.definition_version += 1
        runbook.save()

    save.alters_data = True
    delete.alters_data = True


class RunbookTask(RunbookPart):
    """A task of a runbook: who is responsible and accountable, what comes before, how long it takes.

    Estimates are business days of whoever does it. In the phase "approval" the key is that of a gate and
    the task is its estimate. Tasks from the launch on are due ``days_after_launch`` instead.
    """

    runbook = models.ForeignKey(Runbook, on_delete=models.CASCADE, related_name="tasks")
    position = models.PositiveSmallIntegerField(default=0)
    key = models.SlugField(max_length=60)
    name = models.CharField(max_length=120)
    purpose = models.CharField(max_length=240, blank=True)
    phase = models.CharField(max_length=20, choices=RunbookPhase.choices)
    group = models.CharField(
        max_length=30, help_text="Readiness is shown by group, e.g. tooling, legal, partner"
    )
    responsible = models.ForeignKey(Role, on_delete=models.PROTECT, related_name="+")
    accountable = models.ForeignKey(Role, on_delete=models.PROTECT, related_name="+")
    substitute = models.ForeignKey(Role, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    consulted = models.JSONField(
        default=list, blank=True, help_text="Slugs of roles, one per line: “- legal”"
    )
    informed = models.JSONField(default=list, blank=True, help_text="Slugs of roles, one per line: “- legal”")
    needs = models.JSONField(
        default=list, blank=True, help_text="Keys of tasks that come before, one per line: “- forms”"
    )
    optimistic_days = models.DecimalField(
        max_digits=6, decimal_places=2, default=Decimal(0), validators=[MinValueValidator(0)]
    )
    likely_days = models.DecimalField(
        max_digits=6, decimal_places=2, default=Decimal(0), validators=[MinValueValidator(0)]
    )
    pessimistic_days = models.DecimalField(
        max_digits=6, decimal_places=2, default=Decimal(0), validators=[MinValueValidator(0)]
    )
    days_after_launch = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        help_text="Only for tasks from the launch day on: the day on which the task is due. It does not "
        "begin before that day, or so many days before it as its longest estimate says",
    )
    wait_days = models.DecimalField(
        max_digits=6, decimal_places=2, default=Decimal(0), validators=[MinValueValidator(0)],
        help_text="Business days between the end of what it needs and its start, e.g. of a printer",
    )  # fmt: skip
    not_before_days = models.PositiveSmallIntegerField(
        null=True, blank=True,
        help_text="It begins at most this many days before the launch, e.g. 14 for the last two weeks",
    )  # fmt: skip
    outside = models.CharField(
        max_length=80,
        blank=True,
        help_text="Who outside does it, e.g. a printer. The responsible role sees to it and loses no time",
    )
    weight = models.DecimalField(
        max_digits=6, decimal_places=2, default=Decimal(1), validators=[MinValueValidator(Decimal("0.01"))],
        help_text="How much it counts for readiness",
    )  # fmt: skip
    evidence = models.CharField(
        max_length=200,
        blank=True,
        help_text=(
            "What shows that it is done, e.g. the test code used. Without evidence it is not completed"
        ),
    )
    is_blocker = models.BooleanField(default=False, help_text="No launch while this task is open")
    adds_gate = models.BooleanField(
        "adds an approval",
        default=False,
        help_text="Only in the phase approval: an approval that this runbook adds, decided by the "
        "responsible role. Otherwise the key is one of those of every launch: " + ", ".join(EVERY_GATE),
    )

    class Meta:
        ordering = ["runbook", "position", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["runbook", "key"], name="runbook_task_one_per_key"),
            models.CheckConstraint(
                name="runbook_task_estimates_in_order",
                condition=models.Q(optimistic_days__lte=models.F("likely_days"))
                & models.Q(likely_days__lte=models.F("pessimistic_days")),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Every fault of the task itself; whether what it needs exists is seen over all runbooks of a run."""
        found: dict[str, list[str]] = {}
        for name in ("consulted", "informed", "needs"):
            value = getattr(self, name)
            if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
                found[name] = ["A list of words is expected."]
        if not found:
            roles = set(Role.objects.values_list("slug", flat=True))
            for name in ("consulted", "informed"):
                if unknown := sorted(set(getattr(self, name)) - roles):
                    found[name] = [f"There is no role {slug}." for slug in unknown]
            if self.key in self.needs:
                found["needs"] = ["It cannot wait for itself."]
        if not self.optimistic_days <= self.likely_days <= self.pessimistic_days:
            found["likely_days"] = ["optimistic ≤ likely ≤ pessimistic does not hold."]
        if (self.phase in BEFORE_LAUNCH) != (self.days_after_launch is None):
            found["days_after_launch"] = ["Give this value only from the launch day on."]
        if self.phase not in BEFORE_LAUNCH and (self.wait_days or self.not_before_days is not None):
            found["wait_days"] = ["Waits and earliest starts are of tasks before the launch."]
        found |= self._gate_faults()
        if found:
            raise ValidationError(found)

    def _gate_faults(self) -> dict[str, list[str]]:
        """A slip of the pen in the key of an approval must not become a gate that nobody meant."""
        if self.phase != RunbookPhase.APPROVAL:
            wrong = "Only a task in the phase approval can add one." if self.adds_gate else ""
            return {"adds_gate": [wrong]} if wrong else {}
        if self.key in EVERY_GATE:
            wrong = f"{self.key} is an approval of every launch: this row is its estimate and adds none."
            return {"adds_gate": [wrong]} if self.adds_gate else {}
        if self.adds_gate:
            return {}
        return {
            "key": [
                f"“{self.key}” is no approval of every launch ({', '.join(EVERY_GATE)}). Correct the key, or "
                "say that this runbook adds an approval."
            ]
        }


class RunbookAlert(RunbookPart):
    """A line of the monitoring plan: what is watched where, who answers within which time, and how."""

    runbook = models.ForeignKey(Runbook, on_delete=models.CASCADE, related_name="alerts")
    position = models.PositiveSmallIntegerField(default=0)
    key = models.SlugField(max_length=60)
    name = models.CharField(max_length=120)
    dashboard = models.CharField(max_length=200, help_text="Where to see it: a name or an address")
    condition = models.CharField(
        max_length=200, help_text="When it alarms, in words, e.g. more than 5 % of clicks in an hour"
    )
    threshold = models.CharField(
        max_length=120,
        blank=True,
        help_text="A limit that each look and each review of the launch holds against its window, e.g. "
        "conversion<0.02. A breach of it alarms by itself. Without a limit people have to look",
    )
    owner = models.ForeignKey(Role, on_delete=models.PROTECT, related_name="+")
    response_minutes = models.PositiveIntegerField(help_text="Time to answer")
    response = models.TextField(help_text="What to do, one step per line")

    class Meta:
        ordering = ["runbook", "position", "pk"]
        constraints = [models.UniqueConstraint(fields=["runbook", "key"], name="runbook_alert_one_per_key")]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Only what a review measures can be held against a limit."""
        runbook = getattr(self, "runbook", None)
        if not self.threshold or runbook is None:
            return
        try:
            parse_thresholds(self.threshold, measured(runbook.program_kind))
        except InvalidThresholds as error:
            raise ValidationError({"threshold": list(error.problems)}) from error


def measured(kind: str) -> tuple[str, ...]:
    """What a limit may name for a kind of program: the registry's standard metrics of it."""
    return tuple(titles_of(kind))
