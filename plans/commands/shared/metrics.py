"""KPIs by the words of the metric registry: what a run keeps of it, what a definition counts, and what has changed.

What a definition names is what is counted, or the reason why it is not.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import Q

from gtm.core.later import later
from gtm.core.places.calendars import WorkingCalendar
from plans.commands.shared.thresholds import trigger_of
from plans.models import OPEN_CASE_STATES, Escalation, Plan, of_command
from plans.schemas.outputs import Column, Table
from programs.analytics.estimate import Estimate, MaybeEstimate, Unavailable
from programs.models import Program
from programs.schemas.metrics import DEFINITION, HIGHER, MONEY
from programs.selectors import metric_definitions

if TYPE_CHECKING:
    from programs.analytics import rates
else:
    rates = later("programs.analytics.rates")

Definition = Mapping[str, Any]
EVENTS = "events"
NESTED = {"members", "answers", "invitations"}
"""Of these one sum counts part of what the other counts, so that their ratio is a share."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A sum that a definition may name; ``counts`` what it counts, ``needs`` the dataset without which it is not
    known."""

    column: str
    counts: str
    needs: str = ""


def facts_of(program: Program, command: str) -> dict[str, Any]:
    """What a run keeps of the registry, and of the run before of the command (its key): definitions, versions,
    alert thresholds."""
    metrics = metric_definitions(program.kind)
    last = Plan.objects.filter(program=program, **of_command(command)).order_by("-created_at", "-pk").first()
    return {
        "metrics": metrics,
        "metric_versions": {metric["key"]: metric["version"] for metric in metrics.values()},
        "trigger_versions": {trigger_of(name): max(m["version"], 1) for name, m in metrics.items()},
        "last_run": {
            "plan_id": last.plan_id,
            "alert_threshold": last.inputs.get("alert_threshold", ""),
            "metrics": last.context.get("metrics", {}),
            "metric_versions": last.context.get("metric_versions", {}),
        }
        if last
        else {},
    }


def remediation_of(program: Program, command: str) -> dict[str, Any]:
    """Hours from the opening of each alert's case to its resolution, on the clock and of them the working ones of
    the program, in which a ladder counts; and how many are open."""
    cases = Escalation.objects.filter(plan__program=program, **of_command(command, "plan__")).filter(
        Q(trigger__startswith="alert-") | Q(trigger__endswith="-spike")
    )
    closed = cases.filter(state="resolved", closed_at__isnull=False).order_by("created_at", "pk")
    spans = [(case.created_at, case.closed_at) for case in closed if case.closed_at]
    calendar = WorkingCalendar(country=program.country, time_zone=program.time_zone)
    return {
        "hours": [(until - since).total_seconds() / 3600 for since, until in spans],
        "working_hours": [calendar.hours_between(since, until) for since, until in spans],
        "open": cases.filter(state__in=sorted(OPEN_CASE_STATES)).count(),
    }


def compute(
    metric: Mapping[str, Any],
    sums: Mapping[str, float],
    measures: Mapping[str, Measure],
    loaded: Collection[str],
    *,
    currency: str,
) -> MaybeEstimate:
    """A KPI from the sums of a window or a group. A share has Wilson's interval, a ratio of other counts that of
    ``count_ratio``; anything else has none."""
    words = [word for word in (metric["numerator"], metric["denominator"]) if word]
    for word in words:
        if word not in measures:
            return Unavailable(f"The registry counts “{word}”; this command counts {', '.join(measures)}.")
        if (needs := measures[word].needs) and needs not in loaded:
            return Unavailable(
                f"No {needs.replace('_', ' ')} are loaded; load them on the page Data, Load data."
            )
    found = [measures[word] for word in words]
    values = [float(sums.get(measure.column, 0)) for measure in found]
    if len(values) == 1:
        return Estimate(values[0], unit=currency if found[0].counts == MONEY else found[0].counts)
    if values[1] <= 0:
        return Unavailable(f"There were no {words[1]} in the window.")
    kinds = {measure.counts for measure in found}
    if len(kinds) == 1 and kinds <= NESTED and values[0] <= values[1]:
        return rates.wilson_rate(int(values[0]), int(values[1]))
    if kinds == {EVENTS}:
        return rates.count_ratio(values[0], values[1])
    return Estimate(values[0] / values[1], numerator=values[0], denominator=values[1])


def as_defined(metric: Mapping[str, Any], expected: tuple[str, str], value: MaybeEstimate) -> MaybeEstimate:
    """``value`` where the registry's words are those of the method that found it; else the figure would not be
    what they say."""
    if (metric["numerator"], metric["denominator"]) == expected:
        return value
    words = " / ".join(word for word in expected if word)
    return Unavailable(
        f"The registry defines this otherwise than as “{words}”, which is what is computed here."
    )


def sentence(metric: Definition) -> str:
    """A definition as people read it: "members with a purchase / members, window of the run (v2)"."""
    ratio = " / ".join(part for part in (metric["numerator"], metric["denominator"]) if part)
    ratio = ratio[:1].upper() + ratio[1:]
    window = f", {metric['window']}" if metric["window"] else ""
    return f"{ratio}{window} ({version_of(metric)})"


def version_of(metric: Definition) -> str:
    return f"v{metric['version']}" if metric["version"] else "standard, not in the registry"


def unit_of(metric: Definition, currency: str) -> str:
    return currency if metric["unit"] == MONEY else str(metric["unit"])


def days_of(metric: Definition) -> int | None:
    """The days of a fixed window such as "90 days"; None for any other."""
    number, _, unit = str(metric["window"]).partition(" ")
    return int(number) if number.isdigit() and int(number) > 0 and unit in ("day", "days") else None


def default_thresholds(metrics: Mapping[str, Definition]) -> str:
    """The registry's own limits, against each metric's direction, as an ``--alert_threshold`` line."""
    rules = [
        f"{name}{'<' if metric['direction'] == HIGHER else '>'}{metric['threshold']}"
        for name, metric in metrics.items()
        if metric["threshold"]
    ]
    return ",".join(rules)


def with_targets(limits: str, targets: str) -> str:
    """Alert thresholds in which ``targets`` take the place of limits on the same metrics."""
    own = [rule for rule in targets.split(",") if rule]
    taken = {_metric_in(rule) for rule in own}
    return ",".join([*(rule for rule in limits.split(",") if rule and _metric_in(rule) not in taken), *own])


def _metric_in(rule: str) -> str:
    return rule.partition("<")[0].partition(">")[0]


def changes_since(facts: Mapping[str, Any], thresholds: str) -> list[str]:
    """What is defined otherwise than in the run before: each field of each metric, and the alert thresholds."""
    last = facts.get("last_run") or {}
    if not last:
        return ["There was no run before."]
    found = []
    if last["alert_threshold"] != thresholds:
        was = last["alert_threshold"] or "none"
        found.append(f"Alert thresholds were {was} in {last['plan_id']} and are {thresholds or 'none'} now.")
    for name, now in facts["metrics"].items():
        before = last["metrics"].get(name)
        if before is None:
            continue
        parts = [
            f"{field} “{_told(before[field])}” → “{_told(now[field])}”"
            for field in DEFINITION
            if before[field] != now[field]
        ]
        if parts:
            found.append(f"{now['name']}, {version_of(before)} → {version_of(now)}: {'; '.join(parts)}.")
    return found or [f"As in the run before, {last['plan_id']}."]


def _told(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value)


def definition_table(
    metrics: Mapping[str, Definition], currency: str, people: Mapping[str, str], changes: Sequence[str]
) -> Table:
    """The definitions a run computed by, as it found them in the registry."""
    rows = [
        [name, m["name"], unit_of(m, currency), f"{m['direction']} is better", m["numerator"], m["denominator"],
         m["window"], ", ".join(m["dimensions"]), people.get(m["owner_role"]) or m["owner_role"], m["threshold"],
         version_of(m)]
        for name, m in metrics.items()
    ]  # fmt: skip
    return Table(
        "definitions", "Metric definitions",
        [Column("metric", "Metric"), Column("name", "Name"), Column("unit", "Unit"), Column("direction", "Direction"),
         Column("numerator", "Numerator"), Column("denominator", "Denominator"), Column("window", "Window"),
         Column("dimensions", "By"), Column("owner", "Owner"), Column("threshold", "Alarms past"),
         Column("version", "Version")],
        rows, " ".join(changes),
    )  # fmt: skip
