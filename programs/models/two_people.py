"""Two people change who may decide: the one place that asks for the second one.

Models of authority are saved through ``ChangedByTwo``, links and accounts through their signals; both come
here, whatever the door was: a page, a list, a file, an earlier version, REST, the command line. A gain waits,
a loss does not, unless it would leave whoever acts as the only one who could agree. The engine is not asked.
What somebody does at the command line under no account, where nobody can be asked, is made and marked as
single-handed; what sets an installation up is one such mark.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import models, transaction

from gtm.core import actors, canonical, fsm
from gtm.core.actors import COMMAND_LINE, Acting, Actor, acting_as
from gtm.core.errors import GuardNotMet, InvalidInput, NotFound, Problem, WaitsForSecondPerson
from gtm.core.evidence import changelog, refusals
from gtm.core.governed import StateField
from gtm.core.identity import factors
from programs.models import whose_act
from programs.models.guarded_change import GuardedChange, GuardedKind, PendingPassword

PERMISSION = "programs.decide_guardedchange"
BACKEND = "django.contrib.auth.backends.ModelBackend"
SAVE, DELETE, LINK, PASSWORD, FACTORS, SET_UP = "save", "delete", "link", "password", "factors", "set_up"
OF_PLANS = frozenset({GuardedKind.FACTS, GuardedKind.PUBLISHED})
"""What the engine writes for a plan, at the command line too: the plan has its own gates."""
NOBODY_NOW = "Everybody else who may agree is concerned by it: it waits until a further person may agree."
BOOKKEEPING = frozenset({"version", "created_at", "updated_at"})

_making: ContextVar[bool] = ContextVar("making", default=False)
_set_up: ContextVar[list[AskedChange] | None] = ContextVar("set_up", default=None)


@dataclass(frozen=True, slots=True)
class AskedChange:
    """What somebody is about to do that takes a second person, and all that is needed to do it later.

    ``people``: whose authority it concerns, by primary key; none of them is the second person. ``roles`` and
    ``programs`` say which plans it would touch. ``secret``: the hash of a password.
    """

    kind: str
    what: str
    entity: str
    object_id: str
    verb: str
    values: Mapping[str, Any]
    before: Mapping[str, Any] = field(default_factory=dict)
    people: Collection[int] = ()
    roles: Collection[str] = ()
    programs: Collection[int] = ()
    secret: str = ""

    def as_row(self, acting: Acting) -> GuardedChange:
        return GuardedChange(
            kind=self.kind, what=self.what[:300], entity=self.entity, object_id=self.object_id,
            verb=self.verb, values=dict(self.values), before=dict(self.before), people=sorted(self.people),
            roles=sorted(self.roles), programs=sorted(self.programs), reason=acting.reason,
            requested_by=acting.actor.user, requested_label=acting.actor.label[:200],
        )  # fmt: skip


def ask(asked: AskedChange) -> GuardedChange | None:
    """Whether the change may be made now: answers None, or the mark of one that is made single-handed.

    Raises WaitsForSecondPerson where somebody else has the permission to agree, also where the change
    concerns all of them: then it waits for a further person. The proposal is written at the door.
    """
    acting = actors.current()
    if _making.get() or refusals.is_rehearsal():
        return None
    if acting.actor.is_system:
        return _by_code(asked, acting)
    if not seconds(acting.actor.user):
        return None if _collected(asked) else _made_alone(asked, acting)
    told = refusals.afterwards(lambda: _proposed(asked, acting))
    hint = "It is proposed, and stands under the changes by two people."
    if not told:
        hint = "Do it on a page or over REST: there it is proposed."
    elif not seconds(acting.actor.user, asked.people):
        hint = f"{hint} {NOBODY_NOW}"
    raise WaitsForSecondPerson(
        f"{asked.what}: nothing is changed yet. A second person has to agree.", hint=hint
    )


def ask_system_user(asked: AskedChange) -> GuardedChange:
    """Mark what somebody has done at the command line, where nobody can be asked."""
    label = f"{actors.operating_system_user()} (command line)"
    with acting_as(Actor.system(label, via=COMMAND_LINE)) as acting:
        return _made_alone(asked, acting)


def _by_code(asked: AskedChange, acting: Acting) -> GuardedChange | None:
    """What no account has done: the engine, which is not asked, or somebody at the command line."""
    is_engine = acting.actor.via != COMMAND_LINE or acting.on_behalf_of
    if is_engine or asked.kind in OF_PLANS:
        return None
    return None if _collected(asked) else _made_alone(asked, acting)


def _collected(asked: AskedChange) -> bool:
    """Whether it is part of what is being set up, which is one change."""
    collected = _set_up.get()
    if collected is None:
        return False
    collected.append(asked)
    return True


@contextmanager
def setting_up(what: str) -> Iterator[None]:
    """All that somebody sets up alone inside the block is one change, made single-handed.

    Nobody whom it concerns confirms it. Where nothing is gained, nothing is written.
    """
    collected: list[AskedChange] = []
    token = _set_up.set(collected)
    try:
        yield
    finally:
        _set_up.reset(token)
    if collected:
        values: dict[str, str] = {}
        for one in collected:
            key = f"{one.entity} {one.object_id}"
            values[key] = f"{values[key]}; {one.what}" if key in values else one.what
        people = frozenset().union(*(one.people for one in collected))
        roles = frozenset().union(*(one.roles for one in collected))
        about_all = AskedChange(
            GuardedKind.ROLE, what, collected[0].entity, "", SET_UP, values, people=people, roles=roles
        )
        _made_alone(about_all, actors.current())


def set_up_rows(change: Any) -> set[tuple[str, str]]:
    """The rows that a set-up made, as entity and key; nothing of any other change."""
    return {tuple(key.rsplit(" ", 1)) for key in change.values} if change.verb == SET_UP else set()


def _now_stands_as(asked: AskedChange, change: GuardedChange | None, pk: Any) -> None:
    """The row that ``asked`` was about is stored, and has a key now."""
    collected = _set_up.get()
    if change is not None and not change.object_id:
        change.object_id = str(pk)
        change.save()
    elif collected and collected[-1] is asked:
        collected[-1] = replace(asked, object_id=str(pk))


def seconds(user: Any, people: Collection[int] = ()) -> set[int]:
    """Our people who could agree to what ``user`` does about ``people``; nobody who speaks for a partner."""
    may = get_user_model().objects.with_perm(PERMISSION, backend=BACKEND)
    person = apps.get_model("programs", "person")
    found = person.objects.filter(is_active=True, accounts__in=may.filter(password_of_another=None))
    own = person.objects.filter(whose_act.of_account(user)).values("pk")
    theirs = person.objects.filter(accounts__people__partner__isnull=False).values("pk")
    ours = found.exclude(pk__in=theirs).exclude(pk__in=own)
    return set(ours.exclude(pk__in=people).values_list("pk", flat=True))


def leaves_nobody(take: Callable[[], Any]) -> bool:
    """Whether nobody but the person who acts could agree to anything once ``take`` is done; it is undone.

    Nobody becomes the only one by closing the others: such a loss waits as a gain does, and those whom it
    takes away may agree to it.
    """
    acting = actors.current_or_none()
    if acting is None or acting.actor.is_system or _making.get() or not seconds(acting.actor.user):
        return False
    with transaction.atomic():
        take()
        left = seconds(acting.actor.user)
        transaction.set_rollback(True)
    return not left


def is_only_other(person: int) -> bool:
    """Whether this person is the only one who could agree to what the person who acts does."""
    acting = actors.current_or_none()
    if acting is None or acting.actor.is_system or _making.get():
        return False
    return seconds(acting.actor.user) == {person}


def is_being_made() -> bool:
    """Whether what is saved now is a change that a second person has agreed to."""
    return _making.get()


@contextmanager
def agreed() -> Iterator[None]:
    token = _making.set(True)
    try:
        yield
    finally:
        _making.reset(token)


# ------------------------------------------------------------------ writing down


def _proposed(asked: AskedChange, acting: Acting) -> str:
    """Write the proposal at the door; the same one a second time is the same proposal.

    Not where what it is about was itself new, and undone: its number would become another's.
    """
    about = apps.get_model(asked.entity)
    if asked.object_id and not about._base_manager.filter(pk=asked.object_id).exists():
        return f"{asked.what}: it is not proposed. Save it without that first; then propose this alone."
    new = asked.as_row(acting)
    same = {name: getattr(new, name) for name in ("entity", "object_id", "verb", "requested_by", "values")}
    with acting_as(acting.actor, acting.reason, acting.on_behalf_of), transaction.atomic():
        row = GuardedChange.objects.filter(state="proposed", **same).first() if not asked.secret else None
        if row is None:
            row = new
            row.save()
            if asked.secret:
                PendingPassword.objects.create(change=row, encoded=asked.secret)
    said = f"{row.what}: it waits for a second person as change {row.pk}. Nothing is changed until then."
    return said if seconds(row.requested_by, row.people) else f"{said} {NOBODY_NOW}"


def _made_alone(asked: AskedChange, acting: Acting) -> GuardedChange:
    row = asked.as_row(acting)
    with transaction.atomic():
        row.save()
        with actors.on_their_behalf("Two people"):
            fsm.perform(row, "make_single_handed", comment="Nobody else could agree to it.")
    refusals.afterwards(lambda: _alone(row))
    return row


def _alone(row: GuardedChange) -> str:
    if not GuardedChange.objects.filter(pk=row.pk).exists():
        return ""
    return (
        f"{row.what}: nobody else could agree, so it is made single-handed. It is shown as such until a "
        f"second person confirms it (change {row.pk})."
    )


# ------------------------------------------------------------------ making it


def make(change: GuardedChange) -> None:
    """Do what was proposed, as whoever is acting. Raises GuardNotMet where it does not fit any more."""
    model: Any = apps.get_model(change.entity)
    with agreed(), transaction.atomic():
        row = model._base_manager.filter(pk=change.object_id).first() if change.object_id else model()
        if row is None:
            raise NotFound(f"What {change.change_label()} is about is gone.")
        _MAKE[change.verb](change, row)


def _save(change: GuardedChange, row: Any) -> None:
    now = {name: canonical.plain(getattr(row, name)) for name in change.before}
    if moved := sorted(name for name, value in now.items() if value != change.before[name]):
        names = ", ".join(name.replace("_", " ") for name in moved)
        raise GuardNotMet(
            f"{names} of {row} changed since this was proposed.",
            hint="Refuse it, and propose it again on top of what stands there now.",
        )
    for name, value in change.values.items():
        told = row._meta.get_field(name)
        to = told.target_field if isinstance(told, models.ForeignKey) else told
        setattr(row, name, value if isinstance(to, models.JSONField) else to.to_python(value))
    try:
        row.full_clean()
    except ValidationError as error:
        problems = [Problem(name, " ".join(said)) for name, said in error.message_dict.items()]
        raise InvalidInput("What was proposed is not valid any more.", problems=problems) from error
    row.save()
    if not change.object_id:
        change.object_id = str(row.pk)
        change.save()


def _delete(change: GuardedChange, row: Any) -> None:
    row.delete()


def _link(change: GuardedChange, row: Any) -> None:
    manager = getattr(row, change.values["field"])
    manager.remove(*change.values.get("remove", ()))
    manager.add(*change.values.get("add", ()))


def _set_password(change: GuardedChange, row: Any) -> None:
    row.password, row.password_was_agreed = change.pending_password.encoded, True
    row.save()
    change.pending_password.delete()


def _reset_factors(change: GuardedChange, row: Any) -> None:
    factors.remove_all(row)


_MAKE = {SAVE: _save, DELETE: _delete, LINK: _link, PASSWORD: _set_password, FACTORS: _reset_factors}


# ------------------------------------------------------------------ governed rows


def about(
    obj: models.Model,
    stored: models.Model | None,
    kind: str,
    what: str,
    *,
    verb: str = SAVE,
    people: Collection[int | None] = (),
    roles: Collection[str] = (),
    programs: Collection[int] = (),
) -> AskedChange:
    """The change that saving (or deleting) ``obj`` would be."""
    columns = [
        f.attname
        for f in obj._meta.concrete_fields
        if not (f.primary_key or f.name in BOOKKEEPING or isinstance(f, StateField))
    ]
    differ = [name for name in columns if stored is None or getattr(stored, name) != getattr(obj, name)] * (
        verb == SAVE
    )
    before = {name: canonical.plain(getattr(stored, name)) for name in differ if stored is not None}
    return AskedChange(
        kind, what, obj._meta.label_lower, str(obj.pk or "") if stored is not None else "", verb,
        {name: canonical.plain(getattr(obj, name)) for name in differ}, before,
        frozenset(pk for pk in people if pk), frozenset(roles), frozenset(programs),
    )  # fmt: skip


class ChangedByTwo:
    """Mixin of governed models: what ``change_for_two`` names is asked about before it is saved."""

    def change_for_two(self, stored: Any) -> AskedChange | None:
        """The change that needs a second person, against the ``stored`` row (None: a new one); or None."""
        raise NotImplementedError

    def when_made_by_two(self) -> None:
        """Called before the row is saved, where the change is such a one."""

    def save(self, *args: Any, **kwargs: Any) -> None:
        row: Any = self
        stored = None if row._state.adding else type(row)._base_manager.filter(pk=row.pk).first()
        asked = self.change_for_two(stored)
        if asked is None:
            super().save(*args, **kwargs)  # type: ignore[misc]
            return
        with changelog.holding(row.change_chain(), savepoint=True):
            change = ask(asked)
            if change is not None or is_being_made():
                self.when_made_by_two()
            super().save(*args, **kwargs)  # type: ignore[misc]
            _now_stands_as(asked, change, row.pk)
