"""Which account is whose: changed by two people where either counts for anything, never by oneself."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db.models import Q

from gtm.core import actors
from gtm.core.errors import NotPermitted
from gtm.core.evidence import accounts as own
from programs.models import two_people
from programs.models.guarded_change import GuardedKind
from programs.models.two_people import AskedChange


def _people() -> Any:
    """Asked by name: the model of people asks here."""
    return apps.get_model("programs", "person")._base_manager


def allow_something(accounts: Iterable[int]) -> bool:
    """Whether these accounts may do more than look: who is behind them counts, then."""
    users = get_user_model().objects.filter(pk__in=accounts)
    held = Permission.objects.filter(Q(group__user__in=users) | Q(user__in=users))
    return users.filter(is_superuser=True).exists() or held.exclude(codename__startswith="view_").exists()


def guard_accounts(
    instance: Any, action: str, reverse: bool, pk_set: Collection[int] | None, **kwargs: Any
) -> None:
    """Receiver of ``m2m_changed`` of accounts: who is who is changed by two people, and never by oneself.

    An account taken away counts, too: whoever asked for something by it would be somebody else.
    """
    acting = actors.current_or_none()
    user_id = acting.actor.user_id if acting else None
    if action == "post_add" and pk_set:
        linked = [instance.pk] if reverse else pk_set
        for user in get_user_model().objects.filter(pk__in=linked):
            own.may_be_known(user)
    if acting is None or user_id is None or action not in ("pre_add", "pre_remove", "pre_clear"):
        return
    users = get_user_model()
    if reverse:
        linked = instance.people.all() if pk_set is None else _people().filter(pk__in=pk_set)
        pairs = [(person, {instance.pk}) for person in linked]
    else:
        accounts = instance.accounts.values_list("pk", flat=True) if pk_set is None else pk_set
        pairs = [(instance, set(accounts))]
    for person, accounts in pairs:
        if action == "pre_add":
            accounts -= set(person.accounts.values_list("pk", flat=True))
        if not accounts or not (person.has_weight or allow_something(accounts)):
            continue
        if action == "pre_add" and user_id in accounts and _is_anybody_else(user_id, person):
            raise NotPermitted(
                f"You cannot link your own account to {person}"
                f"{', who holds a role' if person.has_weight else ''}.",
                hint="Ask somebody else who may change people to link it.",
            )
        names = ", ".join(users.objects.filter(pk__in=accounts).values_list("username", flat=True))
        verb, said = ("add", "is linked to") if action == "pre_add" else ("remove", "is taken from")
        two_people.ask(
            AskedChange(
                GuardedKind.LINK,
                f"The account {names} {said} {person} ({person.email})",
                "programs.person",
                str(person.pk),
                two_people.LINK,
                {"field": "accounts", verb: sorted(accounts)},
                people={person.pk},
                roles=person.roles(),
            )  # fmt: skip
        )


def _is_anybody_else(user_id: int, person: Any) -> bool:
    """Whether linking one's own account to ``person`` makes one somebody; the first time of a site it may."""
    return not two_people.is_being_made() and (
        person.has_weight or _people().filter(accounts=user_id).exists()
    )
