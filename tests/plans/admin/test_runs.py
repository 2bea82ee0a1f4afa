"""From the form of a command to a run, and what a person may do to it."""

import pytest
from django.contrib.messages import get_messages
from django.db import connection
from django.urls import reverse

from gtm.core.models import ChangeLogEntry
from plans.export import verifier
from plans.models import Plan, RipcordPull

FORM = reverse("admin:plans_run_command", args=["plan-loyalty"])
GOOD = {"program": "cdnow", "goal": "retention", "tiers": "3", "budget": "50000"}


def said(response) -> str:
    return " ".join(map(str, get_messages(response.wsgi_request)))


def test_a_usage_line_fills_the_form(login):
    line = "/loyalty-lifecycle-orchestration:plan-loyalty --goal advocacy --tiers missions --budget 9000"
    response = login("ops").post(reverse("admin:plans_run_line"), {"usage": line}, follow=True)
    form = response.context["form"]
    assert (form["goal"].value(), form["tiers"].value(), form["budget"].value()) == (
        "advocacy",
        "missions",
        "9000",
    )


def test_options_alone_are_those_of_the_command_whose_page_it_is(login):
    sent = {"usage": "--goal retention --tiers 3 --budget 50000", "step": "read-line"}
    page = login("ops").post(FORM, sent).content.decode()
    assert 'value="50000"' in page and "is not a command" not in page


def test_a_line_that_cannot_be_read_stays_where_it_was_typed(login):
    page = login("ops").post(reverse("admin:plans_run_line"), {"usage": "--goal retention"}).content.decode()
    assert 'value="--goal retention"' in page
    assert "“--goal” is not a command" in page


def test_what_may_be_left_out_is_folded_until_it_holds_something(login):
    client = login("ops")
    page = client.get(FORM).content.decode()
    folded = page.split("More inputs: personas, constraints, lift,")[1]
    assert 'name="lift"' in folded and 'name="budget"' not in folded
    sent = {"usage": "--goal retention --tiers 3 --budget 50000 --lift 4%", "step": "read-line"}
    page = client.post(FORM, sent).content.decode()
    assert "More inputs: personas, constraints, lift test," in page
    assert page.index('name="lift"') < page.index("More inputs")


def test_a_bad_usage_line_says_what_is_wrong_with_it(login):
    line = "/loyalty-lifecycle-orchestration:plan-loyalty --gaol retention --tiers 9"
    response = login("ops").post(reverse("admin:plans_run_line"), {"usage": line}, follow=True)
    told = response.content.decode()
    assert "gaol" in told and "tiers" in told


def test_every_problem_of_the_inputs_is_at_its_field_and_nothing_is_stored(login):
    rows = ChangeLogEntry.objects.count()
    response = login("ops").post(FORM, GOOD | {"tiers": "9", "budget": "-1", "step": "start"})
    assert {"tiers", "budget"} <= set(response.context["form"].errors)
    assert (Plan.objects.count(), ChangeLogEntry.objects.count()) == (0, rows)


def test_a_preview_shows_who_will_be_asked_and_stores_nothing(login):
    rows = ChangeLogEntry.objects.count()
    response = login("ops").post(FORM, GOOD | {"step": "preview"})
    preview = response.context["preview"]
    assert preview.passed
    assert {c.person.name for c in preview.gates[0]["bench"].candidates} == {"Fiona Walsh", "Dora Klein"}
    assert (Plan.objects.count(), ChangeLogEntry.objects.count()) == (0, rows)


def test_two_clicks_start_one_run(login):
    client = login("ops")
    token = client.post(FORM, GOOD | {"step": "preview"}).context["preview"].token
    first, second = (client.post(FORM, GOOD | {"step": "start", "token": token}) for _ in range(2))
    plan = Plan.objects.get()
    assert first.url == second.url == reverse("admin:plans_plan_change", args=[plan.pk])
    assert plan.requested_by.username == "ops"


