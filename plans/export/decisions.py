"""Sections of the plan JSON about people: who covered whom, approvals, escalations, rip-cords, follow-ups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from django.db.models import Q

from plans.models import OPEN_CASE_STATES, BreakGlass, Decision, Plan, Task
from plans.models.approval import FALLBACK
from plans.selectors import DONE_IN_PLACE, STANDS_IN, follow_ups_of, pulls_of


def fallbacks(
    plan: Plan, tasks: list[Task], log: Sequence[Mapping[str, Any]] = (), *, has_votes: bool = True
) -> list[dict[str, Any]]:
    """Who covers whom, and each time it was used: by another method of a step, by people, by a vote.

    ``log`` are the rows of the plan's change log: they say who was asked, in whose place and why.
    """
    used = [*_methods(tasks), *_people(tasks, log), *(_votes(plan) if has_votes else ())]
    agents = {t.task_id: t.agent.slug for t in tasks}
    covers = [asdict(cover) for cover in plan.rules.fallbacks]
    named = {cover["agent"] for cover in covers}
    beside = sorted({agents[u["task_id"]] for u in used} - named)
    covers += [{"agent": agent, "covered_by": agent} for agent in beside]  # who covers holds the role too
    return [
        {**cover, "used": [u for u in used if agents[u["task_id"]] == cover["agent"]]} for cover in covers
    ]


def _methods(tasks: list[Task]) -> list[dict[str, Any]]:
    return [
        {
            "task_id": t.task_id,
            "at": a.started_at,
            "outcome": a.outcome,
            "person": None,
            "for": t.agent.name,
            "why": "The attempts of the step itself failed.",
        }
        for t in tasks
        for a in t.attempts.all()
        if a.executor == "substitute"
    ]


def _people(tasks: list[Task], log: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Asked at the start or when the task was to be done, and done; what was erased names nobody."""
    known = {t.task_id for t in tasks}
    outcomes = {STANDS_IN: "asked", DONE_IN_PLACE: "done"}
    found = []
    for row in log:
        told = (row["to"] if row["event"] in outcomes else None) or {}
        for task_id in told.get("tasks", ()):
            if task_id in known:
                nobody = told["person"] is None
                found.append(
                    {
                        "task_id": task_id,
                        "at": row["at"],
                        "outcome": "nobody could" if nobody else outcomes[row["event"]],
                        "person": told["person"],
                        "for": told["for"],
                        "why": told["why"],
                    }
                )
    return found


def _votes(plan: Plan) -> list[dict[str, Any]]:
    """Votes of the fallback list, of substitutes of people who are away, and of delegates."""
    by = Q(evidence__authority__startswith=FALLBACK) | Q(on_behalf_of__isnull=False)
    votes = Decision.objects.filter(by, approval__plan=plan)
    votes = votes.select_related("approval__task", "person", "on_behalf_of").order_by("decided_at", "pk")
    return [
        {
            "task_id": d.approval.task.task_id,
            "at": d.decided_at,
            "outcome": d.kind,
            "person": d.person.name,
            "for": d.on_behalf_of.name if d.on_behalf_of else ", ".join(d.evidence.get("for", ())) or None,
            "why": d.evidence.get("why") or d.evidence["authority"],
        }
        for d in votes
    ]


