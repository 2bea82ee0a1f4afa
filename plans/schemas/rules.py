"""The rules a plan runs under, as typed parts: the only reader of the snapshot that a plan keeps as JSON.

``plans.runs.draft.snapshot`` writes that JSON when the plan starts. Whoever asks for a rule asks
``plan.rules``, ``approval.rules`` or ``case.rungs``; what a row keeps or a document shows as it was written
then is ``stored``. Parts that a declaration knows are of its own classes. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields, is_dataclass, replace
from functools import cache
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from gtm.core.errors import GtmError, Problem
from plans.schemas.declaration import (
    Fallback,
    Gate,
    GuardrailLimit,
    OutsideParty,
    Rota,
    Seat,
    SuccessMetric,
    ToolHook,
    Trigger,
)
from plans.schemas.skills import CitedSkill

STORED = "stored"
SEALED = ("gates", "ladder", "ladder_repeats", "triggers", "max_retries")


class BrokenSnapshot(GtmError):
    """The JSON a plan keeps of its rules is not what ``snapshot`` writes; ``problems`` names the path."""

    code = "broken_snapshot"
    status = 500
    title = "The stored rules of a plan cannot be read"


@dataclass(frozen=True, slots=True)
class GateRules(Gate):
    """A gate as the plan asks it: with the version of its policy, and who covers for its role."""

    policy_version: int = 0
    fallbacks: Mapping[str, str] = field(default_factory=dict)
    stored: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class TriggerRules(Trigger):
    """A trigger, with the version of its metric when the plan started."""

    stored: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class RungRules:
    """Rung number ``rung`` of the ladder: ``roles`` and whoever is on call have ``hours`` to answer."""

    rung: int
    roles: Sequence[str]
    hours: int
    effect: str = "notify"
    rota: Rota | None = None
    stored: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def stands(self) -> tuple[str, ...]:
        """Who stands on it, by name: its roles, and its rota."""
        return (*self.roles, *([f"rota {self.rota.name}"] if self.rota else []))

    @property
    def gives_authority(self) -> bool:
        return self.effect in ("add authority", "transfer authority")

    @property
    def takes_authority(self) -> bool:
        """Whether those whom the gate asks otherwise are asked no more."""
        return self.effect == "transfer authority"


@dataclass(frozen=True, slots=True)
class StageRules:
    """A stage: how its tasks run, and whether a gate joins them."""

    stage_id: str
    name: str
    execution: str
    merge_gate: bool


@dataclass(frozen=True, slots=True)
class PlanRules:
    """Everything a plan keeps of its command, its policies and its ladder.

    ``reads``: task key → the inputs and facts its step declares; ``due_hours``: task number → working hours;
    ``evidence``: task number → what shows that people have done it;
    ``governed_facts`` and ``governed_outputs`` (by key of the task): the facts and values that are content.
    ``methods``: task key → what the other method of its step does otherwise. ``skills`` are the procedures
    that its steps cite, in the version of its start. ``forecast`` is the path of its daily look ahead,
    ``watch`` that of what holds limits against the newest data.
    """

    version: int
    strategy_rationale: str
    stages: Sequence[StageRules]
    gates: Sequence[GateRules]
    ladder: Sequence[RungRules]
    triggers: Sequence[TriggerRules]
    tool_hooks: Sequence[ToolHook]
    success_metrics: Sequence[SuccessMetric]
    fallbacks: Sequence[Fallback]
    outputs: Sequence[str]
    outside_parties: Sequence[OutsideParty]
    max_retries: int
    reads: Mapping[str, Sequence[str]] = field(default_factory=dict)
    ladder_repeats: int = 0
    ladder_version: int = 0
    deliverable_keys: Sequence[str] = ()
    due_hours: Mapping[str, int] = field(default_factory=dict)
    evidence: Mapping[str, str] = field(default_factory=dict)
    limits: Sequence[GuardrailLimit] = ()
    governed_facts: Sequence[str] = ()
    governed_outputs: Mapping[str, Sequence[str]] = field(default_factory=dict)
    methods: Mapping[str, str] = field(default_factory=dict)
    skills: Sequence[CitedSkill] = ()
    forecast: str = ""
    watch: str = ""
    stored: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def gate(self, key: str) -> GateRules:
        """The gate of that key. Raises BrokenSnapshot where the plan has a task for it and no rules."""
        found = next((gate for gate in self.gates if gate.key == key), None)
        if found is None:
            raise _broken("gates", f"hold none with the key “{key}”, which is a task of the plan.")
        return found

    def trigger(self, signal: str) -> TriggerRules | None:
        return next((trigger for trigger in self.triggers if trigger.signal == signal), None)

    @property
    def sealed(self) -> dict[str, Any]:
        """What the review of a plan accepts beside its tasks: limits, gates and ladder as they are stored."""
        return {name: self.stored.get(name) for name in SEALED}


def plan_rules(stored: Any) -> PlanRules:
    """The rules of a plan from its snapshot. Raises BrokenSnapshot with the path of what is wrong."""
    if not isinstance(stored, Mapping):
        raise _broken("declaration", f"is {_named(stored)} and must be an object.")
    found: PlanRules = _object(PlanRules, _with_parties(stored), "declaration")
    return replace(found, stored=stored)


def _with_parties(stored: Mapping[str, Any]) -> Mapping[str, Any]:
    """Older snapshots name each outside party by one word, and nobody who speaks for it."""
    told = stored.get("outside_parties")
    if not isinstance(told, list | tuple) or not any(isinstance(party, str) for party in told):
        return stored
    parties = [{"key": p.lower(), "name": p, "role": ""} if isinstance(p, str) else p for p in told]
    return {**stored, "outside_parties": parties}


def gate_rules(stored: Any) -> GateRules:
    """The rules of a round from the policy it keeps."""
    found: GateRules = _object(GateRules, stored, "policy")
    return found


def rungs(stored: Any) -> tuple[RungRules, ...]:
    """The rungs of a case from the ladder it keeps."""
    found: tuple[RungRules, ...] = _value(stored, Sequence[RungRules], "ladder")
    return found


def seats(stored: Any) -> tuple[Seat, ...]:
    """Seats as a policy stores them."""
    found: tuple[Seat, ...] = _value(stored, Sequence[Seat], "seats")
    return found


# ------------------------------------------------------------------ reading


@cache
def _shape(kind: type) -> tuple[tuple[str, Any, bool], ...]:
    """Name, type and whether it must be there, of each field that the JSON may hold."""
    hints = get_type_hints(kind)
    return tuple(
        (f.name, hints[f.name], f.default is MISSING and f.default_factory is MISSING)
        for f in fields(kind)
        if f.name != STORED
    )


@cache
def _keeps_stored(kind: type) -> bool:
    return any(f.name == STORED for f in fields(kind))


def _object(kind: Any, raw: Any, at: str) -> Any:
    """``raw`` as a ``kind``; what it leaves out takes the default, what is unknown stays stored."""
    if not isinstance(raw, Mapping):
        raise _broken(at, f"is {_named(raw)} and must be an object.")
    values = {}
    for name, expected, required in _shape(kind):
        if name in raw:
            values[name] = _value(raw[name], expected, f"{at}.{name}")
        elif required:
            raise _broken(f"{at}.{name}", "is missing.")
    return kind(**values, **({STORED: raw} if _keeps_stored(kind) else {}))


def _value(raw: Any, expected: Any, at: str) -> Any:
    origin, args = get_origin(expected), get_args(expected)
    if expected is Any:
        return raw
    if origin is UnionType:
        kind = next(arg for arg in args if arg is not NoneType)
        return None if raw is None else _value(raw, kind, at)
    if is_dataclass(expected):
        return _object(expected, raw, at)
    if origin is Mapping:
        _must(isinstance(raw, Mapping), raw, "an object", at)
        return {name: _value(value, args[1], f"{at}.{name}") for name, value in raw.items()}
    if origin is Sequence:
        _must(isinstance(raw, list | tuple), raw, "a list", at)
        return tuple(_items(raw, args[0], at))
    word, kinds = _SCALARS[expected]
    _must(isinstance(raw, kinds) and (expected is bool or not isinstance(raw, bool)), raw, word, at)
    return raw


def _items(raw: Iterable[Any], expected: Any, at: str) -> Iterable[Any]:
    return (_value(item, expected, f"{at}.{number}") for number, item in enumerate(raw))


_SCALARS: Mapping[Any, tuple[str, Any]] = {
    str: ("text", str),
    bool: ("true or false", bool),
    int: ("a whole number", int),
    float: ("a number", int | float),
}


def _must(holds: bool, raw: Any, what: str, at: str) -> None:
    if not holds:
        raise _broken(at, f"is {_named(raw)} and must be {what}.")


def _named(raw: Any) -> str:
    return "an object" if isinstance(raw, Mapping) else f"{raw!r:.60}"


def _broken(at: str, message: str) -> BrokenSnapshot:
    return BrokenSnapshot(
        f"The stored rules cannot be read: {at} {message}",
        hint="Rules are written once, when a plan starts. Compare the row with its history, and restore "
        "what was there.",
        problems=[Problem(at, message)],
    )
