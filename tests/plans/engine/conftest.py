"""An engine at work on a Monday morning, and people who vote."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import Mock

import pytest

from gtm.core.actors import ADMIN, Actor, acting_as
from gtm.core.clock import standing_at
from plans.engine.gates import rounds
from plans.engine.running import dispatch, steps
from plans.models import Approval, NotificationPreference
from programs.models import Person
from tests.factories import START, PersonFactory
from tests.sinks import HookSink, MailSink, serving


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
            return rounds.decide(approval, kind, **({"comment": "Because."} | rest))

    return cast


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Mock]:
    """Give a function that says what a step of command ``proof`` does at each call: raise, answer, act."""
    installed = {where: step for where, step in steps._steps.items() if where[0] != "p:proof"}
    monkeypatch.setattr(steps, "_steps", installed)

    def write(*acts: Any, key: str = "work", apply: Any = "") -> Mock:
        waiting = iter(acts)
        follow = Mock(side_effect=lambda context: _act(next(waiting), context))
        steps.register("p:proof", key, follow, apply)
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


@pytest.fixture
def mail(settings: Any) -> Iterator[MailSink]:
    """A mail server that takes what is sent."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.GTM_BASE_URL = "https://gtm.example.com"
    with serving(MailSink()) as sink:
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", sink.port
        settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
        yield sink


@pytest.fixture
def hook(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[HookSink]:
    """The channel "finance", a web hook."""
    settings.GTM_CHANNEL_SCHEMES = frozenset({"json"})
    with serving(HookSink()) as sink:
        monkeypatch.setenv("GTM_CHANNEL_FINANCE", f"json://127.0.0.1:{sink.port}/s3cret")
        yield sink


@pytest.fixture
def finance() -> Person:
    return PersonFactory(name="finance", email="finance@example.com", roles=["finance"])


@pytest.fixture
def owner() -> Person:
    return PersonFactory(name="owner", email="owner@example.com")


def prefer(person: Person, **wish: Any) -> None:
    preference = NotificationPreference(person=person, **wish)
    preference.full_clean()
    preference.save()