def approvals(plan: Plan) -> list[dict[str, Any]]:
    rounds = plan.approvals.select_related("task").prefetch_related(
        "decisions__person",
        "decisions__on_behalf_of",
        "decisions__user",
        "break_glass__asked_by",
        "break_glass__agreed_by",
        "break_glass__reviewed_by",
    )
    return [
        {
            "gate": approval.gate,
            "task_id": approval.task.task_id,
            "round": approval.round,
            "title": approval.title,
            "status": approval.state,
            "question": approval.question,
            "amount": approval.amount,
            "currency": approval.currency,
            "policy": approval.policy,
            "scope_sha256": approval.scope_sha256,
            "opened_at": approval.opened_at,
            "due_at": approval.due_at,
            "decided_at": approval.decided_at,
            "missing": approval.missing,
            "break_glass": [_break_glass(row) for row in approval.break_glass.all()],
            "decisions": [
                {
                    "decision": d.kind,
                    "person": d.person.name,
                    "account": d.user.get_username(),
                    "on_behalf_of": d.on_behalf_of.name if d.on_behalf_of else None,
                    "at": d.decided_at,
                    "comment": d.comment,
                    "evidence": d.evidence,
                    "scope_sha256": d.scope_sha256,
                    "superseded_at": d.superseded_at,
                    "void_reason": d.void_reason,
                }
                for d in approval.decisions.all()
            ],
        }
        for approval in rounds.order_by("pk")
    ]


def _break_glass(row: BreakGlass) -> dict[str, Any]:
    return {
        "status": row.state,
        "reason": row.reason,
        "asked_by": row.asked_by.name,
        "asked_at": row.created_at,
        "expires_at": row.expires_at,
        "agreed_by": row.agreed_by.name if row.agreed_by else None,
        "granted_at": row.granted_at,
        "review_due_at": row.review_due_at,
        "reviewed_by": row.reviewed_by.name if row.reviewed_by else None,
        "reviewed_at": row.reviewed_at,
        "review": row.review,
    }


def escalations(plan: Plan) -> list[dict[str, Any]]:
    cases = plan.escalations.select_related("task", "acknowledged_by").prefetch_related("firings")
    return [
        {
            "trigger": case.trigger,
            "about": case.about,
            "subject": case.subject,
            "detail": case.detail,
            "status": case.state,
            "asks_to_stop": case.asks_to_stop,
            "told_at_once": case.told_at_once,
            "carried": not plan.is_live and case.state in OPEN_CASE_STATES,
            "rung": case.rung,
            "occurrences": case.occurrences,
            "evidence": case.evidence,
            "opened_at": case.created_at,
            "due_at": case.due_at,
            "acknowledged_by": case.acknowledged_by.name if case.acknowledged_by else None,
            "remediation": case.remediation,
            "closed_at": case.closed_at,
            "rungs": [
                {
                    "cycle": f.cycle,
                    "rung": f.rung,
                    "role": f.role,
                    "notified": f.notified,
                    "skipped_reason": f.skipped_reason,
                    "fired_at": f.fired_at,
                }
                for f in case.firings.all()
            ],
        }
        for case in cases.order_by("pk")
    ]


def readings(plan: Plan) -> list[dict[str, Any]]:
    """What this plan measured for its rules, the oldest first; those of other plans stand in their files."""
    names = (
        "rule",
        "metric_version",
        "window",
        "model",
        "scope",
        "period",
        "value",
        "limit",
        "verdict",
        "message",
    )
    return [
        {**{name: getattr(reading, name) for name in names}, "at": reading.created_at}
        for reading in plan.readings.order_by("created_at", "pk")
    ]


def ripcord(plan: Plan) -> list[dict[str, Any]]:
    return [
        {
            "scope": pull.scope,
            "status": pull.state,
            "reason": pull.reason,
            "trigger": pull.trigger,
            "pulled_by": pull.pulled_by.get_username() if pull.pulled_by else "system",
            "pulled_at": pull.created_at,
            "released_by": pull.released_by,
            "remediation": pull.remediation,
            "closed_at": pull.closed_at,
        }
        for pull in pulls_of(plan)
    ]


def follow_ups(plan: Plan) -> list[dict[str, Any]]:
    """The plans that backlog items of this one became."""
    return [
        {
            "item": row.inputs["item"],
            "plan_id": row.plan_id,
            "status": row.state,
            "owner": task.owner.name if task.owner else None,
            "due_at": task.due_at,
            "created_at": row.created_at,
        }
        for row in follow_ups_of(plan)
        for task in row.tasks.all()
    ]
