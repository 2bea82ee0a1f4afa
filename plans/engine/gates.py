"""Approval gates: rounds are opened, people decide, the policy says what follows.

Eligibility is checked three times: when actions are listed, inside the deciding transaction, and
again for every vote when the round is finalised.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from gtm.core import actors, canonical, changelog, clock
from gtm.core.actors import Actor
from gtm.core.calendars import WorkingCalendar
from gtm.core.errors import GuardNotMet, InvalidInput, NotPermitted, Problem, StaleVersion, WrongState
from gtm.core.fsm import Action, perform
from plans.engine import eligibility, ladder, policy, ripcord
from plans.engine.permissions import persons_of
from plans.models import Approval, Decision, DecisionKind, Plan, Task
from programs.models import Person

logger = logging.getLogger(__name__)

REASON_REQUIRED = frozenset({DecisionKind.REJECT, DecisionKind.REQUEST_CHANGES})
REAUTHENTICATION_HOLDS = timedelta(minutes=10)
DECIDABLE = frozenset({"pending", "unsatisfiable"})


def calendar_of(plan: Plan) -> WorkingCalendar:
    return WorkingCalendar(country=plan.program.country, time_zone=plan.program.time_zone)


# ------------------------------------------------------------------ opening


def open_round(task: Task) -> Approval:
    """Open the next round at the gate of ``task``: whom it asks and what exactly is to be approved."""
    plan = task.plan
    declared = next(g for g in plan.declaration["gates"] if g["key"] == task.key)
    scope = scope_of(plan, declared)
    now = clock.now()
    approval = Approval(
        plan=plan,
        task=task,
        gate=task.key,
        title=declared["title"],
        round=task.approvals.count() + 1,
        policy=declared,
        question=declared["question"],
        summary=summary_of(scope),
        amount=plan.amount,
        currency=plan.currency,
        scope=scope,
        scope_sha256=canonical.digest(scope),
    )
    approval.save()
    due = calendar_of(plan).add_hours(now, declared["hours"])
    perform(approval, "open", set_fields={"opened_at": now, "due_at": due, "missing": []})
    reconsider(approval)
    return approval


def scope_of(plan: Plan, gate: Mapping[str, Any]) -> dict[str, Any]:
    """The content a gate approves: the named inputs and outputs, as they are now."""
    outputs = {t.output_var: t.output for t in plan.tasks.exclude(output_var="")}
    return {name: plan.inputs[name] if name in plan.inputs else outputs.get(name) for name in gate["scope"]}


def summary_of(scope: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The few figures to decide on: what the scoped outputs put forward under "headline"."""
    found = []
    for value in scope.values():
        if isinstance(value, Mapping):
            found += list(value.get("headline", []))
    return found


# ------------------------------------------------------------------ deciding


def decide(
    approval: Approval,
    kind: str,
    *,
    comment: str = "",
    evidence: Mapping[str, Any] | None = None,
    on_behalf_of: Person | None = None,
    seen_digest: str | None = None,
    expected_version: int | None = None,
    reauthenticated_at: datetime | None = None,
) -> Approval:
    """Record one person's decision and act on what the round has come to.

    Raises WrongState where the round is final (nothing changes), NotPermitted with the rule that
    excludes, GuardNotMet where a reason is missing, StaleVersion where the content has changed.
    """
    if kind not in DecisionKind.values:
        raise InvalidInput(
            "There is no such decision.",
            problems=[Problem("decision", f"“{kind}” is unknown.", tuple(DecisionKind.values))],
        )
    actor = actors.current().actor
    with transaction.atomic():
        changelog.lock_chain(approval.change_chain())
        approval.refresh_from_db()
        if approval.state not in DECIDABLE:
            logger.info("%s came too late for %s", actor.label, approval)
            raise WrongState(
                f"{approval.title} is {approval.get_state_display().lower()} already; nothing was changed.",
                state=approval.state,
            )
        _check_seen(approval, seen_digest, expected_version)
        if kind in REASON_REQUIRED and not comment.strip():
            raise GuardNotMet("Say why.", problems=[Problem("comment", "a reason is required to say no.")])
        bench = eligibility.bench_of(approval)
        person = _may_decide(approval, actor, bench, reauthenticated_at)
        principal = _principal(bench, person, on_behalf_of)
        _record(approval, person, actor, kind, comment, evidence or {}, principal)
        reconsider(approval)
    return approval


