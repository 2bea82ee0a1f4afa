"""The thread of a plan: questions and answers of the people concerned, on record, without a decision."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from gtm.core import actors
from gtm.core.errors import InvalidInput, NotPermitted, Problem
from gtm.core.evidence import changelog
from gtm.core.models import ChangeLogEntry
from plans.models import Plan
from plans.selectors import COMMENTED, visible_plans

MESSAGE = "message"
LONGEST = 4000
SHOWN = 50


def say(plan: Plan, text: str) -> None:
    """Say something about a plan. Whoever may see plans may; it changes no vote and no clock.

    Raises InvalidInput for an empty or a very long text, NotPermitted without the permission to see plans.
    """
    text = text.strip()
    if not text or len(text) > LONGEST:
        told = f"Write up to {LONGEST:,} characters; these are {len(text):,}."
        raise InvalidInput("This cannot be kept.", problems=[Problem("message", told)])
    actor = actors.current().actor
    if (
        actor.is_system
        or not actor.user.has_perm("plans.view_plan")
        or not visible_plans(actor.user).filter(pk=plan.pk).exists()
    ):
        raise NotPermitted("You need the permission to see this plan.")
    with transaction.atomic():
        changelog.append(plan, COMMENTED, field=MESSAGE, after=text)


def messages_of(plan: Plan) -> list[dict[str, Any]]:
    """The last of what was said about a plan, the oldest first: at, by, text. Erased authors stay unnamed."""
    entries = ChangeLogEntry.objects.filter(
        chain=plan.change_chain(), entity="plans.plan", entity_id=str(plan.pk), event=COMMENTED
    )
    newest = entries.select_related("payload").order_by("-sequence")[:SHOWN]
    rows = (changelog.row_of(entry) for entry in newest)
    return [{"at": row["at"], "by": row["actor"], "text": row["to"]} for row in rows][::-1]
