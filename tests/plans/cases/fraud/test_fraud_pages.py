"""Fraud cases in the admin: the evidence in words, and the judgement of two people."""

import pytest
from django.urls import reverse

from gtm.core.actors import Actor, acting_as
from plans.cases.fraud import verbs
from tests.doors import user
from tests.factories import make_run
from tests.plans.cases.fraud.test_fraud_api import RING


@pytest.fixture
def case(site):
    with acting_as(Actor.system("Test")):
        return verbs.open_all(make_run(requester=user("ops")).plan, [RING])[0]


@pytest.fixture
def page(case):
    return reverse("admin:plans_fraudcase_change", args=[case.pk])


def test_the_page_says_what_was_seen_and_what_else_it_can_be(login, page):
    shown = login("finance").get(page).content.decode()
    assert all(words in shown for words in ("Ring", "5 people", "Kin.", "Hold the rewards", "40.00 EUR"))


def test_two_people_hold_and_confirm_and_both_stay_on_the_page(login, page, case):
    told = {"judgement": "hold", "comment": "One card.", "evidence": "ticket 4711\n\nticket 4712"}
    login("finance").post(page, told)
    login("finance").post(page, {"judgement": "confirm", "comment": "Sure."})
    case.refresh_from_db()
    assert (case.state, case.judgements[0]["evidence"]) == ("held", ["ticket 4711", "ticket 4712"])
    login("exec").post(page, {"judgement": "confirm", "comment": "Sure."})
    shown = login("auditor").get(page).content.decode()
    assert all(
        words in shown for words in ("Fiona Walsh", "Elena Rossi", "ticket 4712", "Confirmed as fraud")
    )


def test_who_may_not_judge_is_offered_nothing(login, page):
    assert login("analyst").get(page).context["actions"] == []
