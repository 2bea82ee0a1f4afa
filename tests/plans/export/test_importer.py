"""Out, in, and out again: the same document, and nothing believed that is not intact."""

import json

import pytest
from django.core.management import CommandError, call_command

from gtm.core.actors import Actor, acting_as
from gtm.core.errors import InvalidInput
from plans.export import document, files, importer, verify
from plans.models import ImportedPlan, Plan
from tests.factories import gate, make_run
from tests.plans.export.forging import chained_anew

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def acting():
    with acting_as(Actor.system("Test")):
        yield


@pytest.fixture
def body(exported):
    return json.loads(exported)


def test_export_import_export_is_identical_but_for_the_import_record(exported, body):
    again = importer.export_imported(importer.import_document(body))
    assert verify.verify_bytes(document.to_bytes(again)) == []
    record = again.pop("import_record")
    assert document.to_bytes(again) == exported
    assert sorted(record) == ["imported_at", "sha256"]


def test_the_same_document_again_is_the_same_record_also_with_its_import_record(body):
    row = importer.import_document(body)
    assert importer.import_document(importer.export_imported(row)).pk == row.pk
    assert ImportedPlan.objects.count() == 1


def test_an_imported_plan_is_a_record_and_never_runs(body):
    row = importer.import_document(body)
    assert (row.status, Plan.objects.count()) == ("succeeded", 0)


@pytest.mark.parametrize("altered", [None, [], "x", {"integrity": {}}, {"integrity": []}])
def test_what_is_no_plan_is_refused(altered):
    with pytest.raises(InvalidInput):
        importer.import_document(altered)
    assert not ImportedPlan.objects.exists()


def test_an_altered_document_is_refused_with_every_finding(body):
    body["objective"] += "!"
    body["change_log"][3]["actor"] = "Nobody"
    with pytest.raises(InvalidInput) as refused:
        importer.import_document(body)
    assert {p.field for p in refused.value.problems} == {"objective", "change_log", "change_log row 4"}
    assert not ImportedPlan.objects.exists()


def test_the_commands_hand_an_imported_plan_out_again(exported, body, tmp_path):
    there, back = tmp_path / "there.json", tmp_path / "back.json"
    there.write_bytes(exported)
    call_command("import_plan", str(there))
    call_command("export_plan", body["plan_id"], output=back)
    again = json.loads(back.read_bytes())
    del again["import_record"]
    assert document.to_bytes(again) == exported


@pytest.mark.parametrize("plan_id", ["../../etc/passwd", "", "plan 1", "plan-ü", "x" * 61])
def test_an_id_that_is_none_is_refused(monkeypatch, body, plan_id):
    monkeypatch.setattr(verify, "prove_document", lambda body: verify.Verification())
    with pytest.raises(InvalidInput) as refused:
        importer.import_document(body | {"plan_id": plan_id})
    assert [p.field for p in refused.value.problems] == ["plan_id"]
    assert not ImportedPlan.objects.exists()


def test_a_log_of_another_plan_is_refused(monkeypatch, body):
    monkeypatch.setattr(verify, "prove_document", lambda body: verify.Verification())
    with pytest.raises(InvalidInput) as refused:
        importer.import_document(body | {"plan_id": "plan-of-nobody"})
    assert "cannot have the change log of" in refused.value.problems[0].message


@pytest.fixture
def house():
    return make_run(gate()).plan


def test_a_document_of_a_plan_of_this_house_comes_in_where_our_log_says_what_it_says(house):
    raw = files.write(house)
    house.objective = "What came later"
    house.save()
    assert importer.import_document(json.loads(raw)).plan_id == house.plan_id


def test_a_differing_document_of_a_plan_of_this_house_is_refused(house):
    body = json.loads(files.write(house))
    body["change_log"][3]["reason"] = "Another one."
    chained_anew(body)
    assert verify.verify_document(body) == []  # the file alone does not say so
    with pytest.raises(InvalidInput) as refused:
        importer.import_document(body)
    assert "is the id of a plan of this installation, and this document" in refused.value.problems[0].message
    assert not ImportedPlan.objects.exists()


def test_a_key_that_is_there_twice_is_refused_at_the_command_line(exported, tmp_path):
    path = tmp_path / "twice.json"
    path.write_bytes(exported.replace(b'"revision": 1', b'"revision": 1, "revision": 2'))
    with pytest.raises(CommandError, match="the key 'revision' is there twice"):
        call_command("import_plan", str(path))
