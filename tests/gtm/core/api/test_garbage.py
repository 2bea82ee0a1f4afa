"""No address answers garbage with a defect, and the published description is whole."""

import io
import json
import re

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


@pytest.fixture
def send(as_, plan):
    """Post something to every route of the description as the superuser; give the statuses by route."""
    client, ids = (
        as_("admin"),
        {
            "approvals": round_of(plan).pk,
            "plans": plan.plan_id,
            "tasks": plan.tasks.get(key="publish").pk,
        },
    )
    routes = [path for path, verbs in described()["paths"].items() if "post" in verbs]
    filled = [re.sub(r"{\w+}", lambda _, p=path: str(ids.get(p.split("/")[3], 1)), path) for path in routes]
    assert len(filled) > 30

    def post(body):
        sent = {"data": json.dumps(body), "content_type": "application/json", "headers": {"If-Match": "*"}}
        return {path: client.post(path, **sent).status_code for path in filled}

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


def described() -> dict:
    out = io.StringIO()
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=out)
    return yaml.safe_load(out.getvalue())


def test_the_description_is_valid_without_a_warning_and_the_one_in_the_documents():
    written = yaml.safe_load((ROOT / "docs" / "openapi.yaml").read_text())
    assert without_ranges(described()) == without_ranges(written)


def without_ranges(schema):
    """The ranges of whole numbers are the database's, and differ between the two we run on."""
    if isinstance(schema, dict):
        dropped = ("minimum", "maximum", "format") if schema.get("type") == "integer" else ()
        return {key: without_ranges(value) for key, value in schema.items() if key not in dropped}
    return [without_ranges(value) for value in schema] if isinstance(schema, list) else schema
