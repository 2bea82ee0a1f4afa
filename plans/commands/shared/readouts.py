"""What people see of experiments beside the recommendation: every figure behind it, and the next test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from plans.commands.shared.experiments import SMALLEST_LIFT, Found
from plans.commands.shared.figures import with_ends
from plans.schemas.outputs import Chart, Column, Series, Table
from programs.analytics.estimate import MaybeEstimate, Unavailable
from programs.analytics.experiments import (
    ArmReadout,
    BayesianLift,
    Comparison,
    MetricReadout,
    MetricRole,
    Readout,
    Recommendation,
    SampleRatio,
    members_per_arm_for_mean,
    members_per_arm_for_share,
    plan_test,
)

WHOLE_WEEKS = 2
"""A test runs at least so long: every weekday twice."""


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
        "Lifts are after CUPED where the readout says so. Risks are expected relative losses if the choice is wrong. "
        "The always-valid interval holds however often one looks.",
    )  # fmt: skip


def _arms(read: Sequence[Readout]) -> Iterator[tuple[Readout, ArmReadout]]:
    for test in read:
        if not isinstance(test.arms, Unavailable):
            for arm in test.arms:
                yield test, arm


def _figures(test: Readout, arm: ArmReadout, metric: MetricReadout) -> list[Any]:
    plain = metric.difference
    shares = metric.control.is_proportion and metric.treated.is_proportion
    bayes = metric.bayesian
    wins = (
        [bayes.chance_to_win, bayes.risk_of_shipping, bayes.risk_of_holding]
        if isinstance(bayes, BayesianLift)
        else [None] * 3
    )
    return [
        test.experiment, arm.treatment, metric.name, metric.role.value, metric.control.members, metric.treated.members,
        metric.control.mean, metric.treated.mean, *_ends(plain), "two proportions" if shares else "Welch",
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
        "Safe where the one-sided 95 % bound stays inside the margin; “at worst” counts a change for the worse as negative.",
    )  # fmt: skip


def split_table(read: Sequence[Readout]) -> Table:
    """Whether assignment delivered the planned split; a mismatch blocks the readout."""
    rows = [
        [test.experiment, " / ".join(f"{count:,}" for count in test.sample_ratio.counts),
         " / ".join(f"{count:,.0f}" for count in test.sample_ratio.expected), test.sample_ratio.p_value,
         _verdict(test.sample_ratio)]
        for test in read
    ]  # fmt: skip
    return Table(
        "sample_ratio", "Sample ratio",
        [Column("experiment", "Test"), Column("counts", "Units per arm"), Column("expected", "Planned"),
         Column("p", "p", "number"), Column("verdict", "Verdict")],
        rows, "Pearson's χ² of the counts; below p 0.001 no result of the test can be read.",
    )  # fmt: skip


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
    """What to test after a readout: members per arm and whole weeks, or why not."""

    experiment: str
    suggestion: str
    metric: str
    baseline: float | None
    members_per_arm: int | None
    weeks: int | None
    why: str

    def values(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


def next_tests(found: Sequence[Found], read: Sequence[Readout]) -> list[NextTest]:
    """One suggestion a test and arm, sized for ``SMALLEST_LIFT`` on the control's own level."""
    by_name: Mapping[str, Found] = {each.test.name: each for each in found}
    suggestions = []
    for test in read:
        origin = by_name[test.experiment]
        if isinstance(test.arms, Unavailable):
            size = origin.test.planned_per_arm
            suggestions.append(
                _sized(origin, "Repair the assignment, then run the same test again", size, "its split does not fit the plan")
                if test.sample_ratio.planned
                else _sized(origin, "Register the split that was meant, then read the test again", size, "none was planned")
            )  # fmt: skip
            continue
        for arm in test.arms:
            suggestions.append(_after(origin, arm))
    return suggestions


def _after(origin: Found, arm: ArmReadout) -> NextTest:
    decides = next(metric for metric in arm.metrics if metric.role is MetricRole.PRIMARY)
    if arm.recommendation is Recommendation.KEEP_RUNNING:
        seen = min(decides.control.members, decides.treated.members)
        missing = max(origin.test.planned_per_arm - seen, 0)
        if missing:
            return _sized(
                origin, f"Let {arm.treatment} run on", missing, f"{missing:,} members per arm are missing"
            )
    size = members_for(decides)
    if size is None:
        return _sized(
            origin, "Measure a metric that varies", None, f"{decides.name} does not vary in the control arm"
        )
    told = {
        Recommendation.SHIP: (f"Ship {arm.treatment}; test the next step against it", "it won, so it is the new control"),
        Recommendation.STOP: ("Go back; test a variant that leaves out what did harm", "it did harm"),
        Recommendation.HOLD: ("Test a bolder variant", f"less than {SMALLEST_LIFT:.0%} may be there, and it takes more members to see it"),
        Recommendation.KEEP_RUNNING: (f"Let {arm.treatment} run on", "it is not settled yet"),
    }  # fmt: skip
    return _sized(origin, told[arm.recommendation][0], size, told[arm.recommendation][1])


def members_for(metric: MetricReadout) -> float | None:
    """n per arm for a relative lift of ``SMALLEST_LIFT``; None where the metric does not vary."""
    control = metric.control
    difference = control.mean * SMALLEST_LIFT
    if control.variance <= 0 or difference == 0:
        return None
    if control.is_proportion and control.mean + difference < 1:
        return members_per_arm_for_share(control.mean, difference)
    return members_per_arm_for_mean(control.variance**0.5, difference)


def _sized(origin: Found, suggestion: str, size: float | None, why: str) -> NextTest:
    decides = next(metric for metric in origin.test.metrics if metric.role is MetricRole.PRIMARY)
    level = decides.arms[origin.test.control].mean
    if size is None:
        return NextTest(origin.test.name, suggestion, decides.name, level, None, None, why)
    planned = plan_test(size, origin.pace.per_week, arms=2, minimum_weeks=WHOLE_WEEKS)
    if isinstance(planned, Unavailable):
        return NextTest(origin.test.name, suggestion, decides.name, level, None, None, planned.reason)
    return NextTest(
        origin.test.name, suggestion, decides.name, level, planned.members_per_arm, planned.weeks, why
    )


def next_table(suggestions: Sequence[NextTest]) -> Table:
    return Table(
        "next_tests", "Next tests",
        [Column("experiment", "After"), Column("suggestion", "Suggestion"), Column("metric", "Metric"),
         Column("baseline", "Level of the control", "number"), Column("n", "Members per arm", "integer"),
         Column("weeks", "Weeks", "integer"), Column("why", "Why")],
        [[s.experiment, s.suggestion, s.metric, s.baseline, s.members_per_arm, s.weeks, s.why] for s in suggestions],
        f"For a relative lift of {SMALLEST_LIFT:.0%}, two arms, 5 % error and 80 % power, at the pace units were assigned; "
        f"at least {WHOLE_WEEKS} weeks.",
    )  # fmt: skip
