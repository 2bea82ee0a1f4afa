"""An engine at work on a Monday morning, and people who vote."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import Mock

import pytest

from gtm.core.actors import ADMIN, Actor, acting_as
from gtm.core.clock import standing_at
from plans.engine import dispatch, gates, steps
from plans.models import Approval
from programs.models import Person
from tests.factories import START


class MovableClock:
    """The time of a test: ``now``, moved by ``pass_time``."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def pass_time(self, **span: float) -> datetime:
        self.now += timedelta(**span)
        return self.now


@pytest.fixture
def time() -> Iterator[MovableClock]:
    clock = MovableClock()
    with standing_at(clock):
        yield clock


@pytest.fixture
def acting(db: None, time: MovableClock) -> Iterator[None]:
    """The engine acts, so that factories may save; votes act as their person."""
    with acting_as(Actor.system("Test")):
        yield


def actor_of(person: Person, *, interactive: bool = True) -> Actor:
    return Actor.of_user(person.accounts.first(), ADMIN, interactive=interactive)


@pytest.fixture
def vote(acting: None) -> Callable[..., Approval]:
    def cast(person: Person, approval: Approval, kind: str = "approve", **rest: Any) -> Approval:
        with acting_as(actor_of(person)):
            return gates.decide(approval, kind, **({"comment": "Because."} | rest))

    return cast


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Mock]:
    """Give a function that says what a step of command ``proof`` does at each call: raise, answer, act."""
    installed = {where: step for where, step in steps._steps.items() if where[0] != "proof"}
    monkeypatch.setattr(steps, "_steps", installed)

    def write(*acts: Any, key: str = "work", apply: Any = "") -> Mock:
        waiting = iter(acts)
        follow = Mock(side_effect=lambda context: _act(next(waiting), context))
        steps.register("proof", key, follow, apply)
        return follow

    return write


def _act(act: Any, context: steps.StepContext) -> Any:
    if isinstance(act, Exception):
        raise act
    return act(context) if callable(act) else act


@pytest.fixture
def rung(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The tasks whose bell rang, in order; nobody hears it."""
    heard: list[int] = []
    monkeypatch.setattr(dispatch, "ring_worker", lambda event: heard.append(event.task_pk) is None)
    return heard
