"""Rip-cords, break-glass, readings, approvers and revisions over REST."""

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from gtm.core.actors import Actor, acting_as
from gtm.core.fsm import perform
from tests.factories import PersonFactory, gate, make_plan, round_of, seat

pytestmark = pytest.mark.django_db
RULE = {"signal": "partner-dispute", "title": "Dispute", "breaches": 1, "pulls_ripcord": False}


@pytest.fixture(autouse=True)
def acting():
    with acting_as(Actor.system("Test")):
        yield


@pytest.fixture
def caller():
    """Answers a client of a person with every permission, in a session."""

    def make(name="Ida"):
        user = PersonFactory(name=name).accounts.get()
        user.user_permissions.set(Permission.objects.all())
        client = Client()
        client.force_login(user)
        return client

    return make


def post(client, path, **body):
    return client.post(f"/api/v1/{path}", body, content_type="application/json")


def test_an_installation_is_stopped_and_two_people_release_it(caller):
    plan = make_plan()
    ida, rex = caller("Ida"), caller("Rex")
    pulled = post(ida, "ripcords/", scope="installation", reason="Breach.")
    assert (pulled.status_code, pulled.json()["state"]) == (201, "pulled")
    assert plan.tasks.get(key="sign-off").state == "suspended"
    path = f"ripcords/{pulled.json()['id']}/release/"
    assert post(ida, path, remediation="Fixed.").json()["state"] == "pulled"
    assert post(ida, path, remediation="Fixed.").status_code == 403
    assert post(rex, path, remediation="Fixed.").json()["state"] == "released"


def test_a_stopped_program_is_aborted_by_two_people(caller):
    plan = make_plan()
    ida, rex = caller("Ida"), caller("Rex")
    pulled = post(ida, "ripcords/", scope="program", program=plan.program.slug, reason="Breach.")
    path = f"ripcords/{pulled.json()['id']}/abort/"
    assert post(ida, path).status_code == 400
    assert post(ida, path, reason="Over.").json()["state"] == "pulled"
    assert post(rex, path, reason="Over.").json()["state"] == "aborted"
    plan.refresh_from_db()
    assert plan.state == "aborted"


@pytest.mark.parametrize(
    ("verb", "said", "ends"), [("release", "remediation", "active"), ("abort", "reason", "aborted")]
)
def test_one_person_neither_releases_nor_aborts_a_program(caller, verb, said, ends):
    plan = make_plan()
    program = perform(plan.program, "activate")
    ida, rex = caller("Ida"), caller("Rex")
    pulled = post(ida, "ripcords/", scope="program", program=program.slug, reason="Breach.").json()
    path = f"ripcords/{pulled['id']}/{verb}/"
    assert post(ida, path, **{said: "Alone."}).status_code == 200
    assert post(ida, path, **{said: "Alone again."}).status_code == 403
    program.refresh_from_db()
    assert (program.state, plan.tasks.get(key="sign-off").state) == ("held", "suspended")
    assert post(rex, path, **{said: "Seen."}).status_code == 200
    program.refresh_from_db()
    assert program.state == ends


def test_a_scope_without_its_object_is_a_bad_request(caller):
    assert post(caller(), "ripcords/", scope="program", reason="Breach.").status_code == 400


def test_break_glass_from_asking_to_its_review(caller, settings):
    settings.GTM_BREAK_GLASS = True
    plan = make_plan(gate(seat("finance")))
    ida, out, rev = caller("Ida"), caller("Out"), caller("Rev")
    asked = post(ida, "break-glass/", approval=round_of(plan).pk, reason="It opens at nine.")
    assert asked.status_code == 201
    path = f"break-glass/{asked.json()['id']}"
    assert post(ida, f"{path}/agree/", comment="Me again.").status_code == 403
    assert post(out, f"{path}/agree/", comment="Seen.").json()["state"] == "granted"
    owed = ida.get("/api/v1/break-glass/?state=granted").json()["results"]
    assert [(row["plan"], row["gate"]) for row in owed] == [(plan.plan_id, "sign-off")]
    assert post(rev, f"{path}/review/", comment="It was right.").json()["reviewed_by"] == "Rev"


def test_a_report_counts_and_a_correction_takes_it_back(caller):
    plan, client = make_plan(triggers=[RULE]), caller()
    sent = post(client, "readings/", plan=plan.plan_id, trigger="partner-dispute", message="It was theirs.")
    assert (sent.status_code, plan.escalations.filter(trigger="partner-dispute").count()) == (201, 1)
    path = f"readings/{sent.json()['id']}/correct/"
    corrected = post(client, path, value="", breached=False, comment="They agree now.")
    assert corrected.json()["verdict"] == "good"


def test_who_must_approve_is_answered_gate_by_gate(caller):
    PersonFactory(name="Ann", roles=["finance"])
    (asked,) = caller().get(f"/api/v1/plans/{make_plan().plan_id}/approvers/").json()
    assert (asked["gate"], [p["person"] for p in asked["people"]]) == ("sign-off", ["Ann"])
