"""What the runbooks of a launch say beside their tasks: sessions, reviews, alerts with limits, and versions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from math import ceil
from typing import Any

from plans.commands.shared.thresholds import trigger_of
from programs.analytics.thresholds import first_to_alarm, parse_thresholds
from programs.models import measured
from programs.schemas.launch_events import (
    STANDARD_REVIEWS,
    STANDARD_SESSIONS,
    Briefing,
    LaunchReview,
    briefing_of,
    review_of,
)

REVIEW_COMMAND = "optimize-referrals"
REVIEW_KEY = f"referral-program-orchestration:{REVIEW_COMMAND}"
"""What runs on the days of review, and whose limits are looked at between them."""


def first_day(row: Mapping[str, Any], launch: date) -> date:
    """On which day a task from the launch on can begin: its own day, less its longest estimate."""
    return launch + timedelta(days=(row["days_after_launch"] or 0) - ceil(row["days"][2]))


def briefings_of(inputs: Mapping[str, Any], facts: Mapping[str, Any]) -> list[tuple[Briefing, bool]]:
    """Every session that a runbook names, and whether this launch has its channel. One key, one session: the
    runbook of a channel of this launch goes before others."""
    by_channel = _sessions(facts)
    chosen = ["", *inputs["channels"]]
    order = [*chosen, *sorted(by_channel.keys() - set(chosen))]
    found: dict[str, tuple[Briefing, bool]] = {}
    for channel in order:
        for line in by_channel.get(channel, ()):
            found.setdefault(line["key"], (briefing_of(line), channel in chosen))
    return list(found.values())


def chosen_runbooks(inputs: Mapping[str, Any], facts: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """That of every launch, then those of its channels."""
    runbooks = facts["runbooks"]
    return [runbooks[channel] for channel in ("", *inputs["channels"]) if channel in runbooks]


def reviews_of(inputs: Mapping[str, Any], facts: Mapping[str, Any]) -> list[LaunchReview]:
    """The reviews of the launch by day; where several runbooks name a day, the first one counts."""
    chosen = chosen_runbooks(inputs, facts)
    named = [line for runbook in chosen for line in runbook.get("reviews", ())]
    if not named and not any(runbook.get("without_reviews") for runbook in chosen):
        named = list(STANDARD_REVIEWS)
    found: dict[int, LaunchReview] = {}
    for line in named:
        review = review_of(line)
        found.setdefault(review.day, review)
    return [found[day] for day in sorted(found)]


def teams_of(runbooks: Mapping[str, Any]) -> set[str]:
    """The roles that sessions are for."""
    lines = (line for named in _sessions({"runbooks": runbooks}).values() for line in named)
    return {team for line in lines for team in line["teams"]}


def alerts_of(inputs: Mapping[str, Any], facts: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    """The lines of the monitoring plan, in the same order."""
    return tuple(alert for runbook in chosen_runbooks(inputs, facts) for alert in runbook["alerts"])


def breached_by(
    trigger: str, value: Decimal, alerts: Sequence[Mapping[str, Any]], facts: Mapping[str, Any]
) -> list[Mapping[str, Any]]:
    """The lines of the monitoring plan whose own limit this value of the trigger's metric is past."""
    known = measured(facts["kind"])
    return [
        alert
        for alert in alerts
        if alert.get("threshold")
        and any(
            trigger_of(rule.metric) == trigger and rule.comparator.holds(value, rule.limit)
            for rule in parse_thresholds(alert["threshold"], known)
        )
    ]


def who_answers(alerts: Sequence[Mapping[str, Any]], facts: Mapping[str, Any]) -> str:
    """Who answers these lines within which time, in words."""
    found = []
    for alert in alerts:
        role = alert["owner"]
        who = facts["people"].get(role, {}).get("name") or facts["roles"][role]["name"]
        found.append(f"{who} answers within {alert['response_minutes']} minutes")
    return ", ".join(dict.fromkeys(found))


def page_of(alert: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    """Where its dashboard opens: its own address, that of a tool of the program with its name, or the page of
    rules where a limit alarms by itself; empty where nobody has said."""
    named = str(alert["dashboard"]).strip()
    if named.startswith(("https://", "http://")):
        return named
    tools = {name.casefold(): address for name, address in (facts.get("tooling") or {}).items()}
    own = str(tools.get(named.partition(",")[0].strip().casefold(), ""))
    if own.startswith(("https://", "http://")):
        return own
    return str(facts.get("rules_page", "")) if alert.get("threshold") else ""


def limits_of(inputs: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    """The limits of the monitoring plan as one line of thresholds; of two on one side of a metric the one that
    alarms first. What people have to look at has none."""
    limits = [alert.get("threshold", "") for alert in alerts_of(inputs, facts)]
    return first_to_alarm(limits, measured(facts["kind"])) if any(limits) else ""


def looked_at(alert: Mapping[str, Any], reviews: Sequence[LaunchReview], looks: str) -> str:
    """When a line of the monitoring plan is held against the data, in words: ``looks`` between the reviews, and
    the reviews. Nothing else looks at it."""
    if not alert.get("threshold"):
        return "people look: nothing here measures it"
    if not reviews:
        return looks
    return f"{looks}; reviews " + ", ".join(
        f"day {review.day} at {review.at:%H:%M} over {int(review.window.removesuffix('d'))} days"
        for review in reviews
    )


def versions_of(inputs: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    """Which runbooks in which versions the run follows, in words."""
    runbooks = facts["runbooks"]
    return ", ".join(
        f"{runbooks[channel]['title']} v{runbooks[channel]['version']}"
        for channel in ("", *inputs["channels"])
        if channel in runbooks
    )


def _sessions(facts: Mapping[str, Any]) -> Mapping[str, Sequence[Mapping[str, Any]]]:
    """By channel; plans of before runbooks had sessions have the standard ones."""
    own = {channel: told.get("sessions") or () for channel, told in facts["runbooks"].items()}
    is_meant = any(told.get("without_sessions") for told in facts["runbooks"].values())
    return own if is_meant or any(own.values()) else STANDARD_SESSIONS
