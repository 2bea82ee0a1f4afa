"""What waits for me: approvals I can decide, tasks I own or my roles do, escalations on my rung, break-glass,
policies and changes of who may decide that others propose, and what every kind of case lists."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import reduce
from itertools import count
from operator import or_
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from plans import case_kinds
from plans.engine.escalation import rotas
from plans.engine.gates import eligibility
from plans.engine.gates.break_glass import awaiting_second
from plans.engine.people import authority
from plans.engine.people.asked import WaitingQuestion, waiting_questions
from plans.engine.people.directory import Directory
from plans.models import (
    DECIDABLE_STATES,
    MOST_RUNGS,
    OPEN_CASE_STATES,
    REACHED_STATES,
    WITH_PEOPLE,
    Approval,
    BreakGlass,
    Decision,
    Escalation,
    PolicyVersion,
    RipcordPull,
    Task,
)
from plans.selectors import (
    PLAN_DOCUMENTS,
    approvals_with_votes,
    break_glass_uses,
    cases_with_people,
    pulls_to_close,
    sent_back_to,
    tasks_with_people,
)
from programs.models import GuardedChange, Person, WaitingUpload
from programs.selectors import is_partners_contact, waiting_files

MOST = 20
"""Of a kind in one look; more are asked for when these are done."""


@dataclass(frozen=True, slots=True)
class CasesOfKind:
    """The waiting cases of one kind, under the name and title by which it is registered."""

    name: str
    title: str
    rows: list[case_kinds.WaitingCase]


TOGETHER = 3
"""Cases of one kind about one thing from which on they are one line."""


def together(found: Sequence[case_kinds.WaitingCase]) -> list[list[case_kinds.WaitingCase]]:
    """Cases as lines in their order: those about one program or campaign in one, where they are many."""
    about: dict[str, list[case_kinds.WaitingCase]] = {}
    for case in found:
        about.setdefault(f"{case.called} {case.about}" if case.about else str(id(case)), []).append(case)
    lines = [[case] for rows in about.values() if len(rows) < TOGETHER for case in rows]
    lines += [rows for rows in about.values() if len(rows) >= TOGETHER]
    place = {id(case): number for number, case in enumerate(found)}
    return sorted(lines, key=lambda rows: place[id(rows[0])])


@dataclass(frozen=True, slots=True)
class Inbox:
    approvals: list[Approval] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)
    escalations: list[Escalation] = field(default_factory=list)
    break_glass: list[BreakGlass] = field(default_factory=list)
    """Asked for, and takes a second person."""
    reviews: list[BreakGlass] = field(default_factory=list)
    policies: list[PolicyVersion] = field(default_factory=list)
    """Proposed by somebody else, to adopt or to reject."""
    changes: list[GuardedChange] = field(default_factory=list)
    """Changes of who may decide that take a second person."""
    sent_back: list[Approval] = field(default_factory=list)
    """Rounds that asked for changes of what they asked for."""
    stopped: list[RipcordPull] = field(default_factory=list)
    """Pulls that take two people to close, and have not this one's agreement."""
    questions: list[WaitingQuestion] = field(default_factory=list)
    """In the threads of plans they asked for, not answered yet."""
    files: list[WaitingUpload] = field(default_factory=list)
    """Chosen to be loaded, and not loaded yet."""
    cases: list[CasesOfKind] = field(default_factory=list)
    """Kinds of which something waits."""
    most: int = MOST

    def __len__(self) -> int:
        return sum(map(len, self._kinds))

    @property
    def is_full(self) -> bool:
        """Whether there may be more of a kind than are here; these are the most urgent."""
        return max(map(len, self._kinds)) >= self.most

    @property
    def _kinds(self) -> tuple[list[Any], ...]:
        ours = self.approvals, self.tasks, self.escalations, self.break_glass, self.reviews, self.policies
        return (
            *ours,
            self.changes,
            self.sent_back,
            self.stopped,
            self.questions,
            self.files,
            *(of_kind.rows for of_kind in self.cases),
        )


def waiting_for(user: Any, most: int = MOST) -> Inbox:
    """What this user's person can act on now, the most urgent first, up to ``most`` of a kind."""
    addresses = dict(Person.objects.filter(accounts=user, is_active=True).values_list("pk", "email"))
    people = set(addresses)
    if not people:
        return Inbox(most=most)
    directory = Directory.today()
    role_ids = {approver.role_id for approver in directory.approvers if approver.person_id in people}
    human = tasks_with_people().filter(WITH_PEOPLE)
    human = human.filter(Q(owner__in=people) | Q(owner=None, agent__in=role_ids)).order_by("due_at", "pk")
    cases = cases_with_people().filter(state__in=REACHED_STATES)
    roles = _stands_for(people, directory)
    of_roles = _on_rung(roles) | _names_one("told_at_once", roles)
    theirs = of_roles | _names_one("ladder", set(addresses.values()))
    if rotas.is_put_on_call(people, directory):  # an override stands in no ladder
        theirs |= Q(ladder__icontains='"rota"')
    cases = cases.filter(Q(owner__in=people) | (theirs & Q(owner=None))).order_by("due_at", "pk")

    def theirs_now(batch: Sequence[Escalation]) -> list[Escalation]:
        """Without those that name somebody in a rota who is not on call."""
        rotated = {case.pk for case in batch if any(rung.rota for rung in case.rungs)}
        by_role = {case.pk for case in batch} - rotated
        if rotated:
            by_role |= set(cases.filter(of_roles, pk__in=rotated).values_list("pk", flat=True))
        return [
            case
            for case in batch
            if case.pk in by_role
            or case.owner_id in people
            or rotas.is_on_call(case.reached, case.plan, people, directory)
        ]

    return Inbox(
        approvals=_decidable(people, directory, most),
        tasks=list(human[:most]),
        escalations=take(cases, theirs_now, most),
        break_glass=awaiting_second(people)[:most] if _may(user, "plans.use_break_glass") else [],
        reviews=owed_reviews(user, people)[:most],
        policies=proposals(user, people)[:most],
        changes=authority.waiting_changes(user, people, most),
        sent_back=list(sent_back_to(user, people)[:most]),
        stopped=_stopped(user, people, most),
        questions=waiting_questions(user, people, most),
        files=_files(user, most),
        cases=_cases(user, people, most),
        most=most,
    )


