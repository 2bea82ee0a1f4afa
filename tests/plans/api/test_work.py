"""What people do over REST with tasks, escalations and outputs."""

import csv
import io
import json
from datetime import timedelta
from xml.etree import ElementTree as ET

import pytest
from openpyxl import load_workbook

from gtm.core import clock
from gtm.core.actors import Actor, acting_as
from gtm.core.fsm import perform
from gtm.core.models import ChangeLogEntry
from plans.engine.escalation import ladder
from plans.models import Artifact
from plans.schemas.outputs import Chart, Column, Document, Figure, Metrics, Section, Series, Table, payload_of
from programs.models import Person
from tests.doors import fields, url
from tests.factories import make_plan, make_task


@pytest.fixture
def act(ops):
    """Post to an object as somebody who has just read it."""

    def send(client, path, name, **body):
        seen = client.get(url(path))["ETag"]
        return client.post(url(f"{path}{name}/"), body, format="json", headers={"If-Match": seen})

    return send


@pytest.fixture
def task(site, request):
    """A task for people, ready, behind no gate."""
    with acting_as(Actor.system("Test")):
        plan = make_plan(evidence=request.param if hasattr(request, "param") else {})
        task = make_task(plan, 3, "call", "human")
        perform(plan, "review_again", comment="One task more.")
        perform(plan, "accept")
        perform(plan, "begin")
        task.refresh_from_db()
    return task


@pytest.fixture
def path(task):
    return f"tasks/{task.pk}/"


@pytest.fixture
def blocked(act, ops, path):
    return act(ops, path, "fail", reason="The vendor does not answer.")


def test_a_blocked_task_is_escalated_with_its_reason(blocked, task):
    assert (blocked.status_code, blocked.json()["state"]) == (200, "escalated")
    assert blocked.json()["error"]["message"] == "The vendor does not answer."
    assert task.escalations.get().trigger == "task-blocked"
    task.plan.refresh_from_db()
    assert task.plan.state == "blocked"


def test_a_task_is_not_reported_blocked_without_a_reason(act, ops, path):
    response = act(ops, path, "fail")
    assert (response.status_code, fields(response)) == (400, ["reason"])


def test_one_more_attempt_is_granted_with_a_comment_and_ends_the_case(act, ops, path, blocked, task):
    assert act(ops, path, "retry").status_code == 422
    response = act(ops, path, "retry", comment="They are back.")
    assert (response.status_code, response.json()["state"]) == (200, "ready")
    assert response.json()["attempts_allowed"] == 4
    assert task.escalations.get().state == "cancelled"
    task.plan.refresh_from_db()
    assert task.plan.state == "running"


def test_a_result_by_hand_carries_its_evidence(act, ops, path, blocked):
    told = {"result": {"calls": 3}, "evidence": {"sheet": "calls.xlsx"}, "comment": "By phone."}
    answer = act(ops, path, "complete", **told).json()
    assert (answer["state"], answer["output"]) == (
        "succeeded_manual",
        {"calls": 3, "evidence": {"sheet": "calls.xlsx"}},
    )


@pytest.mark.parametrize("task", [{"3": "The list of calls"}], indirect=True)
def test_a_completion_without_the_evidence_that_the_runbook_asks_for_is_refused(act, ops, path, task):
    assert ops.get(url(path)).json()["evidence_wanted"] == "The list of calls"
    response = act(ops, path, "complete", comment="Called them all.")
    assert response.status_code == 422
    assert "asks for evidence: the list of calls." in response.json()["detail"]
    assert act(ops, path, "complete", evidence={"sheet": "calls.xlsx"}).json()["state"] == "succeeded"


def test_a_completion_is_undone_by_whoever_completed_it_and_reopened_with_a_reason(act, as_, ops, path, task):
    act(ops, path, "complete", result={"calls": 3})
    assert act(as_("admin"), path, "undo").status_code == 403
    response = act(ops, path, "undo")
    assert (response.status_code, response.json()["state"], response.json()["output"]) == (200, "ready", None)
    act(ops, path, "complete", result={"calls": 4})
    response = act(ops, path, "reopen")
    assert (response.status_code, fields(response)) == (400, ["reason"])
    response = act(ops, path, "reopen", reason="One call was not made.")
    assert (response.status_code, response.json()["state"]) == (200, "ready")
    task.plan.refresh_from_db()
    assert task.plan.revision == 2


def test_a_waiver_takes_who_may_and_never_operations(act, as_, ops, path, blocked):
    assert act(ops, path, "waive", comment="Not needed.").status_code == 403
    refused = ChangeLogEntry.objects.get(event="refused")
    assert (refused.entity, refused.payload.body["to"]) == ("plans.task", "waive")
    response = act(as_("exec"), path, "waive", comment="Not needed.")
    assert (response.status_code, response.json()["state"]) == (200, "waived")


def test_a_task_is_given_to_somebody_else_who_is_known(act, ops, path, task):
    person = Person.objects.get(accounts__username="analyst")
    response = act(ops, path, "reassign", owner=person.email, comment="She knows them.")
    assert (response.status_code, response.json()["owner"]) == (200, person.name)
    unknown = act(ops, path, "reassign", owner="nobody@example.com")
    assert (unknown.status_code, fields(unknown)) == (400, ["owner"])


def test_a_stale_tag_changes_nothing(ops, path):
    stale = {"If-Match": '"0"'}
    response = ops.post(url(f"{path}fail/"), {"reason": "x"}, format="json", headers=stale)
    assert (response.status_code, ops.get(url(path)).json()["state"]) == (412, "ready")


# ------------------------------------------------------------------ escalations


