"""Every action there is: who sees it, and that looking changes nothing. From a program to its run."""

from dataclasses import replace

import pytest
from django.apps import apps
from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from gtm.core.actors import Actor, acting_as
from gtm.core.admin import actions
from gtm.core.models import ChangeLogEntry
from plans.models import Plan
from plans.runs import origins, registry
from plans.schemas.declaration import Origin
from programs.models import Campaign, Dataset, Partner, Program
from tests.doors import user
from tests.factories import gate, make_plan, seat

COMMANDS = ("plan_loyalty", "monitor_loyalty", "launch_program", "optimize_referrals", "track_source")
RUNS = {
    Program: {f"run_{name}" for name in COMMANDS},
    Campaign: {"run_track_source"},
    Partner: {"run_track_source"},
    Dataset: {"run_plan_loyalty", "run_monitor_loyalty", "run_optimize_referrals", "run_track_source"},
}  # fmt: skip
PROGRAMS = reverse("admin:programs_program_changelist")


def offered():
    """Every action of every model admin, by slot, as the admin itself collects them."""
    return {
        (model, slot, one.name)
        for model, model_admin in admin.site._registry.items()
        if isinstance(model_admin, actions.OfferedActions)
        for one in actions.offers_of(model).values()
        for slot in one.slots
    }


def rows():
    counted = {m: m._base_manager.count() for m in apps.get_models() if m._meta.managed}
    return counted, ChangeLogEntry.objects.order_by("pk").values_list("hash", flat=True).last()


def path_of(model, name, pk=None):
    opts = model._meta
    return reverse(f"admin:{opts.app_label}_{opts.model_name}_{name}", args=[] if pk is None else [pk])


def change_page(obj):
    return path_of(type(obj), "change", obj.pk)


def test_the_commands_start_from_what_they_declare(demo):
    assert {
        model: {n for m, _, n in offered() if m is model and n.startswith("run_")} for model in RUNS
    } == RUNS


def test_unfold_knows_no_action_but_these():
    """Anything else in Unfold's slots would act on GET."""
    for model_admin in admin.site._registry.values():
        found = model_admin._get_base_actions_list() + model_admin._get_base_actions_row()
        found += model_admin._get_base_actions_detail() + model_admin._get_base_actions_submit_line()
        assert all(isinstance(one.method, actions._View) for one in found)


@pytest.mark.parametrize("name", ["ops", "admin"])
def test_a_get_of_any_action_changes_nothing(login, demo, asked, name):
    client = login(name)
    client.get(reverse("admin:index"))
    before = rows()
    for model, slot, action in sorted(offered(), key=str):
        one = actions.offers_of(model)[action]
        if slot == actions.LIST:
            assert client.get(path_of(model, action)).status_code in (200, 302)
        elif slot != actions.SELECTED:
            obj = one.fits(model._default_manager.all()).first() or model._default_manager.first()
            if obj is not None:
                assert client.get(path_of(model, action, obj.pk), follow=True).status_code == 200
        elif isinstance(one, actions.Deed):
            assert client.get(path_of(model, f"{action}_all")).status_code == 405
    assert rows() == before


@pytest.mark.parametrize(
    ("name", "sees"),
    [("ops", True), ("admin", True), ("finance", False), ("auditor", False), ("legal", False)],
)
def test_only_who_operates_plans_sees_and_opens_the_commands(login, demo, name, sees):
    client = login(name)
    page = client.get(change_page(demo))
    shown = {item["title"] for menu in page.context["actions_detail"] for item in menu["items"]}
    assert shown == ({"Plan loyalty", "Monitor"} if sees else set())
    opened = client.get(path_of(Program, "run_plan_loyalty", demo.pk))
    assert opened.status_code == (302 if sees else 403)


def test_a_row_has_the_actions_that_fit_it(login, demo):
    context = login("ops").get(PROGRAMS).context
    shown = {one["title"]: one["attrs"].get("x-show", "") for one in context["actions_row"]}
    assert shown.keys() == {"Plan loyalty", "Monitor", "Launch", "Optimise referrals", "Track source"}
    assert f"[{demo.pk}]" in shown["Plan loyalty"] and f"{demo.pk}" not in shown["Launch"]


