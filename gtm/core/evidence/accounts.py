"""Accounts in the change log: who may what through groups, permissions and the flags of an account.

Django's own models keep no history, so their changes are recorded here, whichever form or shell made them,
and read backwards: the rights at an instant are those of today with every later change undone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.db import transaction

from gtm.core import access_tokens, actors, canonical, clock
from gtm.core.actors import COMMAND_LINE, Actor, acting_as
from gtm.core.evidence import changelog
from gtm.core.models import ChangeLogEntry, PasswordFromLink, PasswordOfAnother

FLAGS = ("is_active", "is_staff", "is_superuser")
USER, GROUP = "auth.user", "auth.group"
ENTITIES = (USER, GROUP)
OWN = "set by its owner"
"""What the change log says of a password that somebody has set with the account itself."""
EVERYTHING = "every permission"
"""What stands for the rights of an account that may do everything."""


@dataclass(frozen=True, slots=True)
class _Logged:
    """An account or a group in the form the change log takes."""

    instance: Any

    @property
    def pk(self) -> Any:
        return self.instance.pk

    @property
    def _meta(self) -> Any:
        return self.instance._meta

    def change_chain(self) -> str:
        return changelog.INSTALLATION

    def change_label(self) -> str:
        return f"{self.instance._meta.verbose_name} {self.instance}"


@dataclass(frozen=True, slots=True)
class Rights:
    """What an account could do at an instant. ``permissions``: name → how it came by it."""

    pk: str
    username: str
    is_active: bool
    is_staff: bool
    is_superuser: bool
    groups: frozenset[str]
    permissions: dict[str, list[str]] = field(default_factory=dict)


# ------------------------------------------------------------------ recording


guards: list[Callable[[Any, Any | None], None]] = []
"""Asked with the account and the stored one (None for a new one) before it is written; each may refuse."""


addresses: list[Callable[[Any], list[str]]] = []
"""Asked for the addresses of the people whose account it is."""


def addresses_of(user: Any) -> list[str]:
    """Where only the owner of an account reads; nowhere while it belongs to nobody."""
    return sorted({address for asked in addresses for address in asked(user)})


def record_link(user: Any, to: Collection[str]) -> None:
    """A link to set a password of one's own went out."""
    _append(user, "changed", "password", None, f"a link to set it was sent to {', '.join(to)}")


def record_factor(user: Any, said: str) -> None:
    """A second factor was added, used up or removed."""
    _append(user, "changed", "second factor", None, said)


def record_provider(user: Any, said: str) -> None:
    """An account was linked to who somebody is at a provider, or unlinked."""
    _append(user, "changed", "sign-in at a provider", None, said)


def record_sessions(user: Any, said: str) -> None:
    """Sessions of an account were ended before their time."""
    _append(user, "changed", "sessions", None, said)


def record_change(sender: Any, instance: Any, update_fields: Collection[str] | None = None, **_: Any) -> None:
    """Receiver of ``pre_save`` of accounts: its flags are evidence, and who has set the password."""
    stored = sender._base_manager.filter(pk=instance.pk).first() if instance.pk else None
    if update_fields is not None and not {*FLAGS, "password"} & {*update_fields}:
        return
    for guard in guards:
        guard(instance, stored)
    if stored is None:
        return
    for name in FLAGS:
        before, after = getattr(stored, name), getattr(instance, name)
        if before != after:
            _append(instance, "changed", name, before, after)
    if has_new_password(instance, stored):
        _record_password(instance)


def record_creation(sender: Any, instance: Any, created: bool, **_: Any) -> None:
    """Receiver of ``post_save`` of accounts: who has made it for somebody else knows its password."""
    acting = actors.current_or_none()
    if created and acting is not None and not acting.actor.is_system:
        _append(instance, "created", "account", None, snapshot(instance))
        _record_password(instance)


def has_new_password(user: Any, stored: Any) -> bool:
    """Whether somebody sets it; Django itself writes the same password anew with a newer hash at a login."""
    is_set = getattr(user, "_password", None) is not None or getattr(user, "password_was_agreed", False)
    return bool(is_set and user.password != stored.password)


