"""The demo organisation on few purchases, and people logged in."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from gtm.core.actors import ADMIN, Actor, acting_as
from plans.engine.gates import rounds
from plans.models import Approval, Plan
from programs.models import Program
from tests.doors import built, site, user
from tests.factories import gate, make_plan, round_of, seat

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


@pytest.fixture
def decided(demo: Program) -> Approval:
    """A round at the finance gate of plan-loyalty that finance approved."""
    with acting_as(Actor.system("Test")):
        gates_ = gate(seat("finance"), key="finance-approval", reauthenticate=False)
        fields = {"plugin": "loyalty-lifecycle-orchestration", "command": "plan-loyalty"}
        plan = make_plan(gates_, requester=user("ops"), program=demo, **fields)
    approval = round_of(plan, "finance-approval")
    with acting_as(Actor.of_user(user("finance"), ADMIN, interactive=True)):
        return rounds.decide(approval, "approve", comment="Fits.")
