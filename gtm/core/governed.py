"""The base of every governed object: history, change log, and a state only a transition can set."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

from django.db import models, transaction
from simple_history.models import HistoricalRecords

from gtm.core import actors, clock
from gtm.core.errors import Forbidden, GuardNotMet, Problem, StaleVersion
from gtm.core.evidence import changelog, told

# In the stubs a field is generic, at run time it is not.
if TYPE_CHECKING:
    _Text = models.CharField[str, str]
else:
    _Text = models.CharField
_Row = TypeVar("_Row", bound="GovernedModel", covariant=True)
_Method = TypeVar("_Method", bound=Callable[..., Any])

_open_doors: ContextVar[int] = ContextVar("open_doors", default=0)


@contextmanager
def open_door() -> Iterator[None]:
    """Only ``fsm.perform`` and the loading of rows hold the door; everything else is refused."""
    token = _open_doors.set(_open_doors.get() + 1)
    try:
        yield
    finally:
        _open_doors.reset(token)


def door_is_open() -> bool:
    return _open_doors.get() > 0


class StateField(_Text):
    """A state that only a transition can set.

    Assigning to it is refused while the object stands outside ``fsm.perform``; a new row may
    only be saved in the machine's initial state.
    """

    def __init__(self, *args: Any, **kwargs: Any):
        kwargs.setdefault("max_length", 30)
        kwargs.setdefault("db_index", True)
        kwargs.setdefault("editable", False)
        super().__init__(*args, **kwargs)

    def contribute_to_class(self, cls: type[models.Model], name: str, private_only: bool = False) -> None:
        super().contribute_to_class(cls, name, private_only)
        if issubclass(cls, GovernedModel):
            setattr(cls, self.name, _GuardedAttribute(self.name))


class _GuardedAttribute:
    def __init__(self, name: str):
        self.name = name

    def __get__(self, instance: models.Model | None, owner: type) -> Any:
        if instance is None:
            return self
        if self.name not in instance.__dict__:
            instance.refresh_from_db(fields=[self.name])
        return instance.__dict__[self.name]

    def __set__(self, instance: models.Model, value: Any) -> None:
        if self.name in instance.__dict__ and instance.__dict__[self.name] != value and not door_is_open():
            raise Forbidden(
                f"The state of {instance._meta.verbose_name} is set by a transition, never assigned.",
                hint="Call perform() with the name of the transition.",
            )
        instance.__dict__[self.name] = value


def alters_data(method: _Method) -> _Method:
    """No template calls it. What overrides a method of Django that says so inherits it."""
    vars(method)["alters_data"] = True
    return method


class GovernedQuerySet(models.QuerySet[_Row]):
    """Bulk writes leave no history and no log row, so they raise outside the one door."""

    def _refuse(self, verb: str) -> None:
        if not door_is_open():
            raise Forbidden(
                f"{verb} on {self.model._meta.verbose_name_plural} would leave no change log.",
                hint="Save objects one by one, or perform a transition.",
            )

    def update(self, **kwargs: Any) -> int:
        self._refuse("update()")
        return super().update(**kwargs)

    def bulk_create(self, *args: Any, **kwargs: Any) -> Any:
        self._refuse("bulk_create()")
        return super().bulk_create(*args, **kwargs)

    def bulk_update(self, *args: Any, **kwargs: Any) -> int:
        self._refuse("bulk_update()")
        return super().bulk_update(*args, **kwargs)

    def delete(self) -> tuple[int, dict[str, int]]:
        self._refuse("delete()")
        return super().delete()

    @alters_data
    def note(self, **values: Any) -> int:
        """Write bookkeeping, fields the model names as unlogged: no history, no log row, no new version."""
        if evidence := sorted(set(values) - self.model.unlogged_fields):
            raise Forbidden(f"{', '.join(evidence)} is evidence: save the object, or perform a transition.")
        with open_door():
            return super().update(**values)


def _history_user(instance: models.Model, **_: Any) -> Any:
    acting = actors.current_or_none()
    return acting.actor.user if acting else None


class GovernedModel(models.Model):
    """A row whose every change says who, what, why and when.

    ``save()`` compares with the stored row, bumps ``version`` by compare-and-swap and writes one
    change-log row a changed field, in one transaction. The row of a creation tells every field that holds
    something, the row of a transition those it writes. ``unlogged_fields`` names bookkeeping (timestamps,
    counters) that is not evidence. ``digested_fields`` are long: the log tells their digest; each names the
    field that keeps the same digest, or nothing. ``reasoned_fields`` are guardrails: a person who moves one
    says why.
    """

    version = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    updated_at = models.DateTimeField(default=clock.now, editable=False)

    history = HistoricalRecords(
        inherit=True, get_user=_history_user, history_change_reason_field=models.TextField(null=True)
    )
    objects = GovernedQuerySet.as_manager()

    unlogged_fields: frozenset[str] = frozenset()
    digested_fields: Mapping[str, str] = MappingProxyType({})
    reasoned_fields: frozenset[str] = frozenset()
    untold_links: frozenset[str] = frozenset()
    """Many-to-many relations that are written together with the object, and told by something else."""
    _bookkeeping = frozenset({"version", "created_at", "updated_at"})

    class Meta:
        abstract = True

    def change_chain(self) -> str:
        """The chain that tells this object's story."""
        return "installation"

    def earlier_chains(self) -> tuple[str, ...]:
        """Chains in which earlier versions told of it."""
        return ()

    def change_label(self) -> str:
        """How the change log names the object to a reader."""
        return f"{self._meta.verbose_name} {self}"

    def told_at_creation(self) -> Any:
        """What the row of its creation says beside the columns, where digests alone say too little."""
        return None

    def save(self, *args: Any, **kwargs: Any) -> None:
        with changelog.holding(self.change_chain(), savepoint=True):
            acting = actors.current()
            self._change_reason, self._history_date = acting.reason, clock.now()
            if self._state.adding:
                self._refuse_foreign_state()
                super().save(*args, **kwargs)
                fields = told.at_creation(self, self.evidence_columns())
                changelog.append(self, "created", after=self.told_at_creation(), fields=fields)
                return
            stored = type(self)._base_manager.get(pk=self.pk)
            changed = self._changed_since(stored, kwargs.get("update_fields"))
            if not changed:
                return
            self._refuse_changed_state(changed)
            self._refuse_without_reason(changed)
            if stored.version != self.version:
                raise StaleVersion(
                    (
                        f"{self.change_label()} is at version {stored.version}, but you changed version "
                        f"{self.version}."
                    ),
                    hint="Read it again, then repeat your change.",
                )
            self.version += 1
            self.updated_at = clock.now()
            kwargs.pop("update_fields", None)
            super().save(update_fields=[*changed, "version", "updated_at"], **kwargs)
            for name in changed:
                if name not in self.unlogged_fields:
                    self._log_change(stored, name)

    @classmethod
    @cache
    def evidence_columns(cls) -> tuple[str, ...]:
        """The columns whose value the log tells. A state is told by the events that lead to it."""
        outside = cls.unlogged_fields | cls._bookkeeping
        columns = (f for f in cls._meta.concrete_fields if not (f.primary_key or isinstance(f, StateField)))
        return tuple(field.attname for field in columns if not {field.name, field.attname} & outside)

    def _log_change(self, stored: GovernedModel, column: str) -> None:
        """One row about a column. A link is told by the name of its object; the key stands beside."""
        field = self._meta.get_field(column)
        if isinstance(field, models.ForeignKey):
            keys = {told.FROM: told.field_value(stored, column), told.TO: told.field_value(self, column)}
            names = [_name_of_linked(row, field) for row in (stored, self)]
            if names[0] == names[1]:
                names = [f"{name} ({key})" for name, key in zip(names, keys.values(), strict=True)]
            changelog.append(
                self, "changed", field=field.name, before=names[0], after=names[1], fields={column: keys}
            )
            return
        sides = [self._as_logged(row, column) for row in (stored, self)]
        fields = {}
        if column not in self.digested_fields and str(sides[1]).startswith(told.DIGEST):
            # a text that looks like a digest is told by its own, or it would stand for another text later
            fields = {column: {told.TO: told.field_value(self, column)}}
        changelog.append(self, "changed", field=column, before=sides[0], after=sides[1], fields=fields)

    def _refuse_without_reason(self, changed: Iterable[str]) -> None:
        """A guardrail is moved by a person who says why."""
        acting = actors.current()
        asked = sorted(self.reasoned_fields & set(changed))
        if asked and acting.actor.user is not None and not acting.reason.strip():
            names = ", ".join(name.replace("_", " ") for name in asked)
            raise GuardNotMet(
                f"Say why {names} of {self.change_label()} changes.",
                hint="The reason stands in the change log, and in that of every plan it concerns.",
                problems=[Problem("reason", "is required.", code="required")],
            )

    def _as_logged(self, row: models.Model, name: str) -> Any:
        return told.field_value(row, name) if name in self.digested_fields else _readable(row, name)

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        with transaction.atomic():
            changelog.lock_chain(self.change_chain())
            self._change_reason, self._history_date = actors.current().reason, clock.now()
            changelog.append(self, "deleted")
            with open_door():
                return super().delete(*args, **kwargs)

    @alters_data
    def set_related(self, name: str, objects: Iterable[models.Model]) -> None:
        """Make a many-to-many relation hold exactly ``objects``; a change is logged and a new version."""
        with transaction.atomic():
            changelog.lock_chain(self.change_chain())
            manager, wanted = getattr(self, name), sorted(objects, key=lambda obj: obj.pk)
            before = list(manager.order_by("pk"))
            if before == wanted:
                return
            manager.set(wanted)
            self.version += 1
            self.updated_at = clock.now()
            super().save(update_fields=["version", "updated_at"])
            changelog.append(
                self, "changed", field=name, before=[str(o) for o in before], after=[str(o) for o in wanted]
            )

    def refresh_from_db(self, *args: Any, **kwargs: Any) -> None:
        with open_door():
            super().refresh_from_db(*args, **kwargs)

    def _changed_since(self, stored: models.Model, only: Any) -> list[str]:
        names = [
            field.attname
            for field in self._meta.concrete_fields
            if field.attname not in self._bookkeeping and not field.primary_key
        ]
        if only is not None:
            wanted = set(only)
            names = [n for n in names if n in wanted or self._meta.get_field(n).name in wanted]
        return [name for name in names if getattr(self, name) != getattr(stored, name)]

    def _refuse_changed_state(self, changed: Iterable[str]) -> None:
        """Whoever wrote past the guarded attribute, into ``__dict__``, does not get it stored."""
        states = [name for name in changed if isinstance(self._meta.get_field(name), StateField)]
        if states and not door_is_open():
            raise Forbidden(f"The state of {self._meta.verbose_name} is set by a transition, never saved.")

    def _refuse_foreign_state(self) -> None:
        for field in self._meta.concrete_fields:
            if isinstance(field, StateField) and getattr(self, field.attname) != field.get_default():
                raise Forbidden(
                    f"A new {self._meta.verbose_name} starts as “{field.get_default()}”, "
                    f"not as “{getattr(self, field.attname)}”."
                )


