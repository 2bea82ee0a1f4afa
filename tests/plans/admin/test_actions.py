"""Every action there is: who sees it, and that looking changes nothing. From a program to its run."""

import io
import json
import zipfile
from dataclasses import replace

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from gtm.core import access_tokens
from gtm.core.actors import Actor, acting_as
from gtm.core.admin import actions
from gtm.core.models import ChangeLogEntry
from plans.cases.disputes.models import Dispute
from plans.cases.fraud import verbs
from plans.cases.fraud.models import FraudCase
from plans.engine.escalation import ladder
from plans.engine.webhooks import subscriptions
from plans.models import (
    Approval,
    Escalation,
    IncomingSource,
    Plan,
    Task,
    WebhookDelivery,
    WebhookSubscription,
)
from plans.runs import origins, registry
from plans.schemas.declaration import Origin
from programs.models import Campaign, Dataset, LoadProfile, Partner, Person, Program
from tests.doors import start, user
from tests.factories import gate, make_plan, make_run, seat
from tests.plans.cases.disputes.test_disputes_verbs import Joint
from tests.plans.cases.fraud.test_fraud_api import RING

PLAN, MONITOR = (
    f"run_loyalty_lifecycle_orchestration__{name}" for name in ("plan_loyalty", "monitor_loyalty")
)
LAUNCH, OPTIMISE = (
    f"run_referral_program_orchestration__{name}" for name in ("launch_program", "optimize_referrals")
)
TRACK = "run_partner_co_marketing_orchestration__track_source"
RUNS = {
    Program: {PLAN, MONITOR, LAUNCH, OPTIMISE, TRACK},
    Campaign: {TRACK},
    Partner: {TRACK},
    Dataset: {PLAN, MONITOR, OPTIMISE, TRACK},
}
DEEDS = {
    Plan: {
        "run_again", "open_revision", "export_plans", "compare_two", "pause", "resume", "pull_ripcord",
    },
    Task: {"complete", "report_blocked", "reassign"},
    Approval: {"decide", "ask_again"},
    Escalation: {"acknowledge", "escalate_now", "hand_over", "reassign", "resolve", "wait"},
    FraudCase: {"hold", "release", "confirm", "appeal", "hand_over_case"},
    Dispute: {"answer", "agree", "withdraw", "hand_over_dispute"},
    Dataset: {"answer_of_load", "make_current", "take_back", "save_profile"},
    WebhookSubscription: {"deliveries", "new_secret", "pause", "resume", "replay", "end"},
    WebhookDelivery: {"send_again"},
    IncomingSource: {"messages", "new_secret"},
    User: {"reset_factors", "confirm_factors", "unlink_provider"},
}  # fmt: skip
OPERATE = {"ask_again", "run_again", "open_revision", "pause", "resume", *RUNS[Program]}
READ = {"export_plans", "compare_two", "answer_of_load", "deliveries", "messages"}
DOORS = DEEDS[WebhookSubscription] | DEEDS[WebhookDelivery] | DEEDS[IncomingSource]
WORK = DEEDS[Task] | {"decide"} | DEEDS[Escalation]
SEEN = {
    "admin": set().union(*DEEDS.values(), OPERATE),
    "ops": OPERATE | READ | WORK | {"pull_ripcord"} | DEEDS[FraudCase] | DEEDS[Dataset] | DOORS,
    "finance": READ | WORK | {"pull_ripcord"} | DEEDS[FraudCase],
    "legal": READ | WORK | {"pull_ripcord"} | DEEDS[FraudCase] | {"confirm_factors"},
    "auditor": READ,
}
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


