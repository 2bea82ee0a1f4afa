"""A launch in Riyadh by the customer's own runbook, from an empty database to the end of its reviews.

What a runbook needs is entered over REST, with the accounts of people: no code, and nobody has a demo.
"""

import io
import json
import zipfile
from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse

from gtm.core.places import filestore
from plans.models import Plan, Reading, ScheduledRun
from plans.runs import schedules
from plans.selectors import answer_of
from programs.models import Approver, GuardedChange, Role
from tests.plans.admin.filled_form import filled
from tests.plans.commands.launch_program.test_from_nothing import (
    OWN,
    PROFILE,
    START,
    approve,
    at,
    everybody,  # noqa: F401 - a fixture
    folders,  # noqa: F401 - a fixture
    load,
    referrals,
    set_up,
    work,
)

pytestmark = pytest.mark.django_db
LAUNCH = datetime(2027, 1, 10, tzinfo=UTC)  # a Sunday, on which Riyadh works
DAYS = {"optimistic_days": "1", "likely_days": "2", "pessimistic_days": "3"}
REVIEWS = [
    {"day": 3, "at": "08:15", "window": "7d"},
    {"day": 30, "at": "09:00", "window": "30d", "detail": "full"},
]
SESSION = {"key": "sms-drill", "title": "Drill", "days": -2, "at": "09:30", "minutes": 45,
           "teams": ["privacy-officer", "lifecycle-ops"], "agenda": "Opt-outs."}  # fmt: skip
NUMBERS = {"key": "sms-numbers", "name": "Book the sender numbers", "phase": "tooling", "group": "sms",
           "responsible": "lifecycle-ops", "accountable": "lifecycle-ops", "is_blocker": True}  # fmt: skip
PRIVACY = {"key": "privacy-approval", "name": "Privacy approval", "phase": "approval", "group": "approvals",
           "responsible": "privacy-officer", "accountable": "privacy-officer", "adds_gate": True,
           "purpose": "May these people be sent text messages?"}  # fmt: skip
TEXT = "{{ copy.reward }} for each friend: {{ personal.landing }} Stop: {{ token.unsubscribe }}"
MESSAGE = {"program_kind": "referral", "key": "text-message", "asset": "text-message", "form": "message",
           "channel": "sms", "title": "Text", "text": TEXT, "utm_source": "sms", "utm_medium": "sms",
           "most_characters": 300}  # fmt: skip
GATES = {"legal": "Layla Aziz", "finance": "Farah Nasser", "partner": "Priya Shah", "privacy": "Carla Dias"}


def post(client, path, body, **headers):
    sent = client.post(f"/api/v1/{path}/", json.dumps(body), "application/json", headers=headers)
    assert sent.status_code in (201, 202), sent.content
    return sent.json()


def enter_a_privacy_officer(everybody):  # noqa: F811
    """A role of the customer's own, and who has it, by two stewards."""
    amal, omar = everybody.named("Amal Haddad"), everybody.named("Omar Said")
    page = reverse("admin:programs_role_add")
    named = {"slug": "privacy-officer", "name": "Privacy officer"}
    assert amal.post(page, filled(amal.get(page).content.decode()) | named).status_code == 302
    held = {"person": "carla@falcon.example", "role": "privacy-officer"}
    told = post(amal, "approvers", held, **{"x-change-reason": "She holds it."})
    assert told["title"] == "It waits for a second person"
    change = GuardedChange.objects.get(state="proposed")
    page = reverse("admin:programs_guardedchange_change", args=[change.pk])
    omar.post(page, {"answer": "approve", "password": OWN})
    assert Approver.objects.filter(role=Role.objects.get(slug="privacy-officer")).count() == 1


def enter_material(osman, program):
    """Two partners, the launch profile, and a runbook for a channel that nobody has shipped."""
    for name in ("Nile Telecom", "Gulf Bank"):
        slug = name.lower().replace(" ", "-")
        post(osman, "partners", {"slug": slug, "name": name, "programs": [program.slug]})
    page = reverse("admin:programs_launchprofile_add")
    sent = filled(osman.get(page).content.decode()) | PROFILE | {"program": program.pk}
    assert sent["buffer_days"] == "2"
    assert osman.post(page, sent).status_code == 302
    given = {"program_kind": "referral", "channel": "sms", "title": "Texts"}
    runbook = post(osman, "runbooks", given | {"sessions": [SESSION], "reviews": REVIEWS})["id"]
    for task in (NUMBERS, PRIVACY):
        post(osman, "runbook-tasks", {"runbook": runbook, **task, **DAYS})
    post(osman, "message-templates", MESSAGE)


