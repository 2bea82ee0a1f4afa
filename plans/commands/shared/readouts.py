"""What people see of experiments beside the recommendation: every figure behind it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

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
    SampleRatio,
)


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
         Column("chance", "Chance to win", "chance"), Column("risk", "Risk of shipping", "percent"),
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
