"""Who must approve this, and why; and what another policy would have asked of past plans. Stores nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db.models import QuerySet

from gtm.core import actors
from gtm.core.errors import InvalidInput, Problem
from plans.engine.gates import eligibility, future_rounds
from plans.engine.gates import seats as policy
from plans.engine.gates.eligibility import Bench
from plans.engine.gates.tally import authority_of
from plans.models import VOTED_STATES, Approval, Plan, TaskKind, of_command
from plans.schemas import rules as read
from plans.schemas.declaration import Seat
from plans.schemas.rules import PlanRules
from programs.models import Approver, Role

COMPARISONS = ("over", "equals", "among", "is_true")


@dataclass(frozen=True, slots=True)
class Asked:
    """One gate of a plan: each seat with why it is asked, and the people who may fill it."""

    gate: str
    title: str
    bench: Bench

    def as_dict(self) -> dict[str, Any]:
        seats = [{"role": s.role, "minimum": s.minimum, "why": s.why} for s in self.bench.seats]
        people = [
            {
                "person": c.person.name,
                "as": [{"role": x.role, "by": x.by, "authority_of": x.holder.name} for x in c.capacities],
            }
            for c in self.bench.candidates
        ]
        passed = [{"person": name, "why": why} for name, why in self.bench.excluded]
        return {
            "gate": self.gate,
            "title": self.title,
            "seats": seats,
            "people": people,
            "passed_over": passed,
            "missing": list(self.bench.missing),
        }


def who_must_approve(plan: Plan) -> list[Asked]:
    """Every gate of a plan with today's people."""
    keys = plan.tasks.filter(kind=TaskKind.GATE).order_by("position").values_list("key", flat=True)
    gates = [plan.rules.gate(key) for key in keys]
    return [Asked(gate.key, gate.title, future_rounds.who_must_approve(plan, gate)) for gate in gates]


def who_would_approve(rules: PlanRules, draft: Any) -> list[Asked]:
    """Every gate of a run that is only proposed, were it started by whoever is acting."""
    benches = future_rounds.benches_of_draft(rules, draft, actors.current().actor.user_id)
    return [Asked(gate.key, gate.title, found) for gate, found in benches]


@dataclass(frozen=True, slots=True)
class ReplayedRound:
    """A past round under a proposed policy: what it came to, and what the same votes would have come to."""

    plan_id: str
    gate: str
    round: int
    was: str
    would_be: str
    seats_before: tuple[str, ...]
    seats_after: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def differs(self) -> bool:
        return self.seats_before != self.seats_after or self.was != self.would_be

    def as_dict(self) -> dict[str, Any]:
        found = asdict(self)
        return {"plan": found.pop("plan_id"), **found, "differs": self.differs}


def read_seats(raw: Any) -> list[dict[str, Any]]:
    """Proposed seats as people write them. Raises InvalidInput with every problem, each by its path."""
    if not isinstance(raw, list) or not raw:
        raise InvalidInput(
            "This is not a valid policy.", problems=[Problem("seats", "must be a list of seats.")]
        )
    known = tuple(Role.objects.order_by("slug").values_list("slug", flat=True))
    problems = [p for at, seat in enumerate(raw) for p in _problems_of_seat(f"seats.{at}", seat, known)]
    if problems:
        raise InvalidInput("This is not a valid policy.", problems=problems)
    return [{"minimum": 1, "condition": None, "why": ""} | seat for seat in raw]


def _problems_of_seat(at: str, seat: Any, known: tuple[str, ...]) -> list[Problem]:
    if not isinstance(seat, Mapping):
        return [Problem(at, "must be an object with role and minimum.")]
    found = [
        Problem(f"{at}.{name}", "is unknown.", ("role", "minimum", "condition", "why"))
        for name in sorted(set(seat) - {"role", "minimum", "condition", "why"})
    ]
    if seat.get("role") not in known:
        found.append(Problem(f"{at}.role", f"“{seat.get('role', '')}” is not a role.", known))
    minimum = seat.get("minimum", 1)
    if not isinstance(minimum, int) or isinstance(minimum, bool) or minimum < 1:
        found.append(Problem(f"{at}.minimum", "must be a whole number of people, at least 1."))
    condition = seat.get("condition")
    if condition is not None and not _is_condition(condition):
        said = "must name a field and one comparison; “over” takes a number, “among” a list."
        found.append(Problem(f"{at}.condition", said, COMPARISONS))
    return found


def _is_condition(condition: Any) -> bool:
    if not isinstance(condition, Mapping) or not isinstance(condition.get("field"), str):
        return False
    used = [name for name in COMPARISONS if name in condition]
    if len(used) != 1 or set(condition) - {"field", "currency", *COMPARISONS}:
        return False
    value = condition[used[0]]
    return {
        "over": _is_number(value),
        "among": isinstance(value, list),
        "is_true": value is True,
        "equals": True,
    }[used[0]]


def _is_number(value: Any) -> bool:
    try:
        return not isinstance(value, bool) and Decimal(str(value)).is_finite()
    except InvalidOperation:
        return False


def replay_policy(
    seats: Sequence[Mapping[str, Any]], rounds: Iterable[Approval], *, on_reject: str = "veto"
) -> list[ReplayedRound]:
    """Hold the recorded votes of past rounds against other seats.

    Each vote counts for the roles that its authority holds today. Nobody votes anew: where the votes do not
    fill the seats, the round would have come to "unsatisfiable", and ``missing`` names who was not asked.
    """
    proposed = read.seats(seats)
    return [_replay(approval, proposed, on_reject) for approval in rounds]


def past_rounds(command: str, gate: str) -> QuerySet[Approval]:
    """Rounds that are over at a gate of a command, by its key; the newest first."""
    rounds = Approval.objects.filter(gate=gate, state__in=VOTED_STATES, **of_command(command, "plan__"))
    return rounds.select_related("plan__program", "task").prefetch_related("decisions").order_by("-pk")


def _replay(approval: Approval, seats: Sequence[Seat], on_reject: str) -> ReplayedRound:
    facts = eligibility.facts_of(approval.plan) | {"amount": approval.amount, "currency": approval.currency}
    before = policy.applying_seats(approval.rules.seats, facts)
    after = policy.applying_seats(seats, facts)
    votes = [d for d in approval.decisions.all() if d.superseded_at is None and not d.void_reason]
    roles = _roles_of(votes, after)
    outcome = policy.evaluate(
        after,
        {str(v.person_id): v.kind for v in votes},
        roles,
        on_reject=on_reject,
        on_behalf_of={str(v.person_id): str(authority_of(v)) for v in votes},
    )
    return ReplayedRound(
        approval.plan.plan_id,
        approval.gate,
        approval.round,
        approval.state,
        outcome.verdict,
        _named(before),
        _named(after),
        outcome.missing,
    )


def _roles_of(votes: Iterable[Any], seats: Sequence[policy.SeatRule]) -> dict[str, set[str]]:
    """Voter → roles of the authority used, as held today, and never other people's."""
    wanted = {seat.role for seat in seats}
    votes = list(votes)
    held: dict[int, set[str]] = {}
    for person, role in Approver.objects.filter(role__slug__in=wanted).values_list("person_id", "role__slug"):
        held.setdefault(person, set()).add(role)
    return {str(v.person_id): held.get(authority_of(v), set()) for v in votes}


def _named(seats: Iterable[policy.SeatRule]) -> tuple[str, ...]:
    return tuple(f"{seat.minimum} × {seat.role}" for seat in seats)