def open_doors(program):
    """A webhook out with a message that was given up, and one that comes in."""
    webhook, _ = subscriptions.make(user("ops"), name="crm", url="https://crm.example/hook")
    WebhookDelivery(
        subscription=webhook, chain="plan", sequence=1, event_id="e1", type="plan.ended", body="{}",
        state="failed",
    ).save()  # fmt: skip
    profile = LoadProfile(program=program, name="shop", kind="purchases", options={"currency": "USD"})
    profile.mapping = {"member_id": "customer_id", "purchased_at": "bought"}
    profile.save()
    account = access_tokens.make_service("shop", owner=user("ops"), purpose="Sends its orders.").user
    IncomingSource(name="shop", profile=profile, account=account).save()


def path_of(model, name, pk=None):
    opts = model._meta
    return reverse(f"admin:{opts.app_label}_{opts.model_name}_{name}", args=[] if pk is None else [pk])


def change_page(obj):
    return path_of(type(obj), "change", obj.pk)


def test_these_actions_are_offered_and_no_others(demo):
    found = offered()
    assert {model: {name for m, _, name in found if m is model} for model, _, _ in found} == {
        model: RUNS.get(model, set()) | DEEDS.get(model, set()) for model in RUNS | DEEDS
    }


def test_unfold_knows_no_action_but_these():
    """Anything else in Unfold's slots would act on GET."""
    for model_admin in admin.site._registry.values():
        found = model_admin._get_base_actions_list() + model_admin._get_base_actions_row()
        found += model_admin._get_base_actions_detail() + model_admin._get_base_actions_submit_line()
        assert all(isinstance(one.method, actions._View) for one in found)


@pytest.mark.parametrize("name", SEEN)
def test_who_is_offered_what(rf, demo, name):
    request = rf.get("/")
    request.user = user(name)
    shown = {a for model, _, a in offered() if actions.offers_of(model)[a].may(request)}
    assert shown == SEEN[name]


@pytest.mark.parametrize("name", ["ops", "admin"])
def test_a_get_of_any_action_changes_nothing(login, demo, name):
    client, plan = login(name), start()
    with acting_as(Actor.system("Test")):
        ladder.open_case(plan, "task-blocked", "It is stuck", task=plan.tasks.first())
        verbs.open_all(plan, [RING])
        Joint(is_over=False).file()
        open_doors(demo)
    client.get(reverse("admin:index"))
    before = rows()
    for model, slot, action in sorted(offered(), key=str):
        one = actions.offers_of(model)[action]
        if slot == actions.LIST:
            assert client.get(path_of(model, action)).status_code in (200, 302)
        elif slot != actions.SELECTED:
            obj = one.fits(model._default_manager.all()).first() or model._default_manager.first()
            shown = client.get(path_of(model, action, obj.pk), follow=True)
            assert shown.status_code == (200 if action in SEEN[name] else 403)
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
    opened = client.get(path_of(Program, PLAN, demo.pk))
    assert opened.status_code == (302 if sees else 403)


def test_a_row_has_the_actions_that_fit_it(login, demo):
    context = login("ops").get(PROGRAMS).context
    shown = {one["title"]: one["attrs"].get("x-show", "") for one in context["actions_row"]}
    assert shown.keys() == {"Plan loyalty", "Monitor", "Launch", "Optimise referrals", "Track source"}
    assert f"[{demo.pk}]" in shown["Plan loyalty"] and f"{demo.pk}" not in shown["Launch"]


def test_from_a_program_to_its_running_plan(login, demo):
    client = login("ops")
    opened = client.get(path_of(Program, PLAN, demo.pk), follow=True)
    form, preview = opened.context["form"], opened.context["preview"]
    assert form.data["program"] == demo.slug and preview.passed
    assert "examples" in opened.context["source"]
    start = {**form.data, "token": preview.token, "step": "start"}
    assert client.post(reverse("admin:plans_run_command", args=["plan-loyalty"]), start).status_code == 302
    plan = Plan.objects.get()
    assert (plan.program, plan.requested_by) == (demo, user("ops"))
    again = client.get(path_of(Program, PLAN, demo.pk), follow=True)
    assert plan.plan_id in again.context["source"]


