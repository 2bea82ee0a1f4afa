"""In which words people are told: subject, sentences, and the page where they act."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.urls import NoReverseMatch, reverse

from gtm.core.actors import name_of
from gtm.core.evidence.accounts import OWN
from gtm.core.places.times import time_in_words
from plans.engine.people import substitutes
from plans.models import (
    Approval,
    Breach,
    Escalation,
    Notice,
    NoticeKind,
    Plan,
    PolicyVersion,
    RipcordPull,
    Task,
    TaskKind,
)
from plans.schemas.answer import amount_in_words
from plans.selectors import answer_of, changes_asked
from programs.models import UNSETTLED_CHANGE_STATES, GuardedChange, GuardedState, Role

ANSWER = "Answer"
"""The line of a round's summary that its answer replaces."""


@dataclass(frozen=True, slots=True)
class Wording:
    """Subject, sentences, and the page where the person acts."""

    subject: str
    lines: tuple[str, ...]
    page: Any

    @property
    def url(self) -> str:
        """The page in the admin; the site's start where the object has none."""
        name = f"admin:{self.page._meta.app_label}_{self.page._meta.model_name}_change"
        try:
            return settings.GTM_BASE_URL + reverse(name, args=[self.page.pk])
        except NoReverseMatch:
            return settings.GTM_BASE_URL + "/"

    @property
    def body(self) -> str:
        return "\n".join([*(line for line in self.lines if line), "", self.url])


def decision(notice: Notice, approval: Approval) -> Wording:
    due = f"Due {time_in_words(approval.due_at, approval.plan.program.time_zone)}." if approval.due_at else ""
    figures = [
        f"{row['label']}: {row['value']}"
        for row in approval.summary
        if {"label", "value"} <= set(row) and row["label"] != ANSWER
    ]
    subject = f"Your decision is needed: {approval.title}"
    if notice.kind == NoticeKind.REMINDER:
        subject = f"{notice.facts['percent']} % of the time to decide is over: {approval.title}"
    return Wording(
        subject,
        (approval.plan.objective, approval.question, *answer_lines(approval.plan), *figures, due),
        approval,
    )


def answer_lines(plan: Plan) -> list[str]:
    """The answer of a plan in a message: headline, money, how sure; nothing before there is one."""
    found = answer_of(plan)
    if found is None:
        return []
    worth = found["money"]
    told = [f"{found['headline']} ({found['verdict']})"]
    if worth and worth["amount"] is not None:
        told.append(f"{worth['label']}: {amount_in_words(worth)}.")
    return [*told, found["certainty"]["words"]]


def changes(notice: Notice, approval: Approval) -> Wording:
    asked = [f"{vote.person} asks: {vote.comment}" for vote in changes_asked(approval)]
    hint = "Change the plan, or say why nothing must change, and it is decided again."
    subject = f"Changes are asked for: {approval.title}"
    return Wording(subject, (approval.plan.objective, *asked, hint), approval.plan)


def escalation(notice: Notice, case: Escalation) -> Wording:
    if notice.kind == NoticeKind.EXHAUSTED:
        return Wording(
            f"On hold, nobody has answered: {case.subject}",
            (case.plan.objective, case.detail, "The last rung has not answered. Silence never approves."),
            case,
        )
    rung = case.rungs[notice.facts["rung"] - 1]
    which = f"Rung {rung.rung} of {len(case.rungs)} ({', '.join(rung.stands)})"
    if "person_id" in notice.facts:
        on_call = "name" in notice.facts
        which = f"You are on call now. {which}" if on_call else f"It was handed to you. {which}"
    due = (
        f"Acknowledge or resolve it by {time_in_words(case.due_at, case.plan.program.time_zone)}."
        if case.due_at
        else ""
    )
    return Wording(f"Escalation: {case.subject}", (case.plan.objective, case.detail, f"{which}. {due}"), case)


def call(notice: Notice, case: Escalation) -> Wording:
    roles = Role.objects.filter(slug__in=case.told_at_once).order_by("name").values_list("name", flat=True)
    who = " and ".join(roles) or ", ".join(case.told_at_once)
    stands = "The plan is stopped. " if case.plan.state == "held" else ""
    lines = (
        case.plan.objective,
        case.detail,
        f"{stands}You are told at once, whatever the ladder has reached.",
    )
    return Wording(f"{who} called: {case.subject}", lines, case)


def task(notice: Notice, task: Task) -> Wording:
    verb = {
        NoticeKind.OVERDUE: "Overdue",
        NoticeKind.TASK_REMINDER: f"{notice.facts.get('percent')} % of the time is over",
    }.get(NoticeKind(notice.kind), "Your task")
    due = f"Due {time_in_words(task.due_at, task.plan.program.time_zone)}." if task.due_at else ""
    if task.state == "with_substitute":
        failed = f"The step failed: {(task.error or {}).get('message', '')}"
        asked = f"You are asked as its substitute ({task.fallback_agent}): mend it and try again, or do it."
        return Wording(f"{verb}: {task.name}", (task.plan.objective, asked, failed, due), task)
    lead = task.covers_for
    stands_in = f"You stand in for {lead} ({task.agent}), who is away." if lead else ""
    return Wording(f"{verb}: {task.name}", (task.plan.objective, stands_in, task.purpose, due), task)