def _record_password(user: Any) -> None:
    """Whose password it is from now on. One's own ends what somebody else knew; tokens end in any case."""
    access_tokens.end_all_of(user, why="the password was changed")
    acting = actors.current_or_none()
    if acting is not None and acting.actor.is_system:
        return
    label = acting.actor.label if acting else f"{actors.operating_system_user()} (command line)"
    if acting is not None and acting.actor.user_id == user.pk:
        known = PasswordOfAnother.objects.filter(user=user).first()
        if known and settings.GTM_OWN_PASSWORD_BY_MAIL and not getattr(user, "proved_by_mail", False):
            _append(user, "changed", "password", None, f"set in a session, of which {known.set_by} knew it")
            return
        PasswordOfAnother.objects.filter(user=user).delete()
        _note_channel(user, acting.actor)
        _append(user, "changed", "password", None, OWN)
        return
    PasswordFromLink.objects.filter(user=user).delete()  # the new one came to its owner by another way
    if not user.has_usable_password():
        PasswordOfAnother.objects.filter(user=user).delete()
        _append(user, "changed", "password", None, f"taken away by {label}")
        return
    values = {"set_by": label, "set_at": clock.now()}
    PasswordOfAnother.objects.update_or_create(user=user, defaults=values)
    _append(user, "changed", "password", None, f"set by {label}")


def _note_channel(user: Any, actor: Actor) -> None:
    """Whether the mailbox alone has set the password; that ends when a session that shows more sets one."""
    if getattr(user, "proved_by_mailbox_alone", False):
        PasswordFromLink.objects.update_or_create(user=user, defaults={"set_at": clock.now()})
    elif actor.second_factor:
        PasswordFromLink.objects.filter(user=user).delete()


def may_be_known(user: Any, how: str = "linked") -> None:
    """Whoever gives an account to a person, or lets it in without its second factor, may have its password:
    its owner proves it anew, by mail."""
    acting = actors.current_or_none()
    if not settings.GTM_OWN_PASSWORD_BY_MAIL or acting is None or acting.actor.is_system:
        return
    if acting.actor.user_id != user.pk:
        known = {"set_by": acting.on_behalf_of or acting.actor.label, "set_at": clock.now()}
        PasswordOfAnother.objects.update_or_create(user=user, defaults=known)
        _append(user, "changed", "password", None, f"{how} by {known['set_by']}, who may know it")


def why_not_theirs(user: Any) -> str | None:
    """Why what is done with this account is nobody's own act; None where its owner alone can log in."""
    if user is None:
        return None
    if not user.is_active:
        return f"The account {actors.name_of(user)} is closed."
    known = PasswordOfAnother.objects.filter(user=user).first()
    if known is None:
        return None
    return (
        f"{known.set_by} has set the password of {actors.name_of(user)}, linked the account, or reset its "
        f"second factor, and may know "
        f"the password. {actors.name_of(user)} has to set one of their own first."
    )


def record_end(sender: Any, instance: Any, **_: Any) -> None:
    """Receiver of ``pre_delete``: what goes with an account or a group is written down first."""
    if isinstance(instance, Group):
        for user in instance.user_set.all():
            _changed(user, "groups", removed={instance.name})
        _append(instance, "deleted", "permissions", names_of(instance.permissions.all()), None)
    else:
        _append(instance, "deleted", "account", snapshot(instance), None)


def record_links(
    sender: Any, instance: Any, action: str, reverse: bool, model: Any, pk_set: Any, **_: Any
) -> None:
    """Receiver of ``m2m_changed`` of groups and permissions, from either side."""
    if action not in ("post_add", "pre_remove", "pre_clear"):
        return
    user_model = get_user_model()
    name = {
        user_model.groups.through: "groups",
        user_model.user_permissions.through: "user_permissions",
        Group.permissions.through: "permissions",
    }[sender]
    if not reverse:
        linked = (
            getattr(instance, name).all() if pk_set is None else model._base_manager.filter(pk__in=pk_set)
        )
        pairs = [(instance, names_of(linked))]
    else:
        holders = model._base_manager.filter(**{name: instance.pk})
        holders = holders if action != "post_add" else model._base_manager.filter(pk__in=pk_set)
        holders = holders if pk_set is None else holders.filter(pk__in=pk_set)
        pairs = [(holder, names_of([instance])) for holder in holders]
    for holder, names in pairs:
        key = "added" if action == "post_add" else "removed"
        _changed(holder, name, **{key: set(names)})


