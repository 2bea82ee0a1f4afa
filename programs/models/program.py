"""A program: what a go-to-market team runs, and the rules its points follow."""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, URLValidator
from django.db import models

from gtm.core.errors import InvalidInput, Problem
from gtm.core.governed import StateField, StatefulModel
from gtm.core.later import later
from gtm.core.money_field import EnteredInCoins, MoneyField
from gtm.core.places.calendars import WorkingCalendar
from programs.models import two_people
from programs.models.guarded_change import GuardedKind
from programs.models.place import (
    CodeField,
    WorkingWeek,
    calendar_at,
    check_subdivision,
    known_country,
    known_currency,
    known_zone,
)
from programs.models.two_people import AskedChange, ChangedByTwo
from programs.schemas.referral_rules import problems_of

if TYPE_CHECKING:
    from programs.analytics.fraud import catalogue as heuristics
else:
    heuristics = later("programs.analytics.fraud.catalogue")


class ProgramKind(models.TextChoices):
    LOYALTY = "loyalty", "Loyalty"
    REFERRAL = "referral", "Referral"
    PARTNER = "partner", "Partner co-marketing"


LIVE_PROGRAM_STATES = frozenset({"planning", "active", "paused"})
"""The rip-cord holds it. In any other state a program keeps its state under a pull."""
CLOSED_PROGRAM_STATES = frozenset({"archived", "aborted"})
"""No run starts on it."""
UNLAUNCHED_PROGRAM_STATES = frozenset({"draft", "planning"})


def named_tools(value: Any) -> None:
    """Refuse what is no list of names and tools, and a page that is no address."""
    if not isinstance(value, dict) or not all(isinstance(v, str) and v.strip() for v in value.values()):
        raise ValidationError("Enter a name and a tool a line, such as “crm: Salesforce”.")
    for name in PAGES:
        if name in value:
            try:
                _address(value[name])
            except ValidationError as error:
                # With a code of our own: a form has words for "invalid" that are about how JSON is written.
                told = (
                    f"“{name}: {value[name]}” is no address of a page. Enter one that begins with https://."
                )
                raise ValidationError(told, code="no-address") from error


def all_words(value: Any) -> None:
    """Refuse what is no list of words."""
    if not isinstance(value, list) or not all(isinstance(word, str) and word.strip() for word in value):
        raise ValidationError('Must be a list of words such as ["coupon-site", "deals.example"].')


def known_rules(value: Any) -> None:
    """Refuse what is no rule of referrals, with every reason."""
    if problems := problems_of(value, heuristics.CATALOGUE):
        raise ValidationError(problems)


PAGES = ("redemption page", "portal", "dashboard")
"""Tools that are a page, which plans open in a browser."""
_address = URLValidator(schemes=["https", "http"])
CURRENCY_HELP = (
    "ISO 4217. Loaded data keep their currencies and are converted to this one. Plans that have "
    "ended keep theirs. A limit of an approver in another currency does not apply to amounts in this one."
)
COUNTED_IN_CURRENCY = (
    "platform_cost_monthly",
    "points_per_currency_unit",
    "point_face_value",
    "point_unit_cost",
    "launch_cost",
    "person_day_cost",
)
SPREADS = ("lift", "half_lift", "enrolment")
"""Assumptions with a low, a likely and a high value."""


def _share(help_text: str, *, lowest: Decimal = Decimal(0)) -> models.DecimalField:
    return models.DecimalField(
        max_digits=5,
        decimal_places=4,
        null=True,
        blank=True,
        validators=[MinValueValidator(lowest), MaxValueValidator(1)],
        help_text=help_text,
    )


ECONOMICS = (
    "gross_margin",
    "platform_cost_monthly",
    "points_per_currency_unit",
    "point_face_value",
    "point_unit_cost",
    "redemption_rate_assumption",
    "lift_low",
    "lift_likely",
    "lift_high",
    "half_lift_low",
    "half_lift_likely",
    "half_lift_high",
    "enrolment_low",
    "enrolment_likely",
    "enrolment_high",
    "launch_cost",
    "discount_rate",
    "horizon_months",
    "tolerated_overrun",
    "tolerated_loss",
    "person_day_cost",
    "assumptions_source",
)
"""Fields of a program that the financial model reads, and where they are from; the owner stands beside."""


LOOKED_AT = ("kind", "region", "country", "subdivision", "working_week", "time_zone")
"""Facts that seats, authority and the calendar of gates look at. The currency has ties of its own."""


