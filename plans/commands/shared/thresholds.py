"""Alert thresholds of a monitoring run: a rule that alarms is a signal, a rule that is kept clears its counter.

Each metric has its own trigger, so that two metrics alarming once are not one metric alarming twice.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from plans.commands.shared.figures import value_of
from plans.commands.shared.windows import WindowPair
from plans.schemas.declaration import Trigger
from plans.schemas.outputs import NOT_MEASURED, Column, Signal, Table
from programs.analytics.estimate import MaybeEstimate, Unavailable
from programs.analytics.thresholds import ThresholdReport, evaluate_thresholds, parse_thresholds
from programs.schemas.metrics import units_of


def trigger_of(metric: str) -> str:
    """The signal of a metric's alert: ``fraud_rate`` → ``alert-fraud-rate``."""
    return f"alert-{metric.replace('_', '-')}"


REACHES_BACK = "the interval reaches back over the limit"


def alert_triggers(metrics: Mapping[str, str], *, pulls_ripcord: bool = True) -> tuple[Trigger, ...]:
    """A trigger a metric (name → title): the second breach opens the ladder, and the rip-cord where declared."""
    return tuple(
        Trigger(trigger_of(name), f"{title} past its alert threshold", 2, pulls_ripcord)
        for name, title in metrics.items()
    )


def alert_units(kind: str) -> dict[str, str]:
    """Signal → unit of its readings, for the alerts on the standard metrics of a kind of program."""
    return {trigger_of(name): unit for name, unit in units_of(kind).items()}


@dataclass(frozen=True, slots=True)
class Alerts:
    """What the thresholds came to for the metrics one step measured."""

    signals: tuple[Signal, ...]
    measured: Mapping[str, str]
    report: ThresholdReport
    values: Mapping[str, MaybeEstimate]
    limits: Mapping[str, str]

    def rows(self) -> list[dict[str, Any]]:
        """Every rule with its verdict, as later tasks and people read it."""
        found = [
            {"rule": str(b.rule), "metric": b.rule.metric, "value": float(b.value), "verdict": "breached",
             "note": {True: "the whole interval alarms", False: REACHES_BACK, None: ""}[b.certain]}
            for b in self.report.breaches
        ]  # fmt: skip
        found += [
            {"rule": str(rule), "metric": rule.metric, "value": value_of(self.values[rule.metric]),
             "verdict": "kept", "note": ""}
            for rule in self.report.kept
        ]  # fmt: skip
        found += [
            {
                "rule": str(rule),
                "metric": rule.metric,
                "value": None,
                "verdict": NOT_MEASURED,
                "note": reason,
            }
            for rule, reason in self.report.missing
        ]
        return found


def evaluate(
    text: str, values: Mapping[str, MaybeEstimate], *, vocabulary: Collection[str], windows: WindowPair
) -> Alerts:
    """Hold the rules whose metric this step measured against ``values``. A missing value neither alarms nor clears;
    several in a row are a matter of their own. A value past its limit alarms, as people wrote it; the note says
    where its interval reaches back.

    A rule that alarms is counted in the period and the window of ``windows``; the step says both of its result,
    for those that are kept.
    """
    period = windows.period
    rules = [rule for rule in parse_thresholds(text, vocabulary) if rule.metric in values] if text else []
    report = evaluate_thresholds(rules, values)
    limits: dict[str, str] = {}
    for rule in rules:
        trigger = trigger_of(rule.metric)
        limits[trigger] = ",".join(filter(None, (limits.get(trigger), str(rule))))
    signals = tuple(
        Signal(
            trigger_of(breach.rule.metric),
            f"{breach.rule} {period}: {breach.value:.6g}",
            period,
            f"{breach.value:.6g}",
            windows.name,
            limit=limits[trigger_of(breach.rule.metric)],
        )
        for breach in report.breaches
    )
    looked_at = {trigger_of(rule.metric): NOT_MEASURED for rule, _ in report.missing}
    looked_at |= {trigger_of(rule.metric): shown_value(values[rule.metric]) for rule in report.kept}
    return Alerts(signals, looked_at, report, values, limits)


def unproven(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """A sentence for each limit that a value passes and its interval does not, of the rows of ``Alerts``."""
    return [
        f"{row['rule']} is breached at {row['value']:.4g}, and its 95 % interval reaches back over the limit: "
        f"more data may take that back."
        for row in rows
        if row["note"] == REACHES_BACK
    ]


def shown_value(value: MaybeEstimate) -> str:
    """A measured value as a reading keeps it."""
    return NOT_MEASURED if isinstance(value, Unavailable) else f"{value.value:.6g}"


def alert_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """All verdicts of a run."""
    return Table(
        "alerts",
        "Alert thresholds",
        [Column("rule", "Alarms when"), Column("verdict", "Verdict"), Column("value", "Value", "number"),
         Column("note", "Note")],
        [[row["rule"], row["verdict"], row["value"], row["note"]] for row in rows],
        "The first breach tells the owner; the second, in another period, opens the ladder and pulls the rip-cord."
        if rows
        else "No threshold is set: name some with --alert_threshold, or keep them in the metric registry.",
    )  # fmt: skip