def _changed(holder: Any, name: str, *, added: Iterable[str] = (), removed: Iterable[str] = ()) -> None:
    now = set(names_of(getattr(holder, name).all()))
    before, after = sorted(now - set(added)), sorted(now - set(removed))
    if before != after:
        _append(holder, "changed", name, before, after)


def _append(instance: Any, event: str, name: str, before: Any, after: Any) -> None:
    with transaction.atomic():
        if actors.current_or_none() is not None:
            changelog.append(_Logged(instance), event, field=name, before=before, after=after)
            return
        label = f"{actors.operating_system_user()} (no actor named)"
        with acting_as(Actor.system(label, via=COMMAND_LINE)):
            changelog.append(_Logged(instance), event, field=name, before=before, after=after)


def snapshot(user: Any) -> dict[str, Any]:
    return {
        "username": user.get_username(),
        "since": canonical.rfc3339(user.date_joined),
        "groups": names_of(user.groups.all()),
        "user_permissions": names_of(user.user_permissions.all()),
        **{name: getattr(user, name) for name in FLAGS},
    }


def names_of(rows: Iterable[Group | Permission]) -> list[str]:
    """Groups by name, permissions as "app.codename"."""
    return sorted(
        f"{row.content_type.app_label}.{row.codename}" if isinstance(row, Permission) else row.name
        for row in rows
    )


# ------------------------------------------------------------------ reading backwards


def rights_at(instant: datetime) -> list[Rights]:
    """The rights of every account that existed at ``instant``, by user name."""
    then = canonical.rfc3339(instant)
    users = get_user_model()._base_manager.prefetch_related("groups", "user_permissions__content_type")
    accounts = {str(user.pk): snapshot(user) for user in users}
    groups = {
        group.name: names_of(group.permissions.all())
        for group in Group.objects.prefetch_related("permissions__content_type")
    }
    for entity, pk, body in _later(then):
        if entity == GROUP:
            groups[body["object"].removeprefix("group ")] = body["from"] or []
        elif body["field"] == "account":
            accounts[pk] = dict(body["from"])
        elif pk in accounts:
            accounts[pk][body["field"]] = body["from"]
    existed = {pk: account for pk, account in accounts.items() if account["since"] <= then}
    return sorted((_rights(pk, a, groups) for pk, a in existed.items()), key=lambda rights: rights.username)


def gifts_until(instant: datetime) -> dict[tuple[str, str], tuple[str, datetime]]:
    """(account or "group NAME", group or permission) → who gave it last by ``instant``, and when."""
    then = canonical.rfc3339(instant)
    log = ChangeLogEntry.objects.filter(entity__in=(USER, GROUP), event="changed", at__lte=then)
    found = {}
    for entry in log.select_related("payload").order_by("pk"):
        body = entry.payload.body
        if body is not None and body["field"] in ("groups", "user_permissions", "permissions"):
            holder = entry.entity_id if entry.entity == USER else body["object"]
            for name in set(body["to"]) - set(body["from"]):
                found[holder, name] = (body["actor"], datetime.fromisoformat(entry.at))
    return found


def _later(then: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Changes of accounts and groups after an instant, the latest first; erased ones cannot be undone."""
    entries = ChangeLogEntry.objects.filter(entity__in=(USER, GROUP), at__gt=then).select_related("payload")
    for entry in entries.order_by("-pk"):
        if entry.payload.body is not None:
            yield entry.entity, entry.entity_id, entry.payload.body


def _rights(pk: str, account: dict[str, Any], groups: dict[str, list[str]]) -> Rights:
    found: dict[str, list[str]] = {name: ["granted directly"] for name in account["user_permissions"]}
    for group in account["groups"]:
        for name in groups.get(group, []):
            found.setdefault(name, []).append(f"group {group}")
    if account["is_superuser"]:
        found = {EVERYTHING: ["superuser"]}
    flags = {name: account[name] for name in FLAGS}
    return Rights(pk, account["username"], groups=frozenset(account["groups"]), permissions=found, **flags)
