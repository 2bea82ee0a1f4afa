"""No address answers garbage with a defect, and the published description is whole."""

import io
import json

import pytest
import yaml
from django.core.management import call_command
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.conftest import ROOT
from tests.doors import url
from tests.factories import round_of

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
FIELDS = st.sampled_from(
    ["usage", "inputs", "program", "decision", "comment", "evidence", "on_behalf_of", "password", "reason",
     "scope_sha256", "remediation", "owner", "result", "redo", "fresh_data", "username", "slug", "name",
     "kind", "rank", "threshold", "tier", "person", "role", "plan_id", "changelog", "tasks", "starts_on"]
)  # fmt: skip
BODY = JSON | st.dictionaries(FIELDS, JSON, max_size=6)
POSTS = [
    "runs/", "commands/plan-loyalty/runs/", "plans/import/", "token/", "datasets/upload/",
    *(f"plans/{{plan}}/{verb}/" for verb in ("cancel", "revise", "ripcord", "resume")),
    *(f"tasks/{{task}}/{verb}/" for verb in ("complete", "fail", "retry", "waive", "reassign")),
    "approvals/{approval}/decide/", "escalations/1/acknowledge/", "escalations/1/resolve/",
    *(f"{name}/" for name in ("programs", "tiers", "benefits", "lifecycle-triggers", "partners", "campaigns",
                              "experiments", "metrics", "approvers")),
]  # fmt: skip


@pytest.fixture
def send(as_, plan):
    """Post something to every route as the superuser; give the statuses by route."""
    names = {
        "plan": plan.plan_id,
        "task": plan.tasks.get(key="publish").pk,
        "approval": round_of(plan).pk,
    }
    client = as_("admin")

    def post(body):
        sent = {"data": json.dumps(body), "content_type": "application/json", "headers": {"If-Match": "*"}}
        return {path: client.post(url(path.format(**names)), **sent).status_code for path in POSTS}

    return post


@given(body=BODY)
@example(body={"inputs": {"": 0}})
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_post_answers_garbage_with_a_defect(send, body):
    defects = {path: status for path, status in send(body).items() if status >= 500}
    assert defects == {}


@pytest.mark.parametrize(
    "raw", [b"", b"\xff\xfe", b"[" * 10**5, b'{"usage": "\\u0000"}', b'{"usage": "\\ud800"}', b"NaN"]
)
def test_broken_json_is_a_problem_of_the_sender(ops, raw):
    response = ops.post(url("runs/"), raw, content_type="application/json")
    assert (response.status_code, response["Content-Type"]) == (400, "application/problem+json")


def test_every_post_route_is_among_those_tried(site):
    schema = described()
    posts = {path for path, verbs in schema["paths"].items() if "post" in verbs}
    assert len(posts) == len(POSTS)


def described() -> dict:
    out = io.StringIO()
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=out)
    return yaml.safe_load(out.getvalue())


def test_the_description_is_valid_without_a_warning_and_the_one_in_the_documents():
    assert described() == yaml.safe_load((ROOT / "docs" / "openapi.yaml").read_text())
