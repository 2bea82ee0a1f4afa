"""The demo organisation on the CDNOW sample, and plan-loyalty run through the engine without a broker."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import transaction
from django.test import override_settings

from gtm.core import clock
from gtm.core.actors import ADMIN, Actor, acting_as
from gtm.core.evidence import anchors
from plans.demo import organisation as demo
from plans.engine.gates import rounds
from plans.engine.people import human_tasks
from plans.engine.running import runner
from plans.export import document, sealing
from plans.models import Approval, Plan, Task, TaskKind
from plans.runs import registry
from plans.runs import start as base
from plans.schemas.declaration import ChecklistItem, Command, Rung, Stage, Step
from plans.schemas.inputs import Choice
from programs import services
from programs.datasets import IngestResult, Options, SnapshotStore
from programs.datasets.loading import ingest as loading
from programs.datasets.loading.ingest import ingest
from tests import kept
from tests.factories import START
from tests.plans.engine.conftest import acting, time  # noqa: F401 - fixtures of all tests of plans

LOYALTY = "/loyalty-lifecycle-orchestration:plan-loyalty"
BLUEPRINT = f"{LOYALTY} --goal retention --tiers 3 --budget 50000"


@dataclass(frozen=True, slots=True)
class Sample:
    """CDNOW, taken in once for all tests."""

    data: Path
    result: IngestResult


@pytest.fixture(scope="session")
def cdnow(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    data = tmp_path_factory.mktemp("cdnow")
    options = Options(currency="USD", time_zone="UTC", now=START)
    with resources.as_file(resources.files("programs.datasets") / "samples" / demo.CDNOW) as path:
        return Sample(
            data, ingest([path], "purchases", store=SnapshotStore(data / "datasets"), options=options)
        )


@contextmanager
def demo_organisation(cdnow: Sample, patch: pytest.MonkeyPatch) -> Iterator[None]:
    """The people and programs of the demo; the engine acts."""
    patch.setattr(settings, "GTM_DATA_DIR", cdnow.data)
    patch.setattr(loading, "ingest", lambda *files, **told: cdnow.result)
    with acting_as(Actor.system("Test")), clock.standing_at(START):
        kept.once("established", establish)
        yield


def establish() -> None:
    services.load_dataset("purchases", [], program=demo.establish(), currency="USD")


@pytest.fixture(scope="module")
def established(django_db_setup: None, django_db_blocker: Any, cdnow: Sample) -> Iterator[None]:
    """The demo organisation, built once a session, in a transaction around those of the module's tests."""
    with (
        django_db_blocker.unblock(),
        pytest.MonkeyPatch.context() as patch,
        transaction.atomic(),
        demo_organisation(cdnow, patch),
    ):
        with django_db_blocker.block():
            yield
        transaction.set_rollback(True)


@pytest.fixture
def organisation(established: None, db: None, cdnow: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "GTM_DATA_DIR", cdnow.data)


@pytest.fixture(scope="module")
def finished_run(established: None, django_db_blocker: Any, cdnow: Sample) -> int:
    """A run of plan-loyalty with both approvals, made once a session, by its primary key."""
    with django_db_blocker.unblock(), override_settings(GTM_DATA_DIR=cdnow.data):
        return kept.once("finished", run_to_the_end)


def run_to_the_end() -> int:
    return finish(start(BLUEPRINT)).pk


def start(line: str) -> Plan:
    command, given = base.parse_usage(line)
    return base.start(base.draft(command, given, None))


def work_off(plan: Plan, *keys: str) -> Plan:
    """Run what is ready, and what becomes ready; only these tasks where some are named.

    The segments are validated on the way: nothing follows before somebody has.
    """
    ready = plan.tasks.filter(kind=TaskKind.AUTOMATED, state="ready")
    ready = ready.filter(key__in=keys) if keys else ready
    while task := ready.first() or (None if keys else validated(plan)):
        assert task.is_done or runner.run_task(task.pk, "in-process") == "succeeded"
    plan.refresh_from_db()
    return plan


def validated(plan: Plan) -> Task | None:
    """The task of the analyst, done; None where it does not wait."""
    task = plan.tasks.filter(key="segment-validation", state="ready").first()
    if task is not None:
        human_tasks.complete(task, result={"segments": "as computed"}, evidence={"note": "Sizes compared."})
    return task


def output_of(plan: Plan, key: str) -> Any:
    return plan.tasks.get(key=key).output


def decide(plan: Plan, gate: str, username: str, kind: str = "approve") -> Approval:
    user = get_user_model().objects.get(username=username)
    approval = plan.approvals.filter(gate=gate).latest("round")
    with acting_as(Actor.of_user(user, ADMIN, interactive=True)):
        return rounds.decide(approval, kind, comment="Because.", reauthenticated_at=clock.now())


def finish(plan: Plan) -> Plan:
    """Both approvals, and what follows."""
    work_off(plan)
    decide(plan, "finance-approval", "finance")
    decide(plan, "legal-approval", "legal")
    return work_off(plan)


@pytest.fixture
def finished(finished_run: int, organisation: None) -> Plan:
    return Plan.objects.get(pk=finished_run)


@pytest.fixture(scope="session")
def exported(django_db_setup: None, django_db_blocker: Any, cdnow: Sample) -> bytes:
    """The plan JSON of a finished plan-loyalty run. Its rows are gone: a reader has the file alone.

    Where mutants of a reader are tested (benchmarks/mutants.py), the run without a mutant has made it.
    """
    kept_at = Path(os.environ.get("GTM_KEPT_EXPORT", os.devnull))
    if kept_at.is_file():
        return kept_at.read_bytes()
    with (
        django_db_blocker.unblock(),
        pytest.MonkeyPatch.context() as patch,
        transaction.atomic(),
        demo_organisation(cdnow, patch),
    ):
        plan = Plan.objects.get(pk=kept.once("finished", run_to_the_end))
        sealing.sealed(plan)
        anchors.anchor()
        raw = document.to_bytes(document.build(plan))
        transaction.set_rollback(True)
    if "GTM_KEPT_EXPORT" in os.environ:
        kept_at.write_bytes(raw)
    return raw


@pytest.fixture
def watch_command(monkeypatch):
    """A command of one human step, registered for the test only."""
    monkeypatch.setattr(registry, "_commands", dict(registry._commands))
    return registry.register(
        Command(
            plugin="test",
            name="monitor-test",
            title="Watch",
            summary="Watches.",
            program_kind="loyalty",
            inputs=(Choice("depth", "How deep", options=("light", "full"), default="light"),),
            stages=(Stage("1", "Look", "sequential", (Step("1.1", "look", "Look", "watcher", "See"),)),),
            strategy="sequential",
            strategy_rationale="One step.",
            ladder=(Rung(("watcher",)), Rung(("watcher",)), Rung(("watcher",))),
            objective=lambda inputs, program: f"Watch {program.name}",
            checklist=(ChecklistItem("looked-at", "Somebody has looked at it"),),
        )
    )
