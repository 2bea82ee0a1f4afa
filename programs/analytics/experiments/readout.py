"""From the arms' numbers to ship, hold, stop or keep running, with the reasons a reader can check."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from scipy.stats import norm

from gtm.core.percents import percent_text
from programs.analytics.estimate import Unavailable
from programs.analytics.experiments.arm import Arm
from programs.analytics.experiments.differences import agreeing, compare_arms
from programs.analytics.experiments.effects import (
    BayesianLift,
    Comparison,
    MaybeComparison,
    always_valid_p,
    bayesian_lift,
    lift_by,
    pivot_of,
    relative_lift,
    sequential_lift,
    sequential_score,
    uneven_skewness,
)
from programs.analytics.experiments.guardrail import Guardrail, GuardrailState, check_guardrail
from programs.analytics.experiments.pivots import Pivot
from programs.analytics.experiments.sample_ratio import SampleRatio, check_sample_ratio
from programs.analytics.multiplicity import holm


class MetricRole(StrEnum):
    """What a metric decides."""

    PRIMARY = "primary"
    SECONDARY = "secondary"
    GUARDRAIL = "guardrail"


class Recommendation(StrEnum):
    """What to do with the treatment."""

    SHIP = "ship"
    HOLD = "hold"
    STOP = "stop"
    KEEP_RUNNING = "keep running"


@dataclass(frozen=True, slots=True)
class ExperimentMetric:
    """A metric with one ``Arm`` per arm name. ``margin`` is the relative loss a guardrail tolerates.

    ``adjusted`` are the same arms after CUPED: lifts, differences and guardrails are read from them.
    """

    name: str
    role: MetricRole
    arms: Mapping[str, Arm]
    higher_is_better: bool = True
    margin: float = 0.02
    adjusted: Mapping[str, Arm] | None = None

    @property
    def sharpest(self) -> Mapping[str, Arm]:
        """The arms with the least variance."""
        return self.adjusted or self.arms


@dataclass(frozen=True, slots=True)
class ObservedExperiment:
    """A test as it stands. ``members`` per arm name were assigned, in the ratio of ``weights``.

    ``planned_per_arm`` is the sample size fixed in advance; ``tuning`` N* makes the test sequential,
    so that it may be read before that size is reached.
    """

    name: str
    control: str
    members: Mapping[str, int]
    metrics: Sequence[ExperimentMetric]
    planned_per_arm: int
    weights: Mapping[str, float] | None = None
    tuning: float | None = None

    def __post_init__(self) -> None:
        names = set(self.members)
        if self.control not in names or len(names) < 2:
            raise ValueError("An experiment has a control and at least one treatment.")
        if self.weights is not None and set(self.weights) != names:
            raise ValueError("Planned weights name the same arms as the members.")
        if any(set(arms) != names for m in self.metrics for arms in (m.arms, m.sharpest)):
            raise ValueError("Each metric needs a value in every arm.")
        if sum(metric.role is MetricRole.PRIMARY for metric in self.metrics) != 1:
            raise ValueError("An experiment has exactly one primary metric.")
        if self.planned_per_arm < 1:
            raise ValueError("The sample size planned per arm is at least 1.")

    @property
    def always(self) -> float:
        """N* of what is looked at every time: as planned, else the members of two whole arms."""
        return self.tuning or 2.0 * self.planned_per_arm

    @property
    def treatments(self) -> tuple[str, ...]:
        """Arm names other than the control, in order."""
        return tuple(name for name in self.members if name != self.control)


def _blocked(ratio: SampleRatio, members: Mapping[str, int]) -> Unavailable:
    """Why members per arm that no plan explains allow no reading."""
    counts = ", ".join(f"{arm} {count:,}" for arm, count in members.items())
    if not ratio.planned:
        return Unavailable(
            f"Members per arm ({counts}) are not equal ({ratio.p_in_words}), and no split was "
            "planned. Register the test with the split that was meant, such as 90 to 10; until then no "
            "result can be read."
        )
    return Unavailable(
        f"Members per arm ({counts}) do not fit the planned split ({ratio.p_in_words}). "
        "Find the fault in assignment or logging; until then no result can be read."
    )


@dataclass(frozen=True, slots=True)
class MetricReadout:
    """One metric of one treatment. ``adjusted_p`` is Holm's over all metrics and treatments.

    ``difference`` in the metric's own unit is by the test of the lift, so both say the same of chance; its p
    is before Holm. ``sequential`` is the lift with an interval that holds however often one looks, whatever
    was planned.
    ``caution`` says where the interval of the lift covers less than it promises.
    """

    name: str
    role: MetricRole
    control: Arm
    treated: Arm
    lift: MaybeComparison
    sequential: MaybeComparison
    difference: MaybeComparison
    bayesian: BayesianLift | Unavailable
    adjusted_p: float
    significant: bool
    better: bool
    caution: str = ""


@dataclass(frozen=True, slots=True)
class ArmReadout:
    """All that is known of one treatment."""

    treatment: str
    metrics: tuple[MetricReadout, ...]
    guardrails: tuple[tuple[str, Guardrail | Unavailable], ...]
    recommendation: Recommendation
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Readout:
    """``arms`` is ``Unavailable`` when the sample ratio blocks the reading."""

    experiment: str
    sample_ratio: SampleRatio
    arms: tuple[ArmReadout, ...] | Unavailable


def read_experiment(experiment: ObservedExperiment, *, alpha: float = 0.05) -> Readout:
    """Check the split, compare every treatment with the control, and recommend.

    Holm's correction runs over primary and secondary metrics of all treatments (Holm 1979). Guardrails
    must all hold, which needs no correction. A fixed-size test decides only once its size is reached;
    a sequential one at any time. Guardrails are looked at every time, whatever was planned, so their bounds
    are those of a confidence sequence in either: a harmed one stops a test early.
    """
    weights = experiment.weights
    ratio = check_sample_ratio(
        tuple(experiment.members.values()),
        None if weights is None else tuple(weights[name] for name in experiment.members),
    )
    if ratio.mismatch:
        return Readout(experiment.name, ratio, _blocked(ratio, experiment.members))
    judged = [metric for metric in experiment.metrics if metric.role is not MetricRole.GUARDRAIL]
    # One test a comparison, from which the fixed, the always-valid and the Bayesian answer are read.
    pivots = {
        (treatment, metric.name): pivot_of(metric.sharpest[experiment.control], metric.sharpest[treatment])
        for treatment in experiment.treatments
        for metric in experiment.metrics
    }
    lifts = {
        (treatment, metric.name): _lift(
            experiment, metric, treatment, pivots[treatment, metric.name], 1 - alpha
        )
        for treatment in experiment.treatments
        for metric in judged
    }
    tested = {key: lift.p_value for key, lift in lifts.items() if isinstance(lift, Comparison)}
    adjusted = dict(zip(tested, holm(list(tested.values())), strict=True))
    arms = []
    for treatment in experiment.treatments:
        metrics = tuple(
            _metric(
                experiment,
                metric,
                treatment,
                pivots[treatment, metric.name],
                lifts[treatment, metric.name],
                adjusted.get((treatment, metric.name), 1.0),
                alpha,
            )
            for metric in judged
        )
        guardrails = tuple(
            (
                metric.name,
                check_guardrail(
                    metric.sharpest[experiment.control],
                    metric.sharpest[treatment],
                    metric.margin,
                    pivot=pivots[treatment, metric.name],
                    higher_is_better=metric.higher_is_better,
                    alpha=alpha,
                    tuning=experiment.always,
                ),
            )
            for metric in experiment.metrics
            if metric.role is MetricRole.GUARDRAIL
        )
        recommendation, reasons = _recommend(experiment, treatment, metrics, guardrails)
        cautions = tuple(each.caution for each in metrics if each.role is MetricRole.PRIMARY and each.caution)
        arms.append(ArmReadout(treatment, metrics, guardrails, recommendation, (*reasons, *cautions)))
    return Readout(experiment.name, ratio, tuple(arms))


def _lift(
    experiment: ObservedExperiment,
    metric: ExperimentMetric,
    treatment: str,
    pivot: Pivot | None,
    level: float,
) -> MaybeComparison:
    control, treated = metric.sharpest[experiment.control], metric.sharpest[treatment]
    if experiment.tuning is None:
        return relative_lift(control, treated, level=level) if pivot is None else lift_by(pivot, level=level)
    return sequential_lift(control, treated, pivot=pivot, tuning=experiment.tuning, level=level)


def _difference(
    experiment: ObservedExperiment,
    arms: tuple[Arm, Arm],
    pivot: Pivot | None,
    lift: MaybeComparison,
    alpha: float,
) -> MaybeComparison:
    """Of the arms and by the test that make the lift, at the same looks."""
    if experiment.tuning is None:
        found = compare_arms(*arms, pivot, level=1 - alpha)
    else:
        members = arms[0].members + arms[1].members
        wide = sequential_score(members, experiment.tuning, alpha)
        found = compare_arms(*arms, pivot, level=1 - alpha, score=wide)
        if isinstance(found, Comparison):
            seen = float(norm.isf(found.p_value / 2))
            found = Comparison(found.effect, always_valid_p(seen, members, experiment.tuning, alpha))
    return agreeing(found, lift, arms[0])


def _metric(
    experiment: ObservedExperiment,
    metric: ExperimentMetric,
    treatment: str,
    pivot: Pivot | None,
    lift: MaybeComparison,
    adjusted_p: float,
    alpha: float,
) -> MetricReadout:
    control, treated = metric.arms[experiment.control], metric.arms[treatment]
    sharp = metric.sharpest[experiment.control], metric.sharpest[treatment]
    return MetricReadout(
        metric.name,
        metric.role,
        control,
        treated,
        lift,
        sequential_lift(*sharp, pivot=pivot, tuning=experiment.always, level=1 - alpha),
        _difference(experiment, sharp, pivot, lift, alpha),
        bayesian_lift(*sharp, pivot=pivot, higher_is_better=metric.higher_is_better, level=1 - alpha),
        adjusted_p,
        adjusted_p < alpha,
        isinstance(lift, Comparison) and (lift.effect.value > 0) == metric.higher_is_better,
        uneven_skewness(*sharp),
    )


def _recommend(
    experiment: ObservedExperiment,
    treatment: str,
    metrics: tuple[MetricReadout, ...],
    guardrails: tuple[tuple[str, Guardrail | Unavailable], ...],
) -> tuple[Recommendation, tuple[str, ...]]:
    smallest = min(experiment.members[experiment.control], experiment.members[treatment])
    full = smallest >= experiment.planned_per_arm
    progress = f"{smallest:,} of {experiment.planned_per_arm:,} members per arm."
    primary = next(metric for metric in metrics if metric.role is MetricRole.PRIMARY)
    harmed = [
        f"{name} {_describe(rail)}" for name, rail in guardrails if _state(rail) is GuardrailState.HARMED
    ]
    unclear = [
        f"{name} {_describe(rail)}" for name, rail in guardrails if _state(rail) is GuardrailState.UNCLEAR
    ]
    wait = Recommendation.HOLD if full else Recommendation.KEEP_RUNNING

    if harmed:
        return Recommendation.STOP, tuple(f"Guardrail harmed: {each}." for each in harmed)
    if isinstance(primary.lift, Unavailable):
        return wait, (f"{primary.name}: {primary.lift.reason}", progress)
    effect = primary.lift.effect
    assert effect.low is not None and effect.high is not None
    lift, low, high = (percent_text(at, signed=True) for at in (effect.value, effect.low, effect.high))
    summary = f"{primary.name} {lift} ({low} to {high}), p {primary.adjusted_p:.3g} after Holm."
    if experiment.tuning is None and not full:
        return wait, (
            summary,
            f"A fixed-size test is read once, when complete: {progress}",
        )
    if not primary.significant:
        return wait, (
            summary,
            "No effect beyond chance yet." if not full else "No effect beyond chance.",
            progress,
        )
    if not primary.better:
        return Recommendation.STOP, (summary, "The primary metric got worse beyond chance.")
    if unclear:
        return wait, (summary, *(f"Guardrail not yet shown safe: {each}." for each in unclear), progress)
    worse = [each.name for each in metrics if each is not primary and each.significant and not each.better]
    if worse:
        return Recommendation.HOLD, (summary, f"Got worse beyond chance: {', '.join(worse)}.")
    return Recommendation.SHIP, (
        summary,
        "Every guardrail is within its margin." if guardrails else "No guardrail was set.",
    )


def _state(rail: Guardrail | Unavailable) -> GuardrailState:
    return GuardrailState.UNCLEAR if isinstance(rail, Unavailable) else rail.state


def _describe(rail: Guardrail | Unavailable) -> str:
    if isinstance(rail, Unavailable):
        return rail.reason.rstrip(".")
    change, worst = (percent_text(at, signed=True) for at in (rail.change.value, rail.worst))
    return f"{change}, at worst {worst} with a margin of {percent_text(rail.margin)}"
