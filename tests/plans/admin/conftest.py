"""The demo organisation with a few purchases of its own, and people logged in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from gtm.core.actors import Actor, acting_as
from plans.demo import organisation
from plans.models import Plan
from programs.models import Program
from programs.services import load_dataset
from tests.factories import gate, make_plan, seat

PURCHASES = "member_id,purchased_at,amount\n" + "\n".join(
    f"m{n % 40},2026-0{1 + n % 6}-1{n % 9},{10 + n % 7}.50" for n in range(240)
)


@pytest.fixture
def demo(db, tmp_path: Path) -> Program:
    """Everybody and everything of the demo, on few purchases."""
    few = tmp_path / "purchases.csv"
    few.write_text(PURCHASES)
    with acting_as(Actor.system("Demo")):
        program = organisation.establish()
        load_dataset("purchases", [few], program=program, currency="USD")
    return program


@pytest.fixture
def login(demo) -> Callable[[str], Client]:
    def as_user(username: str) -> Client:
        client = Client()
        client.force_login(get_user_model().objects.get(username=username))
        return client

    return as_user


@pytest.fixture
def asked(demo) -> Plan:
    """A plan that waits for finance, asked for by operations."""
    ops = get_user_model().objects.get(username="ops")
    with acting_as(Actor.system("Test")):
        return make_plan(gate(seat("finance"), reauthenticate=True), requester=ops, program=demo)