def test_selected_rows_open_the_form_of_one_program_only(login, demo):
    client, other = login("ops"), Program.objects.exclude(pk=demo.pk).first()
    said = {"action": PLAN, "_selected_action": [demo.pk]}
    assert client.post(PROGRAMS, said).url.endswith(f"plan-loyalty/?from=program-{demo.pk}")
    told = client.post(PROGRAMS, {**said, "_selected_action": [demo.pk, other.pk]}, follow=True)
    assert "a run is for one program; choose one." in told.content.decode()


def test_what_does_not_fit_is_told_in_a_sentence(login, demo):
    page = login("ops").get(path_of(Program, LAUNCH, demo.pk), follow=True).content.decode()
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
    found = "; ".join(fault.message for fault in registry.faults(bad))
    assert "nothing of a campaign fills no input" in found and "starts from a moon" in found
    assert [f.field for f in registry.faults(replace(command, action=""))] == ["action"]


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
    cache.clear()  # what waits is counted again when something was written
    with CaptureQueriesContext(connection) as few:
        client.get(change_page(demo))
    with acting_as(Actor.system("Test")):
        for _ in range(4):
            make_plan(gate(seat("finance")), requester=user("ops"), program=demo)
    cache.clear()
    with CaptureQueriesContext(connection) as many:
        client.get(change_page(demo))
    assert len(many) == len(few)


def test_campaigns_and_partners_have_the_panel_too(login, demo):
    for obj in (Campaign.objects.first(), Partner.objects.first()):
        assert "What to do next" in login("ops").get(change_page(obj)).content.decode()


def do(client, model, action, rows, **answers):
    chosen = {"answered": "1", "chosen": [row.pk for row in rows], **answers}
    page = client.post(path_of(model, f"{action}_all"), chosen, follow=True)
    return [str(message) for message in page.context["messages"]]


def running(program, number):
    with acting_as(Actor.system("Test")):
        return [
            make_plan(gate(seat("finance"), reauthenticate=False), requester=user("ops"), program=program)
            for _ in range(number)
        ]


def test_several_plans_are_paused_and_each_outcome_is_told(login, demo):
    one, other = running(demo, 2)
    client = login("ops")
    assert do(client, Plan, "pause", [one], reason="Quarter end.") == [f"{one}: Paused."]
    told = do(client, Plan, "pause", [one, other], reason="Quarter end.")
    assert f"{other}: Paused." in told and any("it is paused" in text for text in told)
    do(client, Plan, "resume", [one, other], reason="Go on.")
    assert {Plan.objects.get(pk=plan.pk).state for plan in (one, other)} == {"running"}


def test_a_dialog_shows_who_is_left_out_and_why(login, demo):
    one, other = running(demo, 2)
    client = login("ops")
    do(client, Plan, "pause", [one], reason="Quarter end.")
    asked = {"action": "pause", "_selected_action": [one.pk, other.pk]}
    page = client.post(reverse("admin:plans_plan_changelist"), asked)
    assert {row.pk: why for row, why, *_ in page.context["rows"]} == {one.pk: "it is paused.", other.pk: ""}
    assert "Not possible: it is paused." in page.content.decode()


def test_without_a_reason_nothing_happens_where_the_machine_asks_for_one(login, demo):
    (plan,) = running(demo, 1)
    page = login("ops").post(path_of(Plan, "pause_all"), {"answered": "1", "chosen": [plan.pk]})
    assert page.context["form"].errors
    plan.refresh_from_db()
    assert plan.state == "running"


def test_who_may_not_is_refused_at_the_door(login, demo):
    (plan,) = running(demo, 1)
    answered = {"answered": "1", "chosen": [plan.pk], "reason": "No."}
    for name in ("finance", "auditor"):
        assert login(name).post(path_of(Plan, "pause_all"), answered).status_code == 403
    plan.refresh_from_db()
    assert plan.state == "running"