def test_inputs_can_be_taken_from_an_earlier_run(login):
    client = login("ops")
    client.post(FORM, GOOD | {"step": "start", "personas": "Champions, new"})
    form = client.get(FORM, {"copy": Plan.objects.get().plan_id}).context["form"]
    assert (form["program"].value(), form["tiers"].value()) == ("cdnow", "3")
    assert form["personas"].value() == "champions,new"


@pytest.mark.parametrize("who", ["auditor", "finance", "analyst"])
def test_starting_takes_the_permission_to_operate(login, who):
    assert login(who).post(FORM, GOOD | {"step": "start"}).status_code == 403
    assert not Plan.objects.exists()


def test_the_live_part_stops_asking_when_the_plan_is_over(login, asked):
    client, url = login("ops"), reverse("admin:plans_plan_live", args=[asked.pk])
    assert client.get(url).status_code == 200
    assert client.get(url, {"done": 0}).headers["HX-Trigger"] == "task-done"
    assert "HX-Trigger" not in client.get(url, {"done": 1}).headers
    client.post(reverse("admin:plans_plan_act", args=[asked.pk, "cancel"]), {"comment": "Not this year."})
    assert client.get(url).status_code == 286


def test_the_download_is_the_file_in_the_plans_folder(login, settings):
    login("ops").post(FORM, GOOD | {"step": "start"})
    plan = Plan.objects.get()
    response = login("auditor").get(reverse("admin:plans_plan_json", args=[plan.pk]))
    assert response.content == (settings.GTM_PLANS_DIR / f"{plan.plan_id}.json").read_bytes()


def test_the_page_of_evidence_has_both_lists_and_says_what_was_not_given(login):
    login("ops").post(FORM, GOOD | {"step": "start"})
    plan = Plan.objects.get()
    client, url = login("auditor"), reverse("admin:plans_plan_evidence", args=[plan.pk])
    page = client.get(url).content.decode()
    assert page.count("<h3>Proved</h3>") == page.count("<h3>Not proved</h3>") == 2
    assert "no key that you kept was given" in page and "<h3>Contradicted</h3>" not in page
    with connection.cursor() as cursor:
        cursor.execute("UPDATE plans_plan SET seed = 1 WHERE id = %s", [plan.pk])
    page = client.get(url, {"key": "nonsense"}).content.decode()
    assert "This is no key" in page and "its seed is not what this row recorded last" in page


def test_auditors_take_the_verifier_along(login):
    response = login("auditor").get(reverse("admin:plans_verifier"))
    assert response.content.decode() == verifier.verifier_text()
    assert 'filename="verify_plan.py"' in response.headers["Content-Disposition"]


def test_a_reader_cannot_steer(login, asked):
    client = login("auditor")
    response = client.post(
        reverse("admin:plans_plan_act", args=[asked.pk, "cancel"]), {"comment": "x"}, follow=True
    )
    asked.refresh_from_db()
    assert asked.state == "running"
    assert "operate plans" in said(response)


def test_steering_goes_by_post_only(login, asked):
    assert login("ops").get(reverse("admin:plans_plan_act", args=[asked.pk, "cancel"])).status_code == 405


def test_the_ripcord_is_pulled_by_one_and_released_by_two(login, asked):
    def do(who, action, comment):
        return login(who).post(reverse("admin:plans_plan_act", args=[asked.pk, action]), {"comment": comment})

    do("ops", "ripcord", "")
    assert not RipcordPull.objects.exists()  # without a reason nothing is pulled
    do("ops", "ripcord", "Wrong audience.")
    asked.refresh_from_db()
    assert asked.state == "held"
    do("exec", "release", "Audience corrected.")
    asked.refresh_from_db()
    assert asked.state == "held"
    do("deputy", "release", "Checked.")
    asked.refresh_from_db()
    assert asked.state == "running"
