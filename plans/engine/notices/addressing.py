"""Whom a notice concerns, and whether it still has a point: asked again before sending."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.apps import apps

from plans import case_kinds
from plans.engine.gates import eligibility
from plans.engine.notices import invitations, wording
from plans.engine.notices.wording import Wording
from plans.engine.people.directory import Directory
from plans.engine.people.permissions import asked_by, people_with, persons_of
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
from plans.selectors import answer_of
from programs.models import UNSETTLED_CHANGE_STATES, GuardedChange, GuardedState, Person, two_people

LATER = "later"
"""Answer of a check: the matter stands still, say nothing now and ask again."""


def subject_of(notice: Notice) -> Any | None:
    """The object the notice is about; None where it is gone."""
    return apps.get_model(notice.entity)._base_manager.filter(pk=notice.entity_id).first()


def recipients(notice: Notice, obj: Any) -> list[Person]:
    """The people concerned, as the organisation stands now; nobody twice."""
    found = _kind_of(notice).recipients(notice, obj)
    return list({person.pk: person for person in found if person.is_active}.values())


def worded(notice: Notice, obj: Any) -> Wording:
    return _kind_of(notice).words(notice, obj)


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
    return [*asked_by(plan.requested_by), *([owner] if owner else [])]


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
    return [*people_with("plans.release_ripcord"), *people_of(pull.plan), *([owner] if owner else [])]


def _adopters(notice: Notice, row: PolicyVersion) -> list[Person]:
    """Those who may adopt it, but whoever proposed it."""
    own = {person.pk for person in asked_by(row.proposed_by)}
    return [person for person in people_with("plans.adopt_policy") if person.pk not in own]


def _of_two(notice: Notice, change: GuardedChange) -> list[Person]:
    """Whoever could agree while it waits; always those it concerns, who proposed it and who decided."""
    concerned = Person.objects.filter(pk__in=change.people)
    found = [*concerned, *asked_by(change.requested_by), *persons_of(change.decided_by)]
    if change.state in UNSETTLED_CHANGE_STATES:
        wanted = two_people.seconds(change.requested_by, change.people)
        found += Person.objects.filter(pk__in=wanted).order_by("pk")
    return found


def _owners(notice: Notice, account: Any) -> list[Person]:
    return list(Person.objects.filter(accounts=account).order_by("pk"))


def _in_conversation(notice: Notice, plan: Plan) -> list[Person]:
    """Whoever asked for the plan, its owner, and whoever is asked to decide now; not who wrote."""
    asking = plan.approvals.filter(state__in=ASKING_STATES)
    asked = [candidate.person for round_ in asking for candidate in eligibility.bench_of(round_).candidates]
    own = set(Person.objects.filter(accounts=notice.facts["author_id"]).values_list("pk", flat=True))
    return [person for person in (*people_of(plan), *asked) if person.pk not in own]


def _plan_people(notice: Notice, obj: Any) -> list[Person]:
    return people_of(obj if isinstance(obj, Plan) else obj.plan)


def _answering_a_breach(notice: Notice, breach: Breach) -> list[Person]:
    """The people of the plan, and whoever answers by the plan's own rules, or stands in today."""
    directory = Directory.today()
    return [*people_of(breach.plan), *directory.standing(breach.answered_by)]


def _schedule_owner(notice: Notice, run: Any) -> list[Person]:
    return asked_by(run.schedule.owner)


def _answering(notice: Notice, subscription: Any) -> list[Person]:
    """The owner of a webhook; of a service account, who answers for it."""
    return asked_by(subscription.owner)


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


def _outlook_stands(notice: Notice, plan: Plan, person: Person) -> str | None:
    if not plan.is_live:
        return f"The plan is {plan.get_state_display().lower()}."
    now = (answer_of(plan) or {}).get("verdict")
    return None if now == notice.facts["after"] else f"Its answer is “{now}” now."


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
    words: Callable[[Notice, Any], Wording]
    pointless: Callable[[Notice, Any, Person], str | None] = _stands


_KINDS: Mapping[NoticeKind, _Kind] = {
    NoticeKind.DECISION: _Kind(_deciders, wording.decision, _vote_stands),
    NoticeKind.REMINDER: _Kind(_deciders, wording.decision, _vote_stands),
    NoticeKind.CHANGES: _Kind(_plan_people, wording.changes, _changes_stand),
    NoticeKind.RUNG: _Kind(_on_rung, wording.escalation, _case_stands),
    NoticeKind.EXHAUSTED: _Kind(_plan_people, wording.escalation, _case_stands),
    NoticeKind.BOARD: _Kind(_called, wording.call, _call_stands),
    NoticeKind.TASK: _Kind(_workers, wording.task, _task_stands),
    NoticeKind.TASK_REMINDER: _Kind(_workers, wording.task, _task_stands),
    NoticeKind.OVERDUE: _Kind(_workers, wording.task, _task_stands),
    NoticeKind.STAND_IN: _Kind(_stand_in, wording.standing_in, _plan_goes_on),
    NoticeKind.BREACH: _Kind(_answering_a_breach, wording.breach, _breach_stands),
    NoticeKind.RIPCORD: _Kind(_stoppers, wording.ripcord, _pull_stands),
    NoticeKind.ENDED: _Kind(_plan_people, wording.ended),
    NoticeKind.SCHEDULE: _Kind(_schedule_owner, wording.schedule),
    NoticeKind.POLICY: _Kind(_adopters, wording.policy, _proposal_stands),
    NoticeKind.AUTHORITY: _Kind(_of_two, wording.two, _change_waits),
    NoticeKind.MESSAGE: _Kind(_in_conversation, wording.message),
    NoticeKind.OUTLOOK: _Kind(_plan_people, wording.outlook, _outlook_stands),
    NoticeKind.ACCOUNT: _Kind(_owners, wording.account),
    NoticeKind.WEBHOOK: _Kind(_answering, wording.webhook),
    NoticeKind.INVITATION: _Kind(invitations.recipients, wording.invitation, invitations.pointless),
}


def _kind_of(notice: Notice) -> _Kind:
    """What a kind of case says of its own notices, else the table above."""
    of_case = case_kinds.notice_about(notice.entity, notice.kind)
    if of_case is None:
        return _KINDS[NoticeKind(notice.kind)]

    def worded(notice: Notice, obj: Any) -> Wording:
        return Wording(*of_case.wording(notice, obj), obj)

    return _Kind(of_case.recipients, worded, of_case.pointless)
