"""What lists find and how they call people, and the number of what waits."""

import pytest
from django.urls import reverse

from gtm.core.actors import Actor, acting_as
from plans.admin.waiting import ON_BADGE
from tests.doors import user
from tests.factories import gate, make_plan, seat

PLANS, INBOX = reverse("admin:plans_plan_changelist"), reverse("admin:plans_inbox")


def plans(number, program):
    with acting_as(Actor.system("Test")):
        return [
            make_plan(gate(seat("finance")), requester=user("ops"), program=program) for _ in range(number)
        ]


def found(client, url, text):
    return {row.plan_id for row in client.get(url, {"q": text}).context["cl"].result_list}


def test_a_plan_is_found_by_the_beginning_of_its_id_and_by_a_word_of_its_objective(login, demo):
    other, one = plans(2, demo)  # of the same second: the later one has a suffix
    assert found(login("ops"), PLANS, one.plan_id) == {one.plan_id}
    assert found(login("ops"), PLANS, "plan-") == {one.plan_id, other.plan_id}
    assert found(login("ops"), PLANS, one.objective) == {one.plan_id, other.plan_id}
    assert found(login("ops"), PLANS, "plan-0000") == set()


@pytest.mark.parametrize("model", ["task", "approval"])
def test_what_belongs_to_a_plan_is_found_by_its_id(login, demo, model):
    _, one = plans(2, demo)
    rows = login("ops").get(reverse(f"admin:plans_{model}_changelist"), {"q": one.plan_id}).context["cl"]
    assert {row.plan_id for row in rows.result_list} == {one.pk}


def test_lists_call_people_by_their_names(login, demo):
    plans(1, demo)
    page = login("auditor").get(PLANS).content.decode()
    assert "Olivia Park" in page and ">ops<" not in page


def test_the_badge_counts_to_nine_and_no_further(login, demo):
    def shown(url):
        groups = login("finance").get(url).context["sidebar_navigation"]
        return next(
            item["badge"] for group in groups for item in group["items"] if item["view"] == "plans_inbox"
        )

    assert shown(PLANS) == ""
    plans(ON_BADGE, demo)
    assert shown(INBOX) == str(ON_BADGE)  # never old where what waits is shown
    assert shown(PLANS) == str(ON_BADGE)
    plans(1, demo)
    assert (shown(PLANS), shown(INBOX)) == ("9+", "9+")  # what was written since is counted at once