def test_from_a_program_to_its_running_plan(login, demo):
    client = login("ops")
    opened = client.get(path_of(Program, "run_plan_loyalty", demo.pk), follow=True)
    form, preview = opened.context["form"], opened.context["preview"]
    assert form.data["program"] == demo.slug and preview.passed
    assert "examples" in opened.context["source"]
    start = {**form.data, "token": preview.token, "step": "start"}
    assert client.post(reverse("admin:plans_run_command", args=["plan-loyalty"]), start).status_code == 302
    plan = Plan.objects.get()
    assert (plan.program, plan.requested_by) == (demo, user("ops"))
    again = client.get(path_of(Program, "run_plan_loyalty", demo.pk), follow=True)
    assert plan.plan_id in again.context["source"]


def test_selected_rows_open_the_form_of_one_program_only(login, demo):
    client, other = login("ops"), Program.objects.exclude(pk=demo.pk).first()
    said = {"action": "run_plan_loyalty", "_selected_action": [demo.pk]}
    assert client.post(PROGRAMS, said).url.endswith(f"plan-loyalty/?from=program-{demo.pk}")
    told = client.post(PROGRAMS, {**said, "_selected_action": [demo.pk, other.pk]}, follow=True)
    assert "a run is for one program; choose one." in told.content.decode()


def test_what_does_not_fit_is_told_in_a_sentence(login, demo):
    page = login("ops").get(path_of(Program, "run_launch_program", demo.pk), follow=True).content.decode()
    assert "Launch does not start from this program." in page
    at = reverse("admin:plans_run_command", args=["launch-program"])
    assert login("ops").get(f"{at}?from=program-{demo.pk}").status_code == 404


def test_a_campaign_fills_in_its_name(demo):
    campaign = Campaign.objects.filter(program__kind="partner").first()
    filled = origins.fill(registry.get("track-source"), "campaign", campaign.pk)
    assert (filled.given["campaign"], filled.program) == (campaign.name, campaign.program)


def test_an_origin_that_fills_no_input_is_refused():
    command = registry.get("track-source")
    bad = replace(command, starts_from=(Origin("campaign", {"nothing": "name"}), Origin("moon")))
    found = "; ".join(registry.faults(bad))
    assert "nothing of a campaign fills no input" in found and "starts from a moon" in found
    assert "says nothing" in "; ".join(registry.faults(replace(command, action="")))


def test_the_page_of_a_program_shows_data_plans_and_what_is_next(login, demo, asked):
    overview = dict(login("ops").get(change_page(demo)).context["panels"])["plans/_overview.html"]
    assert [d.kind for d in overview["overview"].datasets] == ["purchases"]
    assert [plan for plan, _ in overview["plans"]] == [asked]
    texts = " ".join(step.text for step in overview["overview"].steps)
    assert "is open:" in texts and "“Monitor” has not run for this program yet" in texts
    referral = Program.objects.get(kind="referral")
    page = login("ops").get(change_page(referral)).content.decode()
    assert "No referrals yet: needed by Optimise referrals." in page


def test_the_page_of_a_program_takes_as_many_queries_with_many_plans(login, demo, asked, decided):
    client = login("ops")
    client.get(change_page(demo))
    with CaptureQueriesContext(connection) as few:
        client.get(change_page(demo))
    with acting_as(Actor.system("Test")):
        for _ in range(4):
            make_plan(gate(seat("finance")), requester=user("ops"), program=demo)
    with CaptureQueriesContext(connection) as many:
        client.get(change_page(demo))
    assert len(many) == len(few)


def test_campaigns_and_partners_have_the_panel_too(login, demo):
    for obj in (Campaign.objects.first(), Partner.objects.first()):
        assert "What to do next" in login("ops").get(change_page(obj)).content.decode()
