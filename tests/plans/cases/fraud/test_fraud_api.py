"""Fraud cases over REST: who sees what, who judges, two people on each, and what stays on record."""

import pytest
from rest_framework.test import APIClient

from gtm.core.actors import REST, Actor, acting_as
from plans.cases.fraud import verbs
from plans.cases.fraud.models import FraudCase
from plans.demo.organisation import PASSWORD
from plans.engine.notices import delivery
from plans.export import document, rules
from plans.models import Notification
from programs.models import Person
from tests.doors import manage, url, user
from tests.factories import make_run

RING = {
    "key": "fc-0123456789abcdef", "referrals": ["r1", "r2"], "referrers": 2, "score": 97.5, "at_risk": 40.0,
    "expected_loss": 39.0, "currency": "EUR",
    "evidence": [
        {"heuristic": "ring", "title": "Ring", "referrals": 2, "seen": "5 people", "false_positives": "Kin."}
    ],
}  # fmt: skip
WHY = {"comment": "One card pays for all of them.", "evidence": ["ticket 4711"]}


@pytest.fixture
def case(site):
    with acting_as(Actor.system("Test")):
        return verbs.open_all(make_run(requester=user("ops")).plan, [RING])[0]


@pytest.fixture
def judge(as_, case):
    def act(who, name, body=WHY):
        return as_(who).post(url(f"fraud-cases/{case.pk}/{name}/"), body, format="json")

    return act


def state():
    return FraudCase.objects.get().state


@pytest.mark.parametrize(("who", "status"), [("ops", 200), ("analyst", 200), ("exec", 200), ("auditor", 200)])
def test_our_people_read_cases_with_their_evidence(as_, case, who, status):
    assert [row["key"] for row in as_(who).get(url("fraud-cases/")).json()["results"]] == [case.key]
    read = as_(who).get(url(f"fraud-cases/{case.pk}/"))
    assert (read.status_code, read.json()["evidence"], read.json()["label"]) == (
        status,
        RING["evidence"],
        None,
    )


@pytest.mark.parametrize(
    ("who", "status"), [("finance", 200), ("exec", 200), ("analyst", 403), ("auditor", 403)]
)
def test_holding_takes_the_permission_to_judge(judge, who, status):
    before = state()
    assert judge(who, "hold").status_code == status
    assert state() == {200: "held", 403: before}[status]


def test_who_opened_holds_but_does_not_close(judge):
    assert judge("ops", "hold").status_code == 200
    refused = judge("ops", "release")
    assert (refused.status_code, "Somebody else" in refused.json()["detail"]) == (403, True)
    assert state() == "held"


def test_a_case_goes_from_hold_to_confirmation_and_appeal_each_by_somebody_else(judge):
    assert judge("finance", "hold").json()["held_by"] == "Fiona Walsh"
    assert judge("finance", "confirm").status_code == 403
    confirmed = judge("exec", "confirm").json()
    assert (confirmed["state"], confirmed["label"], confirmed["decided_by"]) == (
        "confirmed",
        True,
        "Elena Rossi",
    )
    assert judge("legal", "appeal").json()["label"] is None
    assert judge("exec", "release").status_code == 403
    released = judge("deputy", "release").json()
    assert (released["state"], released["label"]) == ("released", False)
    assert [(j["judgement"], j["person"]) for j in released["judgements"]] == [
        ("hold", "Fiona Walsh"),
        ("confirm", "Elena Rossi"),
        ("appeal", "Lena Brandt"),
        ("release", "Dora Klein"),
    ]
    assert released["judgements"][0]["evidence"] == ["ticket 4711"]
    assert judge("partner", "hold").status_code == 409


@pytest.mark.parametrize("name", ["hold", "release"])
def test_without_a_reason_nothing_is_judged(judge, name):
    assert judge("finance", name, {"comment": " "}).status_code == 400
    assert state() == "open"


def test_a_token_judges_nobody(case):
    client = APIClient()
    told = client.post(url("token/"), {"username": "finance", "password": PASSWORD}, format="json").json()
    client.credentials(HTTP_AUTHORIZATION=f"Token {told['token']}")
    assert client.post(url(f"fraud-cases/{case.pk}/hold/"), WHY, format="json").status_code == 403
    assert state() == "open"


