"""What a plan is held against: success metrics with their aims, limits of its guardrails, its assumptions.

A place is where a value stands: "output_var.key" in what the tasks made, "inputs.NAME", "context.NAME",
"thresholds.METRIC" (the limit in force), "ladder.hours", "plan.sla_adherence", or a number. "a|b" is the
first of them that holds a number, "a*1.1" a multiple. Where there is none the document says why, never zero.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from plans.models import FINAL_PLAN_STATES, MEASURED, Plan, Task, TaskKind
from plans.schemas.constraints import stated_in
from plans.schemas.declaration import SuccessMetric

_STANDS = {">=": operator.ge, "<=": operator.le}
WITHIN = {"<": ">=", "<=": ">=", ">": "<=", ">=": "<="}
"""How a value stands to a limit while a rule that alarms as the key says is kept."""
RULE = re.compile(r"^(?P<metric>[^<>=]+)(?P<comparator><=|>=|<|>)(?P<limit>.+)$")
ASSUMPTIONS, CONSTRAINTS = "assumptions", "constraints"
PENDING = "pending"
COLUMNS = {
    "name": ("name", "what", "model"),
    "low": ("low",),
    "likely": ("mode", "value", "assumption"),
    "high": ("high",),
    "unit": ("unit",),
    "source": ("source",),
}
"""Part of an assumption → the columns in which tables of assumptions hold it."""


@dataclass(frozen=True, slots=True)
class MeasuredPlan:
    """A plan and what its rows hold; ``deadlines``: when each approval was due, and when it was decided.

    ``log``: its rows of the change log, where later runs tell what they measured.
    """

    plan: Plan
    tasks: Sequence[Task]
    deadlines: Sequence[tuple[datetime | None, datetime | None]] = ()
    log: Sequence[Mapping[str, Any]] = field(default=(), repr=False)

    @property
    def produced(self) -> dict[str, Any]:
        """Output variable → values, of the tasks that have made some."""
        return {t.output_var: t.output for t in self.tasks if t.output_var and t.output is not None}

    def value(self, place: str) -> float | int | None:
        """The number at a place, or None where there is none."""
        for one in filter(None, place.split("|")):
            at, _, factor = one.partition("*")
            found = number_of(self._at(at.strip()))
            if found is not None:
                return _json(found * Decimal(factor) if factor else found)
        return None

    def why_missing(self, place: str) -> str:
        """What the run itself says of a value that it does not have; "" where it says nothing."""
        variable, _, key = place.partition(".")
        if place == "plan.sla_adherence":
            return "No task or approval of this plan with a due time is finished yet."
        said = self.produced.get(variable)
        if not isinstance(said, Mapping):
            return ""
        told = said.get("unavailable")
        reason = (told.get(key) if isinstance(told, Mapping) else None) or said.get(f"{key}_reason")
        return str(reason or "")

    def is_to_come(self, place: str) -> bool:
        """Whether a task that has no result yet is the one that would measure it."""
        variable = place.partition(".")[0]
        if not place or self.plan.state in FINAL_PLAN_STATES:
            return False
        return variable == "plan" or any(t.output_var == variable and t.output is None for t in self.tasks)

    def rules(self) -> Iterator[tuple[str, str, Decimal]]:
        """Metric, comparator and limit of the alert thresholds in force: a task's own, or those asked for."""
        said = [values.get("thresholds") for values in self.produced.values() if isinstance(values, Mapping)]
        text = next((t for t in said if isinstance(t, str)), self.plan.inputs.get("alert_threshold") or "")
        for part in text.split(","):
            match = RULE.match(part.strip())
            limit = number_of(match["limit"]) if match else None
            if match and limit is not None:
                yield match["metric"], match["comparator"], limit

    def _at(self, place: str) -> Any:
        if number_of(place) is not None:
            return place
        head, _, rest = place.partition(".")
        if head == "thresholds":
            return next((limit for metric, _, limit in self.rules() if metric == rest), None)
        if place == "ladder.hours":
            return sum(rung.hours for rung in self.plan.rules.ladder)
        if place == "plan.sla_adherence":
            return self._sla_adherence()
        if place == "plan.amount":
            return self.plan.amount
        roots = {"inputs": self.plan.inputs, "context": self.plan.context}
        return _reach(roots[head] if head in roots else self.produced.get(head), rest)

    def _sla_adherence(self) -> Decimal | None:
        """Share of the finished tasks and decided approvals with a due time that were done by it."""
        people = [t for t in self.tasks if t.kind == TaskKind.HUMAN]
        done = [(t.due_at, t.finished_at) for t in people] + list(self.deadlines)
        kept = [finished <= due for due, finished in done if due and finished]
        return Decimal(sum(kept)) / len(kept) if kept else None


def number_of(value: Any) -> Decimal | None:
    """What reads as a finite number, and is no truth value."""
    if value is None or isinstance(value, bool | Mapping | list):
        return None
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


def _json(value: Decimal) -> float | int:
    return int(value) if value == value.to_integral_value() else float(value)


def _reach(value: Any, path: str) -> Any:
    for part in filter(None, path.split(".")):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def is_met(actual: Any, comparator: str, target: Any) -> bool | None:
    """Whether a value reaches its target; None where either is not there."""
    value, aim = number_of(actual), number_of(target)
    if value is None or aim is None or comparator not in _STANDS:
        return None
    return bool(_STANDS[comparator](value, aim))


