"""A dry run beside somebody who writes, on connections of their own."""

import json
import sqlite3
from contextlib import contextmanager

import pytest
from django.db import DatabaseError, connection

from gtm.core.actors import Actor, acting_as
from gtm.core.one_view import one_view
from plans.admin.page import DryRun
from plans.models import Plan
from plans.runs import start
from tests.doors import USAGE, manage, user
from tests.plans.conftest import demo_organisation, establish

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def draft(cdnow, monkeypatch):
    monkeypatch.setattr("tests.plans.conftest.kept.once", lambda name, make: establish())
    with demo_organisation(cdnow, monkeypatch), acting_as(Actor.of_user(user("ops"), "command line")):
        yield start.draft(*start.parse_usage(USAGE), None)


@contextmanager
def somebody_is_writing():
    """Another connection holds the write lock of SQLite; other databases have none to hold."""
    if connection.vendor != "sqlite":
        yield
        return
    other = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None, timeout=20)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


@pytest.mark.django_db(transaction=True)
def test_it_goes_on_while_somebody_else_holds_the_write_lock(draft):
    with somebody_is_writing():
        assert DryRun.of(draft).passed
        code, said = manage("gtm", USAGE, "--as", "ops", "--dry-run", "--json")
    assert (code, len(json.loads(said)["stages"])) == (0, 5)
    assert Plan.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_what_a_dry_run_runs_in_refuses_writes(draft):
    with one_view(), pytest.raises(DatabaseError, match="read.?only"):
        start.build(draft)