def test_what_must_not_be_paid_is_listed_for_whoever_pays(as_, judge, case):
    path = url(f"fraud-cases/held/?program={case.program.slug}")
    assert as_("ops").get(path).json()["referrals"] == []
    judge("finance", "hold")
    assert as_("ops").get(path).json()["referrals"] == ["r1", "r2"]
    judge("exec", "release")
    assert as_("ops").get(path).json()["referrals"] == []
    assert as_("ops").get(url("fraud-cases/held/?program=nope")).status_code == 404


def test_decisions_become_labels_and_the_later_one_counts(judge, case):
    assert verbs.decided_labels(case.program) == {}
    judge("finance", "hold")
    judge("exec", "confirm")
    assert verbs.decided_labels(case.program) == {"r1": True, "r2": True}


def told():
    delivery.work_off()
    sent = Notification.objects.filter(notice__kind="case").order_by("pk")
    return [(message.person.name, message.subject, message.body) for message in sent]


def test_cases_are_told_once_a_run_an_appeal_to_others_and_what_is_handed_over_to_whom_it_is_given(site):
    with acting_as(Actor.system("Test")):
        rings = [RING | {"key": f"fc-{n:016x}"} for n in range(3)]
        case = verbs.open_all(make_run(requester=user("ops")).plan, rings)[0]
    first = told()
    assert {subject for _, subject, _ in first} == {f"Suspected fraud in {case.program}"}
    assert "Fiona Walsh" in {name for name, _, _ in first} and "3 cases wait for a judgement" in first[0][2]
    assert len(first) == len({name for name, _, _ in first})
    judge = {name: Actor.of_user(user(name), REST, interactive=True) for name in ("finance", "legal")}
    with acting_as(judge["finance"]):
        verbs.act(case, "hold", comment="One card.")
    with acting_as(judge["legal"]):
        verbs.act(case, "appeal", comment="They are one family.")
    appealed = told()[len(first) :]
    assert {subject for _, subject, _ in appealed} == {f"A fraud case is appealed: {case.key}"}
    names = {name for name, _, _ in appealed}
    assert "Dora Klein" in names and not names & {"Fiona Walsh", "Lena Brandt"}
    with acting_as(judge["finance"]):
        verbs.hand_over(case, owner=Person.objects.get(name="Dora Klein"), comment="She knows the bank.")
    (handed,) = told()[len(first) + len(appealed) :]
    assert handed[:2] == ("Dora Klein", f"A fraud case is yours: {case.key}")


def test_plan_json_and_change_log_tell_the_case(judge, case):
    judge("finance", "hold")
    told = document.build(case.plan)
    assert told["fraud_cases"][0]["status"] == "held"
    assert told["fraud_cases"][0]["judgements"][0]["comment"] == WHY["comment"]
    logged = [row for row in told["change_log"] if row["entity"] == "plans.fraudcase"]
    assert [(row["event"], row["actor"], row["reason"]) for row in logged][-1][0::2] == (
        "hold",
        WHY["comment"],
    )
    assert [p for p in rules.problems(told) if p.field.startswith("fraud_cases")] == []


def test_the_command_line_lists_and_judges_under_the_same_rules(case):
    assert case.key in manage("fraud_cases", "--state", "open")[1]
    assert manage("fraud_cases", "--state", "opne")[0] == 2
    assert manage("judge", case.key, "hold", "--as", "finance", "--comment", "One card.") == (
        0,
        f"{case.key}: Rewards held\n",
    )
    assert manage("judge", case.key, "release", "--as", "finance", "--comment", "No.")[0] == 1
    assert manage("judge", "fc-none", "hold", "--as", "exec", "--comment", "x")[0] == 2
    assert manage("judge", str(case.pk), "confirm", "--as", "exec")[0] == 1
    assert manage("judge", str(case.pk), "confirm", "--as", "exec", "--comment", "Yes.")[0] == 0
    assert "no such cases" in manage("fraud_cases", "--state", "open")[1]


def test_who_had_a_part_in_a_case_has_it_for_good(judge, case):
    """Also where another name stands in the case by now."""
    for name, verb in (("finance", "hold"), ("legal", "appeal"), ("exec", "confirm"), ("deputy", "appeal")):
        assert judge(name, verb).status_code == 200
    refused = judge("legal", "release")
    assert (refused.status_code, "Lena Brandt brought the appeal" in refused.json()["detail"]) == (403, True)