def test_a_runbook_of_the_customer_s_own_goes_from_nothing_to_the_end_of_its_reviews(everybody):  # noqa: F811
    with at(START):
        program = set_up(everybody, "SA", "Asia/Riyadh", "SAR")
        enter_a_privacy_officer(everybody)
        osman = everybody.named("Osman Bey")
        enter_material(osman, program)
        run = reverse("admin:plans_run_command", args=["referral-program-orchestration:launch-program"])
        form = {"program": program.slug, "channels": "email, sms, partner", "launch_date": "2027-01-10"}
        for day, before, after in (
            ("2027-01-08", "2027-01-07", "2027-01-10"),  # a Friday
            ("2027-02-22", "2027-02-21", "2027-02-23"),  # Founding Day
        ):
            closed = osman.post(run, form | {"launch_date": day, "step": "preview"}).content.decode()
            assert f"The nearest days that work are {before} and {after}." in closed
        osman.post(run, form | {"step": "start", "token": "once"})
        plan = work(everybody, Plan.objects.get())
        assert plan.tasks.get(key="go-no-go").due_at.date().isoformat() == "2027-01-05"  # two days are free
        kit = zipfile.ZipFile(io.BytesIO(filestore.read(plan.artifacts.get(key="comms-kit").payload["path"])))
        partners = {name: kit.read(name).decode() for name in kit.namelist() if name.startswith("partner/")}
        assert {name for name, text in partners.items() if f"-{name[20:-3]}&" in text} == {
            "partner/partner-kit.gulf-bank.md",
            "partner/partner-kit.nile-telecom.md",
        }
        assert kit.read("sms/text-message.txt").decode().endswith("&ref=*|REF|* Stop: *|UNSUB|*")
        for gate, name in GATES.items():
            approve(everybody, plan, f"{gate}-approval", name)
        plan = work(everybody, plan)
        known = answer_of(plan)
        assert "none of 13 was followed" in json.dumps(known) + str(plan.tasks.get(key="readiness").output)
        approve(everybody, plan, "go-no-go", "Elias Khoury")
        plan = work(everybody, plan)
    with at(LAUNCH - timedelta(hours=2)):
        plan = work(everybody, plan)
        assert plan.tasks.get(key="go-live").state == "succeeded"
    for day, since, days in ((3, 0, 3), (7, 3, 4), (30, 7, 22)):
        with at(LAUNCH + timedelta(days=day, hours=7)):
            began = datetime(2027, 1, 10) + timedelta(days=since)
            load(osman, program, referrals(f"live-{day}", began, days, "SAR"))
            schedules.fire_due()
            plan = work(everybody, plan)
            if day in (3, 30):
                reviewed(everybody, plan, day)
    with at(LAUNCH + timedelta(days=30, hours=8)):
        assert work(everybody, plan).state == "succeeded"


def reviewed(everybody, plan, day):  # noqa: F811
    """The review of that day, through the approval of its own, to its end."""
    run = ScheduledRun.objects.get(schedule__name=f"review-day-{day}-{plan.plan_id}")
    due = {3: "2027-01-13T05:15:00", 30: "2027-02-09T06:00:00"}[day]  # 08:15 and 09:00 in Riyadh
    assert run.due_at.isoformat() == f"{due}+00:00"
    review = work(everybody, Plan.objects.get(pk=run.plan_id))
    assert review.tasks.get(key="playbook-approval").state == "awaiting_approval"
    approve(everybody, review, "playbook-approval", "Rami Sabbagh")
    review = work(everybody, review)
    with at(LAUNCH + timedelta(days=day, hours=7, minutes=30)):  # the last completion is not undone any more
        review = work(everybody, review)
    assert review.state == "succeeded"
    held = Reading.objects.filter(plan=review, rule="alert-conversion").values_list("verdict", flat=True)
    assert list(held) == ["good"]
