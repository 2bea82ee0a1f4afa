"""The demo organisation on few purchases, and people logged in."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from gtm.core.actors import Actor, acting_as
from plans.models import Plan
from programs.models import Program
from tests.doors import built, site, user
from tests.factories import gate, make_plan, seat

__all__ = ["built", "site"]


@pytest.fixture
def demo(site: None) -> Program:
    return Program.objects.get(slug="cdnow")


@pytest.fixture
def login(site: None) -> Callable[[str], Client]:
    def as_user(username: str) -> Client:
        client = Client()
        client.force_login(user(username))
        return client

    return as_user


@pytest.fixture
def asked(demo: Program) -> Plan:
    """A plan that waits for finance, asked for by operations."""
    with acting_as(Actor.system("Test")):
        return make_plan(gate(seat("finance"), reauthenticate=True), requester=user("ops"), program=demo)
