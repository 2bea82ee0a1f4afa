"""What an approval round has come to: live votes weighed with today's people, and what follows.

Every vote is checked again here, so a round is final only on votes that hold at that moment.
"""

from __future__ import annotations

from typing import Any

from gtm.core import actors, canonical, clock
from gtm.core.evidence import changelog
from gtm.core.fsm import perform
from gtm.core.models import PasswordOfAnother
from plans.engine.escalation import clocks, ladder
from plans.engine.gates import eligibility, seats
from plans.engine.gates.eligibility import Bench
from plans.models import (
    ASKING_STATES,
    DECIDABLE_STATES,
    OPEN_CASE_STATES,
    Approval,
    Decision,
    DecisionKind,
    Escalation,
)
from programs.models import Person


def reconsider(approval: Approval) -> None:
    """Weigh the live votes with today's people, and approve, reject, hand back, or say nobody can decide."""
    approval.refresh_from_db()
    if approval.state not in DECIDABLE_STATES:
        return
    bench = eligibility.bench_of(approval)
    votes = _live_votes(approval, bench)
    outcome = seats.evaluate(
        bench.seats,
        {str(v.person_id): v.kind for v in votes},
        _roles_left(bench, votes),
        on_reject=approval.rules.on_reject,
        on_behalf_of={str(v.person_id): str(authority_of(v)) for v in votes},
    )
    if approval.state == "exhausted":
        if outcome.verdict in ASKING_STATES:
            return  # on hold until people decide, however late
        with actors.on_their_behalf("Gate"):
            perform(approval, "revive", comment="People decided after the ladder was exhausted.")
    if outcome.verdict != "unsatisfiable" and approval.state == "unsatisfiable":
        with actors.on_their_behalf("Gate"):
            perform(approval, "regain_quorum", set_fields={"missing": list(outcome.missing)})
            if not bench.leans_on_a_ladder:  # a ladder that gave authority stays open until the decision
                ladder.settle(approval=approval, reason="There are people again who can decide.")
    with actors.on_their_behalf("Gate"):
        _ACTS[outcome.verdict](approval, outcome)


def record_asked(approval: Approval) -> None:
    """Whom the round asks as it stands now, and whom it passes over and why: the resolved list, on record."""
    bench = eligibility.bench_of(approval)
    asked = {
        "people": [c.person.name for c in bench.candidates],
        "passed_over": [f"{name} {why}" for name, why in bench.excluded],
    }
    changelog.append(approval, "asked", field="people", after=asked)


def authority_of(vote: Decision) -> int:
    """Whose authority the vote uses up. Who recuses uses up their own: nobody then votes in their place."""
    return vote.person_id if vote.kind == DecisionKind.RECUSE else vote.on_behalf_of_id or vote.person_id


def _roles_left(bench: Bench, votes: list[Decision]) -> dict[str, set[str]]:
    """Person → roles: of who voted those of the authority used, of others those nobody has used yet."""
    chosen = {v.person_id: authority_of(v) for v in votes}
    used = {authority_of(v) for v in votes}
    left = {}
    for candidate in bench.candidates:
        pk = candidate.person.pk
        roles = {
            c.role
            for c in candidate.capacities
            if (c.holder.pk == chosen[pk] if pk in chosen else c.holder.pk not in used)
        }
        if roles or pk in chosen:
            left[str(pk)] = roles
    return left


def _live_votes(approval: Approval, bench: Bench) -> list[Decision]:
    """Votes that count, in their order; one that does not is void, and stays visible with the reason."""
    live = approval.decisions.filter(superseded_at__isnull=True)
    votes = []
    for decision in live.select_related("person", "on_behalf_of", "user").order_by("decided_at", "pk"):
        void = _why_void(decision, approval, bench)[:240]
        if void != decision.void_reason:
            decision.void_reason = void
            decision.save()
        if not void:
            votes.append(decision)
    return votes