def success_metrics(measured: MeasuredPlan) -> list[dict[str, Any]]:
    """Each metric with its aim as a value, what was measured last, and whether it is met or why not known."""
    return [_success_metric(measured, metric) for metric in measured.plan.rules.success_metrics]


def _success_metric(measured: MeasuredPlan, metric: SuccessMetric) -> dict[str, Any]:
    plan, target = measured.plan, measured.value(metric.aim)
    own = measured.value(metric.actual)
    history = [] if own is None else [_measurement(plan.plan_id, plan.finished_at, own, metric, target)]
    for row in measured.log:
        if row["event"] == MEASURED and row["field"] == f"success_metrics/{metric.key}" and row["to"]:
            told = row["to"]
            history.append(_measurement(told["measured_by"], row["at"], told["actual"], metric, target))
    actual, met = (history[-1]["actual"], history[-1]["met"]) if history else (None, None)
    return {
        "key": metric.key,
        "label": metric.label,
        "target": target,
        "target_text": metric.target,
        "comparator": metric.comparator,
        "unit": metric.unit,
        "source": metric.source or metric.actual,
        "actual": actual,
        "met": met,
        "why": "" if met is not None else _why_unknown(measured, metric, actual, target),
        "measured_by": history[-1]["measured_by"] if history else None,
        "measurements": history,
        "definition_version": plan.rules.version,
    }


def _measurement(
    plan_id: str, at: Any, actual: Any, metric: SuccessMetric, target: float | int | None
) -> dict[str, Any]:
    met = is_met(actual, metric.comparator, target)
    return {"measured_by": plan_id, "at": at, "actual": actual, "met": met}


def _why_unknown(measured: MeasuredPlan, metric: SuccessMetric, actual: Any, target: Any) -> str:
    if actual is None:
        if said := measured.why_missing(metric.actual):
            return said
        if measured.is_to_come(metric.actual):
            return "The task that measures it has no result yet."
        return metric.absent or "The run did not measure it."
    if not metric.comparator:
        return "Its target is stated in words alone."
    return f"There is no value to hold it against: {metric.target}."


def limits(measured: MeasuredPlan) -> list[dict[str, Any]]:
    """Every limit the run is held to, with how a value within it stands to it."""
    rules = measured.plan.rules
    found = [_limit("max_retries", "Retries of a task", "<=", rules.max_retries, "retries", "guardrails")]
    if measured.plan.amount is not None:
        found.append(
            _limit("amount", "Amount of the run a year", "<=", measured.value("plan.amount"),
                   measured.plan.currency, "inputs")
        )  # fmt: skip
    found += [
        _limit(
            one.key, one.label, one.comparator, measured.value(one.limit), one.unit, one.source or one.limit
        )
        for one in rules.limits
    ]
    found += [
        _limit(
            metric.key, metric.label, metric.comparator, measured.value(metric.aim), metric.unit, metric.aim
        )
        for metric in rules.success_metrics
        if metric.comparator
    ]
    known = {one["key"] for one in found}
    found += [
        _limit(
            metric, metric.replace("_", " ").capitalize(), WITHIN[comparator], _json(limit), "", "thresholds"
        )
        for metric, comparator, limit in measured.rules()
        if metric not in known
    ]
    return found


def _limit(key: str, label: str, comparator: str, limit: Any, unit: str, source: str) -> dict[str, Any]:
    return {
        "key": key,
        "label": label,
        "comparator": comparator,
        "limit": limit,
        "unit": unit,
        "source": source,
    }


def constraints(plan: Plan) -> list[dict[str, Any]]:
    """The constraints of the inputs as they were read, and how what was made stands to each."""
    stated = list(stated_in(plan.inputs, plan.currency))
    checked: dict[str, dict[str, Any]] = {}
    if plan.pk and stated:
        for artifact in plan.artifacts.filter(key=CONSTRAINTS, kind="table", superseded_at=None):
            keys = [column["key"] for column in artifact.payload["columns"]]
            checked |= {row[0]: dict(zip(keys, row, strict=True)) for row in artifact.payload["rows"]}
    return [
        {
            "text": one.text,
            "kind": one.kind,
            "names": list(one.names),
            "amount": one.amount,
            "status": checked.get(one.text, {}).get("status", PENDING),
            "where": checked.get(one.text, {}).get("where", ""),
            "how": checked.get(one.text, {}).get("how", ""),
        }
        for one in stated
    ]


def assumptions(plan: Plan) -> list[dict[str, Any]]:
    """What tasks took for granted, from their tables of assumptions: range, source and owner of each."""
    found = []
    rows = plan.artifacts.filter(key=ASSUMPTIONS, kind="table", superseded_at=None)
    for artifact in rows.select_related("task__agent", "task__owner").order_by("task__position", "position"):
        keys = [column["key"] for column in artifact.payload["columns"]]
        owner = artifact.task.owner.name if artifact.task.owner else artifact.task.agent.slug
        for row in artifact.payload["rows"]:
            cells = dict(zip(keys, row, strict=True))
            parts = {
                part: next((cells[name] for name in names if name in cells), None)
                for part, names in COLUMNS.items()
            }
            found.append(
                {
                    **parts,
                    "unit": parts["unit"] or "",
                    "source": parts["source"] or artifact.title,
                    "owner": owner,
                    "task_id": artifact.task.task_id,
                }
            )
    return found
