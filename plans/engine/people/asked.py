"""Questions in the threads of plans that wait for whoever asked for the plan.

A question is a message with a question mark by somebody else, after the last thing that the requester said.
Any answer of theirs in the thread answers it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gtm.core.models import ChangeLogEntry
from plans.models import LIVE_PLAN_STATES, Plan
from plans.selectors import COMMENTED, PLAN_DOCUMENTS
from programs.models import whose_act

MARKS = frozenset("?？؟;՞")
"""Question marks of the scripts that people write: Latin, full width, Arabic, Greek, Armenian."""
GREEK = ";"
MOST_PLANS = 200
"""Plans of one requester that are looked at, the newest first."""


@dataclass(frozen=True, slots=True)
class WaitingQuestion:
    """The first message that is not answered: of which plan, when, by whom, and what was said."""

    plan: Plan
    at: str
    by: str
    text: str


def asks(text: str) -> bool:
    """Whether somebody asks something; the Greek mark is a semicolon elsewhere."""
    greek = any("\u0370" <= letter <= "\u03ff" for letter in text)
    return any(mark in text for mark in MARKS if mark != GREEK or greek)


def waiting_questions(user: Any, people: set[int], most: int) -> list[WaitingQuestion]:
    """Of the live plans these people asked for; the longest unanswered first. Two queries."""
    plans = Plan.objects.filter(whose_act.by_people("requested_by", people), state__in=LIVE_PLAN_STATES)
    plans = plans.select_related("program", "requested_by").defer(*PLAN_DOCUMENTS).distinct()
    mine = {str(plan.pk): plan for plan in plans.order_by("-created_at")[:MOST_PLANS]}
    if not mine:
        return []
    said = ChangeLogEntry.objects.filter(entity="plans.plan", entity_id__in=mine, event=COMMENTED)
    open_: dict[str, WaitingQuestion] = {}
    for entry in said.select_related("payload").order_by("id"):
        body = entry.payload.body
        if body is None:  # erased: there is nothing to answer
            continue
        plan = mine[entry.entity_id]
        if body["actor_id"] in (user.pk, plan.requested_by_id):
            open_.pop(entry.entity_id, None)
        elif asks(str(body["to"])):
            found = WaitingQuestion(plan, entry.at, str(body["actor"]), str(body["to"]))
            open_.setdefault(entry.entity_id, found)
    return sorted(open_.values(), key=lambda one: one.at)[:most]
