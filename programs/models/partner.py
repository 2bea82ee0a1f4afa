"""Partners, the campaigns run with them, and experiments."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models

from gtm.core.governed import GovernedModel
from gtm.core.money_field import EnteredInCoins, MoneyField
from programs.models import two_people
from programs.models.guarded_change import GuardedKind
from programs.models.place import CodeField, known_country, known_currency, known_zone
from programs.models.two_people import AskedChange, ChangedByTwo
from programs.schemas.experiments import metric_problems, split_problems


class Partner(ChangedByTwo, GovernedModel):
    slug = models.SlugField(unique=True, max_length=80)
    name = models.CharField(max_length=120)
    tier = models.CharField(max_length=40, blank=True, help_text="Partner tier, e.g. gold")
    country = CodeField(max_length=2, default="US", validators=[known_country])
    currency = CodeField(max_length=3, default="USD", validators=[known_currency])
    time_zone = CodeField(max_length=60, default="UTC", validators=[known_zone])
    contact = models.ForeignKey("programs.Person", null=True, blank=True, on_delete=models.SET_NULL)
    programs = models.ManyToManyField("programs.Program", blank=True, related_name="partners")

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def change_for_two(self, stored: Partner | None) -> AskedChange | None:
        """Whoever is the contact signs for the partner."""
        was = stored.contact if stored is not None else None
        if self.contact is None or self.contact == was:
            return None
        what = f"{self.contact} signs for {self}" + (f" in place of {was}" if was else "")
        programs: set[int] = set()
        if stored is not None:
            programs |= set(self.programs.values_list("pk", flat=True))
            programs |= set(self.campaigns.values_list("program_id", flat=True))
        return two_people.about(
            self, stored, GuardedKind.CONTACT, what, people={self.contact_id, was.pk if was else None},
            programs=programs,
        )  # fmt: skip


class Campaign(EnteredInCoins, GovernedModel):
    slug = models.SlugField(unique=True, max_length=80)
    name = models.CharField(max_length=120, unique=True)
    program = models.ForeignKey("programs.Program", on_delete=models.PROTECT, related_name="campaigns")
    partners = models.ManyToManyField(Partner, blank=True, related_name="campaigns")
    starts_on = models.DateField(null=True, blank=True)
    ends_on = models.DateField(null=True, blank=True)
    budget = MoneyField(of="currency", max_digits=16, null=True, blank=True)
    currency = CodeField(max_length=3, default="USD", validators=[known_currency])

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                name="campaign_ends_after_it_starts",
                condition=models.Q(ends_on__isnull=True)
                | models.Q(starts_on__isnull=True)
                | models.Q(ends_on__gte=models.F("starts_on")),
            )
        ]

    def __str__(self) -> str:
        return self.name


def validate_metrics(raw: Any) -> None:
    """A design's metrics can be read."""
    if found := metric_problems(raw):
        raise ValidationError(found)


def validate_split(raw: Any) -> None:
    """A design's split can be read."""
    if found := split_problems(raw):
        raise ValidationError(found)


class Experiment(GovernedModel):
    """A test and how it was planned; the outcomes come as a dataset and name it."""

    program = models.ForeignKey("programs.Program", on_delete=models.PROTECT, related_name="experiments")
    key = models.SlugField(max_length=80)
    name = models.CharField(max_length=160)
    hypothesis = models.TextField(blank=True)
    metric = models.ForeignKey("programs.Metric", null=True, blank=True, on_delete=models.PROTECT)
    control = models.CharField(
        max_length=120, blank=True, help_text="The arm that the others are compared with"
    )
    metrics = models.JSONField(
        default=list,
        blank=True,
        validators=[validate_metrics],
        help_text="Outcomes and what they decide: “- name: bought”, under it “  role: primary”; a guardrail "
        "also has “  direction: lower” and “  margin: 0.05”",
    )
    planned_per_arm = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="Members per arm, fixed in advance",
    )
    split = models.JSONField(
        default=dict,
        blank=True,
        validators=[validate_split],
        help_text="Planned weight of each arm, one per line: “control: 1”. Leave it empty for equal weights",
    )
    is_sequential = models.BooleanField(
        default=False,
        help_text="It may be read before it is complete: its intervals stay valid, however often you look",
    )
    starts_on = models.DateField(null=True, blank=True)
    ends_on = models.DateField(null=True, blank=True)

    class Meta:
        ordering = ["program", "key"]
        constraints = [models.UniqueConstraint(fields=["program", "key"], name="experiment_one_per_key")]

    def __str__(self) -> str:
        return self.name
