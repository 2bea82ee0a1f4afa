"""The answers of a launch: whether its date holds, whether to go live, and what came of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from gtm.core.percents import percent_text
from plans.commands.launch_program.steps.timetable import Timetable
from plans.schemas.answer import DO_NOT, GO, WITH_CARE, Alternative, Answer, AnswerFigure, Certainty
from programs.analytics.chances import CHANCE, chance_in_words
from programs.analytics.estimate import MaybeEstimate, Unavailable
from programs.analytics.readiness import GO as READY
from programs.analytics.readiness import Readiness
from programs.analytics.schedule import Forecast

SAFE, EVEN = 0.8, 0.5
"""From these probabilities on a date is one to go for, and one to go for with care."""
COLUMNS = {
    "runbook": ("name", "owner", "begin", "due", "expected", "slack"),
    "runbook-status": ("name", "owner", "due_at", "state", "why"),
}
"""Of the table of an answer, those that it shows: before work begins, and while it goes on."""


def of_date(
    found: Timetable,
    chance: Forecast,
    told: str,
    busy: str,
    who: Mapping[str, str],
    *,
    done: Collection[str] = (),
    shows: tuple[str, str] = ("gantt", "runbook"),
) -> Answer:
    """Whether the date can be kept; ``told`` is the sentence about it, ``who`` a task's key → who does it.

    ``done``: keys of tasks that hold up nothing any more; ``shows``: the chart and the table to read with it.
    """
    plan, on_time = found.schedule, chance.on_time
    day = plan.launch_date.isoformat()
    verdict = DO_NOT if found.is_late or on_time.value < EVEN else GO if on_time.value >= SAFE else WITH_CARE
    asks = {GO: f"Launch on {day}", WITH_CARE: f"Keep {day} with care", DO_NOT: f"Do not count on {day}"}[
        verdict
    ]
    names = {row["key"]: row["name"] for row in found.rows}
    path = [key for key in found.network.critical_path if key not in done]
    first = next(iter(path), None)
    return Answer(
        headline=f"{asks}: {_of_date(found, told)}",
        verdict=verdict,
        certainty=Certainty(
            f"Probability of making the date {chance_in_words(on_time.value)}, with everybody on one task at a time and without "
            "stand-ins for people who are away.",
            on_time.value,
            f"a launch on {day}",
        ),
        figures=(
            AnswerFigure("Probability of making the date", 100 * on_time.value, CHANCE, 100 * (on_time.low or 0.0),
                         100 * (on_time.high or 0.0), on_time.level, 100 * SAFE, "asked for"),
            AnswerFigure("Earliest possible launch", plan.earliest_launch.isoformat(), comparison=day, compared_with="planned"),
            AnswerFigure("Work still to do, one task at a time", plan.working_days, "business days",
                         comparison=found.network.working_days, compared_with="if people were no limit"),
        ),
        caveats=[text for text in (busy, _slack([names[key] for key in path])) if text],
        alternative=_later(chance, day, verdict),
        next="" if first is None else f"{who.get(first) or 'Its owner'} starts “{names[first]}”, due {found.due[first]}.",
        chart=shows[0],
        table=shows[1],
        columns=COLUMNS[shows[1]],
    )  # fmt: skip


def _of_date(found: Timetable, told: str) -> str:
    """The sentence about the date; where there is time for it, without naming it again."""
    if found.is_late:
        return told
    return f"there is enough time; the earliest possible launch is {found.schedule.earliest_launch}."


def _slack(path: Sequence[str]) -> str:
    """What must not slip, by name."""
    return f"A delay of any of these delays the launch: {', '.join(path)}." if path else ""


def _later(chance: Forecast, day: str, verdict: str) -> Alternative | None:
    """The first date that is safe, where the one asked for is not."""
    if verdict == GO:
        return None
    safe = [(p, date.isoformat()) for p, date in sorted(chance.launch_dates.items()) if p >= SAFE]
    if not safe or safe[0][1] <= day:
        return None
    probability, later = safe[0]
    return Alternative(
        f"Launch on {later}: possible with a probability of {percent_text(probability, 0)}.",
        {"launch_date": later},
    )


def of_readiness(found: Readiness, day: str, links: Mapping[str, str]) -> Answer:
    """Go or no-go, as it stands when everything in its way is settled."""
    share = found.share
    is_go = found.decision == READY
    care = bool(found.waived)
    reasons = " ".join(found.reasons)
    return Answer(
        headline=f"Go live on {day}: nothing forbids it." if is_go else f"Do not go live on {day}: {reasons}",
        verdict=DO_NOT if not is_go else WITH_CARE if care else GO,
        certainty=Certainty("Readiness is counted, not estimated: tasks done by weight, and no open blocker."),
        figures=(
            AnswerFigure("Launch readiness", None if isinstance(share, Unavailable) else 100 * share.value, "%",
                         unavailable=share.reason if isinstance(share, Unavailable) else ""),
            AnswerFigure("Open blockers", len(found.open_blockers)),
            AnswerFigure(links["label"], links["value"]),
        ),
        caveats=[*([] if is_go else found.reasons), *(f"Waived: {item.title}. {item.waiver}" for item in found.waived)],
        next="Go or no-go is decided.",
        table="vetoes",
    )  # fmt: skip


def of_live(
    day: str, share: float | None, not_confirmed: Sequence[str], review_days: Sequence[int]
) -> Answer:
    """What is true once it is live: since when, and when it is reviewed.

    ``share``: readiness when it went live; ``not_confirmed``: names of checks of the day.
    """
    told = f"The first review is on day {review_days[0]}." if review_days else "No review is booked."
    return Answer(
        headline=f"Live since {day}. {told}",
        verdict=WITH_CARE if not_confirmed or not review_days else GO,
        certainty=Certainty("It is live: nothing of this is estimated. What came of it is not known yet."),
        figures=(
            AnswerFigure("Readiness when it went live", None if share is None else 100 * share, "%",
                         unavailable="" if share is not None else "There was nothing to count."),
            AnswerFigure("Reviews booked", len(review_days)),
        ),
        caveats=[f"Not confirmed when it went live: {name}." for name in not_confirmed],
        next="Outcomes are logged on their days; limits of the monitoring plan are held between the reviews.",
        table="reviews",
    )  # fmt: skip


def of_outcomes(
    day: str, readiness: float | None, answered: MaybeEstimate, rows: Sequence[Sequence[str]]
) -> Answer:
    """What came of the launch, as people wrote it down."""
    told = [f"{name}: {outcome}" for name, outcome, _ in rows if outcome]
    sla: dict[str, Any] = (
        {"value": None, "unavailable": answered.reason}
        if isinstance(answered, Unavailable)
        else {"value": 100 * answered.value, "low": 100 * (answered.low or 0.0), "high": 100 * (answered.high or 0.0),
              "level": answered.level}
    )  # fmt: skip
    return Answer(
        headline=f"Launched on {day}. {told[0]}" if told else f"Launched on {day}; nobody wrote down an outcome.",
        verdict=GO,
        certainty=Certainty("Outcomes are what people wrote down; nothing was compared with a group without the launch."),
        figures=(
            AnswerFigure("Readiness when it went live", None if readiness is None else 100 * readiness, "%",
                         unavailable="" if readiness is not None else "There was nothing to count."),
            AnswerFigure("Answered in time", unit="%", **sla),
        ),
        caveats=told[1:],
        next="The reviews after the launch run on their days.",
        table="outcomes",
    )  # fmt: skip
