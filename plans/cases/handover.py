"""Handing a case to somebody else: whose it is stands on the row, in its history and in the change log."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import Case, Q, QuerySet, Value, When

from gtm.core import actors
from gtm.core.errors import InvalidInput, NotPermitted, Problem, WrongState
from gtm.core.evidence import changelog
from programs.models import Person


def why_not(case: Any, states: frozenset[str], refused: str | None) -> str:
    """Why a case cannot be handed over now, "" where it can: ``states`` are those in which it is open."""
    if case.state not in states:
        return f"it is {case.get_state_display().lower()}."
    return refused or ""


def hand_over(
    case: Any, owner: Person, comment: str, *, states: frozenset[str], refused: str | None, unfit: str | None
) -> None:
    """Make ``owner`` the one who works on the case. Runs in the caller's transaction, the chain locked.

    ``refused`` says why the actor may not, ``unfit`` why the owner could do nothing with it. Raises
    WrongState, NotPermitted, or InvalidInput with every problem of what was said.
    """
    if case.state not in states:
        raise WrongState(
            f"{case.change_label()} is {case.get_state_display().lower()}. Nobody works on it any more."
        )
    if refused:
        raise NotPermitted(f"Hand over {case.change_label()}: {refused}")
    problems = [] if comment.strip() else [Problem("reason", "is required.", code="required")]
    if unfit:
        problems.append(Problem("owner", unfit))
    elif case.owner_id == owner.pk:
        problems.append(Problem("owner", f"{owner} has it already."))
    if problems:
        raise InvalidInput(f"{case.change_label()} was not handed over.", problems=problems)
    acting = actors.current()
    with actors.acting_as(acting.actor, comment.strip(), acting.on_behalf_of):
        case.owner = owner
        case.save()


def has_permission(person: Person, permission: str) -> bool:
    """Whether an active account of the person's has it."""
    return person.is_active and any(
        account.is_active and account.has_perm(permission) for account in person.accounts.all()
    )


def theirs_first(cases: QuerySet[Any], people: set[int], *then: str) -> QuerySet[Any]:
    """The cases handed to these people before the others."""
    mine = Case(When(Q(owner__in=people), then=Value(0)), default=Value(1))
    return cases.order_by(mine, *then)


def locked(case: Any) -> Any:
    """The case as it is now, with its chain locked, for the rest of the transaction."""
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("a case is handed over in a transaction")
    changelog.lock_chain(case.change_chain())
    case.refresh_from_db()
    return case
