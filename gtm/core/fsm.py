"""State machines as tables, performed through one door.

A ``Transition`` is data: name, sources, target, guards, permission, comment, effects. ``perform``
is the only code that sets a state: lock → source → guards → permission → compare-and-swap →
history and change log → effects, all in one transaction. Why not django-fsm: see docs/adr.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeVar

from gtm.core import actors, clock, prepared
from gtm.core.actors import Actor
from gtm.core.errors import GuardNotMet, InvalidInput, NotPermitted, Problem, StaleVersion, WrongState
from gtm.core.evidence import changelog, refusals, told
from gtm.core.governed import GovernedModel, StatefulModel, open_door

Performed = TypeVar("Performed", bound=StatefulModel)
OFFERED = "offered"
"""The parameter by which guards know that nobody acts yet: an interface asks what is possible."""
Guard = Callable[[Any, Mapping[str, Any]], str | None]
"""Answers None where the condition is met, else the reason in a sentence."""
Permission = Callable[[Actor, Any, Mapping[str, Any]], str | None]
"""Answers None where this actor may, else the reason in a sentence."""
Effect = Callable[[Any, "Change"], None]


@dataclass(frozen=True, slots=True)
class Change:
    """What an effect is told: the transition, the state before, the comment and the parameters.

    ``is_fresh``: the object and what it belongs to were read under the chain's lock, see ``perform``.
    """

    transition: str
    source: str
    target: str
    comment: str
    params: Mapping[str, Any]
    is_fresh: bool = False


def nobody(actor: Actor, obj: Any, params: Mapping[str, Any]) -> str | None:
    """The permission of a transition that declares none: denied by default."""
    return "No role is allowed to do this."


def system_only(actor: Actor, obj: Any, params: Mapping[str, Any]) -> str | None:
    return None if actor.is_system else "Only the engine does this, when its conditions are met."


@dataclass(frozen=True, slots=True)
class Transition:
    name: str
    sources: frozenset[str]
    target: str | Callable[[Any, Mapping[str, Any]], str]
    label: str = ""
    guards: tuple[Guard, ...] = ()
    permission: Permission = nobody
    comment_required: bool = False
    effects: tuple[Effect, ...] = ()
    writes: frozenset[str] = frozenset()

    @property
    def title(self) -> str:
        return self.label or self.name.replace("_", " ").capitalize()


def to(name: str, sources: Iterable[str] | str, target: Any, **rest: Any) -> Transition:
    """Shorthand for the tables: ``to("start", "ready", "running", permission=...)``."""
    origin = frozenset(sources.split()) if isinstance(sources, str) else frozenset(sources)
    rest["writes"] = (
        frozenset(rest.get("writes", "").split())
        if isinstance(rest.get("writes", ""), str)
        else rest["writes"]
    )
    return Transition(name, origin, target, **rest)


@dataclass(frozen=True, slots=True)
class Machine:
    """All that can happen to one model."""

    model: type[StatefulModel]
    states: tuple[str, ...]
    transitions: tuple[Transition, ...]
    final: frozenset[str] = frozenset()
    by_name: Mapping[str, Transition] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {t.name: t for t in self.transitions})
        known = set(self.states)
        for t in self.transitions:
            targets = {t.target} if isinstance(t.target, str) else set()
            unknown = (t.sources | targets) - known
            if unknown:
                raise ValueError(f"{self.model.__name__}.{t.name} names unknown states {sorted(unknown)}")
        if len(self.by_name) != len(self.transitions):
            raise ValueError(f"{self.model.__name__} has two transitions of one name")
        _machines[self.model] = self


@dataclass(frozen=True, slots=True)
class Action:
    """A transition as an interface offers it: whether this actor may perform it now, and why not."""

    name: str
    title: str
    comment_required: bool
    reasons: tuple[str, ...] = ()

    @property
    def allowed(self) -> bool:
        return not self.reasons


_machines: dict[type[GovernedModel], Machine] = {}


def machine_of(obj_or_model: Any) -> Machine:
    model = obj_or_model if isinstance(obj_or_model, type) else type(obj_or_model)
    return _machines[model]


def machine_for(model: type[GovernedModel]) -> Machine | None:
    """The machine of a model, or None where its objects have no state."""
    return _machines.get(model)


def machines() -> tuple[Machine, ...]:
    return tuple(_machines.values())


def actions(obj: StatefulModel, actor: Actor, **params: Any) -> list[Action]:
    """The transitions open from here for this actor; those refused carry every reason.

    Admin, REST and the command line all ask this. Transitions only the engine performs are left out.
    """
    found = []
    params = {**params, OFFERED: True}
    for transition_ in machine_of(obj).transitions:
        if obj.state not in transition_.sources or transition_.permission is system_only:
            continue
        refused = transition_.permission(actor, obj, params)
        reasons = [refused] if refused else [r for g in transition_.guards if (r := g(obj, params))]
        found.append(
            Action(transition_.name, transition_.title, transition_.comment_required, tuple(reasons))
        )
    return found


def perform(
    obj: Performed,
    name: str,
    *,
    comment: str = "",
    expected_version: int | None = None,
    set_fields: Mapping[str, Any] | None = None,
    is_fresh: bool = False,
    **params: Any,
) -> Performed:
    """Perform one transition on ``obj``, or refuse and change nothing.

    ``set_fields`` are written in the same swap and must be among the transition's ``writes``. ``is_fresh``
    says that the caller holds the chain (``changelog.holding``) and has read ``obj`` since: it is not read
    again. Raises WrongState (409), GuardNotMet (422, every reason), NotPermitted (403),
    StaleVersion (412) where ``expected_version`` is no longer the stored one.
    """
    machine = machine_of(obj)
    transition_ = _named(machine, obj, name)
    values = _values(transition_, set_fields)
    acting = actors.current()
    with changelog.holding(obj.change_chain()):
        if not is_fresh:
            obj.refresh_from_db()
        try:
            _check(obj, transition_, machine, acting.actor, comment, expected_version, params)
        except (WrongState, NotPermitted) as refused:
            refusals.note(obj, name, refused.detail)
            raise
        source, reason = obj.state, comment or acting.reason
        target = _target(obj, transition_, machine, params)
        with _swapping(obj) as swap:
            fields = swap(target, values, reason)
        changelog.append(obj, name, field="state", before=source, after=target, reason=reason, fields=fields)
        change = Change(name, source, target, comment, params, is_fresh)
        with actors.on_their_behalf("Engine"):
            for effect in transition_.effects:
                effect(obj, change)
    return obj


def perform_in_a_row(obj: Performed, names: Sequence[str], set_fields: Mapping[str, Any]) -> Performed:
    """Perform transitions without effects one after the other, and write the row once.

    For a caller that holds the chain and has read ``obj`` since. History and change log have each of them,
    as ``perform`` would have written; ``set_fields`` are those of the first.
    """
    machine, acting = machine_of(obj), actors.current()
    with changelog.holding(obj.change_chain()), _swapping(obj) as swap:
        for name in names:
            transition_ = _named(machine, obj, name)
            if transition_.effects:
                raise ValueError(f"{name} has effects: perform it by itself")
            values = _values(transition_, set_fields if name == names[0] else None)
            _check(obj, transition_, machine, acting.actor, "", None, {})
            source, target = obj.state, _target(obj, transition_, machine, {})
            fields = swap(target, values, acting.reason)
            changelog.append(obj, name, field="state", before=source, after=target, fields=fields)
    return obj


def _named(machine: Machine, obj: StatefulModel, name: str) -> Transition:
    found = machine.by_name.get(name)
    if found is None:
        raise InvalidInput(
            f"A {obj._meta.verbose_name} has no action “{name}”.",
            problems=[Problem("action", f"“{name}” is unknown.", tuple(machine.by_name))],
        )
    return found


def _values(transition_: Transition, set_fields: Mapping[str, Any] | None) -> dict[str, Any]:
    values = dict(set_fields or {})
    if not set(values) <= transition_.writes:
        raise ValueError(f"{transition_.name} may not write {sorted(set(values) - transition_.writes)}")
    return values


def _target(obj: StatefulModel, transition_: Transition, machine: Machine, params: Mapping[str, Any]) -> str:
    target = transition_.target if isinstance(transition_.target, str) else transition_.target(obj, params)
    if target not in machine.states:
        raise ValueError(f"{transition_.name} led to unknown state {target}")
    return target


def _check(
    obj: StatefulModel,
    transition_: Transition,
    machine: Machine,
    actor: Actor,
    comment: str,
    expected_version: int | None,
    params: Mapping[str, Any],
) -> None:
    what = f"{transition_.title} of {obj.change_label()}"
    if expected_version is not None and obj.version != expected_version:
        raise StaleVersion(
            f"{obj.change_label()} is at version {obj.version}, but you acted on version {expected_version}.",
            hint="Look at the new version, then decide.",
        )
    if obj.state not in transition_.sources:
        possible = tuple(t.name for t in machine.transitions if obj.state in t.sources)
        raise WrongState(
            f"{what}: it is {obj.state.replace('_', ' ')}. This is possible only from "
            f"{', '.join(s.replace('_', ' ') for s in sorted(transition_.sources))}.",
            state=obj.state,
            possible=possible,
        )
    if refused := transition_.permission(actor, obj, params):
        raise NotPermitted(f"{what}: {refused}", state=obj.state)
    reasons = [reason for guard in transition_.guards if (reason := guard(obj, params))]
    if transition_.comment_required and not comment.strip():
        reasons.append("Say why: a comment is required.")
    if reasons:
        raise GuardNotMet(
            f"{what}: {' '.join(reasons)}", problems=[Problem(transition_.name, reason) for reason in reasons]
        )


def _told(obj: GovernedModel, values: Iterable[str]) -> dict[str, Any]:
    """How the log tells each column of evidence that a transition writes, where the row has been read."""
    columns = {told.field_of(obj, name).attname for name in values} & {*obj.evidence_columns()}
    kept = {name: getattr(obj, name) for name in values if name in obj.digested_fields.values()}
    read = sorted(columns - obj.get_deferred_fields())
    return {name: told.field_value(obj, name, kept) for name in read}


def _moved(was: Mapping[str, Any], now: Mapping[str, Any]) -> told.Told | None:
    """Column by column what a transition has changed beside the state."""
    moved = {name: {told.TO: value} for name, value in now.items() if name not in was or was[name] != value}
    for name in moved.keys() & was.keys():
        moved[name] = {told.FROM: was[name], **moved[name]}
    return moved or None


@contextmanager
def _swapping(
    obj: StatefulModel,
) -> Iterator[Callable[[str, Mapping[str, Any], str], told.Told | None]]:
    """Compare-and-swap on state and version, one row or nothing, however many steps it takes there.

    Gives ``swap(target, values, reason)``, which answers what it moved; the history has each step.
    """
    model, before = type(obj), copy(obj.__dict__)
    written: dict[str, Any] = {}
    steps: list[StatefulModel] = []

    def swap(target: str, values: Mapping[str, Any], reason: str) -> told.Told | None:
        now, was = clock.now(), _told(obj, values)
        step = {"state": target, "version": obj.version + 1, "updated_at": now, **values}
        with open_door():
            for key, value in step.items():
                setattr(obj, key, value)
        written.update(step)
        as_it_was = copy(obj)
        as_it_was._change_reason, as_it_was._history_date = reason, now
        steps.append(as_it_was)
        return _moved(was, _told(obj, values))

    try:
        yield swap
        was = {model._meta.pk.attname: obj.pk, "state": before["state"], "version": before["version"]}
        if prepared.update(model, was, written) != 1:
            raise StaleVersion(f"{obj.change_label()} was changed by somebody else at the same moment.")
    except Exception:
        obj.__dict__.update(before)
        raise
    prepared.insert([_history_row(step) for step in steps])


@cache
def _history_of(model: type[GovernedModel]) -> Any:
    """Asking the model makes a class each time."""
    return model.history.model


def _history_row(obj: GovernedModel) -> Any:
    """The row of history about an object as it is, as ``bulk_history_create`` makes it."""
    history = _history_of(type(obj))
    return history(
        history_date=obj._history_date,
        history_user=actors.current().actor.user,
        history_change_reason=obj._change_reason,
        history_type="~",
        **{field.attname: getattr(obj, field.attname) for field in history.tracked_fields},
    )
