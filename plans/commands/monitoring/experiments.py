"""Experiments named on the usage line, read out from the dataset of outcomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from plans.schemas.outputs import Column, Table
from programs.analytics.estimate import Unavailable
from programs.analytics.experiments import (
    Arm,
    Comparison,
    Experiment,
    Metric,
    Readout,
    Role,
    members_per_arm_for_mean,
    members_per_arm_for_share,
    read_experiment,
)

CONTROL_NAMES = ("control", "a", "baseline", "holdout", "hold-out")
SMALLEST_LIFT = 0.1
"""The relative lift a test is planned for where nobody says another."""


@dataclass(frozen=True, slots=True)
class NotRead:
    """A test that could not be read, and why."""

    experiment: str
    reason: str


def read_experiments(
    rows: Sequence[Mapping[str, Any]], asked: Sequence[str]
) -> tuple[tuple[Readout, ...], tuple[NotRead, ...]]:
    """Read each asked experiment (names without regard to case) from its arms' sums (``experiment_arms``)."""
    known: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        known.setdefault(row["experiment"].casefold(), []).append(row)
    read, unread = [], []
    for name in asked:
        found = known.get(name.casefold())
        if not found:
            names = ", ".join(sorted({row["experiment"] for row in rows})) or "none are loaded"
            unread.append(NotRead(name, f"No outcomes of this test; known are: {names}."))
            continue
        try:
            read.append(read_experiment(experiment_of(found)))
        except ValueError as error:
            unread.append(NotRead(name, str(error)))
    return tuple(read), tuple(unread)


def experiment_of(rows: Sequence[Mapping[str, Any]]) -> Experiment:
    """The first metric by name is primary, the others secondary. Raises ValueError where an arm lacks a metric."""
    variants = sorted({row["variant"] for row in rows})
    control = next((v for v in variants if v.casefold() in CONTROL_NAMES), variants[0])
    members = {v: max(row["units"] for row in rows if row["variant"] == v) for v in variants}
    metrics = []
    for name in sorted({row["metric"] for row in rows}):
        own = [row for row in rows if row["metric"] == name]
        shares = all(row["two_valued"] for row in own)
        role = Role.SECONDARY if metrics else Role.PRIMARY
        metrics.append(Metric(name, role, {row["variant"]: _arm(row, shares) for row in own}))
    return Experiment(rows[0]["experiment"], control, members, metrics, _planned(metrics[0].arms[control]))


def _arm(row: Mapping[str, Any], share: bool) -> Arm:
    if share:
        return Arm.of_proportion(round(row["total"]), row["units"])
    return Arm.of_sums(row["units"], row["total"], row["squares"])


def _planned(control: Arm) -> int:
    """Members per arm to see a relative lift of ``SMALLEST_LIFT`` on the control's own level."""
    difference = control.mean * SMALLEST_LIFT
    if control.is_proportion and 0 < control.mean < 1 and control.mean + difference < 1:
        return int(members_per_arm_for_share(control.mean, difference)) + 1
    if not control.is_proportion and control.variance > 0 and difference:
        return int(members_per_arm_for_mean(control.variance**0.5, difference)) + 1
    return 1


def readout_table(read: Sequence[Readout], unread: Sequence[NotRead]) -> Table:
    rows: list[list[Any]] = [
        [n.experiment, "", "", None, None, None, None, "not read", n.reason] for n in unread
    ]
    for test in read:
        if isinstance(test.arms, Unavailable):
            rows.append([test.experiment, "", "", None, None, None, test.sample_ratio.p_value, "blocked",
                         test.arms.reason])  # fmt: skip
            continue
        for arm in test.arms:
            for metric in arm.metrics:
                lift = metric.lift
                effect = lift.effect if isinstance(lift, Comparison) else None
                rows.append([
                    test.experiment, arm.treatment, metric.name,
                    effect.value if effect else None, effect.low if effect else None, effect.high if effect else None,
                    metric.adjusted_p if effect else None,
                    arm.recommendation.value if metric.role is Role.PRIMARY else "",
                    " ".join(arm.reasons) if metric.role is Role.PRIMARY else "",
                ])  # fmt: skip
    return Table(
        "experiments",
        "Experiments",
        [Column("experiment", "Test"), Column("arm", "Arm"), Column("metric", "Metric"),
         Column("lift", "Relative lift", "percent"), Column("low", "from", "percent"), Column("high", "to", "percent"),
         Column("p", "p (Holm)", "number"), Column("verdict", "Recommendation"), Column("why", "Why")],
        rows,
        f"Sample sizes are for a relative lift of {SMALLEST_LIFT:.0%}, 5 % error and 80 % power.",
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