def _why_void(decision: Decision, approval: Approval, bench: Bench) -> str:
    person = decision.person
    candidate = bench.candidate(person.pk)
    if decision.scope_sha256 != approval.scope_sha256:
        return "The content has changed since this vote."
    if not decision.user.is_active:
        return f"The account of {person} is closed."
    known = PasswordOfAnother.objects.filter(user=decision.user_id, set_at__lte=decision.decided_at).first()
    if known is not None:
        return f"{known.set_by} knew the password of {person} when this vote was cast."
    if candidate is None:
        return f"{person} {bench.why_not(person.pk) or 'holds no role any more that this gate asks for'}"
    holder = decision.on_behalf_of or person
    if all(c.holder.pk != holder.pk for c in candidate.capacities):
        return f"{person} does not act with the authority of {holder} any more"
    return ""


def _wait(approval: Approval, outcome: seats.Outcome) -> None:
    if approval.missing != list(outcome.missing):
        approval.missing = list(outcome.missing)
        approval.save()


def _approve(approval: Approval, outcome: seats.Outcome) -> None:
    perform(approval, "approve", set_fields={"decided_at": clock.now(), "missing": []})
    ladder.settle(approval=approval, reason=f"{approval.title} was approved.")
    _answer_blocker(approval)
    names = dict(Person.objects.filter(pk__in=outcome.assignment).values_list("pk", "name"))
    seats: dict[str, list[str]] = {}
    for pk, role in sorted(outcome.assignment.items(), key=lambda item: int(item[0])):
        seats.setdefault(role, []).append(names[int(pk)])
    succeed(
        approval,
        {"approved_by": seats, "scope_sha256": approval.scope_sha256, "round": approval.round},
    )


def succeed(approval: Approval, values: dict[str, Any]) -> None:
    fields = {"output": values, "output_sha256": canonical.digest(values), "progress": 100}
    perform(approval.task, "succeed", set_fields={**fields, "finished_at": clock.now()})


def _reject(approval: Approval, outcome: seats.Outcome) -> None:
    reason = _last_comment(approval, DecisionKind.REJECT)
    perform(approval, "reject", comment=reason, set_fields={"decided_at": clock.now()})
    ladder.settle(approval=approval, reason=f"{approval.title} was rejected.")
    perform(approval.plan, "reject", comment=reason, set_fields={"finished_at": clock.now()})


def _request_changes(approval: Approval, outcome: seats.Outcome) -> None:
    reason = _last_comment(approval, DecisionKind.REQUEST_CHANGES)
    perform(approval, "request_changes", comment=reason, set_fields={"decided_at": clock.now()})
    ladder.settle(approval=approval, reason="Changes were requested.")
    approval.plan.refresh_from_db()
    if approval.plan.state != "changes_requested":
        perform(approval.plan, "request_changes", comment=reason)
    clocks.freeze(approval.plan, "Changes were requested. The requester must answer now.")
    if signal := approval.rules.signal_on_changes:
        declared = approval.plan.rules.trigger(signal)
        stops = declared is not None and declared.pulls_ripcord
        subject = f"{approval.title}: {reason}"
        ladder.open_case(approval.plan, signal, subject, detail=reason, asks_to_stop=stops)


def _answer_blocker(approval: Approval) -> None:
    """Who asked for the changes agrees with the revision: what was blocked is not blocked any more."""
    if signal := approval.rules.signal_on_changes:
        remediation = (
            f"{approval.title} approved revision {approval.plan.revision} in round {approval.round}: "
            f"{_last_comment(approval, DecisionKind.APPROVE) or 'no comment'}"
        )
        ladder.close_remedied(approval.plan, signal, remediation)


def _escalate_unsatisfiable(approval: Approval, outcome: seats.Outcome) -> None:
    missing = ", ".join(outcome.missing)
    if approval.state == "pending":
        comment = f"No person who could still decide can fill: {missing}."
        perform(approval, "lose_quorum", comment=comment, set_fields={"missing": list(outcome.missing)})
    if Escalation.objects.filter(
        approval=approval, trigger=ladder.UNSATISFIABLE, state__in=OPEN_CASE_STATES
    ).exists():
        return
    ladder.open_case(
        approval.plan,
        ladder.UNSATISFIABLE,
        f"{approval.title}: nobody for {missing}",
        approval=approval,
        detail=(
            f"The seats {missing} cannot be filled by the people who could still decide. People who came "
            "after the round was opened can decide in a new round: ask again there."
        ),
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
