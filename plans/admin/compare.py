"""Two plans side by side: inputs, data, rules, figures, outputs, decisions, and how they went."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from plans.engine.gates.tolerance import differences
from plans.models import Plan
from plans.selectors import approvals_with_votes
from plans.templatetags.gtm import cell, figure


@dataclass(frozen=True, slots=True)
class Row:
    """One thing of both plans, as text; empty where a plan has none."""

    label: str
    left: str
    right: str

    @property
    def differs(self) -> bool:
        return self.left != self.right


def sections(left: Plan, right: Plan, *, only: bool = False) -> list[tuple[str, list[Row]]]:
    """Two plans part by part, or ``only`` what differs. A fixed number of queries each."""
    parts = [
        ("Inputs", _leaves(left.inputs), _leaves(right.inputs)),
        ("Run", _run(left), _run(right)),
        ("Data", _data(left), _data(right)),
        ("Figures", *map(_figures, (left, right))),
        ("Outputs, by fingerprint", *map(_outputs, (left, right))),
        ("Tasks", *map(_tasks, (left, right))),
        ("Decisions", *map(_decisions, (left, right))),
        ("Rules", _rules(left), _rules(right)),
    ]
    found = [(title, [r for r in _paired(a, b) if r.differs or not only]) for title, a, b in parts]
    return [(title, rows) for title, rows in found if rows]


def _paired(left: Mapping[str, str], right: Mapping[str, str]) -> list[Row]:
    """In the order of the left plan, then what only the right one has."""
    return [Row(key, left.get(key, ""), right.get(key, "")) for key in {**left, **right}]


def _leaves(value: Any) -> dict[str, str]:
    return {found.path: cell(found.after) for found in differences({}, value or {}) for found in _deep(found)}


def _deep(found: Any) -> Iterable[Any]:
    """A value that is an object itself, by its leaves."""
    if not isinstance(found.after, Mapping):
        return [found]
    empty = dict.fromkeys(found.after)
    return [type(found)(f"{found.path}.{d.path}", None, d.after) for d in differences(empty, found.after)]


def _run(plan: Plan) -> dict[str, str]:
    took = (plan.finished_at or plan.updated_at) - (plan.started_at or plan.created_at)
    return {
        "State": plan.get_state_display(),
        "Program": str(plan.program),
        "Asked by": str(plan.requested_by or "the system"),
        "Started": f"{plan.started_at or plan.created_at:%Y-%m-%d %H:%M} UTC",
        "Took, hours": f"{took.total_seconds() / 3600:,.2f}",
        "Revision": str(plan.revision),
    }


def _data(plan: Plan) -> dict[str, str]:
    return {
        f"{d['kind']} {d.get('partner') or ''}".strip(): f"{d['rows']:,} rows, {d['sha256'][:12]}"
        for d in plan.datasets
    }


def _artifacts(plan: Plan) -> Any:
    return plan.artifacts.filter(superseded_at=None).order_by("task__position", "position")


def _figures(plan: Plan) -> dict[str, str]:
    return {
        f"{artifact.title}: {item['label']}": figure(item)
        for artifact in _artifacts(plan).filter(kind="metrics")
        for item in artifact.payload["items"]
    }


def _outputs(plan: Plan) -> dict[str, str]:
    return {artifact.title: artifact.sha256[:12] for artifact in _artifacts(plan).defer("payload")}


def _tasks(plan: Plan) -> dict[str, str]:
    return {
        f"{task.task_id} {task.name}": f"{task.get_state_display()}, attempt {task.attempts_used}"
        for task in plan.tasks.order_by("position")
    }


def _decisions(plan: Plan) -> dict[str, str]:
    return {
        f"{r.title}, round {r.round}": "; ".join(
            [
                r.get_state_display(),
                *(f"{d.person.name}: {d.get_kind_display().lower()}" for d in r.decisions.all()),
            ]
        )
        for r in approvals_with_votes().filter(plan=plan).order_by("pk")
    }


def _rules(plan: Plan) -> dict[str, str]:
    ladder = {f"Rung {r.rung}": f"{'/'.join(r.stands)}, {r.hours} h, {r.effect}" for r in plan.rules.ladder}
    seats = {
        f"Seats of {gate.title}": ", ".join(f"{s.minimum} × {s.role}" for s in gate.seats)
        for gate in plan.rules.gates
    }
    return {"Version of the command": str(plan.rules.version), **seats, **ladder}
