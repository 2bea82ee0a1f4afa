"""A launch on an empty database, by the pages: set up in AED and Dubai, started, worked on, live, reviewed.

Nobody has a demo: the people are entered by two stewards, the profile by its form, and each acts with the own
account. Time goes on by the one clock. The data that the reviews read are loaded as a customer loads them.
"""

import csv
import io
import random
import re
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from gtm.core import clock
from gtm.core.actors import Actor, acting_as
from plans.engine.running import runner, sweep
from plans.models import Plan, Reading, ScheduledRun, TaskKind
from plans.runs import schedules
from plans.selectors import answer_of
from programs.models import Approver, Person, Program
from tests.plans.admin.filled_form import filled
from tests.plans.standard.test_program_setup import own_password, passwords_of, step

pytestmark = pytest.mark.django_db
OWN = "a-sentence-of-my-own-2026"
PEOPLE = {
    "creative": "Carla Dias", "customer-success": "Chitra Rao", "exec-sponsor": "Elias Khoury",
    "finance": "Farah Nasser", "legal": "Layla Aziz", "lifecycle-ops": "Osman Bey",
    "partner-manager": "Priya Shah", "partner-ops": "Petra Lang", "referral-architect": "Rami Sabbagh",
    "revops": "Reem Ali", "sales": "Salma Idris",
}  # fmt: skip
COPY = """reward: 50 AED of credit
friend_reward: a month free
steps:
- Copy your personal link.
- Send it to a friend.
payout_rule: 30 days after the first payment.
support_email: help@falcon.example
postal_address: Falcon Friends, Office 4, Dubai, UAE
terms_note: One reward for each new customer."""
PROFILE = {
    "landing_url": "https://falcon.example/join",
    "destinations": "terms: https://falcon.example/terms",
    "copy": COPY,
    "tokens": "first_name: '*|FNAME|*'\ncode: '*|REF|*'\nunsubscribe: '*|UNSUB|*'",
}
START = datetime(2026, 12, 1, 5, tzinfo=UTC)
LAUNCH = datetime(2027, 1, 8, tzinfo=UTC)  # a Friday, which is worked in the Emirates since 2022


@pytest.fixture(autouse=True)
def folders(settings, tmp_path):
    settings.GTM_KEYS_DIR, settings.GTM_DATA_DIR = tmp_path / "keys", tmp_path / "data"
    settings.MEDIA_ROOT, settings.GTM_PLANS_DIR = tmp_path / "data/uploads", tmp_path / "plans"
    settings.GTM_SIGNING_KEYS = []


def at(instant):
    """From this instant on, a second for each look at the clock."""
    seconds = count()
    return clock.standing_at(lambda: instant + timedelta(seconds=next(seconds)))


