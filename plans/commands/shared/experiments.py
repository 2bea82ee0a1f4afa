"""Experiments named on the usage line, read out from the dataset of outcomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gtm.core.percents import percent_text
from plans.schemas.outputs import Column, Table
from programs.analytics.estimate import Unavailable
from programs.analytics.experiments import (
    Arm,
    Comparison,
    ExperimentMetric,
    MetricRole,
    ObservedExperiment,
    PrePeriod,
    Readout,
    adjust_with_pre_period,
    members_per_arm_for_mean,
    members_per_arm_for_share,
    read_experiment,
)
from programs.schemas.experiments import Design

CONTROL_NAMES = ("control", "a", "baseline", "holdout", "hold-out")
SMALLEST_LIFT = 0.1
"""The relative lift a test is planned for where nobody says another."""
LEAST_EXPLAINED = 0.01
"""The share of variance that spend before the test must explain to be used: less is not worth a sentence."""


@dataclass(frozen=True, slots=True)
class NotRead:
    """A test that could not be read, and why."""

    experiment: str
    reason: str


@dataclass(frozen=True, slots=True)
class Pace:
    """Units assigned so far, in all arms, from the first to the last assignment."""

    units: int
    first_at: datetime
    last_at: datetime

    @property
    def per_week(self) -> float:
        """Units a week; a test filled within a week counts as one week's."""
        weeks = (self.last_at - self.first_at).total_seconds() / 604_800
        return self.units / max(weeks, 1.0)


@dataclass(frozen=True, slots=True)
class Found:
    """A test with what its readout does not carry: what it was built from and how that came about."""

    test: ObservedExperiment
    pace: Pace
    notes: tuple[str, ...]


def read_experiments(
    rows: Sequence[Mapping[str, Any]],
    asked: Sequence[str],
    designs: Mapping[str, Mapping[str, Any]] | None = None,
) -> tuple[tuple[Readout, ...], tuple[NotRead, ...]]:
    """Read each asked experiment (names without regard to case) from its arms' sums (``experiment_arms``)."""
    found, unread = find_experiments(rows, asked, designs)
    return tuple(read_experiment(each.test) for each in found), unread


def find_experiments(
    rows: Sequence[Mapping[str, Any]],
    asked: Sequence[str],
    designs: Mapping[str, Mapping[str, Any]] | None = None,
) -> tuple[tuple[Found, ...], tuple[NotRead, ...]]:
    """The asked tests as they stand, by their design where one is registered (name in lower case → design)."""
    known: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        known.setdefault(row["experiment"].casefold(), []).append(row)
    found, unread = [], []
    for name in asked:
        mine = known.get(name.casefold())
        if not mine:
            names = ", ".join(sorted({row["experiment"] for row in rows})) or "none are loaded"
            unread.append(NotRead(name, f"No outcomes of this test; known are: {names}."))
            continue
        design = Design.of((designs or {}).get(name.casefold()))
        try:
            found.append(experiment_of(mine, design))
        except ValueError as error:
            unread.append(NotRead(name, str(error)))
    return tuple(found), tuple(unread)


def experiment_of(rows: Sequence[Mapping[str, Any]], design: Design) -> Found:
    """The test of one experiment's rows. Raises ValueError where design and outcomes do not fit together."""
    variants = sorted({row["variant"] for row in rows})
    control = design.control or next((v for v in variants if v.casefold() in CONTROL_NAMES), variants[0])
    members = {v: max(row["units"] for row in rows if row["variant"] == v) for v in variants}
    names = sorted({row["metric"] for row in rows})
    if missing := [metric.name for metric in design.metrics if metric.name not in names]:
        raise ValueError(
            f"The design names {', '.join(missing)}, of which there are no outcomes; there are {', '.join(names)}."
        )
    planned = {metric.name: metric for metric in design.metrics}
    primary = next((m.name for m in design.metrics if m.role == MetricRole.PRIMARY), None)
    first = primary or next(
        (n for n in names if n not in planned or planned[n].role != MetricRole.GUARDRAIL), names[0]
    )
    metrics, notes = [], []
    if primary is None:
        notes.append(f"No design names the metric that decides, so it is {first}.")
    for name in names:
        metric, note = _metric(
            [row for row in rows if row["metric"] == name], name == first, planned.get(name)
        )
        metrics.append(metric)
        notes += note
    decides = next(metric for metric in metrics if metric.role is MetricRole.PRIMARY)
    size = design.planned_per_arm or _planned(decides.arms[control])
    if not design.planned_per_arm:
        notes.append(
            f"No design states a sample size; {size:,} per arm would show a relative lift of {percent_text(SMALLEST_LIFT, 0)}."
        )
    test = ObservedExperiment(
        rows[0]["experiment"], control, members, metrics, size,
        weights=dict(design.split) or None, tuning=2.0 * size if design.is_sequential else None,
    )  # fmt: skip
    pace = Pace(sum(members.values()), min(r["first_at"] for r in rows), max(r["last_at"] for r in rows))
    return Found(test, pace, tuple(notes))


def _metric(
    rows: Sequence[Mapping[str, Any]], decides: bool, planned: Any
) -> tuple[ExperimentMetric, list[str]]:
    name = rows[0]["metric"]
    shares = all(row["two_valued"] for row in rows)
    arms = {row["variant"]: _arm(row, shares) for row in rows}
    role = MetricRole.PRIMARY if decides else MetricRole(planned.role) if planned else MetricRole.SECONDARY
    adjusted, note = _adjusted(rows)
    metric = (
        ExperimentMetric(name, role, arms, planned.higher_is_better, planned.margin, adjusted)
        if planned
        else ExperimentMetric(name, role, arms, adjusted=adjusted)
    )
    return metric, [f"{name}: {note}"] if note else []


