"""What the plan page and the preview of a run show, gathered with a fixed number of queries."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from django.urls import reverse
from django.utils.safestring import mark_safe

from gtm.core import fsm
from gtm.core.actors import current
from gtm.core.evidence import changelog
from gtm.core.evidence.erasure import SEALED
from gtm.core.models import ChangeLogEntry
from plans.admin import bar
from plans.drawing import badges, graph, specification
from plans.engine.escalation import rotas
from plans.engine.gates import future_rounds
from plans.engine.gates import rounds as gates
from plans.engine.gates.tolerance import Difference, differences
from plans.engine.people import permissions
from plans.engine.people.directory import Directory
from plans.export import render
from plans.models import FINAL_PLAN_STATES, Plan, Task
from plans.runs import follow_up, start
from plans.runs.current_outputs import standing_of
from plans.schemas.rules import RungRules
from plans.selectors import approvals_with_votes, cases_with_people, tasks_with_people
from programs.models import Program, Role

CHANGES_ON_A_PAGE = 50
MOST_DIFFERENCES = 20
STEERING = ("pause", "resume", "cancel")


@dataclass(frozen=True, slots=True)
class DryRun:
    """A dry run: graph, checklist, who will have to approve and why, how long it takes. Nothing is stored."""

    graph: str
    checklist: list[dict[str, Any]]
    gates: list[dict[str, Any]]
    seconds: int
    hours: int
    usage: str
    rationale: str
    passed: bool
    token: str

    @classmethod
    def of(cls, draft: start.Draft) -> DryRun:
        plan, body = start.dry_run(draft)
        requester = current().actor.user_id
        benches = future_rounds.benches_of_draft(plan.rules, draft, requester)
        asked = [{**gate.stored, "bench": bench} for gate, bench in benches]
        absences = [absence for rows in Directory.today().absences.values() for absence in rows]
        away = {absence.person.name: f"{absence.person.name} (away)" for absence in absences}
        nodes = [
            graph.Node(
                t["task_id"],
                t["name"],
                stage["stage_id"],
                t["dependencies"],
                who=away.get(t["owner"], t["owner"]) or t["agent"],
            )
            for stage in body["stages"]
            for t in stage["tasks"]
        ]
        return cls(
            graph=mark_safe(graph.draw(nodes)),  # noqa: S308 - every text in it is escaped
            checklist=body["review_checklist"],
            gates=asked,
            seconds=plan.expected_seconds,
            hours=max((gate["hours"] for gate in asked), default=0),
            usage=draft.usage,
            rationale=body["strategy_rationale"],
            passed=all(i["result"] == "passed" for i in draft.checklist if i["blocking"]),
            token=secrets.token_urlsafe(16),
        )


def page_of(plan: Plan, user: Any) -> dict[str, Any]:
    """Everything on the page that can move."""
    tasks = list(tasks_with_people().filter(plan=plan).order_by("position"))
    rounds = list(approvals_with_votes().filter(plan=plan).order_by("pk"))
    actor = current().actor
    done = sum(task.is_done for task in tasks)
    asked = [(r, badges.badge(r), any(a.allowed for a in gates.available(r, actor))) for r in rounds]
    cases = [(c, badges.badge(c)) for c in cases_with_people().filter(plan=plan).order_by("pk")]
    return {
        "plan": plan,
        "standing": bar.standing_of(plan, tasks, asked, cases, actor),
        "status": badges.badge(plan),
        "is_live": plan.state not in FINAL_PLAN_STATES,
        "graph": mark_safe(graph.draw([_node(t, rounds) for t in tasks])),  # noqa: S308 - texts are escaped
        "tasks": [(t, badges.badge(t)) for t in tasks],
        "people": [(t, badges.badge(t)) for t in tasks if t.is_with_people],
        "rounds": asked,
        "cases": cases,
        "done": done,
        "percent": round(100 * done / len(tasks)) if tasks else 0,
        "may": _steering(plan, user),
        "pull": plan.pulls.filter(state="pulled").first(),
    }


def named_rungs(ladder: Sequence[RungRules], program: Program) -> list[dict[str, Any]]:
    """The rungs of a ladder with ``who``, the names of their roles as people call them and of their rota,
    and ``on_call``, who has the turn today.
    """
    names, directory = dict(Role.objects.values_list("slug", "name")), Directory.today()
    return [
        {
            **asdict(rung),
            "who": " or ".join(names.get(slug, slug) for slug in rung.stands),
            "on_call": rotas.on_call(rung.rota, program, directory).in_words if rung.rota else "",
        }
        for rung in ladder
    ]


def _steering(plan: Plan, user: Any) -> list[tuple[str, str, str]]:
    """What this person may do to the plan now: action, label, style of the button."""
    if plan.state in FINAL_PLAN_STATES:
        return []
    allowed = {a.name for a in fsm.actions(plan, current().actor) if a.allowed}
    offered = [(name, name.capitalize(), "") for name in STEERING if name in allowed]
    if plan.state == "held" and user.has_perm("plans.release_ripcord"):
        offered.append(("release", "Release the rip-cord", "g-primary"))
    elif plan.state != "held" and user.has_perm("plans.pull_ripcord"):
        offered.append(("ripcord", "Pull the rip-cord", "g-danger"))
    return offered


def _node(task: Task, rounds: list[Any]) -> graph.Node:
    mine = [r for r in rounds if r.task_id == task.pk]
    href = reverse("admin:plans_approval_change", args=[mine[-1].pk]) if mine else f"#task-{task.pk}"
    return graph.Node(
        task.task_id,
        task.name,
        task.stage_id,
        [n.task_id for n in task.needs.all()],
        badges.family(task),
        task.get_state_display(),
        task.owner.name if task.owner else task.agent.name,
        task.progress,
        href,
    )


def changes_of(plan: Plan, before: int | None = None) -> list[dict[str, Any]]:
    """A page of the plan's change log, newest first, from below the row ``before``; each row with what
    differs, place by place. Rows are found by their number: a log that grows does not move the pages."""
    entries = ChangeLogEntry.objects.filter(chain=plan.change_chain()).select_related("payload")
    if before is not None:
        entries = entries.filter(sequence__lt=before)
    rows = [changelog.row_of(e) for e in entries.order_by("-sequence")[:CHANGES_ON_A_PAGE]]
    return [row | {"differences": _differences(row)} for row in rows]


def _differences(row: dict[str, Any]) -> list[Difference]:
    """The leaves that moved; values of a field that holds one thing as they are."""
    if not row["field"]:
        return []
    if row["event"] == SEALED and row["to"]:
        return [Difference(row["field"], None, f"the digests of {len(row['to'])} parts of the plan JSON")]
    before = {} if row["from"] is None and isinstance(row["to"], dict) else row["from"]
    found = list(differences(before, row["to"]))
    return [Difference(d.path or row["field"], d.before, d.after) for d in found[:MOST_DIFFERENCES]]


def outputs_of(plan: Plan) -> list[dict[str, Any]]:
    """How the plan stands, then the outputs of its tasks."""
    standing = [
        {
            "artifact": {"key": payload["key"], "title": payload["title"]},
            "payload": payload,
            "grid": render.grid(payload),
            "chart": _chart(payload),
        }
        for payload in standing_of(plan)
    ]
    return [*standing, *outputs_of_tasks(plan)]


def _chart(payload: dict[str, Any], specified: dict[str, Any] | None = None) -> dict[str, Any] | None:
    """A chart as a specification with its points; of other outputs nothing.

    Charts without a specification of their own are those of the present moment, and older ones.
    """
    if payload["kind"] != "chart":
        return None
    return specification.with_points(specified or specification.specification(payload), payload)


def outputs_of_tasks(plan: Plan, task: Task | None = None) -> list[dict[str, Any]]:
    """What the tasks made, or one of them: charts drawn, the table behind each one, work from a backlog."""
    found = []
    may_operate = permissions.may_operate(current().actor, plan, {}) is None
    for artifact in (
        plan.artifacts.filter(superseded_at=None, **({"task": task} if task else {}))
        .select_related("task")
        .order_by("task__position", "position")
    ):
        payload = artifact.payload
        becomes_work = payload["kind"] == "backlog" and follow_up.writes_backlog(artifact.task)
        found.append(
            {
                "artifact": artifact,
                "payload": payload,
                "grid": render.grid(payload),
                "chart": _chart(payload, artifact.specification),
                "formats": render.formats_of(payload),
                "backlog": follow_up.backlog_of(plan) if becomes_work else [],
                "not_yet": follow_up.why_not_yet(plan) if becomes_work else None,
                "may_operate": may_operate,
            }
        )
    return found