def standing_in(notice: Notice, plan: Plan) -> Wording:
    told = notice.facts
    tasks = list(plan.tasks.filter(task_id__in=told["tasks"]).order_by("position"))
    asked = "; ".join(str(task) for task in tasks if task.kind != TaskKind.AUTOMATED)
    computed = "; ".join(str(task) for task in tasks if task.kind == TaskKind.AUTOMATED)
    lines = (
        plan.objective,
        substitutes.because(told["for"], told["why"]),
        f"You are asked as {told['role']}: {asked}." if asked else "",
        f"The system computes {computed}. You answer for it as {told['role']}." if computed else "",
    )
    return Wording(f"You stand in for {told['for']}: {plan.plan_id}", lines, plan)


def breach(notice: Notice, breach: Breach) -> Wording:
    value = f"Measured: {breach.value}." if breach.value else ""
    subject = f"Limit breached: {breach.rule} on {breach.program}"
    return Wording(subject, (breach.message, f"Period: {breach.period}. {value}".strip()), breach.plan)


def ripcord(notice: Notice, pull: RipcordPull) -> Wording:
    what = pull.plan or pull.program or "the whole installation"
    lines = (f"Why: {pull.reason}", "Nothing new starts. Two people must release it.")
    return Wording(f"Stopped: the rip-cord was pulled on {what}", lines, pull.plan or pull.program or pull)


def ended(notice: Notice, plan: Plan) -> Wording:
    state = plan.get_state_display().lower()
    return Wording(f"{plan.plan_id} {state}: {plan.objective}", (*answer_lines(plan), plan.usage), plan)


def outlook(notice: Notice, plan: Plan) -> Wording:
    """The answer of a running plan has another verdict than people have read."""
    before, after = notice.facts["before"], notice.facts["after"]
    subject = f"The answer was “{before}”, it is “{after}” now: {plan.objective}"
    return Wording(subject[:240], tuple(answer_lines(plan)), plan)


def message(notice: Notice, plan: Plan) -> Wording:
    told = notice.facts
    lines = (
        f"{told['by']}: {told['after']}",
        "You can answer on the page of the plan. An answer decides nothing.",
    )
    return Wording(f"{told['by']} wrote about {plan.objective}"[:240], lines, plan)


def invitation(notice: Notice, plan: Plan) -> Wording:
    told = notice.facts
    when = time_in_words(datetime.fromisoformat(told["starts"]), plan.program.time_zone)
    is_off = told["method"] == "CANCEL"
    lines = (
        f"It was to begin {when}." if is_off else f"It begins {when}.",
        "Your calendar takes it out by the file in this mail."
        if is_off
        else "Your calendar takes it by the file in this mail. A later mail changes it, or calls it off.",
    )
    said = f"Called off: {told['title']}" if is_off else f"Invitation: {told['title']}"
    return Wording(said[:240], lines, plan)


def schedule(notice: Notice, run: Any) -> Wording:
    lines = (f"It was due {time_in_words(run.due_at, run.schedule.program.time_zone)}.", f"Why: {run.reason}")
    return Wording(f"A scheduled run did not start: {run.schedule}", lines, run.schedule)


def webhook(notice: Notice, subscription: Any) -> Wording:
    if notice.facts["field"] == "delivery":
        lines = (
            f"The receiver has not taken one message: {notice.facts['after']}.",
            "Later messages of the same plan now go on. You can send it again on the page of the webhook.",
        )
        return Wording(f"The webhook {subscription} has given up a message", lines, subscription)
    lines = (
        f"Why: {subscription.disabled_why}",
        "Nothing is lost: what happens meanwhile follows in order once somebody resumes it.",
    )
    return Wording(f"The webhook {subscription} was disabled", lines, subscription)


def policy(notice: Notice, row: PolicyVersion) -> Wording:
    lines = (f"Why: {row.reason}", "Another person must adopt or reject it.")
    return Wording(f"A policy is proposed: {row}", lines, row)


def two(notice: Notice, change: GuardedChange) -> Wording:
    state = GuardedState(notice.facts["state"])
    asks = state in UNSETTLED_CHANGE_STATES
    lines = (
        change.what,
        f"Proposed by {change.requested_label}. Why: {change.reason or 'no reason was given'}.",
        f"Decided by {name_of(change.decided_by)}." if change.decided_by else "",
        "A second person has to agree: neither who proposed it, nor anybody whom it concerns."
        if asks
        else "",
    )
    return Wording(f"Who may decide: {state.label.lower()}, {change.what}"[:240], lines, change)


_ACCOUNT_WORDS = {
    "account": "was made", "password": "has another password", "is_active": "was opened or closed",
    "is_staff": "has other rights", "is_superuser": "has other rights", "groups": "has other groups",
    "user_permissions": "has other permissions",
}  # fmt: skip


def account(notice: Notice, account: Any) -> Wording:
    told = notice.facts
    moved, hint = f"Before: {told['before']}. Now: {told['after']}.", ""
    if told["field"] == "account":
        moved = ""
    elif told["field"] == "password":
        moved = f"It was {told['after']}."
        hint = "" if told["after"] == OWN else "Set a password of your own before you decide anything."
    subject = f"Your account {account} {_ACCOUNT_WORDS[told['field']]}"
    return Wording(subject, (f"By {told['by']}.", moved, hint, "If you did not expect it, say so."), account)
