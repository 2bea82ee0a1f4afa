"""The plan JSON document: a superset of the orchestrator blueprint the runbooks name.

Built from rows only, with keys sorted, times in UTC, decimals as text. The same rows give the same bytes.
"""

from __future__ import annotations

import importlib.metadata
import platform
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import Any

from django.conf import settings

from gtm.core import canonical
from gtm.core.evidence import anchors, changelog
from gtm.core.models import ChangeLogChain
from plans import case_kinds
from plans.export import decisions
from plans.models import LADDER, Plan, Task, TaskAttempt, TaskKind

SCHEMA_VERSION = "1.0"
SCHEMA_ID = "urn:gtm-governance:plan-1"
LIBRARIES = ("numpy", "scipy", "duckdb", "pyarrow", "django", "celery")


FALLBACK_PLAN = (
    "A retry repeats the step as it is. After the retries another method of the step has one turn, where it "
    "declares one; else the substitute named at the task gets it, with what failed."
)
Needs = Mapping[str, Sequence[str]]
"""Number of each task → numbers of the tasks it waits for, in their order."""


@dataclass(frozen=True, slots=True)
class RecordedSections:
    """What the rows tell of a run: a run that is only proposed has none of it yet.

    ``attempts`` by number of the task, ``breaches`` counted by rule; ``sections`` are those of the document
    that nothing but rows make.
    """

    sections: Mapping[str, Any]
    attempts: Mapping[str, Sequence[TaskAttempt]] = field(default_factory=dict)
    breaches: Mapping[str, int] = field(default_factory=dict)
    log: Sequence[dict[str, Any]] = ()
    head: str = changelog.GENESIS
    anchors: Sequence[dict[str, Any]] = ()


def build(plan: Plan) -> dict[str, Any]:
    """The whole document of a plan, with its digests. Run it inside a transaction for one consistent view."""
    tasks = list(
        plan.tasks.select_related("agent", "fallback_agent", "owner")
        .prefetch_related("needs", "attempts")
        .order_by("position")
    )
    needs = {t.task_id: _in_order(need.task_id for need in t.needs.all()) for t in tasks}
    chain = ChangeLogChain.objects.get(pk=plan.change_chain())
    log = list(changelog.rows(chain.name))
    sections = {
        "fallbacks": decisions.fallbacks(plan, tasks, log),
        "outputs": _outputs(plan),
        "approvals": decisions.approvals(plan),
        "escalations": decisions.escalations(plan),
        "ripcord": decisions.ripcord(plan),
        **{section.key: section.build(plan) for section in case_kinds.sections()},
        "follow_ups": decisions.follow_ups(plan),
    }
    recorded = RecordedSections(
        sections,
        attempts={t.task_id: list(t.attempts.all()) for t in tasks},
        breaches=Counter(plan.breaches.values_list("rule", flat=True)),
        log=log,
        head=chain.head,
        anchors=[anchors.record_of(made) for made in anchors.of_chain(chain.name, since=plan.created_at)],
    )
    return _document(plan, tasks, needs, recorded)


def propose(plan: Plan, tasks: list[Task], needs: Mapping[str, Iterable[str]]) -> dict[str, Any]:
    """The document of a run that is not stored: what ``build`` would say if it were, with an empty log."""
    nothing: dict[str, list[Any]] = {
        name: []
        for name in ("outputs", "approvals", "escalations", "follow_ups")
        + tuple(section.key for section in case_kinds.sections())
    }
    covers = [{**asdict(cover), "used": []} for cover in plan.rules.fallbacks]
    recorded = RecordedSections(nothing | {"fallbacks": covers, "ripcord": decisions.ripcord(plan)})
    ordered = {task_id: _in_order(before) for task_id, before in needs.items()}
    return _document(plan, tasks, ordered, recorded)