def available(approval: Approval, actor: Actor) -> list[Action]:
    """What this actor may do with the round now; refused actions carry the reason."""
    if approval.state not in DECIDABLE:
        return []
    reasons: tuple[str, ...] = ()
    try:
        _may_decide(approval, actor, eligibility.bench_of(approval), clock.now())
    except NotPermitted as refused:
        reasons = (refused.detail,)
    return [Action(kind.value, kind.label, kind in REASON_REQUIRED, reasons) for kind in DecisionKind]


def _check_seen(approval: Approval, seen_digest: str | None, expected_version: int | None) -> None:
    changed = seen_digest is not None and seen_digest != approval.scope_sha256
    if changed or (expected_version is not None and expected_version != approval.version):
        raise StaleVersion(
            f"{approval.title} has changed since you looked at it.", hint="Look again, then decide."
        )


def _may_decide(
    approval: Approval, actor: Actor, bench: eligibility.Bench, reauthenticated_at: datetime | None
) -> Person:
    """The person behind the actor, if that person may decide here; else NotPermitted with the rule."""
    if stopped := ripcord.is_stopped(approval.plan):
        raise NotPermitted(stopped)
    if actor.is_system or not actor.interactive:
        raise NotPermitted("A decision needs a person in a session; tokens and services do not decide.")
    people = persons_of(actor.user)
    if not people:
        raise NotPermitted(f"The account {actor.label} belongs to nobody in the directory of people.")
    excluded = dict(bench.excluded)
    for person in people:
        if any(c.person.pk == person.pk for c in bench.candidates):
            _check_reauthentication(approval, reauthenticated_at)
            return person
    for person in people:
        if person.name in excluded:
            raise NotPermitted(f"{person.name} {excluded[person.name]}.")
    roles = ", ".join(sorted({seat.role for seat in bench.seats}))
    raise NotPermitted(f"{people[0].name} holds none of the roles this gate asks: {roles}.")


def _check_reauthentication(approval: Approval, reauthenticated_at: datetime | None) -> None:
    if not approval.policy.get("reauthenticate"):
        return
    if reauthenticated_at is None or clock.now() - reauthenticated_at > REAUTHENTICATION_HOLDS:
        raise NotPermitted(
            "Money and law ask for your password again.",
            hint="Send it with the decision.",
            reauthenticate=True,
        )


def _principal(bench: eligibility.Bench, person: Person, asked: Person | None) -> Person | None:
    """Whom the person stands in for: as asked, or the only one possible."""
    stands_in_for = next(c.stands_in_for for c in bench.candidates if c.person.pk == person.pk)
    if asked is not None and asked.name not in stands_in_for:
        raise NotPermitted(f"{person.name} does not stand in for {asked.name} here.")
    names = [asked.name] if asked else list(stands_in_for)
    return Person.objects.filter(name__in=names).order_by("pk").first() if names else None


def _record(
    approval: Approval,
    person: Person,
    actor: Actor,
    kind: str,
    comment: str,
    evidence: Mapping[str, Any],
    principal: Person | None,
) -> Decision:
    """One live vote per person: an earlier one is superseded and stays on record."""
    for earlier in approval.decisions.filter(person=person, superseded_at__isnull=True):
        earlier.superseded_at = clock.now()
        earlier.save()
    decision = Decision(
        approval=approval,
        person=person,
        user=actor.user,
        on_behalf_of=principal,
        kind=kind,
        comment=comment,
        evidence=dict(evidence),
        scope_sha256=approval.scope_sha256,
        decided_at=clock.now(),
    )
    with actors.acting_as(actor, comment, principal.name if principal else ""):
        decision.save()
    return decision


# ------------------------------------------------------------------ what a round has come to


