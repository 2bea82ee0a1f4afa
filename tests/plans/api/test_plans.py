"""Plans over REST: read, export, import, revise, stop."""

import json

import pytest

from gtm.core.actors import Actor, acting_as
from gtm.core.fsm import perform
from plans.models import ImportedPlan
from tests.doors import USAGE, fields, start, url


@pytest.fixture
def run(site):
    return start()


@pytest.fixture
def asked_for_changes(run):
    """The run, whose approver asked for changes: the tasks before the gate are as they are."""

    with acting_as(Actor.system("Test")):
        perform(run, "request_changes", comment="Cheaper, please.")
    return run


def revise(client, plan, headers=None, **body):
    path = url(f"plans/{plan.plan_id}/")
    headers = {"If-Match": client.get(path)["ETag"]} if headers is None else headers
    return client.post(f"{path}revise/", {"comment": "Done."} | body, format="json", headers=headers)


def test_a_plan_read_again_unchanged_answers_304(ops, run):
    path = url(f"plans/{run.plan_id}/")
    tag = ops.get(path)["ETag"]
    assert ops.get(path, headers={"If-None-Match": tag}).status_code == 304
    ops.post(f"{path}ripcord/", {"reason": "Fraud."}, format="json")
    assert ops.get(path, headers={"If-None-Match": tag}).status_code == 200


def test_the_export_is_the_file_byte_for_byte_and_conditional(ops, run, settings):
    response = ops.get(url(f"plans/{run.plan_id}/export/"))
    assert response.content == (settings.GTM_PLANS_DIR / f"{run.plan_id}.json").read_bytes()
    again = ops.get(url(f"plans/{run.plan_id}/export/"), headers={"If-None-Match": response["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert USAGE in response.content.decode()


def test_lists_are_paged_filtered_searched_and_ordered(ops, site):
    made = [start().plan_id for _ in range(3)]
    page = ops.get(url("plans/"), {"page_size": 2, "ordering": "created_at"}).json()
    assert (page["count"], [row["plan_id"] for row in page["results"]]) == (3, made[:2])
    assert [row["plan_id"] for row in ops.get(page["next"]).json()["results"]] == made[2:]
    assert ops.get(url("plans/"), {"state": "running"}).json()["count"] == 3
    assert ops.get(url("plans/"), {"state__in": "failed,held"}).json()["count"] == 0
    assert ops.get(url("plans/"), {"search": made[2]}).json()["count"] == 1


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"stat": "running"}, ["stat"]),
        ({"state": "runing"}, ["state"]),
        ({"state__in": "running,runing"}, ["state__in"]),
        ({"ordering": "created"}, ["ordering"]),
        ({"created_at__gte": "yesterday"}, ["created_at__gte"]),
    ],
)
def test_a_question_the_list_does_not_know_is_refused(ops, query, named):
    response = ops.get(url("plans/"), query)
    assert (response.status_code, fields(response)) == (400, named)


def test_a_page_beyond_the_last_is_404_and_pages_have_a_largest_size(ops, run):
    assert ops.get(url("plans/"), {"page": 9}).status_code == 404
    assert ops.get(url("plans/"), {"page_size": 10**6}).json()["count"] == 1


def test_the_change_log_and_the_tasks_of_a_plan_are_readable(ops, run):
    log = ops.get(url(f"plans/{run.plan_id}/changelog/")).json()
    assert [row["sequence"] for row in log["results"][:3]] == [1, 2, 3]
    tasks = ops.get(url("tasks/"), {"plan__plan_id": run.plan_id}).json()
    assert tasks["count"] == 9
    assert ops.get(url(f"plans/{run.plan_id}/artifacts/")).json()["count"] == 0
    assert ops.get(url(f"plans/{run.plan_id}/artifacts/1/download/")).status_code == 404


