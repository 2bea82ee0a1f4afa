"""Who has taken authority from whom. A loss takes one person and holds at once; so nobody gains by one.

Whoever took a role from somebody does not decide in that role's place, by a fallback list or by a rung of the
ladder; and where somebody who asked for the plan took it, nobody does. It counts while the plan is open, and
where it was done in the weeks before.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from gtm.core import clock
from gtm.core.models import ChangeLogEntry
from programs.models import Approver, Person, Role

Taking = tuple[str, int | None, datetime]
"""The role that was taken, the account that took it, and when."""
BEFORE_THE_PLAN = timedelta(days=30)


class Taken:
    """Who took a role from somebody who does not hold it now, or holds less of it.

    Read when it is first asked for: most gates ask nobody in the place of others. ``accounts``: account →
    people.
    """

    def __init__(self, accounts: Mapping[int | None, Collection[int]] | None = None):
        self._accounts = accounts or {}
        self._takings: list[Taking] | None = None

    def by(self, role: str, plan_made_at: datetime | None) -> set[int]:
        """The people who took the role while the plan was open, or shortly before."""
        if self._takings is None:
            read = (_narrowed(), _closed_people(), _closed_accounts()) if self._accounts else ()
            self._takings = [taking for found in read for taking in found]
        since = (plan_made_at or clock.now()) - BEFORE_THE_PLAN
        users = {user for slug, user, at in self._takings if slug == role and at >= since}
        return set().union(*(self._accounts.get(user, ()) for user in users))


def _narrowed() -> Iterator[Taking]:
    """Rows of authority of which the last change was a loss, and rows that were deleted."""
    slugs = dict(Role.objects.values_list("pk", "slug"))
    held = set(Approver.objects.values_list("person_id", "role_id"))
    before: dict[int, Approver] = {}
    last: dict[int, tuple[int, int, int | None, datetime]] = {}
    fields = [field.attname for field in Approver._meta.concrete_fields]
    rows = Approver.history.order_by("history_id").values(
        "history_type", "history_user_id", "history_date", *fields
    )
    for row in rows:
        kind, user, at = (row.pop(f"history_{name}") for name in ("type", "user_id", "date"))
        now = Approver(**row)
        was = before.get(now.pk)
        if kind == "-" or (was is not None and was.reaches_further_than(now)):
            last[now.pk] = (now.person_id, now.role_id, user, at)
        elif was is None or now.reaches_further_than(was):
            last.pop(now.pk, None)
        before[now.pk] = now
    current = set(Approver.objects.values_list("pk", flat=True))
    for pk, (person, role, user, at) in last.items():
        if pk in current or (person, role) not in held:
            yield slugs.get(role, ""), user, at


def _closed_people() -> Iterator[Taking]:
    """Whoever closed somebody who holds a role still."""
    roles = _roles_of(Approver.objects.filter(person__is_active=False))
    closed: dict[int, tuple[int | None, datetime]] = {}
    was_active: dict[int, bool] = {}
    rows = Person.history.filter(id__in=roles).order_by("history_id") if roles else Person.history.none()
    for pk, is_active, user, at in rows.values_list("id", "is_active", "history_user_id", "history_date"):
        if was_active.get(pk) and not is_active:
            closed[pk] = (user, at)
        was_active[pk] = is_active
    yield from ((slug, *by) for pk, by in closed.items() for slug in roles[pk])


def _closed_accounts() -> Iterator[Taking]:
    """Whoever closed an account of somebody who holds a role and has no other."""
    open_ = Person.accounts.through.objects.filter(user__is_active=True).values("person_id")
    roles = _roles_of(Approver.objects.filter(person__is_active=True).exclude(person__in=open_))
    if not roles:
        return
    links = Person.accounts.through.objects.filter(person__in=roles)
    people = {str(user): person for person, user in links.values_list("person_id", "user_id")}
    rows = ChangeLogEntry.objects.filter(entity="auth.user", event="changed", entity_id__in=people)
    for pk, at, body in rows.order_by("pk").values_list("entity_id", "at", "payload__body"):
        if body is not None and body["field"] == "is_active" and not body["to"]:
            when = datetime.fromisoformat(at)
            yield from ((slug, body["actor_id"], when) for slug in roles[people[pk]])


def _roles_of(rows: Any) -> dict[int, set[str]]:
    found: defaultdict[int, set[str]] = defaultdict(set)
    for person, slug in rows.values_list("person_id", "role__slug"):
        found[person].add(slug)
    return dict(found)
