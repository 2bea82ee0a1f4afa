"""Access review: who held which seat, delegation, group and permission at an instant, from history.

Roles and people come from their history tables, rights of accounts from the change log; nothing is read
from today's rows that was different then.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime, time, timedelta
from typing import Any

from django.contrib.auth.models import Group, Permission
from django.db.models import Max
from django.utils.dateparse import parse_date, parse_datetime

from gtm.core import canonical
from gtm.core.actors import name_of
from gtm.core.evidence import accounts
from gtm.core.models import ChangeLogEntry
from gtm.core.money import Money
from programs.datasets.loading.cells import inert
from programs.models import (
    ALONE_STATES,
    MADE_CHANGE_STATES,
    Absence,
    Approver,
    Delegation,
    GuardedChange,
    Person,
    Role,
    RotaOverride,
    two_people,
)

NAME = "access review"
"""What it is called where a copy of it leaves."""
IN_ONE_TRANSACTION = timedelta(minutes=1)
"""How far apart the rows of one transaction may be: a gift that came later is another's."""
SET_UP_BY = "whoever set the site up"


@dataclass(frozen=True, slots=True)
class Grant:
    """One thing somebody could do. ``kind``: approver, delegate, substitute, on call, group, permission.

    Of kind single-handed is a change of who may decide that one person has made alone.
    """

    kind: str
    person: str
    email: str
    account: str
    what: str
    detail: str
    since: str
    until: str
    in_force: bool
    why_not: str
    given_by: str = ""
    """Who last changed it, and who agreed; or who made it single-handed."""
    given_at: str = ""


def review(at: datetime) -> list[Grant]:
    """Every grant on record at ``at``, those not in force with the reason, by person and kind."""
    people = {row.id: row for row in _as_of(Person, at)}
    roles = {row.id: row.name for row in _as_of(Role, at)}
    found = [
        *_approvers(at, people, roles),
        *_delegates(at, people, roles),
        *_substitutes(at, people),
        *_on_call(at, people),
        *_accounts(at, people),
        *_single_handed(at, people),
    ]
    return sorted(
        found, key=lambda grant: (grant.person, grant.account, grant.kind, grant.what, grant.detail)
    )


def instant_of(text: str) -> datetime:
    """A date stands for its last moment, in UTC. Raises ValueError with a sentence."""
    sentence = f"“{text}” is neither a date (2026-11-21) nor a time (2026-11-21T09:00:00Z)."
    try:
        day, moment = parse_date(text), parse_datetime(text)
    except ValueError as error:
        raise ValueError(sentence) from error
    if day is not None:
        return datetime.combine(day, time.max, UTC)
    if moment is None or moment.tzinfo is None:
        raise ValueError(sentence)
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"“{text}” lies at the end of time.") from error


def _as_of(model: Any, at: datetime) -> Any:
    """The last row of history of every object that existed; of two rows of one instant the later one."""
    known = model.history.order_by().filter(history_date__lte=at)
    last = known.values("id").annotate(last=Max("history_id")).values("last")
    return model.history.filter(history_id__in=last).exclude(history_type="-")


def _approvers(at: datetime, people: dict[int, Any], roles: dict[int, str]) -> Iterable[Grant]:
    givers = _givers(at)
    for seat in _as_of(Approver, at):
        limit = (
            f"up to {Money(seat.limit_amount, seat.limit_currency)} a year"
            if seat.limit_amount is not None
            else ""
        )
        scope = [limit, ", ".join(seat.program_kinds), ", ".join(seat.regions)]
        yield _grant(
            "approver", people.get(seat.person_id), roles.get(seat.role_id, ""), at,
            detail="; ".join(part for part in scope if part), since=seat.valid_from, until=seat.valid_until,
            given=_given(seat, givers),
        )  # fmt: skip