def _may(user: Any, permission: str) -> bool:
    """Whether somebody decides this for us: who speaks for a partner does not, whatever else they may."""
    return user.has_perm(permission) and not is_partners_contact(user)


def _files(user: Any, most: int) -> list[WaitingUpload]:
    return list(waiting_files(user)[:most]) if _may(user, "programs.add_dataset") else []


def _stopped(user: Any, people: set[int], most: int) -> list[RipcordPull]:
    """Pulls that this user may close and has not agreed to yet."""
    if not _may(user, "plans.release_ripcord"):
        return []
    return [
        pull for pull in pulls_to_close() if not people & {agreed["person"] for agreed in pull.released_by}
    ][:most]


def _cases(user: Any, people: set[int], most: int) -> list[CasesOfKind]:
    found = [
        CasesOfKind(kind.name, kind.title, kind.waiting(user, people, most)[:most])
        for kind in case_kinds.all_kinds()
    ]
    return [of_kind for of_kind in found if of_kind.rows]


def proposals(user: Any, people: set[int]) -> list[PolicyVersion]:
    """Policies that these people may adopt: with the permission, and not their own."""
    if not _may(user, "plans.adopt_policy"):
        return []
    rows = PolicyVersion.objects.filter(state="proposed").exclude(proposed_by__people__in=people)
    return list(rows.select_related("proposed_by").order_by("created_at", "pk")[:MOST])


def owed_reviews(user: Any, people: set[int]) -> list[BreakGlass]:
    """Uses of break-glass that these people may review: with the permission, and not their own."""
    if not _may(user, "plans.review_break_glass"):
        return []
    theirs = Q(asked_by__in=people) | Q(agreed_by__in=people)
    return list(break_glass_uses(owed=True).exclude(theirs)[:MOST])


def _stands_for(people: set[int], directory: Directory) -> set[str]:
    """The roles these people hold, and those of people who are away and whom they stand in for."""
    return {
        approver.role.slug
        for approver in directory.approvers
        if people & {approver.person_id, *(person.pk for person in directory.in_place_of(approver))}
    }


def _decidable(people: set[int], directory: Directory, most: int) -> list[Approval]:
    """Rounds that these people can decide: narrowed by the database, judged by the bench."""

    def judged(batch: Sequence[Approval]) -> list[Approval]:
        benches = eligibility.benches_of(batch, directory)
        return [a for a in batch if any(c.person.pk in people for c in benches[a.pk].candidates)]

    rounds = rounds_that_may_ask(people, directory)
    return take(rounds.prefetch_related("escalations").order_by("due_at", "pk"), judged, most)


def rounds_that_may_ask(people: set[int], directory: Directory) -> QuerySet[Approval]:
    """Open rounds without a vote of theirs that have a seat for a role these people hold, stand in or
    cover for, or an open ladder that has reached one: a few too many, never one too few."""
    acts_for = directory.acts_for()
    holders = people | {int(pk) for person in people for pk in acts_for.get(str(person), ())}
    slugs = {approver.role.slug for approver in directory.approvers if approver.person_id in holders}
    climbing = Escalation.objects.filter(_on_rung(slugs), approval=OuterRef("pk"), state__in=OPEN_CASE_STATES)
    votes = Decision.objects.filter(approval=OuterRef("pk"), superseded_at=None, void_reason="")
    rounds = approvals_with_votes().filter(state__in=DECIDABLE_STATES)
    named = _names_one("policy__seats", slugs) | _names_one("policy__fallbacks", slugs)
    rounds = rounds.filter(named | Q(Exists(climbing)))
    rounds = rounds.exclude(Exists(votes.filter(person__in=people)))
    return rounds.defer(*(f"plan__{name}" for name in PLAN_DOCUMENTS), "task__output")


def _names_one(path: str, slugs: set[str]) -> Q:
    """Whether the JSON at ``path`` has one of the roles somewhere; both databases can tell that much."""
    return reduce(or_, (Q(**{f"{path}__icontains": f'"{slug}"'}) for slug in sorted(slugs)), Q(pk__in=[]))


def take(rows: QuerySet[Any], keep: Callable[[list[Any]], list[Any]], most: int) -> list[Any]:
    """The first that are kept, up to ``most``, reading on only where too many were not."""
    found: list[Any] = []
    for start in count(0, most):
        batch = list(rows[start : start + most])
        found += keep(batch) if batch else []
        if len(batch) < most or len(found) >= most:
            break
    return found[:most]


def _on_rung(slugs: set[str]) -> Q:
    """Cases of which a rung that has fired (``Escalation.reached``) names one of the roles."""
    rungs = (
        (Q(cycle__gt=1) | Q(rung__gt=n)) & _names_one(f"ladder__{n}__roles", slugs) for n in range(MOST_RUNGS)
    )
    return reduce(or_, rungs)
