"""A referral program in the seeded world: taken in once for all tests, run once for those that only read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.contrib.auth import get_user_model
from django.db import transaction
from django.test import override_settings

from gtm.core.actors import ADMIN, Actor, acting_as
from gtm.core.clock import standing_at
from plans.demo import referrals as demo
from plans.engine.people import human_tasks
from plans.engine.running.runner import run_task
from plans.models import Plan, Task
from plans.runs import start
from programs import services
from programs.datasets import IngestResult, Options, SnapshotStore
from programs.datasets.loading import ingest as loading
from programs.datasets.loading.ingest import ingest
from programs.models import Person
from tests.factories import PersonFactory, ProgramFactory

LINE = (
    "/referral-program-orchestration:optimize-referrals "
    '--window 30d --detail full --dimensions "channel,partner-tier"'
)
SHORT = "/referral-program-orchestration:optimize-referrals"
NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
ADVOCATES = demo.ADVOCATES

Tables = dict[str, pa.Table]


class Shelf:
    """Snapshots on disk; a table is taken in once, however often it is loaded."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.taken: dict[tuple[str, int], tuple[pa.Table, IngestResult]] = {}

    def result(self, kind: str, table: pa.Table) -> IngestResult:
        key = kind, id(table)
        if key not in self.taken:
            path = self.home / f"{kind}-{len(self.taken)}.parquet"
            pq.write_table(table, path)
            store = SnapshotStore(self.home / "datasets")
            found = ingest([path], kind, store=store, options=Options(currency="EUR", now=NOW))
            self.taken[key] = table, found
        return self.taken[key][1]


class Site:
    """A referral program with three people, who load data and run the command."""

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf
        self.program = ProgramFactory(kind="referral", currency="EUR", is_default=True)
        self.people = {
            "ops": self.person("ops", "lifecycle-ops", "partner-ops"),
            "architect": self.person("architect", "referral-architect"),
            "sponsor": self.person("sponsor", "exec-sponsor"),
        }

    def person(self, name: str, *roles: str) -> Person:
        account = get_user_model().objects.create_superuser(name)
        return PersonFactory(user=account, name=name, roles=list(roles))

    def load(self, tables: Tables) -> None:
        for kind, table in tables.items():
            taken = self.shelf.result(kind, table)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(loading, "ingest", lambda *files, found=taken, **told: found)
                services.load_dataset(kind, [], program=self.program, series="replace", currency="EUR")

    def run(self, line: str = LINE) -> Plan:
        command, given = start.parse_usage(line)
        with self.by("ops"):
            plan = start.start(start.draft(command, given, None))
        return work(plan)

    def by(self, name: str) -> Any:
        account = self.people[name].accounts.get()
        return acting_as(Actor.of_user(account, ADMIN, interactive=True))


def work(plan: Plan) -> Plan:
    """Run whatever is ready, as a worker would, until only people can go on.

    The payout log is confirmed on the way: nobody is asked to approve before somebody has.
    """
    ready = plan.tasks.filter(kind="automated", state__in=["ready", "fallback_ready"]).order_by("position")
    while task := ready.first() or confirmed(plan):
        assert task.is_done or run_task(task.pk, worker="test")
    plan.refresh_from_db()
    return plan


def confirmed(plan: Plan) -> Task | None:
    """The task of the payout log, done; None where it does not wait."""
    task = plan.tasks.filter(key="compliance-log", state="ready").first()
    if task is not None:
        human_tasks.complete(task, result={"log": "complete"}, evidence={"note": "Export compared."})
    return task


def output(plan: Plan, variable: str) -> Any:
    return plan.tasks.get(output_var=variable).output


def keys(plan: Plan) -> set[str]:
    return set(plan.artifacts.values_list("key", flat=True))


def payload(plan: Plan, key: str) -> Any:
    return plan.artifacts.get(key=key).payload


def table(plan: Plan, key: str) -> Any:
    return payload(plan, key)["rows"]


@pytest.fixture(scope="session")
def world() -> Tables:
    return demo.tables(np.random.default_rng(demo.SEED), advocates=ADVOCATES)


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    return Shelf(tmp_path_factory.mktemp("referrals"))


@contextmanager
def at_work(shelf: Shelf) -> Iterator[Site]:
    with (
        override_settings(GTM_DATA_DIR=shelf.home),
        standing_at(lambda: NOW),
        acting_as(Actor.system("Test")),
    ):
        yield Site(shelf)


@pytest.fixture
def site(db: None, shelf: Shelf) -> Iterator[Site]:
    """A program without data."""
    with at_work(shelf) as found:
        yield found


@pytest.fixture(scope="module")
def finished(django_db_setup: None, django_db_blocker: Any, shelf: Shelf, world: Tables) -> Iterator[Plan]:
    """The usage line of the document, run up to its approval, in a transaction around the module's tests."""
    with django_db_blocker.unblock(), transaction.atomic():
        with at_work(shelf) as found:
            found.load(world)
            plan = found.run()
        with django_db_blocker.block():
            yield plan
        transaction.set_rollback(True)


@pytest.fixture
def plan(finished: Plan, db: None) -> Plan:
    return finished
