"""The next test after a readout: what to try, how many members it takes, and how long."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil, sqrt
from typing import Any

from gtm.core.percents import percent_text
from plans.commands.shared.experiments import SMALLEST_LIFT, Found
from plans.schemas.outputs import Column, Table
from programs.analytics.estimate import Unavailable
from programs.analytics.experiments import (
    Arm,
    ArmReadout,
    ExperimentMetric,
    GuardrailState,
    MetricReadout,
    MetricRole,
    Readout,
    Recommendation,
    detectable_difference,
    detectable_mean_difference,
    members_per_arm_for_guardrail,
    members_per_arm_for_mean,
    members_per_arm_for_share,
    plan_test,
)

WHOLE_WEEKS = 2
"""A test runs at least so long: every weekday twice."""
LONGEST_WATCH = 13
"""Weeks: what members do later is another question than the one a test was for."""
LARGEST_LIFT = 0.5
"""Where the members who exist could only show a relative lift beyond this, no test is proposed."""
CANNOT_BE_TESTED = "cannot be tested here; compare windows, with regression to the mean"


@dataclass(frozen=True, slots=True)
class NextTest:
    """What to test after a readout: members per arm, the relative lift they show and whole weeks, or why not."""

    experiment: str
    suggestion: str
    metric: str
    baseline: float | None
    members_per_arm: int | None
    lift: float | None
    weeks: int | None
    why: str
    guardrails: int | None = None
    """Members per arm from which guardrails that do not change are called safe with 80 % power; None without."""

    def values(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Supply:
    """Who there is to test on: ``members`` in all, None where nobody knows; data end at ``until``."""

    members: int | None = None
    until: datetime | None = None

    def room(self, found: Found, *, running: bool) -> int | None:
        """Members per arm, of two, that a test may have; None where its units are not those members."""
        if self.members is None or found.pace.units > self.members:
            return None
        return (self.members - (found.pace.units if running else 0)) // 2

    def watch(self, found: Found) -> int:
        """Weeks that the outcome takes after the last assignment, as in the test that was read."""
        if self.until is None:
            return 0
        weeks = ceil((self.until - found.pace.last_at).total_seconds() / 604_800)
        return min(max(weeks, WHOLE_WEEKS), LONGEST_WATCH)


@dataclass(frozen=True, slots=True)
class Rail:
    """The guardrail of a test that takes most: ``members`` per arm until one that does not change is called
    safe with 80 % power, within the relative loss ``margin``."""

    name: str
    members: int
    margin: float

    def margin_shown(self, members_per_arm: int) -> float:
        """Within which so many members per arm show it safe: members fall with the square of the margin."""
        return self.margin * sqrt(self.members / max(members_per_arm, 1))


def next_tests(
    found: Sequence[Found], read: Sequence[Readout], supply: Supply | None = None
) -> list[NextTest]:
    """One suggestion a test and arm, on the level of the arm that will be the control.

    Sized for ``SMALLEST_LIFT`` in the metric that decides and for its guardrails, whichever takes more: a
    guardrail that stays unclear holds what won.
    """
    by_name: Mapping[str, Found] = {each.test.name: each for each in found}
    there, suggestions = supply or Supply(), []
    for test in read:
        origin = by_name[test.experiment]
        if isinstance(test.arms, Unavailable):
            size, control = origin.test.planned_per_arm, origin.test.control
            suggestions.append(
                _sized(origin, there, control, "Repair the assignment, then run the same test again", size, "its split does not fit the plan")
                if test.sample_ratio.planned
                else _sized(origin, there, control, "Register the split that was meant, then read the test again", size, "none was planned")
            )  # fmt: skip
            continue
        for arm in test.arms:
            suggestions.append(_after(origin, arm, there))
    return suggestions


def _decides(origin: Found) -> ExperimentMetric:
    return next(metric for metric in origin.test.metrics if metric.role is MetricRole.PRIMARY)


def _after(origin: Found, arm: ArmReadout, there: Supply) -> NextTest:
    decides = next(metric for metric in arm.metrics if metric.role is MetricRole.PRIMARY)
    if arm.recommendation is Recommendation.KEEP_RUNNING:
        seen = min(decides.control.members, decides.treated.members)
        missing = max(origin.test.planned_per_arm - seen, 0)
        if missing:
            return _continued(origin, arm.treatment, decides.control, missing, seen, there)
    # What won is the level that the next variant has to beat.
    control = arm.treatment if arm.recommendation is Recommendation.SHIP else origin.test.control
    size = members_for(_decides(origin).arms[control])
    if size is None:
        why = f"{decides.name} does not vary in the arm that will be the control"
        return _sized(origin, there, control, "Measure a metric that varies", None, why)
    told = {
        Recommendation.SHIP: (f"Ship {arm.treatment}; test the next step against it", "it won, so it is the new control"),
        Recommendation.STOP: ("Go back; test a variant that leaves out what did harm", "it did harm"),
        Recommendation.KEEP_RUNNING: (f"Let {arm.treatment} run on", "it is not settled yet"),
    }.get(arm.recommendation) or _held(origin, arm, decides)  # fmt: skip
    return _sized(origin, there, control, told[0], size, told[1])


def _won(decides: MetricReadout) -> bool:
    return decides.significant and decides.better


def _held(origin: Found, arm: ArmReadout, decides: MetricReadout) -> tuple[str, str]:
    """What to do about a treatment that is held, and why: by what held it, in the order of the readout."""
    if isinstance(decides.lift, Unavailable):
        return f"Repair what cannot be read, then test {arm.treatment} again", _as_reason(decides.lift)
    effect = decides.lift.effect
    low, high = effect.low, effect.high
    if not _won(decides):
        best = high if _decides(origin).higher_is_better else None if low is None else -low
        if best is not None and best < SMALLEST_LIFT:
            return (
                "Test a bolder variant",
                f"the gain is {percent_text(best)} at most, and {percent_text(SMALLEST_LIFT, 0)} is looked for",
            )
        most = "a gain" if best is None else f"a gain of up to {percent_text(best)}"
        return (
            "Test a bolder variant, or this one again with more members",
            f"{most} may be there, which too few members were there to tell from chance",
        )
    ends = (
        ""
        if low is None or high is None
        else f" ({percent_text(low, signed=True)} to {percent_text(high, signed=True)})"
    )
    won = f"{decides.name} won, {percent_text(effect.value, signed=True)}{ends}"
    unread = [
        f"{name} ({_as_reason(rail)})" for name, rail in arm.guardrails if isinstance(rail, Unavailable)
    ]
    if unread:
        what = " and ".join(unread)
        return f"Repair the guardrails, then test {arm.treatment} again", f"{won}, but {what} cannot be read"
    unclear = [
        name for name, rail in arm.guardrails
        if not isinstance(rail, Unavailable) and rail.state is GuardrailState.UNCLEAR
    ]  # fmt: skip
    if unclear:
        names, is_small = " and ".join(unclear), _is_small_for(origin, unclear)
        why = f"{won}, but it is not shown that {names} kept within the margin"
        if is_small:
            return f"Test {arm.treatment} again with members enough for {names}", why
        return f"Test a variant that spares {names}", f"{why}, though members enough were there"
    worse = [m.name for m in arm.metrics if m is not decides and m.significant and not m.better]
    names = " and ".join(worse)
    return f"Test a variant that spares {names}", f"{won}, but {names} got worse beyond chance"


def _as_reason(why: Unavailable) -> str:
    return why.reason.rstrip(".")


def _is_small_for(origin: Found, guardrails: Sequence[str]) -> bool:
    """Whether fewer members were there than one of these guardrails takes."""
    rails = {metric.name: metric for metric in origin.test.metrics}
    needed = {name: _rail(rails[name], origin.test.control) for name in guardrails}
    return any(
        rail is not None and min(arm.members for arm in rails[name].arms.values()) < rail.members
        for name, rail in needed.items()
    )


def members_for(control: Arm) -> float | None:
    """n per arm for a relative lift of ``SMALLEST_LIFT``; None where the metric does not vary."""
    difference = control.mean * SMALLEST_LIFT
    if control.variance <= 0 or difference == 0:
        return None
    if control.is_proportion and control.mean + difference < 1:
        return members_per_arm_for_share(control.mean, difference)
    return members_per_arm_for_mean(control.variance**0.5, difference)


def shown_by(control: Arm, members_per_arm: int) -> float | None:
    """The relative lift that so many members show with 80 % power; None where they show none."""
    if members_per_arm < 2 or control.variance <= 0 or control.mean <= 0:
        return None
    if control.is_proportion:
        difference = detectable_difference(control.mean, members_per_arm)
        return None if isinstance(difference, Unavailable) else difference / control.mean
    return detectable_mean_difference(control.variance**0.5, members_per_arm) / control.mean


def _continued(
    origin: Found, treatment: str, control: Arm, missing: int, seen: int, there: Supply
) -> NextTest:
    """The members still missing, as far as there are any."""
    why = f"{missing:,} members per arm are missing"
    room = there.room(origin, running=True)
    if room is not None and missing > room:
        why += f", of whom {room:,} exist"
        missing = room
    rail = guardrail_that_takes_most(origin, origin.test.control)
    if rail is not None and rail.members > seen + missing:
        why += f"; {rail.name} takes {rail.members:,} to be called safe, and may be unclear even then"
    return _planned(
        origin,
        there,
        control,
        f"Let {treatment} run on",
        missing,
        why,
        shown_by(control, seen + missing),
        rail,
    )


def _sized(
    origin: Found, there: Supply, level: str, suggestion: str, size: float | None, why: str
) -> NextTest:
    """``level`` names the arm that will be the control: lift and guardrails are sized on it."""
    control, rail = _decides(origin).arms[level], guardrail_that_takes_most(origin, level)
    if size is None:
        return _no_test(origin, control, suggestion, why, rail)
    room = there.room(origin, running=False)
    if rail is not None and room is not None and rail.members > room:
        shown = rail.margin_shown(room)
        enough = f", enough for a margin of {percent_text(shown, 0)}" if room > 0 and shown < 1 else ""
        why += (
            f"; {rail.name} takes {rail.members:,} members per arm to be called safe within {percent_text(rail.margin)}, "
            f"and {there.members:,} exist{enough}: {CANNOT_BE_TESTED}"
        )
        return _no_test(origin, control, suggestion, why, rail)
    if room is not None and ceil(size) > room:
        lift = shown_by(control, room)
        if lift is None or lift > LARGEST_LIFT:
            why = f"{why}; it takes {ceil(size):,} members per arm, and {there.members:,} exist: {CANNOT_BE_TESTED}"
            return _no_test(origin, control, suggestion, why, rail)
        why += f"; {ceil(size):,} per arm would show {percent_text(SMALLEST_LIFT, 0)}, but only {there.members:,} members exist"
        return _planned(origin, there, control, suggestion, room, why, lift, rail)
    if rail is not None and rail.members > ceil(size):
        size = rail.members
        why += f"; {rail.name} takes most members to be called safe"
    return _planned(origin, there, control, suggestion, size, why, shown_by(control, ceil(size)), rail)


def _no_test(origin: Found, control: Arm, suggestion: str, why: str, rail: Rail | None) -> NextTest:
    return NextTest(
        origin.test.name, suggestion, _decides(origin).name, control.mean, None, None, None, why,
        rail.members if rail else None,
    )  # fmt: skip


def _planned(
    origin: Found, there: Supply, control: Arm, suggestion: str, size: float, why: str, lift: float | None,
    rail: Rail | None,
) -> NextTest:  # fmt: skip
    watch = there.watch(origin)
    planned = plan_test(size, origin.pace.per_week, arms=2, minimum_weeks=1 if watch else WHOLE_WEEKS)
    if isinstance(planned, Unavailable):
        return _no_test(origin, control, suggestion, planned.reason, rail)
    return NextTest(
        origin.test.name, suggestion, _decides(origin).name, control.mean, planned.members_per_arm, lift,
        planned.weeks + watch, why, rail.members if rail else None,
    )  # fmt: skip


def guardrail_that_takes_most(origin: Found, level: str) -> Rail | None:
    """On the level of the arm ``level``; None where a test has no guardrail that varies above 0 there."""
    rails = [_rail(metric, level) for metric in origin.test.metrics if metric.role is MetricRole.GUARDRAIL]
    return max((rail for rail in rails if rail is not None), key=lambda rail: rail.members, default=None)


def _rail(metric: ExperimentMetric, level: str) -> Rail | None:
    control = metric.arms[level]
    if control.variance <= 0 or control.mean <= 0:
        return None
    size = members_per_arm_for_guardrail(control.variance**0.5 / control.mean, metric.margin)
    return Rail(metric.name, ceil(size), metric.margin)


def next_table(suggestions: Sequence[NextTest]) -> Table:
    return Table(
        "next_tests", "Next tests",
        [Column("experiment", "After"), Column("suggestion", "Suggestion"), Column("metric", "Metric"),
         Column("baseline", "Level of the next control", "number"), Column("n", "Members per arm", "integer"),
         Column("shows", "Shows a lift of", "percent"), Column("guardrails", "Guardrails take", "integer"), Column("weeks", "Weeks", "integer"), Column("why", "Why")],
        [[s.experiment, s.suggestion, s.metric, s.baseline, s.members_per_arm, s.lift, s.guardrails, s.weeks, s.why] for s in suggestions],
        f"For a relative lift of {percent_text(SMALLEST_LIFT, 0)} where so many members exist, two arms, 5 % error and 80 % power, and for "
        "guardrails that do not change to be called safe with 80 % power, whichever takes more members. Weeks: to "
        f"assign them at the pace of the test that was read, and to watch them as long as there, {WHOLE_WEEKS} to "
        f"{LONGEST_WATCH} weeks.",
    )  # fmt: skip