def _arm(row: Mapping[str, Any], share: bool) -> Arm:
    if share:
        return Arm.of_proportion(round(row["total"]), row["units"])
    arm = Arm.of_sums(row["units"], row["total"], row["squares"], row["cubes"])
    return arm if row["listed"] is None else arm.with_values(_listed(row, "listed"))


def _adjusted(rows: Sequence[Mapping[str, Any]]) -> tuple[dict[str, Arm] | None, str]:
    """CUPED with the file's own value from before the test, else with spend before it; and how."""
    stated, units = (sum(row[name] for row in rows) for name in ("stated", "units"))
    source = "pre" if stated == units else "spend"
    if min(row["units"] for row in rows) < 2:
        return None, ""
    periods = [
        PrePeriod(
            row["units"],
            row["total"],
            row["squares"],
            *(row[f"{source}_{sum_}"] for sum_ in ("total", "squares", "cross")),
        )
        for row in rows
    ]
    found = adjust_with_pre_period(*periods)
    partly = (
        f" {units - stated:,} of {units:,} units state no value from before the test."
        if 0 < stated < units
        else ""
    )
    if source == "spend" and found.variance_reduction < LEAST_EXPLAINED:
        return None, partly.strip()
    what = "the value from before the test" if source == "pre" else "the spend of the 90 days before"
    note = (
        f"CUPED with {what} takes away {percent_text(found.variance_reduction, 0)} of the variance.{partly}"
    )
    # What is left after the adjustment is about as skewed as the outcome itself.
    plain = [_arm(row, share=False) for row in rows]
    arms = [replace(arm, skewness=each.skewness) for arm, each in zip(found.arms, plain, strict=True)]
    if all(row["listed"] is not None for row in rows):
        before = sum(row[f"{source}_total"] for row in rows) / units
        arms = [
            arm.with_values(
                _listed(row, "listed") - found.theta * (_listed(row, f"{source}_listed") - before)
            )
            for arm, row in zip(arms, rows, strict=True)
        ]
    return {row["variant"]: arm for row, arm in zip(rows, arms, strict=True)}, note


def _listed(row: Mapping[str, Any], name: str) -> NDArray[np.float64]:
    return np.asarray(row[name], dtype=np.float64)


def _planned(control: Arm) -> int:
    """Members per arm to see a relative lift of ``SMALLEST_LIFT`` on the control's own level."""
    difference = control.mean * SMALLEST_LIFT
    if control.is_proportion and 0 < control.mean < 1 and control.mean + difference < 1:
        return int(members_per_arm_for_share(control.mean, difference)) + 1
    if not control.is_proportion and control.variance > 0 and difference:
        return int(members_per_arm_for_mean(control.variance**0.5, difference)) + 1
    return 1


def readout_table(read: Sequence[Readout], unread: Sequence[NotRead]) -> Table:
    """A row a test, arm and metric: the lift with its interval, and what to do with the arm."""
    rows: list[list[Any]] = [
        [n.experiment, "", "", None, None, None, None, "not read", n.reason] for n in unread
    ]
    for test in read:
        if isinstance(test.arms, Unavailable):
            rows.append([test.experiment, "", "", None, None, None, None, "blocked", test.arms.reason])
            continue
        for arm in test.arms:
            for metric in arm.metrics:
                lift = metric.lift
                effect = lift.effect if isinstance(lift, Comparison) else None
                rows.append([
                    test.experiment, arm.treatment, metric.name,
                    effect.value if effect else None, effect.low if effect else None, effect.high if effect else None,
                    metric.adjusted_p if effect else None,
                    arm.recommendation.value if metric.role is MetricRole.PRIMARY else "",
                    " ".join(arm.reasons) if metric.role is MetricRole.PRIMARY else "",
                ])  # fmt: skip
    return Table(
        "experiments",
        "Experiments",
        [Column("experiment", "Test"), Column("arm", "Arm"), Column("metric", "Metric"),
         Column("lift", "Relative lift", "percent"), Column("low", "from", "percent"), Column("high", "to", "percent"),
         Column("p", "p (Holm)", "number"), Column("verdict", "Recommendation"), Column("why", "Why")],
        rows,
        "Lifts with 95 % intervals: by the delta method, and where outcomes are skewed or few by a permutation test, a score test of "
        "two shares, or Fieller's theorem where there are too many units to permute. A permutation is exact where a treatment changes everybody's value by one factor; "
        "where it changes who buys at all, simulated intervals of 95 % held 92 to 96 %. "
        "A recommendation stands beside the metric that decides.",
    )  # fmt: skip


def verdicts(read: Sequence[Readout], unread: Sequence[NotRead]) -> list[dict[str, Any]]:
    """What each test says to do, for the action plan."""
    found = [{"experiment": n.experiment, "arm": "", "verdict": "not read", "why": n.reason} for n in unread]
    for test in read:
        if isinstance(test.arms, Unavailable):
            found.append(
                {"experiment": test.experiment, "arm": "", "verdict": "blocked", "why": test.arms.reason}
            )
            continue
        found += [
            {"experiment": test.experiment, "arm": arm.treatment, "verdict": arm.recommendation.value,
             "why": " ".join(arm.reasons)}
            for arm in test.arms
        ]  # fmt: skip
    return found
