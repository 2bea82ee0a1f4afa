"""The demo organisation on a handful of purchases, and everybody in it at every door."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.db import transaction
from django.test import override_settings
from rest_framework.test import APIClient

from gtm.core import access_tokens
from gtm.core.actors import REST, Actor, acting_as
from plans.demo import organisation
from plans.engine.people import authority
from plans.models import Plan
from plans.runs import start as base
from programs import services
from programs.models import GuardedChange, Program
from tests import kept
from tests.factories import gate, make_plan, seat

USAGE = "/loyalty-lifecycle-orchestration:plan-loyalty --goal retention --tiers 3 --budget 50000"
HEADER = "member_id,purchased_at,amount\n"
PURCHASES = HEADER + "".join(f"m{n % 7},2024-0{1 + n % 6}-1{n % 9},{n}.50\n" for n in range(1, 40))
INPUTS = {"goal": "retention", "tiers": 3, "budget": "50000"}


@pytest.fixture
def purchases(tmp_path: Path) -> Path:
    path = tmp_path / "purchases.csv"
    path.write_text(PURCHASES)
    return path


def build(purchases: Path) -> None:
    """People in every role, programs, partners, and one small dataset of purchases."""

    with acting_as(Actor.system("Test")):
        program = organisation.establish()
        services.load_dataset("purchases", [purchases], program=program, currency="USD")


@pytest.fixture(scope="module")
def built(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: Any) -> Iterator[None]:
    """The organisation, built once a session, in a transaction around those of the module's tests."""
    home = tmp_path_factory.mktemp("organisation")
    (home / "purchases.csv").write_text(PURCHASES)
    with django_db_blocker.unblock(), transaction.atomic(), override_settings(GTM_DATA_DIR=home):
        kept.once("built", lambda: build(home / "purchases.csv"))
        with django_db_blocker.block():
            yield
        transaction.set_rollback(True)


@pytest.fixture
def site(built: None, db: None) -> None:
    cache.clear()


def user(username: str) -> Any:
    return get_user_model().objects.get(username=username)


@pytest.fixture
def as_(site: None) -> Callable[[str], APIClient]:
    """A client in the session of the account."""

    def client(username: str) -> APIClient:
        session = APIClient()
        session.force_login(user(username))
        return session

    return client


def token_of(username: str, scopes: Sequence[str] = tuple(access_tokens.SCOPES)) -> str:
    """The secret of a new token of an account."""
    return access_tokens.make(user(username), name="Test", scopes=scopes)[1]


@pytest.fixture
def ops(as_: Callable[[str], APIClient]) -> APIClient:
    return as_("ops")


def start(username: str = "ops", line: str = USAGE) -> Plan:
    """A plan of a usage line, the seed's unless told otherwise; its tasks ready and none run."""
    with acting_as(Actor.of_user(user(username), REST, interactive=True)):
        command, given = base.parse_usage(line)
        return base.start(base.draft(command, given, None))


@pytest.fixture
def plan(site: None) -> Plan:
    """A running plan at its gate for finance, which asks for the password; ops requested it."""
    with acting_as(Actor.system("Test")):
        return make_plan(gate(seat("finance"), reauthenticate=True), requester=user("ops"))


def agree(username: str) -> int:
    """Be the second person of every change that is proposed; answers of how many."""
    changes = list(GuardedChange.objects.filter(state="proposed").order_by("pk"))
    with acting_as(Actor.of_user(user(username), REST, interactive=True)):
        for change in changes:
            authority.decide(change, "approve")
    return len(changes)


def url(path: str) -> str:
    return f"/api/v1/{path}"


def fields(response: Any) -> list[str]:
    return [problem["field"] for problem in response.json()["errors"]]


def stored(data: Path) -> tuple[dict[str, int], list[Path]]:
    """How many rows every table has, and every file of the data folder."""
    rows = {model._meta.label: model._default_manager.count() for model in apps.get_models()}
    return rows, sorted(path for path in data.rglob("*") if path.is_file())


def manage(*words: str) -> tuple[int, str]:
    """Run ``manage.py``; answer the exit code and all that was said."""
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command(*words, stdout=out, stderr=err)
    except CommandError as error:
        return error.returncode, f"{out.getvalue()}{err.getvalue()}{error}"
    return 0, out.getvalue() + err.getvalue()


def work_every_day() -> None:
    """The referral program's people work on Sundays and holidays too: a test launches on the day it runs."""
    with acting_as(Actor.system("Test")):
        program = Program.objects.get(kind="referral")
        program.working_week, program.country, program.subdivision = "0123456", "", ""
        program.save()
