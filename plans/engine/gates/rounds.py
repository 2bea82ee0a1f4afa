"""Approval gates: rounds are opened, people decide, the policy says what follows.

Eligibility is checked three times: when actions are listed, inside the deciding transaction, and
again for every vote when the round is finalised.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from gtm.core import actors, canonical, clock
from gtm.core.actors import Actor
from gtm.core.errors import (
    GtmError,
    GuardNotMet,
    InvalidInput,
    NotPermitted,
    Problem,
    StaleVersion,
    WrongState,
)
from gtm.core.evidence import accounts, changelog
from gtm.core.fsm import Action, perform
from plans.engine.escalation import clocks, ladder
from plans.engine.escalation.clocks import calendar_of
from plans.engine.gates import eligibility, tally, tolerance
from plans.engine.gates import scope as content
from plans.engine.gates.eligibility import Bench, Candidate, Capacity
from plans.engine.gates.tally import reconsider
from plans.engine.people.permissions import persons_of, why_no_second_factor
from plans.engine.stopping import stopped as stops
from plans.models import DECIDABLE_STATES, Approval, Decision, DecisionKind, Plan, Task
from programs.models import Person

logger = logging.getLogger(__name__)

REASON_REQUIRED = frozenset({DecisionKind.REJECT, DecisionKind.REQUEST_CHANGES})
REAUTHENTICATION_HOLDS = timedelta(minutes=10)
MOST_ROUNDS = 3
REWORK_TRIGGER = "rework-rounds"


# ------------------------------------------------------------------ opening


def open_round(task: Task) -> Approval:
    """Open the next round at the gate of ``task``: whom it asks and what exactly is to be approved.

    Where an approval stands whose content is untouched, or within tolerance of what was approved, it
    carries over, visibly, and no round opens. A round that waited while its content was made again goes on
    with its votes and the time it had left where nothing moved. The fourth round goes to the ladder.
    """
    plan = task.plan
    declared = plan.rules.gate(task.key)
    scope = content.scope_of(plan, declared)
    standing = task.approvals.filter(state="approved").order_by("-round").first()
    if standing is not None and _carries_over(standing, plan, scope):
        return standing
    if (waiting := _waiting(task, scope)) is not None:
        return waiting
    now = clock.now()
    approval = Approval(
        plan=plan,
        task=task,
        gate=task.key,
        title=declared.title,
        round=task.approvals.count() + 1,
        policy=dict(declared.stored),
        question=declared.question,
        summary=summary_of(scope),
        amount=plan.amount,
        currency=plan.currency,
        scope=scope,
        scope_sha256=canonical.digest(scope),
    )
    approval.bench = eligibility.to_keep(approval)
    approval.save()
    hours = declared.hours
    times = {
        "due_at": calendar_of(plan).add_hours(now, hours),
        "remind_at": clocks.next_reminder(plan, now, hours=hours, left=hours),
    }
    perform(approval, "open", set_fields={"opened_at": now, **times, "missing": []})
    tally.record_asked(approval)
    reconsider(approval)
    if approval.round > MOST_ROUNDS:
        subject = f"{approval.title} goes into round {approval.round}"
        ladder.open_case(plan, REWORK_TRIGGER, subject, approval=approval)
    return approval


def _waiting(task: Task, scope: Mapping[str, Any]) -> Approval | None:
    """The round that waited, going on, where it still asks about the same; cancelled where it does not."""
    waiting = task.approvals.filter(state="frozen").first()
    if waiting is None:
        return None
    plan = task.plan
    same = (canonical.digest(scope), plan.amount, plan.currency)
    if same != (waiting.scope_sha256, waiting.amount, waiting.currency):
        told = "What it asks about has changed."
        perform(waiting, "cancel", comment=told, set_fields={"decided_at": clock.now()})
        return None
    clocks.thaw_round(waiting, "It was made again, and nothing changed.")
    recheck(waiting)
    return waiting


def _carries_over(standing: Approval, plan: Plan, scope: Mapping[str, Any]) -> bool:
    """Whether the approval still covers the content; measured from what was approved, never from an edit."""
    if drifted := content.drift(standing):
        perform(standing, "supersede", comment=f"Changed beyond what was approved: {', '.join(drifted)}.")
        return False
    moved = [f"{d.path}: {d.before} → {d.after}" for d in tolerance.differences(standing.scope, scope)]
    note = "within tolerance of what was approved" if moved else "its content is untouched"
    changelog.append(
        standing, "carried over", field="revision", after=plan.revision, reason="; ".join([note, *moved])
    )
    last = standing.task.output or {}
    tally.succeed(standing, {**last, "carried_over": note})
    return True


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
    try:
        with transaction.atomic():
            changelog.lock_chain(approval.change_chain())
            approval.refresh_from_db()
            if approval.state not in DECIDABLE_STATES:
                state = approval.get_state_display().lower()
                raise WrongState(
                    f"{approval.title} is {state} already; nothing was changed.", state=approval.state
                )
            _check_seen(approval, seen_digest, expected_version)
            if kind in REASON_REQUIRED and not comment.strip():
                raise GuardNotMet(
                    "Say why.", problems=[Problem("comment", "a reason is required if you do not approve.")]
                )
            bench = eligibility.bench_of(approval)
            candidate = _may_decide(approval, actor, bench, reauthenticated_at)
            capacity = _capacity(approval, candidate, on_behalf_of)
            shown = {"second_factor": actor.second_factor} if actor.second_factor else {}
            _record(approval, candidate.person, actor, kind, comment, {**(evidence or {}), **shown}, capacity)
            reconsider(approval)
    except (WrongState, NotPermitted, StaleVersion) as refusal:
        _put_on_record(approval, kind, refusal)
        raise
    return approval


def _put_on_record(approval: Approval, kind: str, refusal: GtmError) -> None:
    """Who came too late or was not allowed stays visible: a row written after the refused vote is undone."""
    logger.info("%s refused on %s: %s", kind, approval, refusal.detail)
    with transaction.atomic():
        changelog.append(approval, "decision refused", field="decision", after=kind, reason=refusal.detail)


def available(approval: Approval, actor: Actor) -> list[Action]:
    """What this actor may do with the round now; refused actions carry the reason."""
    if approval.state not in DECIDABLE_STATES:
        return []
    reasons: tuple[str, ...] = ()
    try:
        bench = eligibility.bench_of(approval)
        _capacity(approval, _may_decide(approval, actor, bench, clock.now()), None)
    except NotPermitted as refused:
        reasons = (refused.detail,)
    return [Action(kind.value, kind.label, kind in REASON_REQUIRED, reasons) for kind in DecisionKind]


def _check_seen(approval: Approval, seen_digest: str | None, expected_version: int | None) -> None:
    changed = seen_digest is not None and seen_digest != approval.scope_sha256
    if changed or (expected_version is not None and expected_version != approval.version):
        raise StaleVersion(
            f"{approval.title} has changed since you looked at it.", hint="Look at it again, then decide."
        )


def allows_bulk(approval: Approval) -> bool:
    """Whether a round may be decided together with others: not where it asks for the password."""
    return not approval.rules.reauthenticate


def decide_in_bulk(approval: Approval, kind: str, *, comment: str, seen_digest: str) -> Approval:
    """Decide one of several rounds answered at once. Raises NotPermitted where policy says no."""
    if not allows_bulk(approval):
        raise NotPermitted(f"{approval.title} asks for the password. Decide it on its own page.")
    return decide(approval, kind, comment=comment, seen_digest=seen_digest)


def _may_decide(
    approval: Approval, actor: Actor, bench: Bench, reauthenticated_at: datetime | None
) -> Candidate:
    """The person behind the actor, if that person may decide here; else NotPermitted with the rule."""
    if stopped := stops.is_stopped(approval.plan):
        raise NotPermitted(stopped)
    if actor.is_system or not actor.interactive:
        raise NotPermitted("A decision needs a person in a session; tokens and services cannot decide.")
    if refused := accounts.why_not_theirs(actor.user):
        raise NotPermitted(refused)
    people = persons_of(actor.user)
    if not people:
        raise NotPermitted(f"The account {actor.label} belongs to no person in the directory.")
    for person in people:
        if candidate := bench.candidate(person.pk):
            _check_second_factor(approval, actor)
            _check_reauthentication(approval, reauthenticated_at)
            return candidate
    for person in people:
        if reason := bench.why_not(person.pk):
            raise NotPermitted(f"{person} {reason}.")
    roles = ", ".join(sorted({seat.role for seat in bench.seats}))
    raise NotPermitted(f"{people[0]} holds none of the roles that this gate asks for: {roles}.")


def lacks_second_factor(approval: Approval, actor: Actor) -> bool:
    """Whether this person could decide the round, were it not for a second factor in this session."""
    if not approval.rules.reauthenticate or why_no_second_factor(actor) is None:
        return False
    return any(action.allowed for action in available(approval, replace(actor, second_factor="shown")))


def _check_second_factor(approval: Approval, actor: Actor) -> None:
    if approval.rules.reauthenticate and (refused := why_no_second_factor(actor)):
        raise NotPermitted(refused, second_factor=True)


def _check_reauthentication(approval: Approval, reauthenticated_at: datetime | None) -> None:
    if not approval.rules.reauthenticate:
        return
    if reauthenticated_at is None or clock.now() - reauthenticated_at > REAUTHENTICATION_HOLDS:
        raise NotPermitted(
            "Decisions about money or law need your password again.",
            hint="Send it with the decision.",
            reauthenticate=True,
        )


def _capacity(approval: Approval, candidate: Candidate, asked: Person | None) -> Capacity:
    """With whose authority the person votes: as asked, else their own, else one nobody has used yet.

    Of a principal and those who act for them the first vote counts, so a used authority is refused.
    """
    person = candidate.person
    possible = [c for c in candidate.capacities if asked is None or c.holder.pk == asked.pk]
    if not possible:
        raise NotPermitted(f"{person} cannot decide for {asked} here.")
    used = {}
    votes = approval.decisions.filter(superseded_at__isnull=True, void_reason="").exclude(person=person)
    for vote in votes.select_related("person"):
        used[tally.authority_of(vote)] = vote.person
    free = next((c for c in possible if c.holder.pk not in used), None)
    if free is None:
        holder = possible[0].holder
        raise NotPermitted(
            f"{used[holder.pk]} has voted with the authority of {holder}. The first vote counts."
        )
    return free


def _record(
    approval: Approval,
    person: Person,
    actor: Actor,
    kind: str,
    comment: str,
    evidence: Mapping[str, Any],
    capacity: Capacity,
) -> Decision:
    """One live vote per person: an earlier one is superseded and stays on record."""
    for earlier in approval.decisions.filter(person=person, superseded_at__isnull=True):
        earlier.superseded_at = clock.now()
        earlier.save()
    principal = capacity.holder if capacity.holder.pk != person.pk else None
    decision = Decision(
        approval=approval,
        person=person,
        user=actor.user,
        on_behalf_of=principal,
        kind=kind,
        comment=comment,
        evidence={**evidence, **_marks(capacity)},
        scope_sha256=approval.scope_sha256,
        decided_at=clock.now(),
    )
    with actors.acting_as(actor, comment, principal.name if principal else ""):
        decision.save()
    return decision


def _marks(capacity: Capacity) -> dict[str, Any]:
    """What stays with a vote that was not cast in the voter's own right."""
    if not capacity.by:
        return {}
    instead = {"for": list(capacity.instead_of), "why": capacity.why} if capacity.why else {}
    return {"authority": capacity.by, **instead}


def ask_again(approval: Approval, *, reason: str) -> Approval:
    """End a round that its people cannot decide, and ask the people of today in the next; answers that one.

    A round keeps its bench, so who came later never decides in it. Raises WrongState where the round can
    still be decided, NotPermitted without the permission, GuardNotMet without a reason.
    """
    with transaction.atomic():
        perform(approval, "ask_again", comment=reason, set_fields={"decided_at": clock.now()})
        return approval.task.approvals.latest("round")


def recheck(approval: Approval) -> None:
    """After a stop: votes on content that has changed meanwhile are void, people are looked up afresh."""
    with transaction.atomic(), actors.on_their_behalf("Gate"):
        changelog.lock_chain(approval.change_chain())
        approval.refresh_from_db()
        scope = content.scope_of(approval.plan, approval.rules)
        now_sha256 = canonical.digest(scope)
        if now_sha256 != approval.scope_sha256:
            approval.scope, approval.scope_sha256 = scope, now_sha256
            approval.summary = summary_of(scope)
            approval.save()
        reconsider(approval)
