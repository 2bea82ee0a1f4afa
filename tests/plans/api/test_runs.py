"""Commands over REST: what can be run, and running it once."""

import jsonschema
import pytest
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from gtm.core import access_tokens
from gtm.core.actors import Actor, acting_as
from plans.models import Plan
from tests.doors import INPUTS, USAGE, fields, stored, token_of, url, user
from tests.factories import ProgramFactory

RUNS = url("commands/plan-loyalty/runs/")


def test_commands_are_listed_with_inputs_as_json_schema(ops):
    listed = ops.get(url("commands/")).json()
    described = {command["name"]: command for command in listed["results"]}["plan-loyalty"]
    assert listed["count"] == len(listed["results"])
    assert described == ops.get(url("commands/plan-loyalty/")).json()
    assert described["example"] == USAGE
    assert described["inputs"]["required"] == ["goal", "tiers", "budget"]
    assert described["inputs"]["properties"]["goal"]["enum"] == [
        "retention", "expansion", "engagement", "advocacy",
    ]  # fmt: skip
    jsonschema.Draft202012Validator.check_schema(described["inputs"])
    jsonschema.validate(INPUTS, described["inputs"])


def test_an_unknown_command_is_404_and_names_the_nearest(ops):
    response = ops.get(url("commands/plan-loyality/"))
    assert (response.status_code, response["Content-Type"]) == (404, "application/problem+json")
    assert response.json()["errors"][0]["nearest"] == "plan-loyalty"


@pytest.mark.parametrize(
    ("path", "body"), [("runs/", {"usage": USAGE}), ("commands/plan-loyalty/runs/", {"inputs": INPUTS})]
)
def test_a_run_is_accepted_and_found_at_its_location(ops, path, body):
    response = ops.post(url(path), body, format="json")
    assert response.status_code == 202
    found = ops.get(response["Location"])
    assert found.status_code == 200
    assert found["ETag"] == response["ETag"]
    assert found.json() == response.json()
    assert (found.json()["state"], found.json()["usage"]) == ("running", USAGE)
    assert found.json()["inputs"]["budget"] == {"amount": "50000", "currency": "USD", "period": "quarter"}
    assert [task["state"] for task in found.json()["tasks"][:2]] == ["ready", "ready"]
    assert found.json()["requested_by"] == "ops"


def test_every_bad_field_comes_at_once_with_pointer_and_nearest_and_nothing_is_stored(ops, settings):
    before = stored(settings.GTM_DATA_DIR)
    bad = {"goal": "retenton", "tiers": 99, "budget": "-5", "personnas": "x"}
    response = ops.post(RUNS, {"inputs": bad}, format="json")
    assert (response.status_code, response["Content-Type"]) == (400, "application/problem+json")
    assert sorted(fields(response)) == ["budget", "goal", "personnas", "tiers"]
    problems = {problem["field"]: problem for problem in response.json()["errors"]}
    assert problems["goal"]["nearest"] == "retention"
    assert problems["personnas"]["nearest"] == "personas"
    assert problems["goal"]["pointer"] == "#/inputs/goal"
    assert stored(settings.GTM_DATA_DIR) == before


def test_a_program_starts_a_run_and_whoever_answers_for_it_is_not_asked(as_, site):
    with acting_as(Actor.system("Test")):
        nightly = access_tokens.make_service("nightly", owner=user("finance"), purpose="Starts runs.").user
        nightly.groups.add(*user("ops").groups.all())
    client = APIClient(headers={"Authorization": f"Token {token_of('nightly')}"})
    started = client.post(RUNS, {"inputs": INPUTS}, format="json")
    assert started.status_code == 202, started.json()
    asked = {item["key"]: item["evidence"] for item in started.json()["checklist"]}
    assert "Finance approval: Dora Klein." in asked["approvals"]  # not Fiona Walsh, who has asked
    assert Plan.objects.get().requested_by == nightly
    page = Client()
    page.force_login(user("ops"))
    shown = page.get(reverse("admin:plans_plan_change", args=[Plan.objects.get().pk])).content.decode()
    assert "asked by nightly, for which Fiona Walsh answers" in shown


BAD_BODIES = {
    "inputs no object": ({"inputs": [1]}, ["inputs"]),
    "program no text": ({"inputs": INPUTS, "program": {}}, ["program"]),
    "body a list": ([], ["body"]),
    "unknown program": ({"inputs": INPUTS, "program": "nope"}, ["program"]),
    "program and inputs": ({"inputs": {}, "program": "nope"}, ["program", "goal", "tiers", "budget"]),
}


@pytest.mark.parametrize(("body", "named"), BAD_BODIES.values(), ids=BAD_BODIES.keys())
def test_a_bad_body_is_refused_by_name(ops, body, named):
    response = ops.post(RUNS, body, format="json")
    assert (response.status_code, fields(response)) == (400, named)
    assert Plan.objects.count() == 0


def test_no_json_is_refused_as_a_problem(ops):
    response = ops.post(RUNS, "{", content_type="application/json")
    assert (response.status_code, response["Content-Type"]) == (400, "application/problem+json")


def test_a_run_without_data_says_how_to_load_it(ops):
    with acting_as(Actor.system("Test")):
        ProgramFactory(slug="bare")
    response = ops.post(RUNS, {"inputs": INPUTS, "program": "bare"}, format="json")
    assert response.status_code == 400
    assert (
        "has no purchases loaded. Load them first on the page Data, Load data."
        in response.json()["errors"][0]["message"]
    )


def test_the_same_key_starts_one_run(ops):
    answers = [ops.post(RUNS, {"inputs": INPUTS}, format="json", HTTP_IDEMPOTENCY_KEY="k") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert {answer.json()["plan_id"] for answer in answers} == {Plan.objects.get().plan_id}


def test_the_same_key_with_another_body_is_refused(ops):
    first = ops.post(RUNS, {"inputs": INPUTS}, format="json", HTTP_IDEMPOTENCY_KEY="k")
    other = ops.post(RUNS, {"inputs": INPUTS | {"tiers": 4}}, format="json", HTTP_IDEMPOTENCY_KEY="k")
    assert (other.status_code, other.json()["plan_id"]) == (422, first.json()["plan_id"])
    assert Plan.objects.count() == 1


def test_a_key_is_its_callers_own(as_):
    for name in ("ops", "strategist"):
        assert (
            as_(name).post(RUNS, {"inputs": INPUTS}, format="json", HTTP_IDEMPOTENCY_KEY="k").status_code
            == 202
        )
    assert Plan.objects.count() == 2


def test_a_key_has_a_longest_length(ops):
    response = ops.post(RUNS, {"inputs": INPUTS}, format="json", HTTP_IDEMPOTENCY_KEY="k" * 81)
    assert (response.status_code, fields(response)) == (400, ["Idempotency-Key"])
