"""Who may do what over REST: role × route → status, strangers, throttling, and what is not there."""

import pytest
from rest_framework.test import APIClient

from gtm.core.actors import Actor, acting_as
from plans.demo.organisation import PASSWORD
from plans.engine.escalation import ladder
from tests.doors import INPUTS, start, url, user
from tests.factories import round_of

# ops: Operations; analyst: Analysts; finance: Approvers; exec: Approvers and Stewards
WHO = ("ops", "analyst", "finance", "exec")
ROUTES = {
    ("post", "commands/plan-loyalty/runs/"): (202, 403, 403, 403),
    ("post", "runs/"): (400, 403, 403, 403),
    ("post", "plans/import/"): (400, 403, 403, 403),
    ("get", "commands/"): (200, 200, 200, 200),
    ("get", "plans/"): (200, 200, 200, 200),
    ("post", "plans/{plan}/cancel/"): (200, 403, 403, 403),
    ("post", "plans/{plan}/ripcord/"): (200, 403, 200, 200),
    ("post", "approvals/{approval}/decide/"): (403, 403, 200, 403),
    ("post", "tasks/{task}/complete/"): (409, 409, 409, 409),
    ("post", "escalations/{case}/acknowledge/"): (200, 200, 200, 200),
    # A rung may give authority at the round it is about, and ops asked for the plan.
    ("post", "escalations/{case}/escalate-now/"): (403, 200, 200, 200),
    ("post", "escalations/{case}/hand-over/"): (400, 400, 400, 400),
    ("post", "escalations/{case}/wait/"): (400, 400, 400, 400),
    ("get", "datasets/"): (200, 200, 200, 200),
    ("post", "datasets/upload/"): (415, 415, 403, 403),
    ("post", "datasets/preview/"): (415, 415, 403, 403),
    ("post", "programs/"): (400, 403, 403, 403),
    ("post", "metrics/"): (403, 400, 403, 403),
    ("post", "approvers/"): (403, 403, 403, 400),
    ("delete", "programs/cdnow/"): (403, 403, 403, 403),
}
CASES = [
    (method, path, who, status)
    for (method, path), statuses in ROUTES.items()
    for who, status in zip(WHO, statuses, strict=True)
]


@pytest.fixture
def case(plan):
    with acting_as(Actor.system("Test")):
        return ladder.open_case(plan, "late", "Late", approval=round_of(plan))


@pytest.fixture
def at(plan, case):
    """The address of a route, filled in."""
    names = {
        "plan": plan.plan_id,
        "approval": round_of(plan).pk,
        "task": plan.tasks.get(key="publish").pk,
        "case": case.pk,
    }
    return lambda path: url(path.format(**names))


@pytest.fixture
def body(plan):
    """What makes each act valid where it is allowed."""
    scope = round_of(plan).scope_sha256
    bodies = {
        "runs": {"inputs": INPUTS},
        "cancel": {"reason": "Because."},
        "ripcord": {"reason": "Because."},
        "decide": {"decision": "approve", "password": PASSWORD, "scope_sha256": scope},
        "escalate-now": {"reason": "Because."},
    }
    return lambda path: bodies.get(path.strip("/").split("/")[-1], {}) if path != "runs/" else {}


@pytest.mark.parametrize(("method", "path", "who", "status"), CASES)
def test_each_role_may_do_its_part_and_no_more(as_, at, body, method, path, who, status):
    acts = {
        "get": lambda client: client.get(at(path)),
        "delete": lambda client: client.delete(at(path)),
        "post": lambda client: client.post(at(path), body(path), format="json"),
    }
    assert acts[method](as_(who)).status_code == status


def test_a_stranger_is_told_how_to_authenticate(at):
    answers = [getattr(APIClient(), method)(at(path)) for method, path in ROUTES]
    assert {answer.status_code for answer in answers} == {401}
    assert {answer["WWW-Authenticate"] for answer in answers} == {"Token"}
    assert {answer["Content-Type"] for answer in answers} == {"application/problem+json"}


def test_whoever_reads_plans_exports_them(as_):
    path = url(f"plans/{start().plan_id}/export/")
    assert [as_(who).get(path).status_code for who in WHO] == [200] * len(WHO)


def test_an_account_without_roles_sees_nothing(site, at):
    lonely = APIClient()
    lonely.force_login(type(user("ops")).objects.create_user("lonely"))
    paths = [
        "plans/",
        "tasks/",
        "approvals/",
        "escalations/",
        "datasets/",
        "programs/",
        "plans/{plan}/export/",
    ]
    assert [lonely.get(at(path)).status_code for path in paths] == [403] * len(paths)
    assert lonely.post(at("plans/{plan}/ripcord/"), {"reason": "x"}, format="json").status_code == 403


@pytest.mark.parametrize(
    "path",
    ["plans/nope/", "tasks/999999/", "approvals/999999/", "escalations/999999/", "programs/nope/", "nope/"],
)
def test_what_is_not_there_is_404_as_a_problem(ops, path):
    response = ops.get(url(path))
    assert (response.status_code, response["Content-Type"]) == (404, "application/problem+json")


def test_a_method_the_route_lacks_is_405(as_, plan):
    path = url(f"plans/{plan.plan_id}/")
    refused = as_("admin").delete(path)
    assert refused.status_code == 405
    assert refused.json()["title"] == "Method not allowed"
    assert "DELETE" in refused.json()["detail"]
    assert as_("admin").patch(path, {"state": "approved"}, format="json").status_code == 405


def test_a_token_is_given_for_the_password_and_works(site):
    client = APIClient()
    token = client.post(url("token/"), {"username": "ops", "password": PASSWORD}, format="json").json()[
        "token"
    ]
    client.credentials(HTTP_AUTHORIZATION=f"Token {token}")
    assert client.get(url("plans/")).status_code == 200
    client.credentials(HTTP_AUTHORIZATION=f"Token {token[::-1]}")
    assert client.get(url("plans/")).status_code == 401


def test_guessing_passwords_is_throttled(site):
    client = APIClient()
    guess = {"username": "ops", "password": "guess"}
    statuses = [client.post(url("token/"), guess, format="json").status_code for _ in range(11)]
    assert statuses == [400] * 10 + [429]
    refused = client.post(url("token/"), guess, format="json")
    assert refused["Content-Type"] == "application/problem+json"
    assert 0 < int(refused["Retry-After"]) <= 60


def test_a_write_in_a_session_needs_the_csrf_token(site):
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(user("ops"))
    assert client.post(url("runs/"), {"usage": "x"}, format="json").status_code == 403
