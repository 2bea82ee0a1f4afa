"""What an agent can do and read. Each answers with JSON, and refuses in the words of REST."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.urls import NoReverseMatch, reverse

from gtm.core import actors, canonical
from gtm.core.api import idempotency
from gtm.core.errors import InvalidInput, NotFound, NotPermitted, Problem
from gtm.core.evidence import departures
from plans.api.commands import describe
from plans.api.serializers import ApprovalSerializer, ArtifactSerializer, TaskSerializer
from plans.engine.gates import rounds
from plans.engine.people import human_tasks
from plans.engine.people import inbox as waiting
from plans.engine.running import foreground
from plans.engine.stopping import ripcord
from plans.export import files, render, verify
from plans.mcp import data
from plans.models import ASKING_STATES, DecisionKind, Plan
from plans.runs import on_call, registry, start
from plans.selectors import approvals_with_votes, find_approval, find_task, tasks_with_people, visible_plans

READABLE = ("md", "csv", "json", "svg")
"""The formats of an output that are text."""
MOST_ROWS = 500
MOST_PLANS = 20
NEEDS_A_PERSON = (
    "An agent decides nothing: approvals, releases and signatures need a person who is logged in. "
    "Give that person the address of the page."
)


def _user() -> Any:
    return actors.current().actor.user


def _may(permission: str, deed: str) -> None:
    if not _user().has_perm(permission):
        raise NotPermitted(f"This account may not {deed}.", hint="Ask operations for the permission.")


def _plan(plan_id: str) -> Plan:
    _may("plans.view_plan", "see plans")
    found = visible_plans(_user()).filter(plan_id=plan_id).first()
    if found is None:
        raise NotFound(f"There is no plan {plan_id}.", hint="The tool list_plans names the newest.")
    return found


def address_of(obj: Any) -> str:
    """Where a person looks at an object, and decides about it."""
    name = f"admin:{obj._meta.app_label}_{obj._meta.model_name}_change"
    try:
        return settings.GTM_BASE_URL + reverse(name, args=[obj.pk])
    except NoReverseMatch:
        return settings.GTM_BASE_URL + "/"


def list_commands() -> dict[str, Any]:
    """Every command: what it does, its usage line, its inputs as JSON Schema, its tasks and gates."""
    return canonical.plain({"commands": [describe(command) for command in registry.all_commands()]})


def dry_run(usage: str, program: str | None = None) -> dict[str, Any]:
    """The plan that a usage line would make, its review checklist, who would approve. Stores nothing."""
    _may("plans.operate_plan", "operate plans")
    command, given = start.parse_usage(usage)
    draft = start.draft(command, given, program)
    _, body = start.dry_run(draft)
    told = {name: body[name] for name in ("objective", "strategy", "strategy_rationale", "review_checklist")}
    stages = [
        {
            "stage_id": stage["stage_id"],
            "name": stage["name"],
            "tasks": [
                {name: task[name] for name in ("task_id", "name", "agent", "dependencies")}
                for task in stage["tasks"]
            ],
        }
        for stage in body["stages"]
    ]
    asked = [one.as_dict() for one in start.who_would_approve(draft)]
    said = {"usage": draft.usage, "program": draft.program.slug, "stored": False}
    return canonical.plain(said | told | {"stages": stages, "approvers": asked})


def start_run(usage: str, program: str | None = None, idempotency_key: str | None = None) -> dict[str, Any]:
    """Start a usage line. The same key starts one run, however often it is sent."""
    _may("plans.operate_plan", "operate plans")
    command, given = start.parse_usage(usage)
    key = _key(idempotency_key)
    plan = start.earlier_run(key, command, given, program) if key else None
    if plan is None:
        plan = start.start(start.draft(command, given, program), idempotency_key=key)
    return status(plan.plan_id)


def _key(given: str | None) -> str | None:
    """A caller's key is the caller's own, and the one that REST would know."""
    given = (given or "").strip()
    if len(given) > idempotency.LONGEST:
        problem = Problem(
            "idempotency_key", f"at most {idempotency.LONGEST} characters, these are {len(given)}."
        )
        raise InvalidInput("The key is too long.", problems=[problem])
    return f"{_user().pk}:{given}" if given else None


def list_plans() -> dict[str, Any]:
    """The newest plans, with their states."""
    _may("plans.view_plan", "see plans")
    newest = visible_plans(_user()).order_by("-created_at", "-pk")[:MOST_PLANS]
    found = [
        {
            "plan_id": plan.plan_id,
            "state": plan.state,
            "objective": plan.objective,
            "program": plan.program.slug,
        }
        for plan in newest
    ]
    return {"plans": found, "most": MOST_PLANS}


def status(plan_id: str) -> dict[str, Any]:
    """A plan as it stands: its tasks, what it waits for and where people decide, and its outputs."""
    plan = _plan(plan_id)
    tasks = list(tasks_with_people().filter(plan=plan).order_by("position"))
    asked = approvals_with_votes().filter(plan=plan, state__in=ASKING_STATES).order_by("pk")
    outputs = plan.artifacts.filter(superseded_at=None).select_related("task").defer("payload")
    done = sum(task.is_done for task in tasks)
    return canonical.plain(
        {
            "plan_id": plan.plan_id,
            "state": plan.state,
            "objective": plan.objective,
            "usage": plan.usage,
            "program": plan.program.slug,
            "revision": plan.revision,
            "address": address_of(plan),
            "is_moving": foreground.is_moving(plan),
            "tasks_done": done,
            "tasks_total": len(tasks),
            "waits_for": foreground.what_waits(plan),
            "review_checklist": plan.checklist,
            "tasks": [_short(task) for task in tasks],
            "approvals": [
                {
                    name: row[name]
                    for name in ("id", "gate", "title", "question", "amount", "currency", "due_at")
                }
                | {"address": address_of(approval), "decided_by": "a person who is logged in"}
                for approval in asked
                for row in [ApprovalSerializer(approval).data]
            ],
            "outputs": ArtifactSerializer(outputs.order_by("task__position", "position"), many=True).data,
        }
    )


TOLD_OF_A_TASK = (
    *("id", "task_id", "key", "name", "purpose", "kind", "state", "agent", "owner", "needs", "progress"),
    *("due_at", "held_because", "error"),
)


def _short(task: Any) -> dict[str, Any]:
    row = TaskSerializer(task).data
    return {name: row[name] for name in TOLD_OF_A_TASK if row[name] not in (None, "", [])}


def read_task(task: str) -> dict[str, Any]:
    """A task, by number or as PLAN/2.3, with what it is to check and what it has computed."""
    _may("plans.view_task", "see tasks")
    found = find_task(task)
    _plan(found.plan.plan_id)
    return canonical.plain(
        dict(TaskSerializer(found).data) | {"output": found.output, "address": address_of(found.plan)}
    )


def read_output(plan_id: str, output: str, as_: str = "md", first_row: int = 0) -> dict[str, Any]:
    """An output as text, by its key or number. A table comes in parts of 500 rows, from ``first_row`` on."""
    plan = _plan(plan_id)
    rows = plan.artifacts.filter(superseded_at=None).select_related("task")
    found = list(rows.filter(pk=int(output)) if output.isdigit() else rows.filter(key=output))
    keys = tuple(rows.order_by("task__position", "position").values_list("key", flat=True))
    if not found:
        problem = Problem("output", f"“{output}” is not an output of {plan_id}.", keys, code="unknown")
        raise NotFound(f"{plan_id} has no such output.", problems=[problem])
    if len(found) > 1:
        numbers = tuple(f"{row.pk} (task {row.task.task_id})" for row in found)
        problem = Problem("output", "several tasks have made one of this key; name it by number.", numbers)
        raise InvalidInput(f"{output} is not one output.", problems=[problem])
    (artifact,) = found
    payload = artifact.payload
    possible = tuple(name for name in render.formats_of(payload) if name in READABLE)
    if as_ not in possible:
        problem = Problem("as", f"this {artifact.kind} cannot be read as “{as_}”.", possible)
        raise InvalidInput("The output has no such form.", problems=[problem])
    told: dict[str, Any] = {}
    if isinstance(payload.get("rows"), list):
        every = payload["rows"]
        told = {"rows": len(every), "first_row": first_row}
        payload = {**payload, "rows": every[max(0, first_row) : max(0, first_row) + MOST_ROWS]}
        told["is_whole"] = len(payload["rows"]) == len(every)
    content = render.render(payload, as_).content.decode()
    departures.record(plan, f"output {artifact.key} of {plan_id}", content, form=as_)
    return {**ArtifactSerializer(artifact).data, "as": as_, **told, "content": content}


def plan_json(plan_id: str) -> bytes:
    """The plan JSON document: the bytes of the file in the plans folder."""
    plan = _plan(plan_id)
    raw = files.export(plan)
    departures.record(plan, f"plan JSON of {plan_id}", raw, form="json")
    return raw


def verify_plan(plan_id: str) -> dict[str, Any]:
    """What the plan JSON proves by itself, what it does not, and what contradicts it."""
    made = verify.prove_bytes(plan_json(plan_id)).proof
    return {
        "plan_id": plan_id,
        "is_intact": not made.findings,
        "findings": [str(found) for found in made.findings],
        "report": list(made.lines()),
    }


def inbox() -> dict[str, Any]:
    """What waits for the person of this account."""
    found = waiting.waiting_for(_user())
    return canonical.plain(
        {
            "tasks": [_short(task) | {"plan_id": task.plan.plan_id} for task in found.tasks],
            "approvals": [
                {"id": row.pk, "plan_id": row.plan.plan_id, "title": row.title, "address": address_of(row)}
                for row in found.approvals
            ],
            "escalations": [
                {
                    "id": row.pk,
                    "plan_id": row.plan.plan_id,
                    "subject": row.subject,
                    "address": address_of(row),
                }
                for row in found.escalations
            ],
            "questions": [
                {"plan_id": one.plan.plan_id, "at": one.at, "by": one.by, "text": one.text}
                for one in found.questions
            ],
            "files": [{"name": row.called, "kept_until": row.kept_until} for row in found.files],
            "cases": [
                {
                    "kind": of_kind.title,
                    "about": rows[0].about,
                    "number": len(rows),
                    "may_be_more": len(rows) >= found.most,
                    "first": {
                        "id": rows[0].obj.pk,
                        "title": rows[0].title,
                        "detail": rows[0].detail,
                        "address": address_of(rows[0].obj),
                    },
                }
                for of_kind in found.cases
                for rows in waiting.together(of_kind.rows)
            ],
            "nobody_on_call": [
                {"rota": gap.rota, "times": gap.count, "first_from": gap.starts_at}
                for gap in on_call.gaps_ahead(_user())
            ],
            "more_at": settings.GTM_BASE_URL + "/",
            "note": NEEDS_A_PERSON,
        }
    )


def complete_task(
    task: str, evidence: Mapping[str, str], comment: str = "", result: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Complete a task of this account's person. Evidence is what others can check; there must be some."""
    if not any(str(text).strip() for text in evidence.values()):
        problem = Problem("evidence", "is required: say what was done and where others can see it.")
        raise InvalidInput("A task is not completed without evidence.", problems=[problem])
    found = find_task(task)
    _plan(found.plan.plan_id)
    human_tasks.complete(found, result=result or {}, evidence=evidence, comment=comment)
    return read_task(str(found.pk))


