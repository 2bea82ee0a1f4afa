"""Who must not decide at which round: reads what happened around a gate for the rules in ``duties``.

One pass over any number of rounds, a fixed number of queries.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from plans.engine.gates import duties
from plans.engine.gates.provenance import Arrangements
from plans.engine.people.directory import Directory
from plans.models import (
    STANDING_STATES,
    Approval,
    Decision,
    DecisionKind,
    Plan,
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


def excluded_by_round(rounds: Sequence[Approval], directory: Directory) -> dict[int, dict[int, str]]:
    """Round → person → every reason in one sentence."""
    return around(rounds, directory).excluded


def around(rounds: Sequence[Approval], directory: Directory) -> Around:
    """What happened around these rounds."""
    plans = {r.plan_id: r.plan for r in rounds}
    accounts = people_of_accounts()
    requesters = {pk: accounts[plan.requested_by_id] for pk, plan in plans.items()}
    editors = _editors(plans, accounts)
    guarded = _owners_behind([r.task_id for r in rounds])
    decided = _decided(plans)
    chosen = _chosen_by(directory, accounts)
    found = {}
    for r in rounds:
        elsewhere = set().union(*(decided[r.plan_id, gate] for gate in r.rules.distinct_from))
        facts = duties.Facts(
            requesters=_ids(requesters[r.plan_id]),
            editors=_ids(editors[r.plan_id]),
            executors=_ids(guarded[r.task_id]),
            decided_elsewhere=_ids(elsewhere),
            acts_for=directory.acts_for(),
            chosen_by=chosen,
        )
        found[r.pk] = reasons(facts, directory)
    askers = {pk: requesters[pk] | editors[pk] for pk in plans}
    return Around(found, askers, Arrangements.of(directory, accounts))


def excluded_from_draft(
    user_id: int | None, owners: Iterable[Person], directory: Directory
) -> dict[int, str]:
    """The same for a run that is not stored yet: its requester, and who will own what the gate guards."""
    accounts = people_of_accounts()
    facts = duties.Facts(
        requesters=_ids(accounts[user_id]),
        executors=_ids(owner.pk for owner in owners),
        acts_for=directory.acts_for(),
        chosen_by=_chosen_by(directory, accounts),
    )
    return reasons(facts, directory)


def reasons(facts: duties.Facts, directory: Directory) -> dict[int, str]:
    found = duties.exclusions(facts, directory.names())
    return {int(person): reason for person, reason in duties.excluded_people(found).items()}


def why_no_owner(task: Task, person: Person) -> str | None:
    """Why somebody must not take over a task now: they decided at a gate that guards it."""
    votes = Decision.objects.filter(person=person, superseded_at__isnull=True, void_reason="")
    votes = votes.filter(approval__task__in=task.needs.all(), approval__state__in=STANDING_STATES)
    decided = votes.exclude(kind=DecisionKind.RECUSE).select_related("approval").first()
    if decided is None:
        return None
    return f"{person} decided {decided.approval.title}, which guards this task. Choose somebody else."


def _ids(people: Iterable[int]) -> frozenset[str]:
    return frozenset(str(pk) for pk in people)


def askers_of(plans: Mapping[int, Plan], accounts: Mapping[int | None, set[int]]) -> People:
    """Plan → who asked for it or has edited it."""
    found = _editors(plans, accounts)
    for pk, plan in plans.items():
        found[pk] = found[pk] | accounts[plan.requested_by_id]
    return found


def people_of_accounts() -> defaultdict[int | None, set[int]]:
    found: defaultdict[int | None, set[int]] = defaultdict(set)
    for user, person in Person.accounts.through.objects.values_list("user_id", "person_id"):
        found[user].add(person)
    return found


def _editors(plans: Mapping[int, Plan], accounts: Mapping[int | None, set[int]]) -> People:
    """Who changed the draft or, at any time, a material field, and who wrote by hand what a gate approves."""
    found: People = defaultdict(set)
    rows = Plan.history.filter(id__in=plans).order_by("id", "history_id")
    before: dict[int, tuple[object, ...]] = {}
    for plan, user, state, *material in rows.values_list("id", "history_user_id", "state", *MATERIAL):
        is_edit = plan in before and (state == "draft" or before[plan] != tuple(material))
        if is_edit and user is not None:
            found[plan] |= accounts[user]
        before[plan] = tuple(material)
    by_hand = TaskAttempt.objects.filter(
        task__plan__in=plans, executor=TaskAttempt.Executor.PERSON, user__isnull=False
    )
    for plan, user in by_hand.values_list("task__plan_id", "user_id"):
        found[plan] |= accounts[user]
    return found


def _owners_behind(gates: Sequence[int]) -> People:
    found: People = defaultdict(set)
    behind = Task.objects.filter(needs__in=gates, owner__isnull=False).exclude(kind=TaskKind.GATE)
    for gate, owner in behind.values_list("needs", "owner_id"):
        found[gate].add(owner)
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
