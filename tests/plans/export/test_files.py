"""The file of a plan keeps up with what is committed."""

import json
from datetime import timedelta
from unittest.mock import Mock

import pytest
from django.db import DatabaseError, connection

from gtm.core import clock
from gtm.core.actors import Actor, acting_as
from gtm.core.evidence import anchors
from gtm.core.fsm import perform
from gtm.core.one_view import one_view
from plans import tasks
from plans.engine.running import runner, steps
from plans.export import document, files, plan_places
from plans.models import Plan, PlanFile
from plans.schemas.outputs import StepResult
from tests.factories import make_run


def last_anchor(plan):
    return json.loads(files.path_of(plan).read_bytes())["integrity"]["anchors"][-1]["number"]


@pytest.mark.django_db(transaction=True)
def test_a_file_follows_its_anchor_and_the_sweep_brings_it_where_that_failed(monkeypatch):
    with acting_as(Actor.system("Test")):
        plan = perform(make_run().plan, "pause", comment="The vendor is away.")
        made = anchors.anchor()
        assert last_anchor(plan) == made.number
        assert files.write_behind() == 0
        plan.objective = "Another objective"
        plan.save()
        with monkeypatch.context() as crash:
            crash.setattr(files, "write", Mock(side_effect=OSError))
            made = anchors.anchor()
        with monkeypatch.context() as full:
            full.setattr(plan_places, "put", Mock(side_effect=OSError("No space left on device")))
            assert files.write_behind() == 0  # said in the log; the sweep goes on with its other duties
        assert files.write_behind() == 1
    assert last_anchor(plan) == made.number


@pytest.mark.django_db(transaction=True)
def test_a_document_that_cannot_be_made_keeps_no_other_file_from_following_the_anchor(monkeypatch, caplog):
    with acting_as(Actor.system("Test")):
        broken, sound = (perform(make_run().plan, "pause", comment="At rest.") for _ in range(2))
        build = document.build
        monkeypatch.setattr(document, "build", lambda p: {} if p.pk == broken.pk else build(p))
        made = anchors.anchor()
    assert last_anchor(sound) == made.number
    assert f"the file of {broken.plan_id} is not written" in caplog.text


WRITES = [f"gtm.core.places.folders.os.{call}" for call in ("fsync", "replace")]


class PowerCut(BaseException):
    """Nobody catches it."""


@pytest.fixture
def plan(monkeypatch):
    """A plan at work, committed; nobody hears its bells, so no anchor follows its end."""
    monkeypatch.setattr(files, "ANCHOR_TIME", timedelta(0))
    monkeypatch.setattr("plans.engine.running.dispatch.current_app.send_task", Mock())
    monkeypatch.setattr(steps, "_steps", dict(steps._steps))
    for key in ("work", "sum-up"):
        steps.register("p:proof", key, lambda context: StepResult({"points": 7}))
    with acting_as(Actor.system("Test")):
        yield make_run().plan


def run_next(plan):
    return runner.run_task(plan.tasks.get(state="ready").pk, "worker")


def newest(plan):
    return document.to_bytes(document.build(Plan.objects.get(pk=plan.pk)))


def on_disk(plan):
    return files.path_of(plan).read_bytes()


@pytest.mark.django_db(transaction=True)
def test_no_task_writes_the_file_and_the_control_worker_does_when_the_plan_comes_to_rest(plan):
    assert [run_next(plan), run_next(plan)] == ["succeeded", "succeeded"]
    assert not files.path_of(plan).exists()
    tasks.write_plans()
    assert on_disk(plan) == newest(plan)
    written_at = files.path_of(plan).stat().st_mtime_ns
    tasks.write_plans()
    assert files.path_of(plan).stat().st_mtime_ns == written_at  # nothing has moved since


@pytest.mark.django_db(transaction=True)
def test_the_file_of_a_plan_that_ended_is_written_once_with_the_anchor_that_its_end_asks_for(
    plan, monkeypatch
):
    monkeypatch.setattr(files, "ANCHOR_TIME", timedelta(seconds=5))
    monkeypatch.setattr(files, "write", Mock(side_effect=files.write))
    run_next(plan), run_next(plan)
    tasks.write_plans()
    assert not files.path_of(plan).exists()
    made = anchors.anchor(tell_auditors=False)
    tasks.write_plans()
    assert last_anchor(plan) == made.number
    assert files.write.call_count == 1


@pytest.mark.django_db(transaction=True)
def test_an_anchor_that_never_comes_holds_no_file_back(plan, monkeypatch):
    run_next(plan), run_next(plan)
    monkeypatch.setattr(files, "ANCHOR_TIME", timedelta(seconds=5))
    tasks.write_plans()
    assert not files.path_of(plan).exists()
    later = clock.now() + timedelta(seconds=5)
    monkeypatch.setattr(clock, "now", lambda: later)
    tasks.write_plans()
    assert on_disk(plan) == newest(plan)


@pytest.mark.django_db(transaction=True)
def test_a_plan_that_moves_and_has_no_file_gets_its_first_once_it_has_moved_for_a_while(plan):
    tasks.write_plans()
    anchors.anchor()
    assert not files.path_of(plan).exists()
    Plan.objects.filter(pk=plan.pk).note(started_at=clock.now() - files.PATIENCE)
    tasks.write_plans()
    assert on_disk(plan) == newest(plan)


@pytest.mark.django_db(transaction=True)
def test_the_file_of_a_plan_that_moves_is_left_for_a_while_and_a_reader_has_the_newest_all_the_same(plan):
    files.write(plan)
    before = on_disk(plan)
    run_next(plan)
    tasks.write_plans()
    assert on_disk(plan) == before != newest(plan)
    assert files.read(plan) == on_disk(plan) == newest(plan)
    plan.refresh_from_db()
    plan.objective = "Another objective"
    plan.save()
    PlanFile.objects.update(written_at=clock.now() - files.PATIENCE)
    tasks.write_plans()
    assert on_disk(plan) == newest(plan)
    perform(plan, "pause", comment="The vendor is away.")
    tasks.write_plans()
    assert on_disk(plan) == newest(plan)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("where", ["plans.export.files.document.build", *WRITES, "the row"])
@pytest.mark.parametrize("then", ["a reader", "the next write", "the sweep of the day"])
def test_killed_between_commit_and_write_the_newest_is_still_what_everybody_gets(
    plan, monkeypatch, where, then
):
    files.write(plan)
    while plan.tasks.filter(state="ready").exists():
        run_next(plan)
    with monkeypatch.context() as cut, pytest.raises(PowerCut):
        if where == "the row":
            cut.setattr(files, "_name", Mock(side_effect=PowerCut))
            files.write(plan)
        else:
            cut.setattr(where, Mock(side_effect=PowerCut))
            tasks.write_plans()
    if then == "a reader":
        assert files.read(plan) == newest(plan)
    elif then == "the next write":
        tasks.write_plans()
    else:
        assert files.write_behind(since=timedelta(days=1)) == 1
    assert on_disk(plan) == newest(plan)
    assert files.write_behind() == 0


@pytest.mark.django_db(transaction=True)
def test_what_is_read_as_of_one_moment_is_not_written_to(plan):
    with one_view(), pytest.raises(DatabaseError, match="read.?only"):
        Plan.objects.filter(pk=plan.pk).note(started_at=None)
    assert Plan.objects.filter(pk=plan.pk).note(started_at=None) == 1
    if connection.vendor == "sqlite":
        assert connection.transaction_mode == "IMMEDIATE"
