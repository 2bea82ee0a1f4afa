"""Fraud cases in the admin: the evidence in words, and the judgement of two people."""

import pytest
from django.urls import reverse

from gtm.core.actors import ADMIN, Actor, acting_as
from gtm.core.errors import WrongState
from gtm.core.models import ChangeLogEntry
from plans.cases.fraud import inbox, verbs
from programs.models import Person
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


def person(username):
    return Person.objects.get(accounts=user(username))


def hand_over(client, case, **said):
    told = {"owner": person("exec").pk, "reason": "I am away.", "answered": "1"} | said
    return client.post(reverse("admin:plans_fraudcase_hand_over_case", args=[case.pk]), told, follow=True)


def test_a_case_is_handed_over_with_its_reason_and_waits_for_that_person_first(login, page, case):
    with acting_as(Actor.system("Test")):
        other = {"key": "fc-1", "referrals": ["r9"], "expected_loss": 9000.0}
        verbs.open_all(make_run(requester=user("ops")).plan, [RING | other])
    elena = person("exec")
    dialog = reverse("admin:plans_fraudcase_hand_over_case", args=[case.pk])
    assert dialog in login("finance").get(page).content.decode()
    hand_over(login("finance"), case)
    case.refresh_from_db()
    assert (case.owner, case.state, case.history.latest().owner) == (elena, "open", elena)
    entry = ChangeLogEntry.objects.filter(entity="plans.fraudcase", entity_id=case.pk).latest("pk")
    assert (entry.event, entry.payload.body["field"], entry.payload.body["reason"]) == (
        "changed", "owner", "I am away.",
    )  # fmt: skip
    assert "Elena Rossi" in login("auditor").get(page).content.decode()
    waiting = inbox.waiting(user("exec"), {elena.pk}, 5)
    assert [(one.obj.key, "handed to you" in one.detail) for one in waiting] == [
        (case.key, True), ("fc-1", False),
    ]  # fmt: skip


def test_a_case_goes_to_nobody_who_could_not_close_it(login, page, case):
    login("finance").post(page, {"judgement": "hold", "comment": "One card."})
    for name, words in (("analyst", "may not judge fraud cases"), ("finance", "held it. Somebody else")):
        shown = hand_over(login("exec"), case, owner=person(name).pk)
        case.refresh_from_db()
        assert (case.owner, words in shown.content.decode()) == (None, True)


@pytest.mark.parametrize(("who", "said"), [("analyst", {}), ("finance", {"reason": ""})])
def test_without_the_permission_or_a_reason_nothing_is_handed_over(login, case, who, said):
    hand_over(login(who), case, **said)
    case.refresh_from_db()
    assert case.owner is None


def test_what_is_closed_is_handed_to_nobody(login, page, case):
    login("exec").post(page, {"judgement": "release", "comment": "Kin."})
    assert "hand-over" not in login("finance").get(page).content.decode()
    dialog = reverse("admin:plans_fraudcase_hand_over_case", args=[case.pk])
    assert "it is released" in login("finance").get(dialog).content.decode()
    hand_over(login("finance"), case)
    case.refresh_from_db()
    assert case.owner is None
    with pytest.raises(WrongState), acting_as(Actor.of_user(user("finance"), ADMIN, interactive=True)):
        verbs.hand_over(case, owner=person("exec"), comment="I am away.")