def test_an_exported_plan_comes_in_as_a_record_and_a_changed_one_does_not(ops, run):
    document = json.loads(ops.get(url(f"plans/{run.plan_id}/export/")).content)
    forged = ops.post(url("plans/import/"), document | {"objective": "Another."}, format="json")
    assert forged.status_code == 400
    assert ImportedPlan.objects.count() == 0
    taken = ops.post(url("plans/import/"), document, format="json")
    assert (taken.status_code, taken.json()["plan_id"]) == (201, run.plan_id)


def test_cancelling_needs_a_reason_and_is_final(ops, run):
    path = url(f"plans/{run.plan_id}/cancel/")
    assert fields(ops.post(path, {}, format="json")) == ["reason"]
    assert ops.post(path, {"reason": "Not now."}, format="json").json()["state"] == "cancelled"
    assert ops.post(path, {"reason": "Again."}, format="json").status_code == 409


def test_one_person_stops_and_two_release(ops, as_, run):
    path = url(f"plans/{run.plan_id}/")
    stopped = ops.post(f"{path}ripcord/", {"reason": "Fraud."}, format="json", headers={"If-Match": "*"})
    assert stopped.json()["state"] == "held"
    assert ops.post(f"{path}resume/", {"remediation": "Fixed."}, format="json").status_code == 403
    first = as_("exec").post(f"{path}resume/", {"remediation": "Fixed."}, format="json")
    assert (first.status_code, first.json()["state"]) == (200, "held")
    assert as_("exec").post(f"{path}resume/", {"remediation": "Again."}, format="json").status_code == 403
    assert (
        as_("deputy").post(f"{path}resume/", {"remediation": "I agree."}, format="json").json()["state"]
        == "running"
    )


def test_a_revision_takes_changed_inputs_and_keeps_the_rest(ops, asked_for_changes):
    response = revise(ops, asked_for_changes, inputs={"budget": "40000", "personas": "champions"})
    assert response.status_code == 200
    found = response.json()
    assert (found["revision"], found["state"], found["amount"]) == (2, "running", "160000.00")
    assert found["inputs"]["budget"] == {"amount": "40000", "currency": "USD", "period": "quarter"}
    assert (found["inputs"]["goal"], found["inputs"]["personas"]) == ("retention", ["champions"])
    assert found["usage"] == USAGE.replace("50000", "40000 --personas champions")
    assert "40,000 USD" in found["objective"]


def test_null_removes_an_optional_input_and_never_a_required_one(ops, asked_for_changes):
    response = revise(ops, asked_for_changes, inputs={"goal": None, "personas": None})
    assert (response.status_code, fields(response)) == (400, ["goal"])


def test_a_revision_is_validated_as_a_run_and_names_every_problem(ops, asked_for_changes):
    response = revise(ops, asked_for_changes, inputs={"budget": "-1", "gaol": "x", "tiers": 77})
    assert (response.status_code, sorted(fields(response))) == (400, ["budget", "gaol", "tiers"])
    assert response.json()["errors"][0]["nearest"] == "goal"
    asked_for_changes.refresh_from_db()
    assert (asked_for_changes.state, asked_for_changes.revision) == ("changes_requested", 1)


def test_a_revision_needs_if_match_a_comment_and_a_request(ops, asked_for_changes):
    assert revise(ops, asked_for_changes, headers={}).status_code == 428
    assert revise(ops, asked_for_changes, headers={"If-Match": '"old"'}).status_code == 412
    assert fields(revise(ops, asked_for_changes, comment="")) == ["comment"]
    assert fields(revise(ops, asked_for_changes, redo=["nothing"])) == ["redo"]
    assert revise(ops, asked_for_changes).json()["revision"] == 2
    assert revise(ops, asked_for_changes).status_code == 409


def test_only_operations_revise(as_, asked_for_changes):
    assert revise(as_("legal"), asked_for_changes).status_code == 403


def test_an_answer_in_words_keeps_inputs_and_data(ops, asked_for_changes):
    before = ops.get(url(f"plans/{asked_for_changes.plan_id}/")).json()
    after = revise(ops, asked_for_changes).json()
    assert [after[name] for name in ("inputs", "datasets", "usage")] == [
        before[name] for name in ("inputs", "datasets", "usage")
    ]