def pull_ripcord(plan_id: str, reason: str) -> dict[str, Any]:
    """Stop a plan at once. Stopping is safe; a release takes two people, and no agent."""
    plan = _plan(plan_id)
    ripcord.pull("plan", plan=plan, reason=reason)
    return status(plan_id)


def decide(approval: str, decision: str, comment: str = "") -> dict[str, Any]:
    """Ask the engine to take a decision of an agent. It refuses, and the refusal is on record."""
    found = find_approval(approval)
    _plan(found.plan.plan_id)
    if decision not in DecisionKind.values:
        problem = Problem("decision", f"“{decision}” is not a decision.", tuple(DecisionKind.values))
        raise InvalidInput("There is no such decision.", problems=[problem])
    try:
        rounds.decide(found, decision, comment=comment, seen_digest=found.scope_sha256)
    except NotPermitted as refused:
        hint = f"{NEEDS_A_PERSON} It is {address_of(found)}"
        raise NotPermitted(refused.detail, hint=hint) from refused
    raise NotPermitted(NEEDS_A_PERSON)


SCOPES = {
    dry_run: "run",
    start_run: "run",
    complete_task: "run",
    pull_ripcord: "run",
    decide: "run",
    plan_json: "export",
    data.load_dataset: "load",
}
"""What a token must be for, where reading is not enough."""
