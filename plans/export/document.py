"""The plan JSON document: a superset of the orchestrator blueprint the runbooks name.

Built from rows only, with keys sorted, times in UTC, decimals as text. The same rows give the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet

from gtm.core import canonical, own_code
from gtm.core.evidence import anchors, changelog, checkpoints
from gtm.core.evidence.erasure import SEALED
from gtm.core.models import ChangeLogChain
from gtm.core.prepared import PreparedRead
from plans import case_kinds
from plans.export import blueprint, decisions, measures, procedures, tools
from plans.export.blueprint import Needs
from plans.export.measures import MeasuredPlan
from plans.export.rule_counts import rule_counts
from plans.models import LADDER, Plan, RipcordPull, Task, TaskAttempt, of_command
from plans.selectors import FOLLOW_UP, answer_of

SCHEMA_VERSION = "2.0"
SCHEMA_ID = "urn:gtm-governance:plan-2"
APPROVALS, ARTIFACTS, READINGS = "approvals", "artifacts", "readings"
PULLS, FOLLOW_UPS, TOOL_CALLS = "pulls", "follow_ups", "tool_calls"
"""Rows of a plan by the name at which it has them, and those beside it that may concern it."""


@dataclass(frozen=True, slots=True)
class RecordedSections:
    """What the rows tell of a run: a run that is only proposed has none of it yet.

    ``attempts`` by number of the task, ``breaches`` that count for this plan, by rule, ``deadlines`` of
    rounds: due, decided; ``sections`` are those of the document that nothing but rows make.
    """

    sections: Mapping[str, Any]
    attempts: Mapping[str, Sequence[TaskAttempt]] = field(default_factory=dict)
    breaches: Mapping[str, int] = field(default_factory=dict)
    deadlines: Sequence[tuple[datetime | None, datetime | None]] = ()
    log: Sequence[dict[str, Any]] = ()
    head: str = changelog.GENESIS
    anchors: Sequence[dict[str, Any]] = ()
    checkpoint: Mapping[str, Any] | None = None
    answer: Mapping[str, Any] | None = None


def build(plan: Plan) -> dict[str, Any]:
    """The whole document of a plan, with its digests. Run it inside a transaction for one consistent view."""
    tasks = list(
        plan.tasks.select_related("agent", "fallback_agent", "owner")
        .prefetch_related("needs", "attempts")
        .order_by("position")
    )
    needs = {t.task_id: blueprint.in_order(need.task_id for need in t.needs.all()) for t in tasks}
    chain = ChangeLogChain.objects.get(pk=plan.change_chain())
    log = list(changelog.rows(chain.name))
    has = _rows_it_has(plan)
    sections = {
        "fallbacks": decisions.fallbacks(plan, tasks, log, has_votes=APPROVALS in has),
        **{key: section(plan) if rows in has else [] for key, (rows, section) in _sections().items()},
    }
    recorded = RecordedSections(
        sections,
        attempts={t.task_id: list(t.attempts.all()) for t in tasks},
        breaches=rule_counts(plan) if READINGS in has else {},
        deadlines=[(told["due_at"], told["decided_at"]) for told in sections[APPROVALS]],
        log=log,
        head=chain.head,
        anchors=[anchors.record_of(made) for made in anchors.of_chain(chain.name, since=plan.created_at)],
        checkpoint=checkpoints.of_chain(chain.name),
        answer=answer_of(plan) if ARTIFACTS in has or plan.command_key == FOLLOW_UP else None,
    )
    return _document(plan, tasks, needs, recorded)


def _sections() -> dict[str, tuple[str, Callable[[Plan], list[dict[str, Any]]]]]:
    """Section → name of the rows it tells of, and what it says of a plan."""
    return {
        "assumptions": (ARTIFACTS, measures.assumptions),
        "outputs": (ARTIFACTS, _outputs),
        TOOL_CALLS: (TOOL_CALLS, tools.calls),
        APPROVALS: (APPROVALS, decisions.approvals),
        "escalations": ("escalations", decisions.escalations),
        "ripcord": (PULLS, decisions.ripcord),
        READINGS: (READINGS, decisions.readings),
        **{section.key: (section.rows, section.build) for section in case_kinds.sections()},
        FOLLOW_UPS: (FOLLOW_UPS, decisions.follow_ups),
    }


def _rows_it_has(plan: Plan) -> set[str]:
    """Of the rows that sections tell of, those that there are: most plans have few of them."""
    ((_, *there),) = _THERE.rows(plan=plan.pk)
    return {name for name, is_there in zip(_row_names(), there, strict=True) if is_there}


def _row_names() -> list[str]:
    return sorted({rows for rows, _ in _sections().values()})


def _there(plan: int) -> QuerySet[Any]:
    wider = Q(program=OuterRef("program")) | Q(scope="installation")
    beside = {
        PULLS: RipcordPull.objects.filter(wider | Q(plan=OuterRef("pk"))),
        FOLLOW_UPS: Plan.objects.filter(program=OuterRef("program"), **of_command(FOLLOW_UP)),
    }
    related = {relation.name: relation.related_model for relation in Plan._meta.related_objects}
    found = [
        Exists(beside[name] if name in beside else related[name]._base_manager.filter(plan=OuterRef("pk")))
        for name in _row_names()
    ]
    return Plan.objects.order_by().filter(pk=plan).values_list("pk", *found)


_THERE = PreparedRead(_there, plan=900_000_901)


def propose(plan: Plan, tasks: list[Task], needs: Mapping[str, Iterable[str]]) -> dict[str, Any]:
    """The document of a run that is not stored: what ``build`` would say if it were, with an empty log."""
    nothing: dict[str, list[Any]] = {name: [] for name in _sections()}
    covers = [{**asdict(cover), "used": []} for cover in plan.rules.fallbacks]
    recorded = RecordedSections(nothing | {"fallbacks": covers, "ripcord": decisions.ripcord(plan)})
    ordered = {task_id: blueprint.in_order(before) for task_id, before in needs.items()}
    return _document(plan, tasks, ordered, recorded)


def _document(plan: Plan, tasks: list[Task], needs: Needs, recorded: RecordedSections) -> dict[str, Any]:
    log, rules = recorded.log, plan.rules
    measured = MeasuredPlan(plan, tasks, recorded.deadlines, log)
    body: dict[str, Any] = {
        "$schema": SCHEMA_ID,
        "schema_version": SCHEMA_VERSION,
        "plan_id": plan.plan_id,
        "revision": plan.revision,
        "status": plan.state,
        "created_at": plan.created_at,
        "created_by": plan.requested_by.get_username() if plan.requested_by else "system",
        "updated_at": next((row["at"] for row in reversed(log) if row["event"] != SEALED), None)
        or canonical.rfc3339(plan.updated_at),
        "started_at": plan.started_at,
        "finished_at": plan.finished_at,
        "objective": plan.objective,
        "complexity": plan.complexity,
        "strategy": plan.strategy,
        "strategy_rationale": rules.strategy_rationale,
        "estimated_duration": blueprint.estimated_duration(plan, tasks, needs),
        "command": {"plugin": plan.plugin, "name": plan.command, "usage": plan.usage, "inputs": plan.inputs},
        "subject": _subject(plan),
        "answer": recorded.answer,
        "stages": blueprint.stages(plan, tasks, needs, recorded.attempts),
        "parallelization": blueprint.parallelization(plan, tasks, needs),
        "dependency_graph": blueprint.dependency_graph(plan, tasks, needs),
        "context_passing": blueprint.context_passing(plan),
        "error_handling": blueprint.error_handling(rules),
        "success_criteria": blueprint.success_criteria(rules),
        "deliverables": rules.outputs,
        "guardrails": _guardrails(plan, recorded, measured),
        "escalation_ladder": [
            {
                "rung": r.rung,
                "role": "/".join(r.stands),
                "response_time": f"PT{r.hours}H",
                "effect": r.effect,
                **({"rota": r.stored["rota"]} if r.rota else {}),
            }
            for r in rules.ladder
        ],
        "tool_hooks": tools.hooks(plan, tasks, recorded.sections[TOOL_CALLS]),
        "skills": procedures.skills(plan, tasks),
        "review_checklist": plan.checklist,
        "success_metrics": measures.success_metrics(measured),
        "datasets": plan.datasets,
        **{key: told for key, told in recorded.sections.items() if key != TOOL_CALLS},
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
        "versions": {**own_code.versions(), "gtm": settings.GTM_VERSION},
        "anchors": list(recorded.anchors),
        **({"checkpoint": dict(recorded.checkpoint)} if recorded.checkpoint else {}),
    }
    return integrity | {"seal": seal(integrity)}


def add_row(body: dict[str, Any], row: dict[str, Any]) -> None:
    """The next row of the plan's log, in a document that was made before it was written."""
    integrity = body["integrity"]
    body["change_log"].append(row)
    integrity["head"], integrity["length"] = row["hash"], row["sequence"]
    integrity["sections"]["change_log"] = canonical.digest(body["change_log"])
    integrity["seal"] = seal(integrity)


def _subject(plan: Plan) -> dict[str, Any]:
    subject = {
        "kind": "program",
        "slug": plan.program.slug,
        "name": plan.program.name,
        "version": plan.context.get("version", plan.program.version),
    }
    return subject | ({"campaign": plan.campaign.name} if plan.campaign else {})


def _guardrails(plan: Plan, recorded: RecordedSections, measured: MeasuredPlan) -> dict[str, Any]:
    return {
        "max_retries": plan.rules.max_retries,
        "limits": measures.limits(measured),
        "constraints": measures.constraints(plan),
        "triggers": [
            {**trigger.stored, "count": recorded.breaches.get(trigger.signal, 0)}
            for trigger in plan.rules.triggers
        ],
        "policy_versions": {
            LADDER: plan.rules.ladder_version,
            **{gate.key: gate.policy_version for gate in plan.rules.gates},
        },
    }


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
