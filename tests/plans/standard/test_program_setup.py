"""From ``migrate`` on an empty database: establish, two stewards, programs in EUR and USD from files alone.

By the pages that people use; a run of a loyalty plan goes to its end by the people whom its checklist names.
"""

import csv
import io
import random
import re
from datetime import date, timedelta

import pytest
from django.contrib.auth import get_user_model
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.urls import reverse

from gtm.core import clock
from gtm.core.actors import ADMIN, Actor, acting_as
from plans.engine.gates import rounds
from plans.engine.people import human_tasks
from plans.engine.running import runner
from plans.models import Plan, TaskKind
from plans.runs import start
from plans.standard import program_setup
from programs.models import Approver, Person, Program

pytestmark = pytest.mark.django_db
PEOPLE = {
    "loyalty-strategist": ("Samir Haddad", "samir@example.com"),
    "member-insights-analyst": ("Ivo Kovac", "ivo@example.com"),
    "loyalty-ops": ("Olivia Park", "olivia@example.com"),
    "finance": ("Fiona Walsh", "fiona@example.com"),
    "legal": ("Lena Brandt", "lena@example.com"),
    "exec-sponsor": ("Elena Rossi", "elena@example.com"),
}
OWN = "a-sentence-of-my-own-2026"


@pytest.fixture(autouse=True)
def folders(settings, tmp_path):
    settings.GTM_KEYS_DIR, settings.GTM_DATA_DIR = tmp_path / "keys", tmp_path / "data"
    settings.MEDIA_ROOT, settings.GTM_PLANS_DIR = tmp_path / "data/uploads", tmp_path / "plans"
    settings.GTM_SIGNING_KEYS = []


def orders(currency):
    """A year and a half of orders of 300 customers, made up from a seed."""
    drawn, text = random.Random(5), io.StringIO()
    lines = csv.writer(text)
    lines.writerow(["order_id", "customer_id", "ordered_at", "amount", "currency"])
    for customer in range(300):
        day, number = date(2025, 5, 1) + timedelta(days=drawn.randint(0, 300)), 0
        while day < date(2026, 11, 1) and number < 20:
            number += 1
            amount = f"{drawn.lognormvariate(3.6, 0.5):.2f}"
            lines.writerow([f"O{customer}-{number}", f"C{customer}", day.isoformat(), amount, currency])
            day += timedelta(days=1 + int(drawn.expovariate(1 / 40)))
    return SimpleUploadedFile("orders.csv", text.getvalue().encode())


def own_password(client, username, first):
    """Log in and set a password of one's own, as the first page asks for."""
    assert client.login(username=username, password=first)
    client.post("/password_change/", {"old_password": first, "new_password1": OWN, "new_password2": OWN})
    client.login(username=username, password=OWN)


def passwords_of(told):
    return dict(re.findall(r"logs in as (?:<code>)?([\w.-]+?)(?:</code>)? with (?:<code>)?([\w-]+)", told))


@pytest.fixture
def stewards(client_of):
    out = io.StringIO()
    call_command(
        "establish", "--steward", "Ana Silva <ana@example.com>", "--steward", "Bo Lund <bo@example.com>",
        stdout=out,
    )  # fmt: skip
    first = passwords_of(out.getvalue())
    ana, bo = client_of("ana", first["ana"]), client_of("bo", first["bo"])
    return ana, bo


@pytest.fixture
def client_of():
    from django.test import Client  # noqa: PLC0415

    def made(username, first):
        client = Client()
        own_password(client, username, first)
        return client

    return made


def step(slug, key):
    return reverse("admin:plans_set_up_step", args=[slug, key])


def set_up(ana, bo, *, name, country, zone, currency, limit):
    """All five pages; answers the program and the first passwords that the pages showed."""
    place = {"name": name, "kind": "loyalty", "country": country, "currency": "", "time_zone": zone}
    wrong = ana.post(reverse("admin:plans_set_up"), place | {"currency": currency.lower()})
    assert f"Did you mean {currency}?" in wrong.content.decode()
    done = ana.post(reverse("admin:plans_set_up"), place)
    program = Program.objects.get(name=name)
    assert done.url == step(program.slug, "data")
    assert (program.currency, program.country, program.state) == (currency, country, "active")

    page = ana.post(step(program.slug, "data"), {"do": "look", "files": [orders(currency)]}).content.decode()
    assert "These are <b>purchases</b>" in page
    token = re.search(r'name="token" value="([^"]+)"', page)[1]
    ana.post(step(program.slug, "data"), {"do": "load", "token": token})
    assert "Plan loyalty</b>: enough" in ana.get(step(program.slug, "data")).content.decode()

    money = {
        "gross_margin": "0.4", "point_face_value": "0.01", "point_unit_cost": "0.008",
        "platform_cost_monthly": "100", "launch_cost": "500", "lift_low": "0.01", "lift_likely": "0.04",
        "lift_high": "0.08", "assumptions_source": "Finance, November 2026",
    }  # fmt: skip
    assert ana.post(step(program.slug, "money"), money).url == step(program.slug, "people")

    entered = {"limit-finance": limit}
    for role, (who, email) in PEOPLE.items():
        entered |= {f"name-{role}": who, f"email-{role}": email}
    page = ana.post(step(program.slug, "people"), entered).content.decode()
    asked = re.findall(r'name="change" value="(\d+)"', bo.get(step(program.slug, "people")).content.decode())
    if asked:
        bo.post(step(program.slug, "people"), {"do": "agree", "change": asked})
    return program, passwords_of(page)


