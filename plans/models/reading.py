"""What a rule came to, period by period: good and missing ones too. Counters are read from these."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db import models

from gtm.core.governed import GovernedModel
from plans.schemas import counting
from plans.schemas.declaration import Trigger

SERIES = ("window", "model", "scope")
"""What readings must agree in to be counted together."""


class Verdict(models.TextChoices):
    BREACHED = "breached", "Breached"
    GOOD = "good", "Good"
    BETWEEN = "between", "Between limit and clear limit"
    MISSING = "missing", "Missing"


class Reading(GovernedModel):
    """A rule looked at in one period, by the plan that measured it.

    Readings of one window, model and scope count together. Where two plans measured the same period, the one
    that was measured or corrected last stands for it, see ``plans.schemas.counting``. A correction
    changes the row; history and change log keep the old.
    """

    plan = models.ForeignKey("plans.Plan", on_delete=models.CASCADE, related_name="readings")
    task = models.ForeignKey("plans.Task", null=True, on_delete=models.CASCADE, related_name="readings")
    program = models.ForeignKey("programs.Program", on_delete=models.PROTECT, related_name="readings")
    command = models.CharField(max_length=161, help_text="Key of the command, plugin:name")
    rule = models.SlugField(max_length=60)
    metric_version = models.PositiveIntegerField(
        default=1, help_text="Readings of another version do not count"
    )
    window = models.CharField(
        max_length=60,
        blank=True,
        default="",
        help_text="Over what time it was measured; each has its own counter",
    )
    model = models.CharField(max_length=60, blank=True, default="", help_text="The method that measured it")
    scope = models.CharField(
        max_length=120, blank=True, default="", help_text="Of what it was measured, a campaign for one"
    )
    period = models.CharField(
        max_length=120, help_text="What was measured: a window, or a design's fingerprint"
    )
    verdict = models.CharField(max_length=10, choices=Verdict.choices)
    value = models.CharField(max_length=60, blank=True)
    limit = models.CharField(
        max_length=160, blank=True, default="", help_text="The threshold it was held against, as written"
    )
    message = models.TextField(blank=True)

    class Meta:
        ordering = ["created_at", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["plan", "rule", "metric_version", "window", "model", "scope", "period"],
                name="reading_once_a_plan_and_period",
            )
        ]
        indexes = [models.Index(fields=["program", "command", "rule"], name="reading_of_rule")]

    def __str__(self) -> str:
        return f"{self.rule} in {self.period}: {self.get_verdict_display().lower()}"

    def same_series(self) -> models.Q:
        """Rows of the same window, model and scope; of before these were kept, of plans with the window."""
        same = models.Q(**{name: getattr(self, name) for name in SERIES})
        if self.window and not self.model:
            same |= models.Q(**dict.fromkeys(SERIES, ""), plan__inputs__window=self.window)
        return same & models.Q(program=self.program_id, command=self.command, rule=self.rule)

    def of_series(self) -> models.QuerySet[Reading]:
        """All readings that count together with this one, whichever plan measured them."""
        return Reading.objects.filter(self.same_series(), metric_version=self.metric_version)

    def change_chain(self) -> str:
        return self.plan.change_chain()

    def change_label(self) -> str:
        return f"reading of {self.rule} in {self.period}"


@dataclass(frozen=True, slots=True)
class Tally:
    """``found`` over all plans, from the readings ``of_all``; ``of_plans``: what counts for each alone."""

    found: counting.RuleCount
    of_all: Sequence[Reading]
    of_plans: Mapping[int, Sequence[Reading]]

    def for_plan(self, plan: int) -> Sequence[Reading]:
        """What counts for a plan: over all plans, or what it found itself where that is more."""
        return max(self.of_all, self.of_plans.get(plan, ()), key=len)


def tally(rule: Trigger, readings: Sequence[Reading], limit: str) -> Tally:
    """Where the counters of ``rule`` stand after ``readings``, all of one series, the oldest first.

    ``limit`` is the threshold they are held against. A value of a metric is a fact whoever measured it; what
    is of no window, model or scope is about the work of a plan, which also counts by itself.
    """
    standing = counting.one_a_period(readings)
    found = counting.count_breaches(rule, counting.verdicts_under(limit, standing))
    by_plan: defaultdict[int, list[Reading]] = defaultdict(list)
    for each in readings:
        if not (rule.comparator or any(getattr(each, name) for name in SERIES)):
            by_plan[each.plan_id].append(each)
    own: dict[int, Sequence[Reading]] = {}
    for plan, mine in by_plan.items():
        told = counting.of_one_plan(standing, mine)
        counted = counting.count_breaches(rule, counting.verdicts_under(limit, told)).counted
        own[plan] = [told[index] for index in counted]
    return Tally(found, [standing[index] for index in found.counted], own)