def _document(plan: Plan, tasks: list[Task], needs: Needs, recorded: RecordedSections) -> dict[str, Any]:
    log = recorded.log
    body: dict[str, Any] = {
        "$schema": SCHEMA_ID,
        "schema_version": SCHEMA_VERSION,
        "plan_id": plan.plan_id,
        "revision": plan.revision,
        "status": plan.state,
        "created_at": plan.created_at,
        "created_by": plan.requested_by.get_username() if plan.requested_by else "system",
        "updated_at": log[-1]["at"] if log else canonical.rfc3339(plan.updated_at),
        "started_at": plan.started_at,
        "finished_at": plan.finished_at,
        "objective": plan.objective,
        "complexity": plan.complexity,
        "strategy": plan.strategy,
        "strategy_rationale": plan.rules.strategy_rationale,
        "estimated_duration": _duration(plan.expected_seconds),
        "command": {"plugin": plan.plugin, "name": plan.command, "usage": plan.usage, "inputs": plan.inputs},
        "subject": _subject(plan),
        "stages": _stages(plan, tasks, needs, recorded),
        "parallelization": _parallelization(plan, tasks, needs),
        "dependency_graph": _graph(plan, tasks, needs),
        "context_passing": {"method": "output_var", "artifacts_location": f"plans/{plan.plan_id}/artifacts"},
        "error_handling": {
            "retry_strategy": "with-modification" if plan.rules.methods else "immediate",
            "max_retries": plan.rules.max_retries,
            "fallback_plan": FALLBACK_PLAN,
            "escalation": " → ".join("/".join(rung.roles) for rung in plan.rules.ladder),
        },
        "success_criteria": [f"{m.label}: {m.target}" for m in plan.rules.success_metrics],
        "deliverables": plan.rules.outputs,
        "guardrails": _guardrails(plan, recorded),
        "escalation_ladder": [
            {
                "rung": r.rung,
                "role": "/".join(r.roles),
                "response_time": f"PT{r.hours}H",
                "effect": r.effect,
            }
            for r in plan.rules.ladder
        ],
        "tool_hooks": _tool_hooks(plan, tasks),
        "review_checklist": plan.checklist,
        "success_metrics": _success_metrics(plan, tasks),
        "datasets": plan.datasets,
        **recorded.sections,
        "change_log": list(log),
    }
    body = canonical.plain(body)
    body["integrity"] = _integrity(plan, body, recorded)
    return body


def to_bytes(document: Mapping[str, Any]) -> bytes:
    return canonical.document(document)


def section_digests(body: Mapping[str, Any]) -> dict[str, str]:
    """A digest a section, so that a reader learns where a document was changed, not only that it was."""
    return {key: canonical.digest(value) for key, value in body.items() if key != "integrity"}


def seal(integrity: Mapping[str, Any]) -> str:
    return canonical.digest({key: value for key, value in integrity.items() if key != "seal"})


def _integrity(plan: Plan, body: Mapping[str, Any], recorded: RecordedSections) -> dict[str, Any]:
    integrity = {
        "algorithm": "SHA-256",
        "canonicalization": "RFC 8785",
        "chain": plan.change_chain(),
        "head": recorded.head,
        "length": len(recorded.log),
        "seed": plan.seed,
        "sections": section_digests(body),
        "versions": {"python": platform.python_version(), **_versions()},
        "anchors": list(recorded.anchors),
    }
    return integrity | {"seal": seal(integrity)}


@cache
def _versions() -> dict[str, str]:
    return {name: importlib.metadata.version(name) for name in LIBRARIES} | {"gtm": settings.GTM_VERSION}


def _duration(seconds: int) -> str:
    """ISO 8601."""
    minutes, rest = divmod(seconds, 60)
    return "PT" + (f"{minutes}M" if minutes else "") + (f"{rest}S" if rest or not minutes else "")


def _subject(plan: Plan) -> dict[str, Any]:
    subject = {
        "kind": "program",
        "slug": plan.program.slug,
        "name": plan.program.name,
        "version": plan.context.get("version", plan.program.version),
    }
    return subject | ({"campaign": plan.campaign.name} if plan.campaign else {})


def _stages(plan: Plan, tasks: list[Task], needs: Needs, recorded: RecordedSections) -> list[dict[str, Any]]:
    return [
        {
            **asdict(stage),
            "tasks": [
                _task(plan, task, needs[task.task_id], recorded.attempts.get(task.task_id, ()))
                for task in tasks
                if task.stage_id == stage.stage_id
            ],
        }
        for stage in plan.rules.stages
    ]