def reconsider(approval: Approval) -> None:
    """Weigh the live votes with today's people, and approve, reject, hand back, or say nobody can decide."""
    approval.refresh_from_db()
    if approval.state not in DECIDABLE:
        return
    bench = eligibility.bench_of(approval)
    votes = _live_votes(approval, bench)
    rule = approval.policy.get("on_reject", "veto")
    outcome = policy.evaluate(bench.seats, votes, bench.roles_of(), on_reject=rule)
    if outcome.verdict in ("pending", "approved") and approval.state == "unsatisfiable":
        with actors.on_their_behalf("Gate"):
            perform(approval, "regain_quorum", set_fields={"missing": list(outcome.missing)})
            ladder.settle(approval=approval, reason="There are people again who can decide.")
    with actors.on_their_behalf("Gate"):
        _ACTS[outcome.verdict](approval, outcome)


def _live_votes(approval: Approval, bench: eligibility.Bench) -> dict[str, str]:
    """Votes that count; one whose voter may not decide any more is void, and stays visible, with why."""
    may = {c.person.pk for c in bench.candidates}
    reasons = dict(bench.excluded)
    votes = {}
    for decision in approval.decisions.filter(superseded_at__isnull=True).select_related("person"):
        void = ""
        if decision.person_id not in may:
            void = (
                f"{decision.person.name} {reasons.get(decision.person.name, 'may not decide here any more')}"
            )
        elif decision.scope_sha256 != approval.scope_sha256:
            void = "The content has changed since this vote."
        if void != decision.void_reason:
            decision.void_reason = void[:240]
            decision.save()
        if not void:
            votes[str(decision.person_id)] = decision.kind
    return votes


def _wait(approval: Approval, outcome: policy.Outcome) -> None:
    if approval.missing != list(outcome.missing):
        approval.missing = list(outcome.missing)
        approval.save()


def _approve(approval: Approval, outcome: policy.Outcome) -> None:
    now = clock.now()
    perform(approval, "approve", set_fields={"decided_at": now, "missing": []})
    ladder.settle(approval=approval, reason=f"{approval.title} was approved.")
    names = dict(Person.objects.filter(pk__in=outcome.assignment).values_list("pk", "name"))
    seats = {role: names[int(pk)] for pk, role in outcome.assignment.items()}
    values = {"approved_by": seats, "scope_sha256": approval.scope_sha256, "round": approval.round}
    perform(
        approval.task,
        "succeed",
        set_fields={
            "output": values,
            "output_sha256": canonical.digest(values),
            "finished_at": now,
            "progress": 100,
        },
    )


def _reject(approval: Approval, outcome: policy.Outcome) -> None:
    reason = _last_comment(approval, DecisionKind.REJECT)
    perform(approval, "reject", comment=reason, set_fields={"decided_at": clock.now()})
    ladder.settle(approval=approval, reason=f"{approval.title} was rejected.")
    perform(approval.plan, "reject", comment=reason, set_fields={"finished_at": clock.now()})


def _request_changes(approval: Approval, outcome: policy.Outcome) -> None:
    reason = _last_comment(approval, DecisionKind.REQUEST_CHANGES)
    perform(approval, "request_changes", comment=reason, set_fields={"decided_at": clock.now()})
    ladder.settle(approval=approval, reason="Changes were requested.")
    approval.plan.refresh_from_db()
    if approval.plan.state != "changes_requested":
        perform(approval.plan, "request_changes", comment=reason)
    if signal := approval.policy.get("signal_on_changes"):
        ladder.open_case(approval.plan, signal, f"{approval.title}: {reason}", detail=reason)


def _escalate_unsatisfiable(approval: Approval, outcome: policy.Outcome) -> None:
    missing = ", ".join(outcome.missing)
    if approval.state == "pending":
        comment = f"Nobody who could still decide fills: {missing}."
        perform(approval, "lose_quorum", comment=comment, set_fields={"missing": list(outcome.missing)})
    ladder.open_case(
        approval.plan,
        "approval-unsatisfiable",
        f"{approval.title}: nobody for {missing}",
        approval=approval,
        detail=f"The seats {missing} cannot be filled by the people who could still decide.",
    )


_ACTS = {
    "pending": _wait,
    "approved": _approve,
    "rejected": _reject,
    "changes_requested": _request_changes,
    "unsatisfiable": _escalate_unsatisfiable,
}


def _last_comment(approval: Approval, kind: str) -> str:
    last = approval.decisions.filter(kind=kind, superseded_at__isnull=True).order_by("-decided_at").first()
    return last.comment if last else ""
