"""Who must not decide at which round: reads what happened around a gate for the rules in ``duties``.

One pass over any number of rounds, a fixed number of queries.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gtm.core.models import ChangeLogEntry, ServiceAccount
from plans.engine.gates import duties, scope
from plans.engine.gates.provenance import Arrangements
from plans.engine.people.directory import Directory
from plans.models import (
    FINAL_TASK_STATES,
    STANDING_STATES,
    Approval,
    Decision,
    DecisionKind,
    Plan,
    Schedule,
    ScheduledRun,
    Task,
    TaskAttempt,
    TaskKind,
)
from programs.models import Delegation, Person

People = dict[int, set[int]]
MATERIAL = ("inputs", "amount", "currency", "datasets", "objective", "structure_sha256")


@dataclass(frozen=True, slots=True)
class Around:
    """``excluded``: round → person → every reason in one sentence. ``askers``: plan → who asked or edited."""

    excluded: dict[int, dict[int, str]]
    askers: People
    arrangements: Arrangements
    twice: dict[int, dict[int, str]]
    """Round → people who would vote a second time as somebody else, with the reason."""


def excluded_by_round(rounds: Sequence[Approval], directory: Directory) -> dict[int, dict[int, str]]:
    """Round → person → every reason in one sentence."""
    return around(rounds, directory).excluded


def around(rounds: Sequence[Approval], directory: Directory) -> Around:
    """What happened around these rounds."""
    plans = {r.plan_id: r.plan for r in rounds}
    accounts = people_of_accounts()
    requesters = _requesters(plans, accounts)
    edited = _editors(plans, accounts)
    written = _written_by_hand(rounds, accounts)
    guarded = _owners_behind([r.task_id for r in rounds], accounts)
    decided = _decided(plans)
    chosen = _chosen_by(directory, accounts)
    found, askers = {}, {pk: requesters[pk] | edited[pk] for pk in plans}
    for r in rounds:
        elsewhere = set().union(*(decided[r.plan_id, gate] for gate in r.rules.distinct_from))
        facts = duties.Facts(
            requesters=_ids(requesters[r.plan_id]),
            editors=_ids(edited[r.plan_id] | written[r.pk]),
            executors=_ids(guarded[r.task_id]),
            decided_elsewhere=_ids(elsewhere),
            acts_for=directory.acts_for(),
            chosen_by=chosen,
            speaks_for=directory.speaks_for,
        )
        found[r.pk] = reasons(facts, directory)
        askers[r.plan_id] |= written[r.pk]
    twice = {r.pk: _second_selves(r, accounts) for r in rounds}
    return Around(found, askers, Arrangements.of(directory, accounts), twice)


def excluded_from_draft(
    askers: Iterable[int], owners: Iterable[Person], writers: Iterable[Person], directory: Directory
) -> dict[int, str]:
    """The same for a run that is not stored yet.

    The people who ask for it, who will own what the gate guards, and who will write by hand what it approves.
    """
    accounts = people_of_accounts()
    facts = duties.Facts(
        requesters=_ids(askers),
        editors=_ids(person.pk for person in writers),
        executors=_ids(owner.pk for owner in owners),
        acts_for=directory.acts_for(),
        chosen_by=_chosen_by(directory, accounts),
        speaks_for=directory.speaks_for,
    )
    return reasons(facts, directory)


def reasons(facts: duties.Facts, directory: Directory) -> dict[int, str]:
    found = duties.exclusions(facts, directory.names())
    return {int(person): reason for person, reason in duties.excluded_people(found).items()}


def why_no_owner(task: Task, person: Person) -> str | None:
    """Why somebody must not take over a task now, or do it: they decided at a gate that guards it."""
    votes = Decision.objects.filter(person=person, superseded_at__isnull=True, void_reason="")
    votes = votes.filter(approval__task__in=task.needs.all(), approval__state__in=STANDING_STATES)
    decided = votes.exclude(kind=DecisionKind.RECUSE).select_related("approval").first()
    if decided is None:
        return None
    return f"{person} decided {decided.approval.title}, which guards this task. Somebody else has to do it."


def _ids(people: Iterable[int]) -> frozenset[str]:
    return frozenset(str(pk) for pk in people)


def askers_of(plans: Mapping[int, Plan], accounts: Mapping[int | None, set[int]]) -> People:
    """Plan → who asked for it or has edited it."""
    found, requesters = _editors(plans, accounts), _requesters(plans, accounts)
    for pk in plans:
        found[pk] = found[pk] | requesters[pk]
    return found


def _requesters(plans: Mapping[int, Plan], accounts: Mapping[int | None, set[int]]) -> People:
    """Plan → who asked for it: of one that a schedule started also whoever wrote what the schedule does."""
    found = {pk: set(accounts[plan.requested_by_id]) for pk, plan in plans.items()}
    runs = ScheduledRun.objects.filter(plan__in=plans).values_list("schedule_id", "plan_id")
    started: defaultdict[int, set[int]] = defaultdict(set)
    for schedule, plan_pk in runs:
        started[schedule].add(plan_pk)
    for schedule, rows in writers_of_schedules(started).items():
        for plan_pk in started[schedule]:
            begun = plans[plan_pk].created_at
            found[plan_pk] |= set().union(*(accounts[user] for user, at in rows if at <= begun))
    return found


def writers_of_schedules(schedules: Collection[int]) -> dict[int, list[tuple[int, datetime]]]:
    """Schedule → who changed what it does, and when: its owner is only whoever did so last."""
    found: dict[int, list[tuple[int, datetime]]] = {pk: [] for pk in schedules}
    if not found:
        return found
    before: dict[int, tuple[Any, ...]] = {}
    rows = Schedule.history.filter(id__in=found).order_by("history_id")
    for pk, user, at, *now in rows.values_list(
        "id", "history_user_id", "history_date", *Schedule.WHAT_IT_DOES
    ):
        if user is not None and before.get(pk) != tuple(map(str, now)):
            found[pk].append((user, at))
        before[pk] = tuple(map(str, now))
    return found


def people_of_accounts() -> defaultdict[int | None, set[int]]:
    """Account → the people it belongs to or has ever belonged to: whose act it was does not change later.

    Of a program's account also those of its owner: whoever answers for it has asked for what it asks.
    """
    found: defaultdict[int | None, set[int]] = defaultdict(set)
    for user, person in Person.accounts.through.objects.values_list("user_id", "person_id"):
        found[user].add(person)
    parted = ChangeLogEntry.objects.filter(entity="programs.person", event="unlinked")
    for person_pk, body in parted.values_list("entity_id", "payload__body"):
        if body is not None and body["field"] == "accounts":
            for user in body["to"]:
                found[int(user)].add(int(person_pk))
    for user, owner in ServiceAccount.objects.values_list("user_id", "owner_id"):
        found[user] |= found[owner]
    return found


def _second_selves(approval: Approval, accounts: Mapping[int | None, set[int]]) -> dict[int, str]:
    """Who has, or once had, an account in common with somebody who voted first: they count as one."""
    if not approval.pk:  # still to be opened
        return {}
    live = [d for d in approval.decisions.all() if d.superseded_at is None and not d.void_reason]
    found: dict[int, str] = {}
    first: set[int] = set()
    for vote in sorted(live, key=lambda d: d.pk):
        first.add(vote.person_id)
        shared = set().union(*(p for p in accounts.values() if vote.person_id in p)) - first
        if shared:
            reason = f"has had an account in common with {vote.person}, who has voted"
            found |= {pk: reason for pk in shared if pk not in found}
    return found


def _editors(plans: Mapping[int, Plan], accounts: Mapping[int | None, set[int]]) -> People:
    """Who changed the draft or, at any time, a material field."""
    found: People = defaultdict(set)
    rows = Plan.history.filter(id__in=plans).order_by("id", "history_id")
    before: dict[int, tuple[object, ...]] = {}
    for plan, user, state, *material in rows.values_list("id", "history_user_id", "state", *MATERIAL):
        is_edit = plan in before and (state == "draft" or before[plan] != tuple(material))
        if is_edit and user is not None:
            found[plan] |= accounts[user]
        before[plan] = tuple(material)
    return found


def _written_by_hand(rounds: Sequence[Approval], accounts: Mapping[int | None, set[int]]) -> People:
    """Round → who wrote by hand, or has still to write, an output that lies in the scope of its gate.

    To complete any other task of one's own is no edit of what the gate approves.
    """
    found: People = defaultdict(set)
    tasks = Task.objects.filter(plan__in={r.plan_id for r in rounds}).exclude(output_var="")
    columns = ("plan_id", "pk", "output_var")
    by_hand = tasks.filter(attempts__executor=TaskAttempt.Executor.PERSON, attempts__user__isnull=False)
    wrote = [
        (tuple(row), accounts[user]) for *row, user in by_hand.values_list(*columns, "attempts__user_id")
    ]
    to_write = tasks.filter(kind=TaskKind.HUMAN, owner__isnull=False).exclude(state__in=FINAL_TASK_STATES)
    wrote += [(tuple(row), {owner}) for *row, owner in to_write.values_list(*columns, "owner_id")]
    needs: dict[int, scope.Needs] = {}
    for r in rounds if wrote else ():
        named = set(r.rules.scope)
        if not named and r.plan_id not in needs:
            needs[r.plan_id] = scope.needs_of(r.plan)
        before = () if named else scope.all_before(r.task_id, needs[r.plan_id])
        for (plan_id, task_pk, output), people in wrote:
            if plan_id == r.plan_id and (output in named or task_pk in before):
                found[r.pk] |= people
    return found


def _owners_behind(gates: Sequence[int], accounts: Mapping[int | None, set[int]]) -> People:
    """Gate → who owns a task behind it, has ever owned it, or has done it."""
    found: People = defaultdict(set)
    behind = Task.objects.filter(needs__in=gates).exclude(kind=TaskKind.GATE)
    of_task: defaultdict[int, set[int]] = defaultdict(set)
    for gate, task, owner in behind.values_list("needs", "pk", "owner_id"):
        of_task[task].add(gate)
        found[gate] |= {owner} if owner else set()
    owned = Task.history.filter(id__in=of_task, owner__isnull=False)
    for task, owner in owned.order_by().values_list("id", "owner_id").distinct():
        for gate in of_task[task]:
            found[gate].add(owner)
    done = TaskAttempt.objects.filter(task__in=of_task, executor=TaskAttempt.Executor.PERSON)
    for task, user in done.exclude(user=None).values_list("task_id", "user_id"):
        for gate in of_task[task]:
            found[gate] |= accounts[user]
    return found


def _decided(plans: Mapping[int, Plan]) -> defaultdict[tuple[int, str], set[int]]:
    found: defaultdict[tuple[int, str], set[int]] = defaultdict(set)
    votes = Decision.objects.filter(approval__plan__in=plans, superseded_at__isnull=True, void_reason="")
    for plan, gate, person in votes.values_list("approval__plan_id", "approval__gate", "person_id"):
        found[plan, gate].add(person)
    return found


def _chosen_by(directory: Directory, accounts: Mapping[int | None, set[int]]) -> dict[str, str]:
    """Delegate → who entered the delegation, where that was not the principal."""
    delegate_of = {d.pk: d.delegate_id for d in directory.delegations}
    entered = Delegation.history.filter(id__in=delegate_of, history_type="+").exclude(history_user=None)
    return {
        str(delegate_of[pk]): str(person)
        for pk, user in entered.values_list("id", "history_user_id")
        for person in accounts[user]
    }
