"""Between reviews: how often the limits of the monitoring plan are looked at, and what a look finds now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from gtm.core import clock
from gtm.core.errors import GtmError
from plans.commands.launch_program.records import with_the_registrys
from plans.commands.launch_program.steps.events import (
    REVIEW_KEY,
    alerts_of,
    breached_by,
    chosen_runbooks,
    limits_of,
    who_answers,
)
from plans.commands.launch_program.steps.timetable import launch_date
from plans.commands.shared.thresholds import REACHES_BACK, trigger_of
from plans.models import CARRIED_OUT_STATES, Plan
from plans.runs.glance import glance
from plans.schemas.outputs import NOT_CERTAIN, NOT_MEASURED, Column, Output, Signal, StepResult, Table
from plans.selectors import looks_of
from programs.analytics.thresholds import parse_thresholds
from programs.models import measured
from programs.schemas.launch_events import STANDARD_LOOKS, LookSpan, look_of

VERDICTS = {"breached": "breached", "kept": "held", NOT_CERTAIN: NOT_CERTAIN, NOT_MEASURED: NOT_MEASURED}


def spans_of(inputs: Mapping[str, Any], facts: Mapping[str, Any]) -> list[LookSpan]:
    """What the runbooks of the launch say of looks; the standard ones where none says anything."""
    named = [line for runbook in chosen_runbooks(inputs, facts) for line in runbook.get("looks") or ()]
    return [look_of(line) for line in named or STANDARD_LOOKS]


def span_on(day: int, spans: Iterable[LookSpan]) -> LookSpan | None:
    """How often that day is looked at: of several runbooks the one that looks most often."""
    found = [span for span in spans if span.from_day <= day <= span.until_day]
    return min(found, key=lambda span: span.every_hours, default=None)


def next_look(spans: Sequence[LookSpan], launch: date, now: datetime, zone: ZoneInfo) -> datetime | None:
    """The first look after ``now``; None where none is left. Hours are counted from midnight in ``zone``."""
    today = (now.astimezone(zone).date() - launch).days
    last = max((span.until_day for span in spans), default=-1)
    for day in range(today, last + 1):
        if (span := span_on(day, spans)) is None:
            continue
        first, end = (_midnight(launch + timedelta(days=day + n), zone) for n in (0, 1))
        gone = max(-(-(now - first).total_seconds() // 3600), 0) if now > first else 0
        step = timedelta(hours=span.every_hours)
        at = first + step * int(gone // span.every_hours)
        while at <= now:
            at += step
        if at < end:
            return at
    return None


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """As an instant in UTC: hours after it pass one by one, also where clocks change."""
    return datetime.combine(day, time(), zone).astimezone(ZoneInfo("UTC"))


def how_often(spans: Sequence[LookSpan]) -> str:
    """In words: "every hour on day 0, once a day on days 1 to 30, over 7 days"."""
    told = []
    for span in sorted(spans, key=lambda span: (span.from_day, span.every_hours)):
        often = {1: "every hour", 24: "once a day"}.get(span.every_hours, f"every {span.every_hours} hours")
        days = (
            f"day {span.from_day}"
            if span.from_day == span.until_day
            else f"days {span.from_day} to {span.until_day}"
        )
        told.append(f"{often} on {days} over {span.window.removesuffix('d')} days")
    return ", ".join(told)


def watch(plan: Plan) -> StepResult | None:
    """The limits of the monitoring plan against the newest data, once it is live; None on a day without looks.

    Values: ``told``, ``period`` of the data, ``rows`` (limit, value, verdict, note), ``next_at`` (an instant, or
    None). Where nothing can be measured, ``told`` says why, and no reading is kept: reviews count what is missing.
    """
    if not plan.tasks.filter(key="go-live", state__in=CARRIED_OUT_STATES).exists():
        return None
    zone, launch = ZoneInfo(plan.program.time_zone), launch_date(plan.inputs)
    spans = spans_of(plan.inputs, plan.context)
    span = span_on((clock.now().astimezone(zone).date() - launch).days, spans)
    limits = with_the_registrys(limits_of(plan.inputs, plan.context))
    if span is None or not limits:
        return None
    again = next_look(spans, launch, clock.now(), zone)
    values = {"window": span.window, "next_at": again and again.isoformat()}
    rules = {trigger_of(rule.metric) for rule in parse_thresholds(limits, measured(plan.program.kind))}
    try:
        found = glance(REVIEW_KEY, {"window": span.window, "alert_threshold": limits}, plan.program, rules)
    except GtmError as error:
        why = " ".join(problem.message for problem in error.problems) or error.detail
        told = f"No limit could be held: {why}"
        return StepResult(values={**values, "told": told, "period": "", "rows": []})
    rows = [[a["rule"], a["value"], _verdict(a), a["note"]] for a in found.values["alerts"]]
    sure = {trigger_of(a["metric"]) for a in found.values["alerts"] if _verdict(a) == "breached"}
    known = {rule: value for rule, value in found.measured.items() if value != NOT_MEASURED}
    known |= {one.trigger: f"{NOT_CERTAIN} {one.value}" for one in found.signals if one.trigger not in sure}
    signals = [_answered(signal, plan) for signal in found.signals if signal.trigger in sure]
    told = _in_words(rows, found.period)
    return replace(
        found,
        values={**values, "told": told, "period": found.period, "rows": rows},
        measured=known,
        signals=signals,
    )


def _verdict(alert: Mapping[str, Any]) -> str:
    """A look counts what is sure: few data pass any limit by chance, and who looks every hour sees it."""
    unsure = alert["verdict"] == "breached" and alert["note"] == REACHES_BACK
    return NOT_CERTAIN if unsure else str(alert["verdict"])


def _answered(signal: Signal, plan: Plan) -> Signal:
    """With who answers by the monitoring plan, and within which time; a limit of the registry has nobody."""
    lines = alerts_of(plan.inputs, plan.context)
    past = breached_by(signal.trigger, Decimal(str(signal.value)), lines, plan.context)
    if not past:
        return signal
    message = f"{signal.message}. {who_answers(past, plan.context)}."
    return replace(signal, message=message, answered_by=tuple(dict.fromkeys(line["owner"] for line in past)))


def _in_words(rows: Sequence[Sequence[Any]], period: str) -> str:
    breached = [f"{limit} at {value:.6g}" for limit, value, verdict, _ in rows if verdict == "breached"]
    missing = [f"{limit}: {note}" for limit, _, verdict, note in rows if verdict == NOT_MEASURED]
    unsure = [f"{limit} at {value:.6g}" for limit, value, verdict, _ in rows if verdict == NOT_CERTAIN]
    held = len(rows) - len(breached) - len(missing) - len(unsure)
    said = [f"Breached: {', '.join(breached)}."] if breached else []
    said += [f"Past its limit, with too few data to count: {', '.join(unsure)}."] if unsure else []
    said += [f"{held} of {len(rows)} limits held."] if held else []
    said += [f"Not measured: {'; '.join(missing).rstrip('.')}."] if missing else []
    return " ".join([f"Data {period}.", *said])


def looks_table(plan: Plan) -> list[Output]:
    """What looks have found so far, the newest first; nothing before it is live."""
    if not plan.tasks.filter(key="go-live", state__in=CARRIED_OUT_STATES).exists():
        return []
    columns = (
        Column("at", "Seen", "datetime"),
        Column("period", "Data"),
        Column("limit", "Alarms when"),
        Column("value", "Value", "number"),
        Column("verdict", "Verdict"),
        Column("note", "Note"),
    )
    rows = []
    for look in reversed(looks_of(plan)):
        found = look["rows"] or [["", None, "", look["told"]]]
        rows += [[look["at"], look["period"], limit, value, VERDICTS.get(verdict, ""), note]
                 for limit, value, verdict, note in found]  # fmt: skip
    return [Table("looks", "Looks at the limits of the monitoring plan", columns, rows, _note(plan))]


def _note(plan: Plan) -> str:
    zone, spans = ZoneInfo(plan.program.time_zone), spans_of(plan.inputs, plan.context)
    again = next_look(spans, launch_date(plan.inputs), clock.now(), zone) if plan.is_live else None
    told = f"The newest data are looked at {how_often(spans)}."
    if again is not None:
        told += f" Next: {again.astimezone(zone):%Y-%m-%d %H:%M}, {plan.program.time_zone}."
    return f"{told} A look that finds the same again is not listed, and counts nothing again."
