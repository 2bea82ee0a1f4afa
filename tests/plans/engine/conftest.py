"""An engine at work on a Monday morning, and people who vote."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from gtm.core.actors import ADMIN, Actor, acting_as
from gtm.core.clock import standing_at
from plans.engine import gates
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