def test_so_many_at_once_and_no_more(login, demo, monkeypatch):
    monkeypatch.setattr(actions, "MOST", 1)
    plans = running(demo, 2)
    assert do(login("ops"), Plan, "pause", plans, reason="All.") == ["Choose at most 1 at once. You chose 2."]
    assert do(login("ops"), Plan, "pause", [], reason="All.") == [
        "Choose at least one for which this is possible."
    ]


def test_the_ripcord_is_pulled_from_the_list(login, demo):
    (plan,) = running(demo, 1)
    do(login("ops"), Plan, "pull_ripcord", [plan], reason="Wrong figures.")
    plan.refresh_from_db()
    assert plan.state == "held"


def test_several_plans_come_as_one_zip(login, demo):
    with acting_as(Actor.system("Test")):
        plans = [make_run(requester=user("ops"), program=demo).plan for _ in range(2)]
    asked = {"action": "export_plans", "_selected_action": [plan.pk for plan in plans]}
    answer = login("auditor").post(reverse("admin:plans_plan_changelist"), asked)
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        found = {json.loads(archive.read(name))["plan_id"] for name in archive.namelist()}
    assert found == {plan.plan_id for plan in plans}


def test_two_plans_are_compared_and_not_three(login, demo):
    plans = running(demo, 3)
    client, at = login("ops"), reverse("admin:plans_plan_changelist")
    asked = {"action": "compare_two", "_selected_action": [plan.pk for plan in plans]}
    assert "Choose two plans" in client.post(at, asked, follow=True).content.decode()
    two = client.post(at, {**asked, "_selected_action": [plan.pk for plan in plans[:2]]}, follow=True)
    assert two.context["other"] == plans[0]


def test_rounds_are_decided_together_but_those_that_ask_for_the_password(login, demo, asked):
    rounds = [plan.approvals.get() for plan in [*running(demo, 2), asked]]
    client, at = login("finance"), reverse("admin:plans_approval_changelist")
    page = client.post(at, {"action": "decide", "_selected_action": [one.pk for one in rounds]})
    why = {row.pk: why for row, why, *_ in page.context["rows"]}
    assert [why[one.pk] for one in rounds] == ["", "", "it asks for the password. Decide it on its own page."]
    seen = {f"seen-{row.pk}": digest for row, _, digest, *_ in page.context["rows"]}
    seen[f"seen-{rounds[1].pk}"] = "0" * 64  # it has changed since
    do(client, Approval, "decide", rounds, decision="approve", reason="Fits.", **seen)
    states = [Approval.objects.get(pk=one.pk).state for one in rounds]
    assert states == ["approved", "pending", "pending"]


def test_a_task_is_completed_and_another_says_why_not(login, demo):
    (plan,) = running(demo, 1)
    gate_, last = plan.tasks.order_by("position")[1:3]
    do(login("finance"), Approval, "decide", [plan.approvals.get()], decision="approve", reason="Fits.",
       **{f"seen-{plan.approvals.get().pk}": plan.approvals.get().scope_sha256})  # fmt: skip
    told = do(login("ops"), Task, "complete", [last, gate_], reason="Done.", evidence="The page is up.")
    last.refresh_from_db()
    assert last.state == "succeeded" and f"{last}: done." in told
    assert len(told) == 2 and any(text.startswith(f"{gate_}: Complete of") for text in told)


def test_an_escalation_is_acknowledged_and_its_task_handed_over(login, demo):
    (plan,) = running(demo, 1)
    task = plan.tasks.get(kind="human")
    with acting_as(Actor.system("Test")):
        case = ladder.open_case(plan, "task-blocked", "It is stuck", task=task)
    client, person = login("ops"), Person.objects.filter(is_active=True).last()
    told = do(client, Escalation, "reassign", [case], owner=person.pk, reason="She knows it.")
    assert told == [f"{case}: now with {person}."]
    do(client, Escalation, "acknowledge", [case], reason="I look at it.")
    case.refresh_from_db()
    task.refresh_from_db()
    assert (case.state, task.owner) == ("acknowledged", person)
