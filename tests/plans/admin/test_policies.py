"""Policies and ladders in the admin: looked at, proposed from the bench, and answered by somebody else."""

import pytest
from django.urls import reverse

from plans.models import PolicyVersion
from plans.runs import policies, registry
from tests.doors import start

GATE = ["loyalty-lifecycle-orchestration:plan-loyalty", "finance-approval"]
PROPOSE = "admin:plans_policy_propose"


def seats(*rows):
    found = {"form-TOTAL_FORMS": len(rows), "form-INITIAL_FORMS": 0}
    for at, (role, minimum, over) in enumerate(rows):
        found |= {f"form-{at}-role": role, f"form-{at}-minimum": minimum, f"form-{at}-over": over}
        found |= {f"form-{at}-currency": "usd" if over else ""}
    return found


SAID = {"hours": 24, "on_reject": "veto", "on_exhausted": "hold", "reason": "The board asked for it."}


def rule(subject="finance-approval"):
    return policies.in_force(registry.get("plan-loyalty"))[subject]


def messages(response):
    return [str(message) for message in response.context["messages"]]


@pytest.fixture
def proposed(login):
    url = reverse(PROPOSE, args=GATE)
    login("ops").post(url, seats(("finance", 2, ""), ("exec-sponsor", 1, "25000")) | SAID)
    return PolicyVersion.objects.get()


def test_everything_in_force_is_on_one_page(login):
    page = login("ops").get(reverse("admin:plans_policies"))
    text = page.content.decode()
    assert "1 × Executive Sponsor, asked when amount is over 400,000 USD a year" in text
    assert "as the command declares it" in text and "Rung 3" in text


def test_the_form_is_filled_with_what_is_in_force_or_with_what_the_bench_was_asked(login):
    url = reverse(PROPOSE, args=GATE)
    in_force = login("ops").get(url).context["rows"]
    assert [form["role"].value() for form in in_force] == ["finance", "exec-sponsor", None, None]
    asked = login("ops").get(url, seats(("legal", 2, ""))).context["rows"]
    assert [(form["role"].value(), form["minimum"].value()) for form in asked] == [("legal", "2")]


def test_a_proposal_shows_what_differs_who_could_sit_and_past_rounds(login, decided, proposed):
    assert proposed.text["seats"][1]["condition"] == {"field": "amount", "over": "25000", "currency": "USD"}
    page = login("exec").get(reverse("admin:plans_policyversion_change", args=[proposed.pk]))
    differing = {
        line["label"]: (line["before"], line["after"]) for line in page.context["lines"] if line["differs"]
    }
    assert differing["Time to decide"] == ("16 working hours", "24 working hours")
    assert differing["Seat 1"][1].startswith("2 × Finance")
    assert {c.person.name for c in page.context["today"].candidates} >= {"Fiona Walsh"}
    assert [(r.was, r.would_be) for r in page.context["differing"]] == [("approved", "unsatisfiable")]


def test_somebody_else_adopts_it_with_a_reason(login, proposed):
    url = reverse("admin:plans_policyversion_change", args=[proposed.pk])
    mine = login("ops")
    assert [a.name for a in mine.get(url).context["actions"]] == ["withdraw"]
    refused = mine.post(url, {"answer": "adopt", "comment": "Mine."}, follow=True)
    assert "permission to adopt policies" in messages(refused)[0]
    assert rule().number == 0
    done = login("exec").post(url, {"answer": "adopt", "comment": "Agreed."}, follow=True)
    assert messages(done) == ["The proposal is in force now."]
    assert rule().number == 1


def test_a_condition_the_form_does_not_show_is_kept(login):
    gate = rule("legal-approval")
    url = reverse(PROPOSE, args=["plan-loyalty", "legal-approval"])
    login("ops").post(url, seats(("legal", 1, "")) | SAID)
    assert PolicyVersion.objects.get().text["seats"] == gate.text["seats"]


def test_a_ladder_is_proposed_rung_by_rung(login):
    url = reverse(PROPOSE, args=["plan-loyalty", "ladder"])
    rungs = {"form-TOTAL_FORMS": 5, "form-INITIAL_FORMS": 3, "repeats": 1, "reason": "Slower."}
    for at, roles in enumerate([["loyalty-strategist"], ["finance", "legal"], ["exec-sponsor"], [], []]):
        rungs |= {f"form-{at}-hours": 16, f"form-{at}-effect": "notify"}
        rungs |= {f"form-{at}-{name}": role for name, role in zip(["role", "or_role"], roles, strict=False)}
    login("ops").post(url, rungs)
    assert [rung["roles"] for rung in PolicyVersion.objects.get().text["rungs"]] == [
        ["loyalty-strategist"], ["finance", "legal"], ["exec-sponsor"],
    ]  # fmt: skip


def test_a_rota_is_proposed_read_and_filled_in_again(login):
    url = reverse(PROPOSE, args=["plan-loyalty", "ladder"])
    rungs = {"form-TOTAL_FORMS": 5, "form-INITIAL_FORMS": 3, "repeats": 0, "reason": "Nights."}
    for at, role in enumerate(["", "finance", "exec-sponsor", "", ""]):
        rungs |= {f"form-{at}-role": role, f"form-{at}-hours": 16, f"form-{at}-effect": "notify"}
    people = "ops@demo.example, analyst@demo.example"
    rungs |= {"form-0-rota_name": "Desk", "form-0-rota_turn": "week", "form-0-rota_since": "2026-03-02",
              "form-0-rota_people": people}  # fmt: skip
    login("ops").post(url, rungs)
    row = PolicyVersion.objects.get()
    assert row.text["rungs"][0]["rota"] == {
        "name": "Desk", "turn": "week", "since": "2026-03-02",
        "people": ["ops@demo.example", "analyst@demo.example"],
    }  # fmt: skip
    at = reverse("admin:plans_policyversion_change", args=[row.pk])
    words = "rota Desk, by week from 2026-03-02: Olivia Park, Ana Kovač, notify, 16 working hours"
    assert words in login("exec").get(at).content.decode()
    login("exec").post(at, {"answer": "adopt", "comment": "Good."})
    form = login("ops").get(url).content.decode()
    assert f'value="{people}"' in form
    plan = start()
    shown = login("ops").get(f"{reverse('admin:plans_plan_change', args=[plan.pk])}?tab=rules")
    assert "rota Desk (on call today: " in shown.content.decode()


def test_what_is_wrong_is_told_and_nothing_is_stored(login):
    url = reverse(PROPOSE, args=GATE)
    page = login("ops").post(url, seats(("finance", 1, "500")) | SAID)
    assert any("silence would approve" in said for said in messages(page))
    assert login("ops").post(url, seats(("finance", 1, "")) | SAID | {"hours": 0}).context["form"].errors
    assert not PolicyVersion.objects.exists()


@pytest.mark.parametrize(("username", "status"), [("finance", 403), ("ops", 200)])
def test_only_who_may_propose_sees_the_form(login, username, status):
    assert login(username).get(reverse(PROPOSE, args=GATE)).status_code == status
    assert login(username).get(reverse(PROPOSE, args=["plan-loyalty", "cfo"])).status_code in (403, 404)


def test_the_bench_offers_to_propose_what_it_tried(login):
    page = login("ops").get(reverse("admin:plans_bench_replay"), {"gate": "/".join(GATE)})
    assert reverse(PROPOSE, args=GATE) in page.content.decode()