@pytest.fixture
def case(site):
    with acting_as(Actor.system("Test")):
        return ladder.open_case(make_plan(), "late", "Late")


def test_a_case_is_acknowledged_renewed_once_and_resolved_with_what_was_done(act, as_, case):
    legal, path = as_("legal"), f"escalations/{case.pk}/"
    first = act(legal, path, "acknowledge", comment="I have it.").json()
    assert (first["state"], first["acknowledged_by"]) == ("acknowledged", "Lena Brandt")
    assert act(legal, path, "acknowledge").status_code == 200
    assert act(legal, path, "acknowledge").status_code == 422
    assert fields(act(legal, path, "resolve")) == ["remediation"]
    resolved = act(legal, path, "resolve", remediation="The vendor was called.")
    assert (resolved.status_code, resolved.json()["state"]) == (200, "resolved")
    assert resolved.json()["remediation"] == "The vendor was called."
    assert act(legal, path, "resolve", remediation="Again.").status_code == 409


def test_a_case_is_handed_over_waited_on_and_escalated(act, as_, case):
    ops, path = as_("ops"), f"escalations/{case.pk}/"
    other = act(ops, path, "hand-over", owner="deputy@demo.example", comment="She knows it.")
    assert (other.status_code, fields(other)) == (400, ["owner"])
    assert fields(act(ops, path, "wait", reason="Later.")) == ["until"]
    until = clock.now() + timedelta(days=3)
    waits = act(ops, path, "wait", until=until.isoformat(), reason="The vendor is away.")
    assert (waits.status_code, waits.json()["state"]) == (200, "acknowledged")
    assert waits.json()["due_at"] == until.isoformat().replace("+00:00", "Z")
    assert fields(act(ops, path, "escalate-now")) == ["reason"]
    before = case.rung
    climbed = act(ops, path, "escalate-now", reason="It cannot wait.").json()
    assert climbed["state"] in ("notified", "exhausted") and climbed["rung"] > before


# ------------------------------------------------------------------ outputs

OUTPUTS = {
    "table": Table(
        "found", "Found", [Column("name", "Name"), Column("value", "Value", "number")], [["=1+1", 2]]
    ),
    "metrics": Metrics("found", "Found", [Figure("points", "Points", 7)]),
    "chart": Chart("found", "Found", "bar", ["a", "b"], [Series("s", [1.0, 2.0])]),
    "document": Document("found", "Found", [Section("What", ["It went well."])]),
}


@pytest.fixture
def download(ops, task):
    def get(output, fmt):
        payload = payload_of(output)
        with acting_as(Actor.system("Test")):
            told = {"key": output.key, "title": output.title, "kind": output.kind, "payload": payload}
            artifact = Artifact(plan=task.plan, task=task, sha256="0" * 64, **told)
            artifact.save()
        return ops.get(url(f"plans/{task.plan.plan_id}/artifacts/{artifact.pk}/download/?as={fmt}"))

    return get


def first_cell(raw):
    return load_workbook(io.BytesIO(raw)).active["A2"].value


READ = {
    "csv": lambda raw: list(csv.reader(io.StringIO(raw.decode())))[1][0],
    "xlsx": first_cell,
    "json": lambda raw: json.loads(raw)["rows"][0][0],
    "md": lambda raw: next(line for line in raw.decode().splitlines() if "1+1" in line),
}


@pytest.mark.parametrize(
    ("fmt", "media_type", "cell"),
    [
        ("csv", "text/csv; charset=utf-8", "'=1+1"),
        ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "'=1+1"),
        ("json", "application/json", "=1+1"),
        ("md", "text/markdown; charset=utf-8", "| =1+1 | 2 |"),
    ],
)
def test_a_table_comes_in_each_format_and_is_a_formula_in_none(download, fmt, media_type, cell):
    response = download(OUTPUTS["table"], fmt)
    assert (response.status_code, response["Content-Type"]) == (200, media_type)
    assert response["Content-Disposition"].endswith(f'-found.{fmt}"')
    assert response["X-Content-Type-Options"] == "nosniff"
    assert READ[fmt](response.content) == cell


@pytest.mark.parametrize("fmt", ["csv", "xlsx", "json", "md"])
@pytest.mark.parametrize("kind", sorted(OUTPUTS))
def test_every_kind_comes_in_every_format_it_has(download, kind, fmt):
    response = download(OUTPUTS[kind], fmt)
    assert (response.status_code, bool(response.content)) == (200, True)


def test_a_chart_is_a_drawing_too(download):
    response = download(OUTPUTS["chart"], "svg")
    assert (response.status_code, response["Content-Type"]) == (200, "image/svg+xml")
    assert ET.fromstring(response.content).tag.endswith("svg")  # noqa: S314 - our own drawing


def test_a_chart_is_a_picture(download):
    picture = download(OUTPUTS["chart"], "png")
    assert (picture["Content-Type"], picture.content[:4]) == ("image/png", b"\x89PNG")


def test_a_chart_is_a_specification_with_its_points(download):
    specified = download(OUTPUTS["chart"], "vega")
    assert specified["Content-Disposition"].endswith('-found.vl.json"')
    found = json.loads(specified.content)
    assert [point["value"] for point in found["datasets"]["points"]] == [1, 2]
    assert found["$schema"].startswith("https://vega.github.io/schema/vega-lite/")


@pytest.mark.parametrize("fmt", ["svg", "png", "vega", "pdf"])
def test_a_format_it_has_not_is_refused_and_the_others_named(download, fmt):
    response = download(OUTPUTS["table"], fmt)
    assert (response.status_code, "csv, xlsx, json, md" in response.json()["detail"]) == (406, True)
