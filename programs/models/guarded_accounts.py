"""Rights of accounts take two people, too: superuser, staff and active, groups, permissions, passwords.

Django's own models have no ``save`` of ours, so their signals come to the same question. What is done at the
command line without an actor cannot be asked: it is marked as single-handed.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.signals import m2m_changed, post_save, pre_delete

from gtm.core import actors
from gtm.core.actors import Actor
from gtm.core.errors import NotPermitted
from gtm.core.evidence import accounts
from gtm.core.identity import confirmation, factors, records
from gtm.core.identity.providers import matching
from gtm.core.models import ChangeLogPayload
from programs.models import two_people
from programs.models.guarded_change import GuardedKind
from programs.models.people import Person
from programs.models.two_people import AskedChange

USER, GROUP = "auth.user", "auth.group"
FLAGS = {"is_active": "is opened", "is_staff": "may use the site", "is_superuser": "may do everything"}


def has_weight(user: Any) -> bool:
    """Whether anything is decided, signed or administered with this account."""
    return (
        user.is_superuser
        or Permission.objects.filter(Q(group__user=user) | Q(user=user)).exists()
        or belongs_to_weight(user)
    )


def has_acted(user: Any) -> bool:
    """Whether the change log names this account as the one that did something."""
    return ChangeLogPayload.objects.filter(body__actor_id=user.pk).exists()


def belongs_to_weight(user: Any) -> bool:
    return any(person.has_weight for person in Person.objects.filter(accounts=user))


def guard_account(user: Any, stored: Any | None) -> None:
    """Asked before an account is saved. Raises WaitsForSecondPerson where it gains anything."""
    acting = actors.current_or_none()
    if two_people.is_being_made():
        return
    if stored is None:
        if acting is not None and not acting.actor.is_system and user.is_superuser:
            raise NotPermitted(
                "An account is made first; that it may do everything is a change of its own.",
                hint="Save the account without it, then propose it on the page of the account.",
            )
        return
    gained = [name for name in FLAGS if getattr(user, name) and not getattr(stored, name)]
    if gained:
        said = " and ".join(FLAGS[name] for name in gained)
        values, before = dict.fromkeys(gained, True), dict.fromkeys(gained, False)
        _ask(user, GuardedKind.ACCOUNT, f"The account {user} {said}", two_people.SAVE, values, before)
    is_own = acting is not None and acting.actor.user_id == user.pk
    closed = [
        name for name in ("is_active", "is_superuser") if getattr(stored, name) and not getattr(user, name)
    ]
    lost, held = dict.fromkeys(closed, False), dict.fromkeys(closed, True)
    same = get_user_model().objects.filter(pk=user.pk)
    if closed and two_people.leaves_nobody(lambda: same.update(**lost)):
        _ask_of_loss(user, f"The account {user} is closed or loses its rights", two_people.SAVE, lost, held)
    if accounts.has_new_password(user, stored) and not is_own and has_weight(stored):
        what = f"The password of {user} is set by somebody else"
        _ask(user, GuardedKind.PASSWORD, what, two_people.PASSWORD, {}, {}, secret=user.password)


def guard_factors(user: Any) -> None:
    """Asked before a second factor is removed. Its owner may; of people who decide nobody else alone."""
    acting = actors.current_or_none()
    if two_people.is_being_made() or (acting is not None and acting.actor.user_id == user.pk):
        return
    if has_weight(user):
        what = f"The second factor of {user} is reset by somebody else"
        _ask(user, GuardedKind.FACTOR, what, two_people.FACTORS, {}, {})


def reset_factors(user: Any) -> None:
    """Remove all second factors of somebody who has lost them. Raises WaitsForSecondPerson."""
    guard_factors(user)
    with two_people.agreed(), transaction.atomic():
        factors.remove_all(user)


def why_not_confirm(actor: Actor, user: Any) -> str:
    """Why this person may not confirm the second factor of an account for its owner; "" where they may."""
    if not confirmation.waits(user):
        return "it has no second factor that waits to be confirmed."
    if confirmation.BY_STEWARD not in settings.GTM_FACTOR_CONFIRMED_BY:
        return "on this site a second factor is not confirmed by others (GTM_FACTOR_CONFIRMED_BY)."
    if actor.is_system or not actor.interactive:
        return "only a person in a session can confirm it."
    if refused := accounts.why_not_theirs(actor.user):
        return refused
    own = set(Person.objects.filter(accounts=actor.user_id).values_list("pk", flat=True))
    theirs = set(Person.objects.filter(accounts=user).values_list("pk", flat=True))
    if actor.user_id == user.pk or own & theirs:
        return "nobody confirms their own second factor."
    if not own & two_people.seconds(user):
        return "only who agrees to changes of authority can confirm it."
    if settings.GTM_SECOND_FACTOR and not actor.second_factor:
        return "show a second factor of your own in this session first. It has to be a confirmed one."
    return ""


def confirm_factors(user: Any) -> None:
    """A person who looks after authority says that the factors of an account are its owner's.

    Raises NotPermitted.
    """
    actor = actors.current().actor
    if refused := why_not_confirm(actor, user):
        raise NotPermitted(f"The second factor of {user} is not confirmed: {refused}")
    confirmation.confirm(user, f"by {actor.label}")


def mark_new_superuser(sender: Any, instance: Any, created: bool, raw: bool = False, **_: Any) -> None:
    """Receiver of ``post_save`` of accounts: one that may do everything is made by code or not at all."""
    if created and instance.is_superuser and not raw:
        what = f"The account {instance} is made and may do everything"
        _ask(instance, GuardedKind.ACCOUNT, what, two_people.SAVE, {"is_superuser": True}, {})


def guard_links(instance: Any, sender: Any, action: str, reverse: bool, pk_set: Any, **_: Any) -> None:
    """Receiver of ``m2m_changed`` of groups and permissions, from either side: what is added takes two."""
    if action not in ("pre_add", "pre_remove", "pre_clear"):
        return
    users = get_user_model()
    name, model = {
        users.groups.through: ("groups", Group),
        users.user_permissions.through: ("user_permissions", Permission),
        Group.permissions.through: ("permissions", Permission),
    }[sender]
    holders: Any = Group if name == "permissions" else users
    if pk_set is None:
        held = holders._base_manager.filter(**{name: instance.pk}) if reverse else getattr(instance, name)
        pk_set = set(held.values_list("pk", flat=True))
    pairs = [(instance, pk_set)]
    if reverse:
        pairs = [(holder, {instance.pk}) for holder in holders._base_manager.filter(pk__in=pk_set)]
    if action != "pre_add":
        for holder, gone in pairs:
            _guard_loss(holder, name, sender, gone)
        return
    for holder, added in pairs:
        gained = _with_rights(model, added)
        if gained:
            said = ", ".join(str(one) for one in gained)
            what = f"{holder._meta.verbose_name.capitalize()} {holder} gains {name.replace('_', ' ')}: {said}"
            _ask(holder, GuardedKind.ACCOUNT, what, two_people.LINK,
                 {"field": name, "add": sorted(one.pk for one in gained)}, {})  # fmt: skip


def _guard_loss(holder: Any, name: str, links: Any, gone: Collection[int]) -> None:
    """A right that is taken away is a loss, unless nobody else could agree to anything without it."""
    ours, theirs = (holder._meta.model_name, "group" if name == "groups" else "permission")
    rows = links._base_manager.filter(**{f"{ours}_id": holder.pk, f"{theirs}_id__in": gone})
    if gone and two_people.leaves_nobody(rows.delete):
        what = f"{holder._meta.verbose_name.capitalize()} {holder} loses {name.replace('_', ' ')}"
        _ask_of_loss(holder, what, two_people.LINK, {"field": name, "remove": sorted(gone)}, {})


def guard_end(sender: Any, instance: Any, **_: Any) -> None:
    """Receiver of ``pre_delete`` of accounts and groups: a loss as that of their rights.

    An account that has done something, or belongs to somebody who decides, stays: whose it was would be
    forgotten with it.
    """
    if not isinstance(instance, Group) and (has_acted(instance) or belongs_to_weight(instance)):
        raise NotPermitted(
            f"The account {instance} has done things that are on record, or belongs to somebody who decides: "
            "whose it was would be forgotten.",
            hint="Close it instead: take “Active” away.",
        )
    if isinstance(instance, Group):
        rows = get_user_model().groups.through._base_manager.filter(group_id=instance.pk)
        is_last = two_people.leaves_nobody(rows.delete)
    else:
        same = get_user_model().objects.filter(pk=instance.pk)
        is_last = two_people.leaves_nobody(lambda: same.update(is_active=False))
    if is_last:
        what = f"{instance._meta.verbose_name.capitalize()} {instance} is deleted"
        _ask_of_loss(instance, what, two_people.DELETE, {}, {})


def _ask_of_loss(holder: Any, what: str, verb: str, values: Any, before: Any) -> None:
    """Whom it takes away gains nothing by it, and may agree."""
    entity = GROUP if isinstance(holder, Group) else USER
    said = f"{what}: nobody else could agree to anything"
    two_people.ask(AskedChange(GuardedKind.ACCOUNT, said, entity, str(holder.pk), verb, values, before))


def _with_rights(model: Any, pks: Collection[int]) -> list[Any]:
    """Of groups those that allow anything."""
    found: QuerySet[Any] = model._base_manager.filter(pk__in=pks).order_by("pk")
    return list(found.filter(permissions__isnull=False).distinct() if model is Group else found)


def _ask(holder: Any, kind: str, what: str, verb: str, values: Any, before: Any, secret: str = "") -> None:
    is_group = isinstance(holder, Group)
    members = Q(accounts__groups=holder) if is_group else Q(accounts=holder)
    people = list(Person.objects.filter(members).distinct())
    roles = set().union(*(person.roles() for person in people))
    asked = AskedChange(
        kind, what, GROUP if is_group else USER, str(holder.pk), verb, values, before,
        {person.pk for person in people}, roles, secret=secret,
    )  # fmt: skip
    if actors.current_or_none() is None:
        two_people.ask_system_user(asked)
    else:
        two_people.ask(asked)


def _addresses(user: Any) -> list[str]:
    return list(Person.objects.filter(accounts=user, is_active=True).values_list("email", flat=True))


def _holders(address: str) -> list[Any]:
    """The open accounts of the people whose address on record it is."""
    users = get_user_model().objects.filter(people__email__iexact=address, people__is_active=True)
    return list(users.filter(is_active=True).distinct())


def connect() -> None:
    """Ask before the account's own record of changes writes anything."""
    accounts.guards.append(guard_account)
    accounts.addresses.append(_addresses)
    records.guards.append(guard_factors)
    matching.holders.append(_holders)
    users = get_user_model()
    post_save.connect(mark_new_superuser, users, dispatch_uid="new-superuser")
    for model in (users, Group):
        pre_delete.connect(guard_end, model, dispatch_uid="last-second")
    for links in (users.groups, users.user_permissions, Group.permissions):
        m2m_changed.connect(guard_links, links.through, dispatch_uid="account-gains")