class StatefulModel(GovernedModel):
    """A governed row with a state: what ``fsm`` has a machine for. Each model says its own states."""

    state = StateField()

    class Meta:
        abstract = True


def _name_of_linked(row: models.Model, field: models.ForeignKey[Any, Any]) -> str | None:
    """What people call the object that a link points to; accounts by the name of who holds them."""
    if getattr(row, field.attname) is None:
        return None
    linked = getattr(row, field.name)
    return actors.name_of(linked) if hasattr(linked, "get_full_name") else str(linked)


def _readable(obj: models.Model, attname: str) -> Any:
    """A field's value as the log shows it: files by name, everything else as it is."""
    value = getattr(obj, attname)
    return value.name if isinstance(value, models.fields.files.FieldFile) else value


def log_related(
    instance: models.Model,
    sender: type[models.Model],
    action: str,
    reverse: bool,
    model: type[models.Model],
    pk_set: set[Any] | None,
    **_: Any,
) -> None:
    """Receiver of ``m2m_changed``: links of governed objects are logged whatever form or shell set them.

    There is no save() to put this into: the ORM writes the link table by itself.
    """
    if action == "pre_clear":
        pk_set = _linked_now(instance, sender, reverse, model)
    if action not in _LINKED or not pk_set:
        return
    changed = sorted(str(pk) for pk in pk_set or ())
    owners = model._base_manager.filter(pk__in=pk_set or ()) if reverse else [instance]
    for owner in owners:
        if isinstance(owner, GovernedModel):
            ids = [str(instance.pk)] if reverse else changed
            with transaction.atomic():
                changelog.append(owner, _LINKED[action], field=_link_name(sender, owner), after=ids)


_LINKED = {"post_add": "linked", "post_remove": "unlinked", "pre_clear": "unlinked"}


def _linked_now(
    instance: models.Model, through: type[models.Model], reverse: bool, model: type[models.Model]
) -> set[Any]:
    """What a clear() is about to unlink."""
    if reverse:
        name = _link_name(through, model)
        return set(model._base_manager.filter(**{name: instance.pk}).values_list("pk", flat=True))
    return set(getattr(instance, _link_name(through, instance)).values_list("pk", flat=True))


def _link_name(through: type[models.Model], owner: models.Model | type[models.Model]) -> str:
    names = (f.name for f in owner._meta.many_to_many if f.remote_field.through is through)
    return next(names, through._meta.model_name or "")