def _task(plan: Plan, task: Task, needs: Sequence[str], attempts: Sequence[TaskAttempt]) -> dict[str, Any]:
    return {
        "task_id": task.task_id,
        "key": task.key,
        "name": task.name,
        "agent": task.agent.slug,
        "purpose": task.purpose,
        "input": {"command": plan.command, "from_tasks": needs},
        "output_var": task.output_var,
        "dependencies": needs,
        "tools_required": task.tools,
        "kind": task.kind,
        "status": task.state,
        "owner": task.owner.name if task.owner else None,
        "fallback_agent": task.fallback_agent.slug if task.fallback_agent else None,
        "skills": task.skills,
        "due_at": task.due_at,
        "held_because": task.held_because,
        "max_attempts": task.attempts_allowed,
        "attempts": [
            {
                "number": a.number,
                "executor": a.executor,
                "outcome": a.outcome,
                "started_at": a.started_at,
                "finished_at": a.finished_at,
                "seconds": round(a.seconds, 3) if a.seconds is not None else None,
                "error_class": a.error_class,
                "error": a.error,
                "changed": a.changed,
            }
            for a in attempts
        ],
        "gate": task.key if task.kind == TaskKind.GATE else None,
        "output_sha256": task.output_sha256,
        "output": task.output,
        "error": task.error,
    }


def _natural(task_id: str) -> tuple[int, ...]:
    return tuple(int(part) if part.isdigit() else 0 for part in task_id.split("."))


def _in_order(task_ids: Iterable[str]) -> list[str]:
    return sorted(task_ids, key=_natural)


def _parallelization(plan: Plan, tasks: list[Task], needs: Needs) -> dict[str, Any]:
    groups = []
    for stage in plan.rules.stages:
        members = [t for t in tasks if t.stage_id == stage.stage_id]
        if stage.execution == "parallel" and len(members) > 1:
            waits = {need for t in members for need in needs[t.task_id]}
            groups.append(
                {
                    "group_id": stage.stage_id,
                    "tasks": [t.task_id for t in members],
                    "wait_for": _in_order(waits),
                }
            )
    return {"max_concurrent": max((len(g["tasks"]) for g in groups), default=1), "parallel_groups": groups}


def _graph(plan: Plan, tasks: list[Task], needs: Needs) -> dict[str, Any]:
    return {
        "nodes": [t.task_id for t in tasks],
        "edges": [{"from": need, "to": t.task_id} for t in tasks for need in needs[t.task_id]],
        "outside_parties": plan.rules.outside_parties,
    }


def _guardrails(plan: Plan, recorded: RecordedSections) -> dict[str, Any]:
    return {
        "max_retries": plan.rules.max_retries,
        "triggers": [
            {**trigger.stored, "count": recorded.breaches.get(trigger.signal, 0)}
            for trigger in plan.rules.triggers
        ],
        "policy_versions": {
            LADDER: plan.rules.ladder_version,
            **{gate.key: gate.policy_version for gate in plan.rules.gates},
        },
    }


def _tool_hooks(plan: Plan, tasks: list[Task]) -> list[dict[str, Any]]:
    left: dict[str, list[str]] = {}
    for task in tasks:
        for tool, sentence in ((task.output or {}).get("evidence") or {}).items():
            left.setdefault(tool, []).append(f"{task.task_id}: {sentence}")
    return [{**asdict(hook), "evidence": left.get(hook.tool, [])} for hook in plan.rules.tool_hooks]


def _success_metrics(plan: Plan, tasks: list[Task]) -> list[dict[str, Any]]:
    produced = {t.output_var: t.output for t in tasks if t.output_var and t.output is not None}
    found = []
    for metric in plan.rules.success_metrics:
        variable, _, key = metric.actual.partition(".")
        actual = (produced.get(variable) or {}).get(key) if variable else None
        found.append(
            {
                **asdict(metric),
                "actual": actual,
                "measured_by": metric.actual,
                "definition_version": plan.rules.version,
            }
        )
    return found


def _outputs(plan: Plan) -> list[dict[str, Any]]:
    return [
        {
            "id": artifact.pk,
            "key": artifact.key,
            "task_id": artifact.task.task_id,
            "title": artifact.title,
            "kind": artifact.kind,
            "media_type": artifact.payload.get("media_type", "application/json"),
            "deliverable": artifact.is_deliverable,
            "sha256": artifact.sha256,
            "href": f"/api/v1/plans/{plan.plan_id}/artifacts/{artifact.pk}/download/?as=json",
        }
        for artifact in plan.artifacts.filter(superseded_at=None)
        .select_related("task")
        .order_by("task__position", "position")
    ]
