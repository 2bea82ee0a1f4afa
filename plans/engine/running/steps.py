"""How the engine finds what to run without knowing any command: commands register their steps here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pkgutil import resolve_name
from typing import Any

from gtm.core.errors import GtmError, NotFound
from plans.schemas.outputs import Output, StepResult


class TransientError(GtmError):
    """May pass by itself: retried with backoff."""

    code = "transient"
    status = 503
    title = "A passing failure"


class PermanentError(GtmError):
    """Will not pass by itself: goes to the substitute at once."""

    code = "permanent"
    status = 422
    title = "The step cannot be done this way"


class EffectUnclear(GtmError):
    """An outside effect may or may not have happened: never retried by itself."""

    code = "unclear"
    status = 500
    title = "It is unclear whether an effect happened"


class LeaseLost(GtmError):
    """Another worker took over, or the rip-cord was pulled: stop, nothing will be written."""

    code = "lease_lost"
    status = 409
    title = "The task is no longer yours"


def refuse_effect(what: str) -> None:
    """A replay, or a context of nobody's lease, performs no outside effect."""
    raise PermanentError(f"“{what}” reaches outside, and nothing holds a lease for it here.")


@dataclass(frozen=True, slots=True)
class Finished:
    """How a task was finished (succeeded, waived, …), when, and when it was due."""

    state: str
    finished_at: datetime | None
    due_at: datetime | None


class OnDemand(Mapping[str, Any]):
    """A mapping that is read when it is first asked for; most steps never do."""

    def __init__(self, read: Callable[[], Mapping[str, Any]]):
        self._read = read
        self._known: Mapping[str, Any] | None = None

    def _all(self) -> Mapping[str, Any]:
        if self._known is None:
            self._known = self._read()
        return self._known

    def __getitem__(self, key: str) -> Any:
        return self._all()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())


@dataclass(frozen=True, slots=True)
class StepContext:
    """Everything a step may depend on; the same context gives the same result, byte for byte.

    ``outputs`` maps output variables of earlier tasks to their values; ``finished`` maps the keys of all
    tasks done when the attempt began to how they were; ``data`` is the engine of queries over the plan's
    own snapshots; ``progress(percent, note)`` tells people how far it is and raises LeaseLost where the
    step should stop; ``substitute`` says that its other method runs. A step calls ``effect(what)`` right
    before each effect outside this installation: it raises LeaseLost where the rip-cord was pulled, and
    leaves a mark, so that a stop later knows an effect may have happened.

    A step that looks at the world outside keeps what it saw in its values under ``observed``; a replay hands
    that back as ``observed``, so that the step judges again without looking again. The record of the plan
    itself is such a thing, found by ``plan_id``, which is empty where no plan is behind the context.
    """

    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]
    program: Mapping[str, Any]
    data: Any
    seed: int
    now: datetime
    progress: Callable[[int, str], None]
    finished: Mapping[str, Finished] = field(default_factory=dict)
    substitute: bool = False
    effect: Callable[[str], None] = refuse_effect
    observed: Mapping[str, Any] | None = None
    plan_id: str = ""


Run = Callable[[StepContext], StepResult]

Apply = Callable[[Any, Mapping[str, Any]], None]

Hold = Callable[[Any], str | None]

HoldOfAny = Callable[[Any, str], str | None]

Brief = Callable[[Mapping[str, Any], Mapping[str, Any]], Sequence[Output]]

# By the key of the command ("plugin:name") and that of the step.
_steps: dict[tuple[str, str], tuple[Run | str, Apply | str]] = {}
_compensations: dict[tuple[str, str], Apply | str] = {}
_holds: dict[tuple[str, str], Hold | str] = {}
_holds_of_any: dict[tuple[str, str], HoldOfAny | str] = {}
_methods: dict[tuple[str, str], Run | str] = {}
_briefs: dict[tuple[str, str], Brief | str] = {}


def register(
    command: str, key: str, run: Run | str, apply: Apply | str = "", compensate: Apply | str = ""
) -> None:
    """Keep a step: the function, or where it is ("package.module:function") to be loaded when first run."""
    _steps[command, key] = run, apply
    _compensations[command, key] = compensate


def register_hold(command: str, key: str, hold: Hold | str) -> None:
    """Keep the condition under which a task, of whatever kind, must not begin yet."""
    _holds[command, key] = hold


def register_hold_of_any(command: str, hold: HoldOfAny | str) -> None:
    """Keep the condition, by plan and key, under which any task of a command must not begin yet: for tasks
    that are data, of which no step is declared."""
    _holds_of_any[command, ""] = hold


def register_method(command: str, key: str, run: Run | str) -> None:
    """Keep the other method of a step."""
    _methods[command, key] = run


def register_brief(command: str, key: str, brief: Brief | str) -> None:
    """Keep what makes the brief of a task of people."""
    _briefs[command, key] = brief


def forget(command: str) -> None:
    """Take out all that a command has here."""
    for kept in (_steps, _compensations, _holds, _holds_of_any, _methods, _briefs):
        for where in [where for where in kept if where[0] == command]:
            del kept[where]


def may_hold(command: str) -> bool:
    """Whether any task of the command can be held: then whatever changes may be what it waits for."""
    return any(where[0] == command for where in (*_holds, *_holds_of_any))


def why_held(plan: Any, key: str) -> str | None:
    """Why the task must not begin although all it needs is done, or None."""
    hold = _holds.get((plan.command_key, key))
    if hold and (reason := load(hold)(plan)):
        return reason
    of_any = _holds_of_any.get((plan.command_key, ""))
    return load(of_any)(plan, key) if of_any else None


def publishes(command: str, key: str) -> bool:
    """Whether a task writes what others see: it has an effect on our own rows."""
    return bool(_steps.get((command, key), ("", ""))[1])


def method(command: str, key: str) -> Run | None:
    """The other method of a step, or None."""
    found = _methods.get((command, key))
    return load(found) if found else None


def brief(command: str, key: str) -> Brief | None:
    """What makes the brief of a task of people, or None."""
    found = _briefs.get((command, key))
    return load(found) if found else None


def compensation(command: str, key: str) -> Apply | None:
    """What undoes a finished task when its plan is aborted, or None."""
    found = _compensations.get((command, key))
    return load(found) if found else None


def resolve(command: str, key: str) -> tuple[Run, Apply | None]:
    """What a task runs, and its effect on our own rows. Raises NotFound for a command not installed."""
    try:
        run, apply = _steps[command, key]
    except KeyError as error:
        raise NotFound(
            f"This installation has no step “{key}” of {command}.",
            hint="Deploy the version of the command that the plan was started with.",
        ) from error
    return load(run), load(apply) if apply else None


def load(step: Any) -> Any:
    """The function itself, or the one at "package.module:function", loaded when it is first wanted."""
    return resolve_name(step) if isinstance(step, str) else step


def load_all() -> None:
    """Load every step. A worker does so before it forks; web and command line never need to."""
    for command, key in _steps:
        resolve(command, key)
