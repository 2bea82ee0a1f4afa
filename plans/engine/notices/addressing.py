"""Whom a notice concerns, in which words, and whether it still has a point: asked again before sending."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.urls import NoReverseMatch, reverse

from gtm.core.actors import name_of
from gtm.core.places.times import time_in_words
from plans import case_kinds
from plans.engine.gates import eligibility
from plans.engine.people.directory import Directory
from plans.engine.people.permissions import persons_of
from plans.models import (
    ASKING_STATES,
    OPEN_CASE_STATES,
    POSTPONED_STATES,
    UNANSWERED_STATES,
    Approval,
    Breach,
    Escalation,
    Notice,
    NoticeKind,
    Plan,
    PolicyVersion,
    RipcordPull,
    Task,
)
from plans.selectors import changes_asked
from programs.models import UNSETTLED_CHANGE_STATES, GuardedChange, GuardedState, Person, Role, two_people


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


LATER = "later"
"""Answer of a check: the matter stands still, say nothing now and ask again."""


def subject_of(notice: Notice) -> Any | None:
    """The object the notice is about; None where it is gone."""
    return apps.get_model(notice.entity)._base_manager.filter(pk=notice.entity_id).first()


def recipients(notice: Notice, obj: Any) -> list[Person]:
    """The people concerned, as the organisation stands now; nobody twice."""
    found = _kind_of(notice).recipients(notice, obj)
    return list({person.pk: person for person in found if person.is_active}.values())


def wording(notice: Notice, obj: Any) -> Wording:
    return _kind_of(notice).wording(notice, obj)


def pointless(notice: Notice, obj: Any | None, person: Person) -> str | None:
    """Why this person need not be told any more; LATER while the matter is frozen; None where it stands."""
    if notice.withdrawn_at is not None:
        return notice.withdrawn_reason
    if obj is None:
        return "Its object is gone."
    if not person.is_active:
        return f"{person} has left."
    return _kind_of(notice).pointless(notice, obj, person)


# ------------------------------------------------------------------ people


def people_of(plan: Plan | None) -> list[Person]:
    """Whoever asked for the plan, and the owner of its program."""
    if plan is None:
        return []
    owner = plan.program.owner
    return [*persons_of(plan.requested_by), *([owner] if owner else [])]


def _deciders(notice: Notice, approval: Approval) -> list[Person]:
    votes = approval.decisions.filter(superseded_at__isnull=True, void_reason="")
    voted = set(votes.values_list("person_id", flat=True))
    return [c.person for c in eligibility.bench_of(approval).candidates if c.person.pk not in voted]


def _on_rung(notice: Notice, case: Escalation) -> list[Person]:
    if "person_id" in notice.facts:
        return list(Person.objects.filter(pk=notice.facts["person_id"]))
    firing = case.firings.filter(rung=notice.facts["rung"], cycle=notice.facts["cycle"]).first()
    addresses = [person["email"] for person in firing.notified] if firing else []
    return list(Person.objects.filter(email__in=addresses).order_by("pk"))


def _called(notice: Notice, case: Escalation) -> list[Person]:
    """Everybody who holds a role that is told at once, and who stands in for those who are away."""
    directory = Directory.today()
    holders = [approver.person for approver in directory.holders(case.told_at_once)]
    return [*holders, *directory.standing(case.told_at_once)]


def _workers(notice: Notice, task: Task) -> list[Person]:
    return [task.owner] if task.owner else Directory.today().standing([task.agent.slug])


def _stand_in(notice: Notice, plan: Plan) -> list[Person]:
    return list(Person.objects.filter(pk=notice.facts["person_id"] or 0))


def _stoppers(notice: Notice, pull: RipcordPull) -> list[Person]:
    """Those who can release it, and the people of what was stopped."""
    owner = pull.program.owner if pull.program else None
    return [*_with_perm("plans.release_ripcord"), *people_of(pull.plan), *([owner] if owner else [])]


def _adopters(notice: Notice, row: PolicyVersion) -> list[Person]:
    """Those who may adopt it, but whoever proposed it."""
    own = {person.pk for person in persons_of(row.proposed_by)}
    return [person for person in _with_perm("plans.adopt_policy") if person.pk not in own]


def _of_two(notice: Notice, change: GuardedChange) -> list[Person]:
    """Whoever could agree while it waits; always those it concerns, who proposed it and who decided."""
    concerned = Person.objects.filter(pk__in=change.people)
    found = [*concerned, *persons_of(change.requested_by), *persons_of(change.decided_by)]
    if change.state in UNSETTLED_CHANGE_STATES:
        wanted = two_people.seconds(change.requested_by, change.people)
        found += Person.objects.filter(pk__in=wanted).order_by("pk")
    return found


def _owners(notice: Notice, account: Any) -> list[Person]:
    return list(Person.objects.filter(accounts=account).order_by("pk"))


def _with_perm(permission: str) -> list[Person]:
    may = get_user_model().objects.with_perm(permission, backend="django.contrib.auth.backends.ModelBackend")
    return list(Person.objects.filter(accounts__in=may.values("pk")).distinct().order_by("pk"))


def _plan_people(notice: Notice, obj: Any) -> list[Person]:
    return people_of(obj if isinstance(obj, Plan) else obj.plan)


def _schedule_owner(notice: Notice, run: Any) -> list[Person]:
    return persons_of(run.schedule.owner)


# ------------------------------------------------------------------ words


def _decision(notice: Notice, approval: Approval) -> Wording:
    due = f"Due {time_in_words(approval.due_at, approval.plan.program.time_zone)}." if approval.due_at else ""
    figures = [
        f"{row['label']}: {row['value']}" for row in approval.summary if {"label", "value"} <= set(row)
    ]
    subject = f"Your decision is needed: {approval.title}"
    if notice.kind == NoticeKind.REMINDER:
        subject = f"{notice.facts['percent']} % of the time to decide is over: {approval.title}"
    return Wording(subject, (approval.plan.objective, approval.question, *figures, due), approval)


def _changes(notice: Notice, approval: Approval) -> Wording:
    asked = [f"{vote.person} asks: {vote.comment}" for vote in changes_asked(approval)]
    hint = "Change the plan, or say why nothing must change, and it is decided again."
    subject = f"Changes are asked for: {approval.title}"
    return Wording(subject, (approval.plan.objective, *asked, hint), approval.plan)


def _escalation(notice: Notice, case: Escalation) -> Wording:
    if notice.kind == NoticeKind.EXHAUSTED:
        return Wording(
            f"On hold, nobody has answered: {case.subject}",
            (case.plan.objective, case.detail, "The last rung has not answered. Silence never approves."),
            case,
        )
    rung = case.rungs[notice.facts["rung"] - 1]
    which = f"Rung {rung.rung} of {len(case.rungs)} ({', '.join(rung.roles)})"
    if "person_id" in notice.facts:
        which = f"It was handed to you. {which}"
    due = (
        f"Acknowledge or resolve it by {time_in_words(case.due_at, case.plan.program.time_zone)}."
        if case.due_at
        else ""
    )
    return Wording(f"Escalation: {case.subject}", (case.plan.objective, case.detail, f"{which}. {due}"), case)


def _call(notice: Notice, case: Escalation) -> Wording:
    roles = Role.objects.filter(slug__in=case.told_at_once).order_by("name").values_list("name", flat=True)
    who = " and ".join(roles) or ", ".join(case.told_at_once)
    stands = "The plan is stopped. " if case.plan.state == "held" else ""
    lines = (
        case.plan.objective,
        case.detail,
        f"{stands}You are told at once, whatever the ladder has reached.",
    )
    return Wording(f"{who} called: {case.subject}", lines, case)


def _task(notice: Notice, task: Task) -> Wording:
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


def _standing_in(notice: Notice, plan: Plan) -> Wording:
    told = notice.facts
    names = {task.task_id: str(task) for task in plan.tasks.all()}
    tasks = "; ".join(names.get(number, number) for number in told["tasks"])
    lines = (plan.objective, f"{told['for']} {told['why']}.", f"You are asked as {told['role']}: {tasks}.")
    return Wording(f"You stand in for {told['for']}: {plan.plan_id}", lines, plan)


def _breach(notice: Notice, breach: Breach) -> Wording:
    value = f"Measured: {breach.value}." if breach.value else ""
    subject = f"Limit breached: {breach.rule} on {breach.program}"
    return Wording(subject, (breach.message, f"Period: {breach.period}. {value}".strip()), breach.plan)


def _ripcord(notice: Notice, pull: RipcordPull) -> Wording:
    what = pull.plan or pull.program or "the whole installation"
    lines = (f"Why: {pull.reason}", "Nothing new starts. Two people must release it.")
    return Wording(f"Stopped: the rip-cord was pulled on {what}", lines, pull.plan or pull.program or pull)


def _ended(notice: Notice, plan: Plan) -> Wording:
    state = plan.get_state_display().lower()
    return Wording(f"{plan.plan_id} {state}: {plan.objective}", (plan.usage,), plan)


def _schedule(notice: Notice, run: Any) -> Wording:
    lines = (f"It was due {time_in_words(run.due_at, run.schedule.program.time_zone)}.", f"Why: {run.reason}")
    return Wording(f"A scheduled run did not start: {run.schedule}", lines, run.schedule)


def _policy(notice: Notice, row: PolicyVersion) -> Wording:
    lines = (f"Why: {row.reason}", "Another person must adopt or reject it.")
    return Wording(f"A policy is proposed: {row}", lines, row)


def _two(notice: Notice, change: GuardedChange) -> Wording:
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


def _account(notice: Notice, account: Any) -> Wording:
    told = notice.facts
    moved = "" if told["field"] == "account" else f"Before: {told['before']}. Now: {told['after']}."
    hint = "Set a password of your own before you decide anything." if told["field"] == "password" else ""
    subject = f"Your account {account} {_ACCOUNT_WORDS[told['field']]}"
    return Wording(subject, (f"By {told['by']}.", moved, hint, "If you did not expect it, say so."), account)


# ------------------------------------------------------------------ does it still stand


def _stands(notice: Notice, obj: Any, person: Person) -> str | None:
    return None


def _vote_stands(notice: Notice, approval: Approval, person: Person) -> str | None:
    if approval.state in POSTPONED_STATES:
        return LATER
    if approval.state not in ASKING_STATES:
        return f"The round is {approval.get_state_display().lower()}."
    asked = {candidate.pk for candidate in _deciders(notice, approval)}
    return None if person.pk in asked else f"{person} has decided, or is not asked any more."


def _changes_stand(notice: Notice, approval: Approval, person: Person) -> str | None:
    plan = approval.plan
    if plan.state == "held":
        return LATER
    return None if plan.state == "changes_requested" else f"The plan is {plan.get_state_display().lower()}."


def _case_stands(notice: Notice, case: Escalation, person: Person) -> str | None:
    if case.state == "paused":
        return LATER
    open_states = {"exhausted"} if notice.kind == NoticeKind.EXHAUSTED else UNANSWERED_STATES
    return None if case.state in open_states else f"The case is {case.get_state_display().lower()}."


def _call_stands(notice: Notice, case: Escalation, person: Person) -> str | None:
    """Also while the plan is stopped: that is what the board is called for."""
    return None if case.state in OPEN_CASE_STATES else f"The case is {case.get_state_display().lower()}."


def _task_stands(notice: Notice, task: Task, person: Person) -> str | None:
    if task.state == "suspended":
        return LATER
    if not task.is_with_people:
        return f"The task is {task.get_state_display().lower()}."
    return None if task.owner_id in (None, person.pk) else f"{task.owner} has taken the task."


def _plan_goes_on(notice: Notice, plan: Plan, person: Person) -> str | None:
    return None if plan.is_live else f"The plan is {plan.get_state_display().lower()}."


def _breach_stands(notice: Notice, breach: Breach, person: Person) -> str | None:
    return "A later measurement was good again." if breach.cleared_at else None


def _proposal_stands(notice: Notice, row: PolicyVersion, person: Person) -> str | None:
    return None if row.state == "proposed" else f"The proposal is {row.get_state_display().lower()}."


def _change_waits(notice: Notice, change: GuardedChange, person: Person) -> str | None:
    """What was decided is told in any case; that it waits only while it does."""
    if notice.facts["state"] == change.state or notice.facts["state"] != GuardedState.PROPOSED:
        return None
    return f"The change is {change.get_state_display().lower()}."


def _pull_stands(notice: Notice, pull: RipcordPull, person: Person) -> str | None:
    return None if pull.state == "pulled" else f"The rip-cord is {pull.get_state_display().lower()}."


@dataclass(frozen=True, slots=True)
class _Kind:
    recipients: Callable[[Notice, Any], list[Person]]
    wording: Callable[[Notice, Any], Wording]
    pointless: Callable[[Notice, Any, Person], str | None] = _stands


_KINDS: Mapping[NoticeKind, _Kind] = {
    NoticeKind.DECISION: _Kind(_deciders, _decision, _vote_stands),
    NoticeKind.REMINDER: _Kind(_deciders, _decision, _vote_stands),
    NoticeKind.CHANGES: _Kind(_plan_people, _changes, _changes_stand),
    NoticeKind.RUNG: _Kind(_on_rung, _escalation, _case_stands),
    NoticeKind.EXHAUSTED: _Kind(_plan_people, _escalation, _case_stands),
    NoticeKind.BOARD: _Kind(_called, _call, _call_stands),
    NoticeKind.TASK: _Kind(_workers, _task, _task_stands),
    NoticeKind.TASK_REMINDER: _Kind(_workers, _task, _task_stands),
    NoticeKind.OVERDUE: _Kind(_workers, _task, _task_stands),
    NoticeKind.STAND_IN: _Kind(_stand_in, _standing_in, _plan_goes_on),
    NoticeKind.BREACH: _Kind(_plan_people, _breach, _breach_stands),
    NoticeKind.RIPCORD: _Kind(_stoppers, _ripcord, _pull_stands),
    NoticeKind.ENDED: _Kind(_plan_people, _ended),
    NoticeKind.SCHEDULE: _Kind(_schedule_owner, _schedule),
    NoticeKind.POLICY: _Kind(_adopters, _policy, _proposal_stands),
    NoticeKind.AUTHORITY: _Kind(_of_two, _two, _change_waits),
    NoticeKind.ACCOUNT: _Kind(_owners, _account),
}


def _kind_of(notice: Notice) -> _Kind:
    """What a kind of case says of its own notices, else the table above."""
    of_case = case_kinds.notice_about(notice.entity, notice.kind)
    if of_case is None:
        return _KINDS[NoticeKind(notice.kind)]

    def worded(notice: Notice, obj: Any) -> Wording:
        return Wording(*of_case.wording(notice, obj), obj)

    return _Kind(of_case.recipients, worded, of_case.pointless)
