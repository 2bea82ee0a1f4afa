"""A launch over REST: started by its line, worked on, moved, held."""

from datetime import date

import pytest

from tests.doors import fields, url

LINE = (
    '/referral-program-orchestration:launch-program --program "Customer Advocates" '
    '--launch-date 2025-12-10 --channels "email,in-app"'
)


@pytest.fixture
def launch(ops):
    return ops.post(url("runs/"), {"usage": LINE}, format="json")


def task_of(plan, key):
    return next(task for task in plan.json()["tasks"] if task["key"] == key)


def do(client, task, verb, **body):
    return client.post(url(f"tasks/{task['id']}/{verb}/"), body, format="json")


def test_the_documents_line_is_accepted_and_says_that_it_is_late(launch):
    assert launch.status_code == 202
    assert (launch.json()["state"], launch.json()["usage"]) == ("running", LINE)
    late = next(item for item in launch.json()["checklist"] if item["key"] == "launch-date")
    assert late["result"] == "failed"
    assert "change the launch date" in late["evidence"]


def test_the_date_is_changed_and_everything_is_rescheduled(ops, launch):
    plan = url(f"plans/{launch.json()['plan_id']}/")
    body = {"inputs": {"launch_date": "2099-06-10"}, "comment": "Moved."}
    assert ops.post(f"{plan}change/", body, format="json").status_code == 428
    changed = ops.post(f"{plan}change/", body, format="json", HTTP_IF_MATCH=launch["ETag"])
    assert (changed.status_code, changed.json()["revision"]) == (200, 2)
    due = {task["key"]: task["due_at"] for task in changed.json()["tasks"]}
    assert due["confirm-tracking"].startswith("2099-06-10")
    assert {date.fromisoformat(at[:10]).year for at in due.values() if at} == {2099}
    rows = ops.get(f"{plan}changelog/?page_size=500").json()["results"]
    moved = [row for row in rows if row["field"] == "due_at" and "terms" in row["object"]]
    assert [(row["reason"], row["from"][:4]) for row in moved] == [("Moved.", "2025")]


def test_inputs_and_the_line_say_the_same(ops):
    inputs = {"program": "customer-advocates", "launch_date": "2099-06-10", "channels": ["email"]}
    answer = ops.post(url("commands/launch-program/runs/"), {"inputs": inputs}, format="json")
    assert answer.status_code == 202
    assert answer.json()["inputs"]["program"] == "Customer Advocates"


def test_every_wrong_input_is_named_at_once(ops):
    inputs = {
        "program": "Customer Advocates",
        "launch_date": "10.12.2025",
        "channels": "fax",
        "approvers": "me",
    }
    answer = ops.post(url("commands/launch-program/runs/"), {"inputs": inputs}, format="json")
    assert (answer.status_code, sorted(fields(answer))) == (400, ["approvers", "channels", "launch_date"])


def test_an_unknown_program_is_refused_with_those_there_are(ops):
    answer = ops.post(url("runs/"), {"usage": LINE.replace("Advocates", "Avocados")}, format="json")
    assert (answer.status_code, fields(answer)) == (400, ["program"])
    assert answer.json()["errors"][0]["allowed"] == ["customer-advocates"]


def test_a_task_is_blocked_unblocked_commented_given_away_and_completed(ops, as_, launch):
    task = task_of(launch, "design-charter")
    blocked = do(ops, task, "block", reason="The charter is not signed.")
    assert (blocked.status_code, blocked.json()["state"]) == (200, "escalated")
    plan = url(f"plans/{launch.json()['plan_id']}/")
    assert ops.get(plan).json()["state"] == "blocked"
    cases = ops.get(url(f"escalations/?plan__plan_id={launch.json()['plan_id']}")).json()["results"]
    assert [case["trigger"] for case in cases] == ["task-blocked"]
    said = do(ops, task, "comment", comment="Asked Samir.", evidence={"mail": "thread 17"})
    assert [(c["by"], c["text"], c["evidence"]) for c in said.json()["comments"]] == [
        ("Olivia Park", "Asked Samir.", {"mail": "thread 17"})
    ]
    assert do(ops, task, "unblock").status_code == 422  # why is to be said
    assert do(ops, task, "unblock", comment="Signed.").json()["state"] == "ready"
    assert ops.get(plan).json()["state"] == "running"
    given = do(ops, task, "reassign", owner="studio@demo.example", comment="On leave.")
    assert given.json()["owner"] == "Clara Moreau"
    done = do(as_("studio"), task, "complete", result={"link": "charter-3"}, evidence={"file": "charter.pdf"})
    assert (done.status_code, done.json()["state"]) == (200, "succeeded")
    assert done.json()["output"] == {"link": "charter-3", "evidence": {"file": "charter.pdf"}}


def test_others_may_neither_block_nor_complete(as_, launch):
    task = task_of(launch, "design-charter")
    assert do(as_("legal"), task, "block", reason="No.").status_code == 403
    assert do(as_("legal"), task, "complete").status_code == 403


def test_how_it_stands_tells_readiness_vetoes_and_the_runbook(ops, launch):
    readiness, runbook = ops.get(url(f"plans/{launch.json()['plan_id']}/standing/")).json()
    whole = readiness["items"][0]
    assert (whole["numerator"], whole["value"]) == (0, 0)
    assert whole["denominator"] == pytest.approx(sum(item["denominator"] for item in readiness["items"][1:]))
    assert readiness["note"].startswith("Open and blocking the launch: Pull the design charter; Review terms")
    assert "; Legal approval; Finance approval; Partner approval." in readiness["note"]
    assert len(runbook["rows"]) == len(launch.json()["tasks"])