class Program(EnteredInCoins, ChangedByTwo, StatefulModel):
    slug = models.SlugField(unique=True, max_length=80)
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=20, choices=ProgramKind.choices, db_index=True)
    state = StateField(default="draft")
    is_default = models.BooleanField(
        default=False, help_text="A usage line that names no program runs on the default program of its kind."
    )
    description = models.TextField(blank=True)
    owner = models.ForeignKey(
        "programs.Person", null=True, blank=True, on_delete=models.PROTECT, related_name="owned_programs"
    )
    currency = CodeField(max_length=3, default="USD", validators=[known_currency], help_text=CURRENCY_HELP)
    country = CodeField(
        max_length=2,
        default="US",
        validators=[known_country],
        help_text="ISO 3166: holidays of the working calendar",
    )
    subdivision = CodeField(
        max_length=10, blank=True, help_text="Second part of ISO 3166-2, e.g. BY: holidays of a part"
    )
    working_week = models.CharField(
        max_length=7, blank=True, choices=WorkingWeek.choices, help_text="Days on which its clocks run"
    )
    region = models.CharField(max_length=40, blank=True)
    time_zone = CodeField(
        max_length=60, default="UTC", validators=[known_zone], help_text="IANA name, e.g. Europe/Berlin"
    )
    gross_margin = models.DecimalField(
        max_digits=5,
        decimal_places=4,
        default=Decimal("0.40"),
        help_text="Share of revenue, 0.40 = 40 %; an assumption until finance signs it",
    )
    platform_cost_monthly = MoneyField(
        of="currency", max_digits=16, default=Decimal(0), validators=[MinValueValidator(0)]
    )
    points_per_currency_unit = models.DecimalField(
        max_digits=10,
        decimal_places=4,
        default=Decimal(1),
        help_text="Base earn rate: points per unit of spend",
    )
    point_face_value = models.DecimalField(
        max_digits=10, decimal_places=6, default=Decimal("0.01"), help_text="What a point buys, in currency"
    )
    point_unit_cost = models.DecimalField(
        max_digits=10, decimal_places=6, default=Decimal("0.008"), help_text="What a redeemed point costs us"
    )
    redemption_rate_assumption = models.DecimalField(
        max_digits=5,
        decimal_places=4,
        default=Decimal("0.75"),
        help_text="Ultimate redemption rate used while no ledger is loaded; labelled as an assumption",
    )
    lift_low = _share("Low end of the lift below", lowest=Decimal(-1))
    lift_likely = _share(
        "Relative rise in the spend of members at the program's own earn rate, 0.04 = 4 %. Empty: the plan "
        "assumes a wide range and says so. A holdout that is loaded comes first",
        lowest=Decimal(-1),
    )
    lift_high = _share("High end of the lift", lowest=Decimal(-1))
    half_lift_low = _share("Low end of the reward below", lowest=Decimal("0.0001"))
    half_lift_likely = _share(
        "Reward, as a share of spend, at which members show half of the greatest lift there can be, 0.02 = "
        "2 %. Empty: the plan assumes 0.01 to 0.04",
        lowest=Decimal("0.0001"),
    )
    half_lift_high = _share("High end of that reward", lowest=Decimal("0.0001"))
    enrolment_low = _share("Low end of the enrolment below")
    enrolment_likely = _share("Share of members who will enrol. Empty: the plan assumes 0.3 to 0.7")
    enrolment_high = _share("High end of the enrolment")
    launch_cost = MoneyField(
        of="currency",
        max_digits=16,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        help_text="Once, in the program's currency. Empty: the plan counts nothing and says so",
    )
    discount_rate = models.DecimalField(
        max_digits=5,
        decimal_places=4,
        default=Decimal("0.10"),
        validators=[MinValueValidator(0), MaxValueValidator(1)],
        help_text="A year, 0.10 = 10 %",
    )
    horizon_months = models.PositiveSmallIntegerField(
        default=36,
        validators=[MinValueValidator(6), MaxValueValidator(120)],
        help_text="Months over which the program has to pay for itself",
    )
    tolerated_overrun = models.DecimalField(
        max_digits=5,
        decimal_places=4,
        default=Decimal("0.10"),
        validators=[MinValueValidator(0), MaxValueValidator(1)],
        help_text="The reward pool proposed overruns the budget with at most this chance, 0.10 = 10 %",
    )
    tolerated_loss = models.DecimalField(
        max_digits=5,
        decimal_places=4,
        default=Decimal("0.25"),
        validators=[MinValueValidator(0), MaxValueValidator(1)],
        help_text="With a higher chance of a loss over the horizon a program is tested before it is launched",
    )
    person_day_cost = MoneyField(
        of="currency",
        max_digits=16,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        help_text="What a person-day of work costs, in the program's currency. Empty: the values of a "
        "backlog are before labour and say so",
    )
    assumptions_source = models.CharField(
        max_length=240, blank=True, help_text="Where lift, enrolment and costs come from, with a date"
    )
    assumptions_owner = models.ForeignKey(
        "programs.Person",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="assumed_programs",
        help_text="Who answers for them",
    )
    banned_sources = models.JSONField(
        default=list,
        blank=True,
        validators=[all_words],
        help_text='Sources and hosts that no referral may come from: ["coupon-site", "deals.example"]',
    )
    referral_rules = models.JSONField(
        default=dict,
        blank=True,
        validators=[known_rules],
        help_text="Rules of referrals in place of the house's, one per line: holding_days: 14, or "
        "minimum_order: 25, paid_traffic: allowed, audit_size: 30; more of them in the page on fraud",
    )
    tooling = models.JSONField(
        default=dict,
        blank=True,
        validators=[named_tools],
        help_text="What the program runs on, one per line: crm: Salesforce. Plans open the pages “redemption "
        "page”, “portal” and “dashboard” in a browser: dashboard: https://…",
    )

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["kind"], condition=models.Q(is_default=True), name="program_one_default_per_kind"
            )
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        super().clean()
        check_subdivision(self.country, self.subdivision)
        if ties := self.currency_ties():
            raise ValidationError({"currency": ties})
        if problems := self.spread_problems():
            raise ValidationError(problems)

    @property
    def calendar(self) -> WorkingCalendar:
        """On which days and hours its clocks run."""
        return calendar_at(self, self.working_week)

    def spread_problems(self) -> dict[str, str]:
        """What is wrong with assumptions that have a low, a likely and a high value, by field."""
        found = {}
        for name in SPREADS:
            low, likely, high = (getattr(self, f"{name}_{part}") for part in ("low", "likely", "high"))
            if likely is None and (low is not None or high is not None):
                found[f"{name}_likely"] = "Enter the likely value, too."
            elif likely is not None and not (low if low is not None else likely) <= likely <= (
                high if high is not None else likely
            ):
                found[f"{name}_likely"] = f"{likely} does not lie between low and high."
        return found

    def save(self, *args: Any, **kwargs: Any) -> None:
        if ties := self.currency_ties():
            raise InvalidInput(
                (
                    f"The currency of {self.name} cannot change yet: figures would become "
                    f"{self.currency} as they are."
                ),
                hint=(
                    "Settle each of these first. Amounts in loaded data keep their currency and "
                    "are converted."
                ),
                problems=[Problem("currency", tie, code="would_relabel") for tie in ties],
            )
        if problems := self.spread_problems():
            raise InvalidInput(
                f"The assumptions of {self.name} do not fit together.",
                hint="Enter low, likely and high in rising order.",
                problems=[Problem(name, said, code="invalid") for name, said in problems.items()],
            )
        super().save(*args, **kwargs)

    def change_for_two(self, stored: Program | None) -> AskedChange | None:
        """What seats, authority and clocks look at moves for plans that are not over."""
        moved = [n for n in LOOKED_AT if stored is not None and getattr(self, n) != getattr(stored, n)]
        if stored is None or not moved or not self.plans.filter(finished_at__isnull=True).exists():
            return None
        said = ", ".join(f"{n.replace('_', ' ')} {getattr(self, n) or 'empty'}" for n in moved)
        return two_people.about(
            self, stored, GuardedKind.FACTS, f"{self.name} while plans run: {said}", programs={self.pk}
        )

    def currency_ties(self) -> list[str]:
        """What a change of the currency, as it is here, would relabel without converting it.

        A figure that is restated in the same change, or that nobody ever set, ties nothing.
        """
        stored = None if self._state.adding else type(self).objects.filter(pk=self.pk).first()
        if stored is None or stored.currency == self.currency:
            return []
        restated = {name for name in COUNTED_IN_CURRENCY if getattr(stored, name) != getattr(self, name)}
        return stored.ties_to_currency(restated)

    def ties_to_currency(self, restated: Collection[str] = ()) -> list[str]:
        """What a change from the stored currency to another would relabel, but for figures ``restated``."""
        was, ties = self.currency, []
        for name in COUNTED_IN_CURRENCY:
            field, value = self._meta.get_field(name), getattr(self, name)
            if name not in restated and value not in (None, 0, field.get_default()):
                ties.append(
                    f"{field.verbose_name} is {value.normalize():f} in {was}; give its new value in "
                    "the same change."
                )
        if tiers := self.tiers.filter(threshold__gt=0).count():
            ties.append(f"{tiers} tiers have thresholds in {was}; set them to 0 and publish a new blueprint.")
        if benefits := self.tiers.filter(benefits__unit_cost__gt=0).count():
            ties.append(f"{benefits} benefits have costs in {was}; set them to 0 and enter them again.")
        running = self.plans.filter(finished_at__isnull=True).count()
        if running:
            ties.append(f"{running} plans in {was} have not ended; finish or abort them.")
        return ties