def _delegates(at: datetime, people: dict[int, Any], roles: dict[int, str]) -> Iterable[Grant]:
    givers = _givers(at)
    for row in _as_of(Delegation, at):
        principal = people.get(row.principal_id)
        cap = f"up to {Money(row.amount_cap, row.currency)} a year" if row.amount_cap is not None else ""
        parts = [f"for {principal.name if principal else '?'}", cap, ", ".join(row.commands), row.reason]
        yield _grant(
            "delegate", people.get(row.delegate_id), roles.get(row.role_id, ""), at,
            detail="; ".join(part for part in parts if part), since=row.starts_at, until=row.ends_at,
            revoked=row.revoked_at, given=_given(row, givers),
        )  # fmt: skip


def _substitutes(at: datetime, people: dict[int, Any]) -> Iterable[Grant]:
    givers = _givers(at)
    for row in _as_of(Absence, at):
        if row.substitute_id is not None:
            away = people.get(row.person_id)
            name = away.name if away else "?"
            yield _grant(
                "substitute", people.get(row.substitute_id), f"stands in for {name}", at,
                since=row.starts_at, until=row.ends_at, given=_given(row, givers),
            )  # fmt: skip


def _on_call(at: datetime, people: dict[int, Any]) -> Iterable[Grant]:
    givers = _givers(at)
    for row in _as_of(RotaOverride, at):
        yield _grant(
            "on call", people.get(row.person_id), f"by an override of the rota {row.rota}", at,
            detail=row.reason, since=row.starts_at, until=row.ends_at, given=_given(row, givers),
        )  # fmt: skip


def _givers(at: datetime) -> dict[tuple[str, str], str]:
    """(entity, row) → by which two people, or by which one, the last change of it was made by then."""
    found = {}
    for change in _made(at):
        for row in two_people.set_up_rows(change) or {(change.entity, change.object_id)}:
            found[row] = _two_of(change)
    return found


def _made(at: datetime) -> Any:
    return _as_of(GuardedChange, at).filter(state__in=MADE_CHANGE_STATES).order_by("id")


def _gifts(at: datetime) -> dict[tuple[str, str], tuple[str, datetime]]:
    """(account or "group NAME", group or permission) → by which two people, or by which one, and when."""
    found = accounts.gifts_until(at)
    groups = {str(pk): name for pk, name in Group.objects.values_list("pk", "name")}
    names = {"groups": {int(pk): name for pk, name in groups.items()}}
    names |= dict.fromkeys(("user_permissions", "permissions"), _permissions())

    def holder(entity: str, pk: str) -> str:
        return pk if entity == accounts.USER else f"group {groups.get(pk, '')}"

    for change in _made(at):
        made = {holder(*row) for row in two_people.set_up_rows(change) if row[0] in accounts.ENTITIES}
        given = [key for key, (_, when) in found.items() if key[0] in made and when <= change.created_at]
        if change.entity in accounts.ENTITIES and change.verb == two_people.LINK:
            whose, known = holder(change.entity, change.object_id), names[change.values["field"]]
            given = [(whose, known.get(pk, "")) for pk in change.values.get("add", ())]
        made_by = max(change.created_at, change.decided_at or change.created_at) + IN_ONE_TRANSACTION
        for key in given:
            if key in found and found[key][1] <= made_by:
                found[key] = (_two_of(change), found[key][1])
        if change.entity == accounts.USER and change.values.get("is_superuser"):
            made.add(change.object_id)
        for pk in made:
            found[pk, accounts.EVERYTHING] = (_two_of(change), change.created_at)
    return found


def _permissions() -> dict[int, str]:
    rows = Permission.objects.values_list("pk", "content_type__app_label", "codename")
    return {pk: f"{app}.{codename}" for pk, app, codename in rows}


def _two_of(change: Any) -> str:
    by, number = change.requested_label, f"(change {change.id})"
    if change.state in ALONE_STATES:
        confirmed = change.decided_by and f"confirmed by {name_of(change.decided_by)}"
        return f"{by} single-handed, {confirmed or 'not confirmed'} {number}"
    return f"{by}, agreed by {name_of(change.decided_by)} {number}"


def _given(row: Any, givers: Mapping[tuple[str, str], str]) -> tuple[str, datetime]:
    """Who last changed a row of history, and when."""
    entity = row.instance_type._meta.label_lower
    by = name_of(row.history_user) if row.history_user else SET_UP_BY
    return givers.get((entity, str(row.id)), by), row.history_date


