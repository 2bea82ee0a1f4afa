"""Whether accounts and groups may what the log says that they may: flags, groups and permissions.

Django's own tables have no rows of evidence of ours beside them, so a flag that somebody sets by SQL makes a
superuser whom nobody appointed. The log tells each change of them whole, so the last row says what is now.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group

from gtm.core.evidence import accounts, changelog
from gtm.core.evidence.changelog import Break
from gtm.core.models import AccessToken, ChangeLogEntry

RIGHTS = (*accounts.FLAGS, "groups", "user_permissions")
ACCOUNT = "account"


@dataclass(slots=True)
class AccountAudit:
    """What it came to. ``untold``: who has rights that no row tells, superusers first."""

    breaks: list[Break] = field(default_factory=list)
    compared: int = 0
    untold: list[str] = field(default_factory=list)


@dataclass(slots=True)
class ToldRights:
    """What the rows of one account or group told last: right → value and row."""

    rights: dict[str, tuple[Any, int]] = field(default_factory=dict)
    deleted: int = 0


def audit_accounts() -> AccountAudit:
    """Compare every account and group with the rows that told of it last."""
    found, told = AccountAudit(), _told()
    names = set(Group.objects.values_list("name", flat=True))
    users = get_user_model()._base_manager.prefetch_related("groups", "user_permissions__content_type")
    for user in users.order_by("pk"):
        mine = told.get((accounts.USER, str(user.pk)), ToldRights())
        now = {name: accounts.snapshot(user)[name] for name in RIGHTS}
        label = f"the account {user.get_username()}"
        _compare(label, now, mine, found, names)
        if _has_untold(now, mine):
            found.untold.append(f"{label} (superuser)" if user.is_superuser else label)
    for group in Group.objects.prefetch_related("permissions__content_type").order_by("pk"):
        mine = told.get((accounts.GROUP, str(group.pk)), ToldRights())
        now = {"permissions": accounts.names_of(group.permissions.all())}
        _compare(f"the group {group.name}", now, mine, found, names)
        if now["permissions"] and not mine.rights:
            found.untold.append(f"the group {group.name}")
    found.breaks += _untold_tokens()
    found.untold.sort(key=lambda name: "(superuser)" not in name)
    return found


def _compare(
    label: str, now: dict[str, Any], told: ToldRights, found: AccountAudit, groups: set[str]
) -> None:
    if told.deleted:
        sentence = f"{label} is there, but this row says it was deleted"
        found.breaks.append(Break(changelog.INSTALLATION, told.deleted, sentence))
    for name, (value, sequence) in told.rights.items():
        if name not in now:
            continue
        if name == "groups" and not set(value) <= groups:  # one of them was renamed, which no row tells
            found.untold.append(label)
            continue
        found.compared += 1
        if now[name] != value:
            sentence = (
                f"{label}: its {name} is {_short(now[name])}, but this row recorded {_short(value)} last"
            )
            found.breaks.append(Break(changelog.INSTALLATION, sequence, sentence))


def _has_untold(now: dict[str, Any], told: ToldRights) -> bool:
    """An account that is open is the usual case; what lets it do more is to be told."""
    return any(now[name] and name not in told.rights for name in RIGHTS if name != "is_active")


def _told() -> dict[tuple[str, str], ToldRights]:
    found: dict[tuple[str, str], ToldRights] = {}
    for entry, body in _rows():
        mine = found.setdefault((entry.entity, entry.entity_id), ToldRights())
        if body is None:
            mine.rights = {}
        elif entry.event == "deleted":
            mine.deleted = entry.sequence
        elif body["field"] == ACCOUNT and entry.event == "created":
            mine.rights = {name: (body["to"][name], entry.sequence) for name in RIGHTS}
        elif entry.event == "changed":  # a password, too, which nobody compares
            mine.rights[body["field"]] = body["to"], entry.sequence
    return found


def _rows() -> Iterator[tuple[ChangeLogEntry, Any]]:
    log = ChangeLogEntry.objects.filter(entity__in=accounts.ENTITIES, chain=changelog.INSTALLATION)
    for entry in log.select_related("payload").order_by("pk").iterator(chunk_size=2000):
        payload = getattr(entry, "payload", None)
        yield entry, payload.body if payload is not None else None


def _untold_tokens() -> Iterator[Break]:
    """Tokens that open a door and that no row made, or that may do more, longer or for another account."""
    log = ChangeLogEntry.objects.filter(entity=AccessToken._meta.label_lower, event="created")
    made = {row.entity_id: row for row in log.select_related("payload")}
    names = set(get_user_model()._base_manager.values_list("username", flat=True))
    for token in AccessToken.objects.filter(ended_at=None).select_related("user"):
        row, told = made.get(str(token.pk)), {"scopes": token.scopes, "until": token.expires_at.isoformat()}
        if row is None:
            sentence = f"the {token.change_label()} is there, but no row records that it was made"
            yield Break(changelog.INSTALLATION, 0, sentence)
        elif body := row.payload.body:
            owner = body["object"].rpartition(" of ")[2]
            is_of_another = owner in names - {
                token.user.get_username()
            }  # nobody has the name: it was renamed
            if body["to"] != told or is_of_another:
                sentence = f"the {token.change_label()} is not the one that this row made"
                yield Break(changelog.INSTALLATION, row.sequence, sentence)


def _short(value: Any) -> str:
    if isinstance(value, list):
        return f"{len(value)} ({', '.join(value[:3])}{', …' if len(value) > 3 else ''})" if value else "none"
    return str(value)