def test_two_programs_from_files_alone_and_a_plan_to_its_end(stewards, client_of):
    ana, bo = stewards
    program, first = set_up(
        ana, bo, name="Stammkunden", country="DE", zone="", currency="EUR", limit="1,000,000"
    )
    assert program.time_zone == "Europe/Berlin"
    assert Approver.objects.get(role__slug="finance").limit_currency == "EUR"
    other, more = set_up(
        ana, bo, name="Regulars", country="US", zone="America/Los_Angeles", currency="USD", limit=""
    )
    assert (other.time_zone, more) == ("America/Los_Angeles", {}), "whoever is there gets no second account"
    # A limit in the currency of the one does not reach the other, and the page says so.
    assert "has a limit in EUR; the program is in USD" in ana.get(step(other.slug, "people")).content.decode()

    runs = {run.command.name: run for run in program_setup.first_runs(program)}
    assert int(runs["plan-loyalty"].budget) > 10 and not runs["plan-loyalty"].missing
    olivia = client_of("olivia", first["olivia"])
    for username in ("ivo", "fiona", "lena", "elena", "samir"):
        client_of(username, first[username])
    line = runs["plan-loyalty"].line
    command, given = start.parse_usage(line)
    page = reverse("admin:plans_run_command", args=[command.key])
    olivia.post(page, given | {"program": program.slug, "step": "start", "token": "once"})
    plan = Plan.objects.get(program=program)
    assert plan.requested_by.username == "olivia"
    finish(plan)
    assert plan.state in ("succeeded", "succeeded_degraded"), [
        (t.key, t.state, t.kind) for t in plan.tasks.all()
    ]
    assert plan.currency == "EUR"
    program.refresh_from_db()
    assert [one.open for one in program_setup.rail(program)] == [()] * 5


def finish(plan):
    """What is ready runs; who owns a task does it; who is asked at a gate approves."""
    for _ in range(40):
        plan.refresh_from_db()
        if plan.finished_at:
            return
        if task := plan.tasks.filter(kind=TaskKind.AUTOMATED, state="ready").first():
            with acting_as(Actor.system("Worker")):
                runner.run_task(task.pk, "in-process")
        elif task := plan.tasks.filter(kind=TaskKind.HUMAN, state="ready").first():
            with acting_as(by(task.owner)):
                human_tasks.complete(
                    task, result={"note": "as computed"}, evidence={"note": "Compared with our reports."}
                )
        else:
            approval = plan.approvals.filter(state="pending").order_by("pk").first()
            assert approval is not None, plan.state
            holder = Approver.objects.filter(role__slug=approval.missing[0]).first()
            with acting_as(by(holder.person)):
                now = clock.now()
                rounds.decide(approval, "approve", comment="Fine for a pilot.", reauthenticated_at=now)


def by(person):
    return Actor.of_user(person.accounts.get(), ADMIN, interactive=True)


def test_a_step_that_is_not_there_and_somebody_who_may_not(client, stewards):
    ana, _ = stewards
    assert ana.get(step("nothing", "data")).status_code == 404
    eve = get_user_model().objects.create_user("eve", password="x", is_staff=True)
    client.force_login(eve)
    assert client.get(reverse("admin:plans_set_up")).status_code == 403


def test_who_may_not_enter_people_is_sent_to_a_steward(client_of, stewards):
    ana, bo = stewards
    program, first = set_up(ana, bo, name="Club", country="DE", zone="", currency="EUR", limit="")
    page = client_of("olivia", first["olivia"]).get(step(program.slug, "people")).content.decode()
    assert "mailto:ana@example.com" in page and 'name="name-finance"' not in page


def test_a_wrong_limit_enters_nobody(stewards):
    ana, _ = stewards
    place = {"name": "Club", "kind": "loyalty", "country": "DE", "currency": "", "time_zone": ""}
    ana.post(reverse("admin:plans_set_up"), place)
    asked = {"name-finance": "Fiona", "email-finance": "fiona@example.com", "limit-finance": "much"}
    assert "is not an amount" in ana.post(step("club", "people"), asked).content.decode()
    assert not Approver.objects.exists()


def test_no_country_is_taken_because_it_stands_first_in_the_alphabet(client, stewards):
    ana, _ = stewards
    page = ana.get(reverse("admin:plans_set_up"))
    assert page.context["form"]["country"].value() == Person.objects.get(name="Ana Silva").country
    client.force_login(get_user_model().objects.create_superuser("of-nowhere", password="x"))
    assert (
        '<option value="" selected>Choose a country'
        in client.get(reverse("admin:plans_set_up")).content.decode()
    )
    refused = client.post(reverse("admin:plans_set_up"), {"name": "Club", "kind": "loyalty", "country": ""})
    assert refused.context["form"].errors["country"]


def test_a_file_that_nobody_knows_is_corrected_without_choosing_it_again(stewards):
    """Headers in German: the page asks what a row is, and the file goes on to where its columns are named."""
    ana, _ = stewards
    place = {"name": "Club", "kind": "loyalty", "country": "DE", "currency": "", "time_zone": ""}
    ana.post(reverse("admin:plans_set_up"), place)
    sheet = "Bestellnummer;Kundennummer;Bestelldatum;Betrag in EUR\nB1;K1;02.04.2026 09:38;42,82\n"
    file = SimpleUploadedFile("bestellungen.csv", sheet.encode())
    page = ana.post(step("club", "data"), {"do": "look", "files": [file]}).content.decode()
    assert "Choose the kind" in page and 'value="load"' not in page, "nothing here can be loaded"
    hidden = re.search(r'<form id="correct-1".*?</form>', page, re.S)[0]
    named = dict(re.findall(r'name="(token|program|profile|step)" value="([^"]+)"', hidden))
    asked = ana.post(reverse("admin:programs_dataset_upload"), named | {"kind": "purchases"}).content.decode()
    assert "3 questions before you can load the file" in asked and "Betrag in EUR" in asked
