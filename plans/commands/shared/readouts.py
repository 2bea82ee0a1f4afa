"""What people see of experiments beside the recommendation: every figure behind it, and the next test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import Any

from plans.commands.shared.experiments import SMALLEST_LIFT, Found
from plans.commands.shared.figures import with_ends
from plans.schemas.outputs import Chart, Column, Series, Table
from programs.analytics.estimate import MaybeEstimate, Unavailable
from programs.analytics.experiments import (
    Arm,
    ArmReadout,
    BayesianLift,
    Comparison,
    ExperimentMetric,
    MetricReadout,
    MetricRole,
    Readout,
    Recommendation,
    SampleRatio,
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


def figures_table(read: Sequence[Readout]) -> Table:
    """A row a test, arm and metric: both arms, the plain test, the lift, its always-valid interval, the Bayesian view."""
    rows = [_figures(test, arm, metric) for test, arm in _arms(read) for metric in arm.metrics]
    lift = [("lift", "Relative lift"), ("low", "from"), ("high", "to")]
    always = [("always_low", "Always valid from"), ("always_high", "to")]
    return Table(
        "experiment_figures", "Experiments, every figure",
        [Column("experiment", "Test"), Column("arm", "Arm"), Column("metric", "Metric"), Column("role", "Role"),
         Column("control_units", "Control, units", "integer"), Column("units", "Arm, units", "integer"),
         Column("control_mean", "Control, mean", "number"), Column("mean", "Arm, mean", "number"),
         Column("difference", "Difference", "number"), Column("difference_low", "from", "number"),
         Column("difference_high", "to", "number"), Column("test", "By"), Column("p", "p", "number"),
         *(Column(key, label, "percent") for key, label in lift), Column("holm", "p of the lift (Holm)", "number"),
         *(Column(key, label, "percent") for key, label in always),
         Column("chance", "Chance to win", "percent"), Column("risk", "Risk of shipping", "percent"),
         Column("risk_of_holding", "Risk of holding", "percent")],
        rows,
        "Differences and lifts are after CUPED where the readout says so, means as measured; both have one test, and one p "
        "before Holm. Risks are expected relative losses if the choice is wrong. "
        "The always-valid interval holds however often one looks.",
    )  # fmt: skip


def _arms(read: Sequence[Readout]) -> Iterator[tuple[Readout, ArmReadout]]:
    for test in read:
        if not isinstance(test.arms, Unavailable):
            for arm in test.arms:
                yield test, arm


def _figures(test: Readout, arm: ArmReadout, metric: MetricReadout) -> list[Any]:
    plain = metric.difference
    bayes = metric.bayesian
    wins = (
        [bayes.chance_to_win, bayes.risk_of_shipping, bayes.risk_of_holding]
        if isinstance(bayes, BayesianLift)
        else [None] * 3
    )
    return [
        test.experiment, arm.treatment, metric.name, metric.role.value, metric.control.members, metric.treated.members,
        metric.control.mean, metric.treated.mean, *_ends(plain),
        plain.effect.method if isinstance(plain, Comparison) else None,
        plain.p_value if isinstance(plain, Comparison) else None, *_ends(metric.lift),
        metric.adjusted_p if isinstance(metric.lift, Comparison) else None, *_ends(metric.sequential)[1:], *wins,
    ]  # fmt: skip


def _ends(found: Comparison | MaybeEstimate) -> tuple[float | None, float | None, float | None]:
    return with_ends(found.effect if isinstance(found, Comparison) else found)


def guardrail_table(read: Sequence[Readout]) -> Table | None:
    """One-sided non-inferiority of each guardrail; None where no test has one."""
    rows = []
    for test, arm in _arms(read):
        for name, rail in arm.guardrails:
            told = (
                [None, None, None, f"unclear: {rail.reason}"]
                if isinstance(rail, Unavailable)
                else [rail.change.value, rail.worst, -rail.margin, rail.state.value]
            )
            rows.append([test.experiment, arm.treatment, name, *told])
    if not rows:
        return None
    return Table(
        "guardrails", "Guardrails",
        [Column("experiment", "Test"), Column("arm", "Arm"), Column("metric", "Guardrail"), Column("change", "Change", "percent"),
         Column("worst", "At worst, for the good", "percent"), Column("margin", "May be", "percent"), Column("state", "State")],
        rows,
        "Safe where the one-sided 95 % bound stays inside the margin; “at worst” counts a change for the worse as negative. "
        "The bounds hold however often one looks.",
    )  # fmt: skip


def split_table(read: Sequence[Readout]) -> Table:
    """Whether assignment delivered the planned split; a mismatch blocks the readout."""
    rows = [
        [test.experiment, " / ".join(f"{count:,}" for count in test.sample_ratio.counts),
         " / ".join(f"{count:,.0f}" for count in test.sample_ratio.expected), _small(test.sample_ratio.p_value),
         _verdict(test.sample_ratio)]
        for test in read
    ]  # fmt: skip
    return Table(
        "sample_ratio", "Sample ratio",
        [Column("experiment", "Test"), Column("counts", "Units per arm"), Column("expected", "Planned"),
         Column("p", "p"), Column("verdict", "Verdict")],
        rows, "Pearson's χ² of the counts; below p 0.001 no result of the test can be read.",
    )  # fmt: skip


def _small(p: float) -> str:
    """A p as it is read: a very small one is no 0."""
    return "below .001" if p < 0.001 else f"{p:.3f}"


def _verdict(ratio: SampleRatio) -> str:
    if not ratio.mismatch:
        return "as planned"
    return "mismatch: blocked" if ratio.planned else "no split was planned: blocked"


def lift_chart(read: Sequence[Readout]) -> Chart | None:
    """The lift of each arm in the metric that decides, with its interval."""
    found = [(f"{test.experiment} {arm.treatment}", _ends(metric.lift))
             for test, arm in _arms(read) for metric in arm.metrics if metric.role is MetricRole.PRIMARY]  # fmt: skip
    shown = [(name, ends) for name, ends in found if ends[0] is not None]
    if not shown:
        return None
    scaled = [
        [None if end is None else 100 * float(end) for end in column]
        for column in zip(*(ends for _, ends in shown), strict=True)
    ]
    return Chart("experiment_lift", "Relative lift by test", "bar", [name for name, _ in shown],
                 [Series("Lift", *scaled)], "test and arm", "relative lift", "%", "95 % intervals.")  # fmt: skip


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


def next_tests(
    found: Sequence[Found], read: Sequence[Readout], supply: Supply | None = None
) -> list[NextTest]:
    """One suggestion a test and arm, sized for ``SMALLEST_LIFT`` on the level of the arm that will be the control."""
    by_name: Mapping[str, Found] = {each.test.name: each for each in found}
    there, suggestions = supply or Supply(), []
    for test in read:
        origin = by_name[test.experiment]
        if isinstance(test.arms, Unavailable):
            size, control = origin.test.planned_per_arm, _decides(origin).arms[origin.test.control]
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
    control = decides.treated if arm.recommendation is Recommendation.SHIP else decides.control
    size = members_for(control)
    if size is None:
        why = f"{decides.name} does not vary in the arm that will be the control"
        return _sized(origin, there, control, "Measure a metric that varies", None, why)
    told = {
        Recommendation.SHIP: (f"Ship {arm.treatment}; test the next step against it", "it won, so it is the new control"),
        Recommendation.STOP: ("Go back; test a variant that leaves out what did harm", "it did harm"),
        Recommendation.HOLD: ("Test a bolder variant", f"less than {SMALLEST_LIFT:.0%} may be there, and it takes more members to see it"),
        Recommendation.KEEP_RUNNING: (f"Let {arm.treatment} run on", "it is not settled yet"),
    }  # fmt: skip
    return _sized(origin, there, control, *told[arm.recommendation][:1], size, told[arm.recommendation][1])


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
    return _planned(
        origin, there, control, f"Let {treatment} run on", missing, why, shown_by(control, seen + missing)
    )


def _sized(
    origin: Found, there: Supply, control: Arm, suggestion: str, size: float | None, why: str
) -> NextTest:
    if size is None:
        return _no_test(origin, control, suggestion, why)
    room = there.room(origin, running=False)
    if room is not None and ceil(size) > room:
        lift = shown_by(control, room)
        if lift is None or lift > LARGEST_LIFT:
            why = f"{why}; it takes {ceil(size):,} members per arm, and {there.members:,} exist: {CANNOT_BE_TESTED}"
            return _no_test(origin, control, suggestion, why)
        why += f"; {ceil(size):,} per arm would show {SMALLEST_LIFT:.0%}, but only {there.members:,} members exist"
        return _planned(origin, there, control, suggestion, room, why, lift)
    return _planned(origin, there, control, suggestion, size, why, shown_by(control, ceil(size)))


def _no_test(origin: Found, control: Arm, suggestion: str, why: str) -> NextTest:
    return NextTest(origin.test.name, suggestion, _decides(origin).name, control.mean, None, None, None, why)


def _planned(
    origin: Found, there: Supply, control: Arm, suggestion: str, size: float, why: str, lift: float | None
) -> NextTest:
    watch = there.watch(origin)
    planned = plan_test(size, origin.pace.per_week, arms=2, minimum_weeks=1 if watch else WHOLE_WEEKS)
    if isinstance(planned, Unavailable):
        return _no_test(origin, control, suggestion, planned.reason)
    return NextTest(
        origin.test.name, suggestion, _decides(origin).name, control.mean, planned.members_per_arm, lift,
        planned.weeks + watch, why, members_for_guardrails(origin),
    )  # fmt: skip


def members_for_guardrails(origin: Found) -> int | None:
    """Of the guardrail that takes most; None where a test has none whose control varies above 0."""
    sizes = []
    for metric in origin.test.metrics:
        control = metric.arms[origin.test.control]
        if metric.role is MetricRole.GUARDRAIL and control.variance > 0 and control.mean > 0:
            sizes.append(members_per_arm_for_guardrail(control.variance**0.5 / control.mean, metric.margin))
    return ceil(max(sizes)) if sizes else None


def next_table(suggestions: Sequence[NextTest]) -> Table:
    return Table(
        "next_tests", "Next tests",
        [Column("experiment", "After"), Column("suggestion", "Suggestion"), Column("metric", "Metric"),
         Column("baseline", "Level of the next control", "number"), Column("n", "Members per arm", "integer"),
         Column("shows", "Shows a lift of", "percent"), Column("guardrails", "Guardrails take", "integer"), Column("weeks", "Weeks", "integer"), Column("why", "Why")],
        [[s.experiment, s.suggestion, s.metric, s.baseline, s.members_per_arm, s.lift, s.guardrails, s.weeks, s.why] for s in suggestions],
        f"For a relative lift of {SMALLEST_LIFT:.0%} where so many members exist, two arms, 5 % error and 80 % power. Weeks: to "
        f"assign them at the pace of the test that was read, and to watch them as long as there, {WHOLE_WEEKS} to "
        f"{LONGEST_WATCH} weeks. Members are those of the metric that decides. A guardrail that does not change is called safe "
        "with 80 % power from the members per arm that guardrails take: with fewer it may stay unclear.",
    )  # fmt: skip
