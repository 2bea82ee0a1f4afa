"""Another revision of a plan from what a person typed: the answer to a request, or a change of its own."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from gtm.core.errors import GuardNotMet, Problem
from plans.commands import base
from plans.engine import rework
from plans.models import Plan


def resubmit(
    plan: Plan, given: Mapping[str, Any] | None = None, *, comment: str, redo: Collection[str] = ()
) -> Plan:
    """Send the plan back to its gates, with the inputs ``given`` laid over those it has.

    Where changes were requested this answers them; a plan that is approved or running goes through review
    again. The data stay those the plan was started on: newer data are another run. Raises InvalidInput with
    every problem of the inputs, GuardNotMet where the review checklist is open; nothing is stored then.
    """
    verb = rework.revise if plan.state == "changes_requested" else rework.change
    if not given:
        return verb(plan, comment=comment, redo=redo)
    command, earlier = base.parse_usage(plan.usage)
    draft = base.prepare(command, {**earlier, **given}, plan.program)
    draft = replace(draft, datasets=plan.datasets)
    if problems := [Problem(i["key"], i["text"]) for i in draft.checklist if _is_open(i)]:
        raise GuardNotMet("The review checklist is open for this change.", problems=problems)
    return verb(
        plan,
        draft.inputs,
        comment=comment,
        redo=redo,
        usage=draft.usage,
        amount=draft.amount,
        objective=command.objective(draft.inputs, plan.program),
        checklist=draft.checklist,
    )


def _is_open(item: Mapping[str, Any]) -> bool:
    return bool(item["blocking"]) and item["result"] != "passed"