def referrals(name, since, days, currency="AED"):
    """Invitations as a shop exports them: local times and amounts; one of ten becomes a customer."""
    drawn, text = random.Random(name), io.StringIO()
    lines = csv.writer(text)
    lines.writerow(
        ["Referral ID", "Referrer", "Invite date", "Signup date", "Conversion date", "Order value", "Reward",
         "Currency"]
    )  # fmt: skip
    for number in range(days * 12):
        invited = since.replace(tzinfo=None) + timedelta(days=number // 12, minutes=drawn.randint(0, 1000))
        joined = f"{invited + timedelta(hours=2):%Y-%m-%d %H:%M}" if number % 2 else ""
        won = number % 10 == 1
        bought = f"{invited + timedelta(hours=5):%Y-%m-%d %H:%M}" if won else ""
        amounts = [f"{drawn.uniform(100, 300):.2f}", "50.00"] if won else ["", ""]
        lines.writerow(
            [f"{name}-{number}", f"A{number % 40}", f"{invited:%Y-%m-%d %H:%M}", joined, bought, *amounts,
             currency]
        )  # fmt: skip
    return SimpleUploadedFile(f"{name}.csv", text.getvalue().encode())


class Everybody:
    """Clients by person, each with a password of their own."""

    def __init__(self):
        self._clients = {}

    def enter(self, username, first):
        client = Client()
        own_password(client, username, first)
        return client

    def of(self, person):
        account = person.accounts.get()
        if account.pk not in self._clients:
            self._clients[account.pk] = Client()
            assert self._clients[account.pk].login(username=account.username, password=OWN)
        return self._clients[account.pk]

    def named(self, name):
        return self.of(Person.objects.get(name=name))


@pytest.fixture
def everybody():
    return Everybody()


def set_up(everybody, country="AE", zone="Asia/Dubai", currency="AED"):
    """The five pages of the set-up, by two stewards; answers the program."""
    out = io.StringIO()
    call_command(
        "establish", "--steward", "Amal Haddad <amal@falcon.example>", "--steward",
        "Omar Said <omar@falcon.example>", "--country", country, "--time-zone", zone, stdout=out,
    )  # fmt: skip
    first = passwords_of(out.getvalue())
    amal, omar = (everybody.enter(name, first[name]) for name in ("amal", "omar"))
    place = {
        "name": "Falcon Friends",
        "kind": "referral",
        "country": country,
        "currency": "",
        "time_zone": "",
    }
    amal.post(reverse("admin:plans_set_up"), place | {"stands": "planning"})
    program = Program.objects.get()
    assert (program.currency, program.time_zone, program.state) == (currency, zone, "planning")
    page = amal.get(step(program.slug, "data")).content.decode()
    assert "No command can run yet" not in page  # a launch reads no data
    load(amal, program, referrals("pilot", datetime(2026, 9, 1), 80, currency))
    unclear = SimpleUploadedFile("unclear.csv", b"Referral ID,Referrer,Invite date\nX1,A1,03/04/2026\n")
    told = amal.post(step(program.slug, "data"), {"do": "look", "files": [unclear]}).content.decode()
    assert "03/04/2026" in told  # what is asked about a file is told, and the page stands
    money = amal.get(step(program.slug, "money")).content.decode()
    assert 'name="gross_margin"' in money and 'name="point_face_value"' not in money
    refused = amal.post(step(program.slug, "money"), {"gross_margin": "0.4"}).content.decode()
    assert "This field is required" in refused
    told = {"gross_margin": "0.4", "assumptions_source": "Finance, November 2026"}
    assert amal.post(step(program.slug, "money"), told).url == step(program.slug, "people")
    entered = {"limit-finance": "500,000"}
    for role, name in PEOPLE.items():
        entered |= {f"name-{role}": name, f"email-{role}": f"{name.split()[0].lower()}@falcon.example"}
    page = amal.post(step(program.slug, "people"), entered).content.decode()
    asked = re.findall(
        r'name="change" value="(\d+)"', omar.get(step(program.slug, "people")).content.decode()
    )
    omar.post(step(program.slug, "people"), {"do": "agree", "change": asked})
    for username, password in passwords_of(page).items():
        everybody.enter(username, password)
    assert Approver.objects.count() == len(PEOPLE)
    return program


def load(client, program, file):
    """Drop a file on the page of the set-up, and answer that it is added to what is there."""
    address = step(program.slug, "data")
    page = client.post(address, {"do": "look", "files": [file]}).content.decode()
    token = re.search(r'name="token" value="([^"]+)"', page)[1]
    asked = {f"series-{token}": "add"} if f"series-{token}" in page else {}
    done = client.post(address, {"do": "load", "token": token, **asked}, follow=True).content.decode()
    assert f"{file.name} is loaded as referrals" in done


def work(everybody, plan):
    """What is ready runs; whoever has a task in the inbox does it on its page, with what it asks for."""
    for _ in range(60):
        sweep.sweep()
        plan.refresh_from_db()
        if task := plan.tasks.filter(kind=TaskKind.AUTOMATED, state="ready").first():
            with acting_as(Actor.system("Worker")):
                assert runner.run_task(task.pk, "in-process") == "succeeded"
            continue
        task = plan.tasks.filter(kind=TaskKind.HUMAN, state="ready").order_by("position").first()
        if task is None:
            return plan
        client = everybody.of(task.owner)
        assert task.name in client.get(reverse("admin:plans_inbox")).content.decode()
        page = reverse("admin:plans_task_change", args=[task.pk])
        told = {"answer": "complete", "evidence": f"{task.name}: 40 invitations, all as planned."}
        client.post(page, told)
        task.refresh_from_db()
        assert task.is_done, task.key
    raise AssertionError("There is no end of it.")


def approve(everybody, plan, gate, name):
    approval = plan.approvals.filter(gate=gate).latest("round")
    client, page = everybody.named(name), reverse("admin:plans_approval_change", args=[approval.pk])
    seen = re.search(r'name="scope_sha256"[^>]*value="([^"]*)"', client.get(page).content.decode())[1]
    client.post(page, {"decision": "approve", "comment": "Seen.", "password": OWN, "scope_sha256": seen})
    approval.refresh_from_db()
    assert approval.state == "approved", gate


def review(everybody, plan, day):
    """The review that was booked for a day of the launch, run by whoever has a task in it."""
    run = ScheduledRun.objects.get(schedule__name=f"review-day-{day}-{plan.plan_id}")
    assert (run.state, run.due_at.hour) == ("started", 13 if day == 0 else 5)  # 17:00 and 09:00 in Dubai
    return work(everybody, Plan.objects.get(pk=run.plan_id))


def test_a_launch_from_an_empty_database_to_the_review_of_its_thirtieth_day(everybody):
    with at(START):
        program = set_up(everybody)
        osman = everybody.named("Osman Bey")
        run = reverse("admin:plans_run_command", args=["referral-program-orchestration:launch-program"])
        opened = osman.get(run, {"from": f"program-{program.pk}"}).content.decode()
        assert "Please correct" not in opened  # nobody has typed anything yet
        form = {"program": program.slug, "launch_date": "2027-01-08", "channels": "email"}
        lacks = osman.post(run, form | {"step": "preview"}).content.decode()
        assert "has no launch profile: enter one under Programs, Launch profiles." in lacks
        page = reverse("admin:programs_launchprofile_add")
        sent = filled(osman.get(page).content.decode()) | PROFILE | {"program": program.pk}
        assert osman.post(page, sent).status_code == 302
        closed = osman.post(run, form | {"step": "preview", "launch_date": "2027-01-01"}).content.decode()
        assert "The nearest days that work are 2026-12-31 and 2027-01-04." in closed
        osman.post(run, form | {"step": "start", "token": "once"})
        plan = work(everybody, Plan.objects.get())
        for gate, name in (("legal", "Layla Aziz"), ("finance", "Farah Nasser"), ("partner", "Priya Shah")):
            approve(everybody, plan, f"{gate}-approval", name)
        approve(everybody, work(everybody, plan), "go-no-go", "Elias Khoury")
        plan = work(everybody, plan)
        waiting = plan.tasks.get(key="confirm-tracking")
        assert waiting.held_because == "It begins on 2027-01-08, the day of the launch."
    with at(LAUNCH - timedelta(hours=3)):  # the eighth has begun in Dubai, and not in UTC
        plan = work(everybody, plan)
        program.refresh_from_db()
        assert (plan.tasks.get(key="go-live").state, program.state) == ("succeeded", "active")

    with at(LAUNCH + timedelta(hours=14)):
        schedules.fire_due()
        early = review(everybody, plan, 0)  # nobody has loaded anything since the pilot
        told = answer_of(early)
        assert told["verdict"] == "cannot tell"
        assert "The data end on 2026-11-19, before the launch of 2027-01-08." in told["headline"]
        limits = Reading.objects.filter(plan=early, rule__startswith="alert-")
        assert {reading.verdict for reading in limits} == {"missing"}

    for day in (1, 7, 30):
        with at(LAUNCH + timedelta(days=day, hours=6)):
            if day == 30:
                load(osman, program, referrals("live", datetime(2027, 1, 8), 29))
            schedules.fire_due()
            plan = work(everybody, plan)
    with at(LAUNCH + timedelta(days=30, hours=6, minutes=30)):  # the last completion is not undone any more
        assert work(everybody, plan).state == "succeeded"
    assert "nobody wrote down" not in answer_of(plan)["headline"]
    assert "40 invitations, all as planned." in answer_of(plan)["headline"]
    with at(LAUNCH + timedelta(days=30, hours=7)):
        last = review(everybody, plan, 30)
    limits = Reading.objects.filter(plan=last, rule="alert-conversion")
    assert [(one.verdict, one.period) for one in limits] == [("good", "until 2027-02-05")]
    assert "Of the 30 days of the window 1 lie before" in " ".join(answer_of(last)["caveats"])
    assert last.currency == "AED"
    with at(LAUNCH + timedelta(days=30, hours=8)):  # the review waits for an approval of its own
        approve(everybody, last, "playbook-approval", "Rami Sabbagh")
        last = work(everybody, last)
    with at(LAUNCH + timedelta(days=30, hours=9)):
        last = work(everybody, last)
    assert (last.state, answer_of(last)["verdict"]) == ("succeeded", "do not")