def _single_handed(at: datetime, people: dict[int, Any]) -> Iterable[Grant]:
    """Changes that one person made because nobody else could agree, confirmed ones too."""
    for change in _as_of(GuardedChange, at).filter(state__in=ALONE_STATES):
        for person in [people.get(pk) for pk in change.people] or [None]:
            detail = "not confirmed" if change.state == "single_handed" else "confirmed"
            yield _grant(
                "single-handed", person, change.what, at, detail=detail, since=change.created_at,
                given=(_two_of(change), change.created_at),
            )  # fmt: skip


def _accounts(at: datetime, people: dict[int, Any]) -> Iterable[Grant]:
    holders, gifts = _people_of_accounts(at, people), _gifts(at)
    for rights in accounts.rights_at(at):
        closed = "" if rights.is_active else "the account is closed"
        what = [("group", name, "", [name]) for name in rights.groups]
        what += [
            ("permission", name, ", ".join(ways), [name, *ways]) for name, ways in rights.permissions.items()
        ]
        for person in holders.get(rights.pk) or [None]:
            for kind, name, detail, ways in what:
                yield _grant(
                    kind, person, name, at, account=rights.username, detail=detail, why_not=closed,
                    given=_last_of(gifts, rights.pk, name, ways),
                )  # fmt: skip


def _last_of(
    gifts: Mapping[tuple[str, str], tuple[str, datetime]], account: str, name: str, ways: Iterable[str]
) -> tuple[str, datetime] | None:
    """A permission comes directly, or by a group that has it and that the account was given: the last one."""
    keys = [
        (holder, what)
        for way in ways
        for holder, what in ((account, way.removeprefix("group ")), (way, name))
    ]
    found = [gifts[key] for key in keys if key in gifts]
    return max(found, key=lambda gift: gift[1], default=None)


def _people_of_accounts(at: datetime, people: dict[int, Any]) -> dict[str, list[Any]]:
    """Account → the people behind it then: today's links with the later ones undone."""
    linked: defaultdict[str, set[str]] = defaultdict(set)
    for person, account in Person.accounts.through.objects.values_list("person_id", "user_id"):
        linked[str(person)].add(str(account))
    later = ChangeLogEntry.objects.filter(
        entity="programs.person", event__in=("linked", "unlinked"), at__gt=canonical.rfc3339(at)
    )
    for entry in later.select_related("payload").order_by("-pk"):
        if entry.payload.body is not None and entry.payload.body["field"] == "accounts":
            changed = set(entry.payload.body["to"])
            if entry.event == "linked":
                linked[entry.entity_id] -= changed
            else:
                linked[entry.entity_id] |= changed
    holders: defaultdict[str, list[Any]] = defaultdict(list)
    for pk, person in people.items():
        for account in linked[str(pk)]:
            holders[account].append(person)
    return holders


def _grant(
    kind: str,
    person: Any | None,
    what: str,
    at: datetime,
    *,
    account: str = "",
    detail: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
    revoked: datetime | None = None,
    why_not: str = "",
    given: tuple[str, datetime] | None = None,
) -> Grant:
    reasons = {
        "revoked": revoked is not None and revoked <= at,
        "not yet valid": since is not None and at < since,
        "no longer valid": until is not None and until <= at,
        "the person is not active": person is not None and not person.is_active,
        why_not: bool(why_not),
    }
    told = "; ".join(reason for reason, holds in reasons.items() if holds)
    return Grant(
        kind, person.name if person else "", person.email if person else "", account, what, detail,
        canonical.rfc3339(since) if since else "", canonical.rfc3339(until) if until else "",
        not told, told, given[0] if given else "", canonical.rfc3339(given[1]) if given else "",
    )  # fmt: skip


def as_csv(grants: Iterable[Grant]) -> str:
    """Safe to open in a spreadsheet."""
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, [f.name for f in fields(Grant)], lineterminator="\r\n")
    writer.writeheader()
    for grant in grants:
        writer.writerow({name: inert(str(value)) for name, value in asdict(grant).items()})
    return out.getvalue()
