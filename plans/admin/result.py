"""The result of a plan as its page has it: the answer, a chart and a table, assumptions, and chapters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.urls import reverse

from plans.admin.assumed import editable
from plans.admin.page import outputs_of
from plans.drawing.findings import finding
from plans.engine.people import thread
from plans.export import render
from plans.export.measures import assumptions
from plans.models import CHANGEABLE_PLAN_STATES, Plan
from plans.schemas.answer import Answer
from plans.selectors import FOLLOW_UP, answer_of

CHAPTER_ROWS, LEADING_ROWS, CAVEATS = 10, 7, 3
NOW = "How it stands now"


def result_of(plan: Plan, user: AbstractBaseUser | AnonymousUser) -> dict[str, Any]:
    """Everything below the answer; a fixed number of queries."""
    outputs = outputs_of(plan)
    looks_ahead = plan.next_forecast_at is not None
    answer = (None if looks_ahead else last_answer(outputs)) or answer_of(plan)
    named = {output["payload"]["key"]: output for output in outputs}  # how it stands comes first, tasks win
    lead = [named.get(answer[part]) if answer else None for part in ("chart", "table")]
    return {
        **answer_context(plan, answer, user),
        "chart": lead[0] if lead[0] and lead[0]["chart"] else None,
        "table": _leading_table(lead[1], answer),
        "leading_rows": LEADING_ROWS,
        "leading_slice": f":{LEADING_ROWS}",
        "assumptions": editable(plan, assumptions(plan)),
        "chapters": chapters(outputs),
        "rows_shown": CHAPTER_ROWS,
        "rows_slice": f":{CHAPTER_ROWS}",
        "thread": thread.messages_of(plan),
    }


def _leading_table(
    output: Mapping[str, Any] | None, answer: Mapping[str, Any] | None
) -> dict[str, Any] | None:
    """The table that the answer names, with the columns it names."""
    if output is None or answer is None or output["payload"]["kind"] not in ("table", "backlog"):
        return None
    keys = render.keys_of(output["payload"])
    return {**output, "grid": render.chosen(output["grid"], keys, answer.get("columns", ()))}


def last_answer(outputs: Iterable[Mapping[str, Any]]) -> dict[str, Any] | None:
    """The answer among outputs in the order of their tasks: the last one stands."""
    found = [output["payload"] for output in outputs if output["payload"].get("kind") == Answer.kind]
    return found[-1] if found else None


def answer_context(plan: Plan, answer: Mapping[str, Any] | None, user: Any) -> dict[str, Any]:
    """The answer for its card, and where its alternative is tried."""
    return {
        "answer": answer,
        "first_caveats": list(answer["caveats"][:CAVEATS]) if answer else [],
        "other_caveats": list(answer["caveats"][CAVEATS:]) if answer else [],
        "try_url": _try_url(plan, answer, user) if answer else "",
    }


def revise_url(plan: Plan, user: Any) -> str:
    """Where the inputs of a plan are changed; empty where it cannot be, or not by this user."""
    can = plan.state in CHANGEABLE_PLAN_STATES or plan.state == "changes_requested"
    if not can or not user.has_perm("plans.operate_plan") or plan.command_key == FOLLOW_UP:
        return ""
    return reverse("admin:plans_plan_revise", args=[plan.pk])


def _try_url(plan: Plan, answer: Mapping[str, Any], user: Any) -> str:
    """A revision with the inputs of the alternative; a new run where this one is over."""
    alternative = answer["alternative"]
    if not alternative or not alternative["inputs"] or not user.has_perm("plans.operate_plan"):
        return ""
    asked = dict(alternative["inputs"])
    if revise := revise_url(plan, user):
        return f"{revise}?{urlencode(asked)}"
    query = urlencode({"copy": plan.plan_id, **asked})
    return f"{reverse('admin:plans_run_command', args=[plan.command_key])}?{query}"


def chapters(outputs: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The outputs by the task that made them; each chapter with a line that says what it found."""
    found: dict[Any, dict[str, Any]] = {}
    for output in outputs:
        if output["payload"].get("kind") == Answer.kind:
            continue
        task = getattr(output["artifact"], "task", None)
        key = task.task_id if task else ""
        title = task.name if task else NOW
        chapter = found.setdefault(key, {"id": key.replace(".", "-") or "now", "title": title, "outputs": []})
        chapter["outputs"].append({**output, "finding": finding(output["payload"])})
    for chapter in found.values():
        chapter["finding"] = next((one["finding"] for one in chapter["outputs"] if one["finding"]), "")
    return list(found.values())
