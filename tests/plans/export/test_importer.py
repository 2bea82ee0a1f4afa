"""Out, in, and out again: the same document, and nothing believed that is not intact."""

import json

import pytest
from django.core.management import call_command

from gtm.core.actors import Actor, acting_as
from gtm.core.errors import InvalidInput
from plans.export import document, importer, verify
from plans.models import ImportedPlan, Plan

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
