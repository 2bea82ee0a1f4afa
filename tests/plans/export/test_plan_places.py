"""Plan JSON in a folder and in an object store: every reader has the newest, none an old file of another."""

import json
from datetime import timedelta
from unittest.mock import Mock

import pytest

from gtm.core import clock
from gtm.core.actors import Actor, acting_as
from gtm.core.errors import NotFound
from gtm.core.fsm import perform
from gtm.core.places import objects
from plans.export import document, files, importer, plan_places
from plans.models import Plan, PlanFile
from tests import object_stores
from tests.factories import make_run

pytestmark = pytest.mark.django_db


@pytest.fixture
def plan(files_in):
    with acting_as(Actor.system("Test")):
        yield perform(make_run().plan, "pause", comment="At rest.")


def newest(plan):
    return document.to_bytes(document.build(Plan.objects.get(pk=plan.pk)))


def name_now(plan):
    return plan_places.name_of(plan.plan_id, PlanFile.objects.get(plan=plan).sha256)


def move(plan, objective):
    plan.refresh_from_db()
    plan.objective = objective
    plan.save()


def held(plan):
    """The documents of the plan that are kept now."""
    return objects.plans.names("" if objects.plans.is_folder else plan.plan_id)


def test_a_reader_has_the_newest_and_one_document_is_kept(plan):
    assert files.read(plan) == newest(plan)
    move(plan, "Another objective")
    assert files.read(plan) == newest(plan) == objects.plans.read(name_now(plan))
    assert len(held(plan)) == 1


def test_an_altered_document_is_noticed_and_written_anew(plan):
    right = files.write(plan)
    known = PlanFile.objects.get(plan=plan)
    objects.plans.put(name_now(plan), right.replace(b"At rest.", b"At work."))
    assert files.read(plan) == newest(plan) == objects.plans.read(name_now(plan))
    rows = json.loads(files.read(plan))["change_log"]
    (told,) = (row for row in rows if row["event"] == files.ALTERED)
    assert told["from"] == known.sha256 != told["to"]


def test_a_document_that_is_gone_is_written_anew_without_a_word_in_the_log(plan):
    before = json.loads(files.write(plan))["integrity"]["length"]
    objects.plans.delete(name_now(plan))
    assert json.loads(files.read(plan))["integrity"]["length"] == before
    assert objects.plans.has(name_now(plan))


def test_a_host_that_was_slow_does_not_put_its_old_document_in_the_place_of_a_newer_one(
    s3_server, settings, monkeypatch
):
    """In a folder a lock holds the slow one back."""
    object_stores.use(s3_server, settings, monkeypatch)
    with acting_as(Actor.system("Test")):
        plan = perform(make_run().plan, "pause", comment="At rest.")
    put = plan_places.put

    def put_late(plan_id, raw):
        """Between the making of this document and its upload another host writes a newer one."""
        monkeypatch.setattr(plan_places, "put", put)
        with acting_as(Actor.system("Test")):
            move(plan, "What the other host saw")
        files.write(plan)
        return put(plan_id, raw)

    monkeypatch.setattr(plan_places, "put", put_late)
    files.write(plan)
    assert b"What the other host saw" in objects.plans.read(name_now(plan))
    assert files.read(plan) == newest(plan)
    assert files.ALTERED.encode() not in files.read(plan)


def test_what_a_killed_writer_left_is_deleted_later_and_never_read(plan, files_in, monkeypatch):
    files.write(plan)
    move(plan, "Another objective")
    with monkeypatch.context() as kill, pytest.raises(KeyboardInterrupt):
        kill.setattr(files, "_name", Mock(side_effect=KeyboardInterrupt))
        files.write(plan)
    assert files.read(plan) == newest(plan)
    if files_in == "s3":
        objects.plans.put(f"{plan.plan_id}/{'0' * 64}.json", b"of a writer that was killed")
        move(plan, "A third")
        files.write(plan)
        assert len(held(plan)) == 2  # it may be a writer that is still at it
        move(plan, "A fourth")
        with clock.standing_at(clock.now() + plan_places.ORPHANED_AFTER + timedelta(minutes=1)):
            files.write(plan)
    assert len(held(plan)) == 1


def test_an_imported_document_is_believed_only_as_it_came(plan, files_in):
    body = json.loads(files.write(plan))
    with acting_as(Actor.system("Test")):
        row = importer.import_document(body)
        name = f"imported/{row.sha256}.json"
        assert importer.export_imported(row)["objective"] == body["objective"]
        objects.data.put(name, json.dumps(body | {"objective": "Another"}).encode())
        with pytest.raises(NotFound, match="differs from the one that was imported"):
            importer.export_imported(row)
        objects.data.delete(name)
        with pytest.raises(NotFound, match=name):
            importer.export_imported(row)
        assert importer.import_document(body) == row
        assert importer.export_imported(row)["objective"] == body["objective"]
