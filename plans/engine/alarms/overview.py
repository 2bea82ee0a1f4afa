"""Where the counters of all rules stand now: readings by program, command, rule and series. Three queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from plans.models import LIVE_PLAN_STATES, SERIES, Plan, Reading, tally
from plans.schemas import counting
from plans.schemas.declaration import Trigger
from plans.schemas.rules import PlanRules
from programs.models import Program

MOST_READINGS = 5000


@dataclass(frozen=True, slots=True)
class RuleOverview:
    """One rule on one program: what it asks for, its readings (the oldest first), and its counter.

    ``rule`` is the trigger as the newest plan that read it declares it, nameless where it declares none.
    """

    program: Program
    command: str
    key: str
    rule: Trigger
    readings: Sequence[Reading]
    standing: counting.RuleCount
    breaches: int = 0
    """That count over all plans, or for the one plan that can still be stopped of which more count."""

    @property
    def title(self) -> str:
        return " · ".join([self.rule.title or self.key, *self.measured_over])

    @property
    def measured_over(self) -> list[str]:
        """Window, model and scope, those that the readings name."""
        return [value for name in SERIES if (value := getattr(self.readings[-1], name))]

    @property
    def limit(self) -> str:
        """When the rule alarms, in words."""
        if told := self.readings[-1].limit:
            return f"when {told}"
        if not self.rule.comparator:
            return "when a run or a person reports it"
        return f"when {self.rule.comparator} {self.rule.limit}"

    @property
    def needed(self) -> int:
        return self.rule.breaches

    @property
    def is_enough(self) -> bool:
        return self.breaches >= self.needed


def rule_overviews() -> list[RuleOverview]:
    """Every rule that was ever read, those nearest to their limit of breaches first."""
    rows = Reading.objects.select_related("program").order_by("-created_at", "-pk")[:MOST_READINGS]
    by_rule: defaultdict[tuple[Any, ...], list[Reading]] = defaultdict(list)
    for reading in rows:
        series = (getattr(reading, name) for name in SERIES)
        by_rule[reading.program_id, reading.command, reading.rule, *series].append(reading)
    newest = {readings[0].plan_id for readings in by_rule.values()}
    declared = {plan.pk: plan.rules for plan in Plan.objects.filter(pk__in=newest).only("declaration")}
    plans = {reading.plan_id for reading in rows}
    live = set(Plan.objects.filter(pk__in=plans, state__in=LIVE_PLAN_STATES).values_list("pk", flat=True))
    found = [
        _standing(live, command, key, readings, declared[readings[0].plan_id])
        for (_, command, key, *_), readings in by_rule.items()
    ]
    return sorted(found, key=lambda s: (s.breaches - s.needed, s.breaches, s.readings[-1].pk), reverse=True)


def _standing(
    live: Collection[int], command: str, key: str, newest_first: Sequence[Reading], rules: PlanRules
) -> RuleOverview:
    """Readings of another version of the metric do not count, and are not shown."""
    rule = rules.trigger(key) or Trigger(key, "")
    every = [r for r in reversed(newest_first) if r.metric_version == rule.metric_version]
    readings = counting.one_a_period(every) or [newest_first[0]]
    counts = tally(rule, every or readings, readings[-1].limit)
    own = [len(counted) for plan, counted in counts.of_plans.items() if plan in live]
    breaches = max(len(counts.of_all), *own, 0)
    return RuleOverview(readings[0].program, command, key, rule, readings, counts.found, breaches)
