"""Programs of every kind from files alone, by the pages of the set-up: optimize-referrals, monitor-loyalty
and track-source go to their end by the people whom the checklist names; a launch starts."""

import csv
import io
import re
from datetime import UTC, date, datetime

import numpy as np
import pyarrow.parquet as pq
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from gtm.core import clock
from plans.demo import referrals
from plans.models import Plan
from plans.runs import start
from plans.standard import program_setup
from programs.datasets.worlds.loyalty_world import build_loyalty_world
from programs.datasets.worlds.partner_world import build_partner_world
from programs.models import Program
from tests.plans.standard.test_program_setup import (  # noqa: F401
    client_of,
    finish,
    folders,
    orders,
    passwords_of,
    step,
    stewards,
)

pytestmark = pytest.mark.django_db
MONEY = {
    "gross_margin": "0.4", "point_face_value": "0.01", "point_unit_cost": "0.008",
    "platform_cost_monthly": "100", "launch_cost": "500", "lift_low": "0.01", "lift_likely": "0.04",
    "lift_high": "0.08", "assumptions_source": "Finance, November 2026",
}  # fmt: skip


def packed(tmp_path, tables):
    files = []
    for kind, table in tables.items():
        path = tmp_path / f"{kind}.parquet"
        pq.write_table(table, path)
        files.append(SimpleUploadedFile(path.name, path.read_bytes()))
    return files


def set_up(ana, bo, files, *, name, kind, country, zone):
    """The five pages with these files; every role that the page of people asks for gets somebody."""
    place = {"name": name, "kind": kind, "country": country, "currency": "", "time_zone": zone}
    ana.post(reverse("admin:plans_set_up"), place)
    program = Program.objects.get(name=name)
    at = step(program.slug, "data")
    page = ana.post(at, {"do": "look", "files": files}).content.decode()
    for token in re.findall(r'name="token" value="([^"]+)"', page):
        ana.post(at, {"do": "load", "token": token})
    ana.post(step(program.slug, "money"), MONEY)
    people = step(program.slug, "people")
    roles = re.findall(r'name="name-([\w-]+)"', ana.get(people).content.decode())
    entered = {}
    for number, role in enumerate(roles):
        first = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[number]
        entered |= {f"name-{role}": f"{first}da Holder{first}", f"email-{role}": f"{role}@example.com"}
    page = ana.post(people, entered).content.decode()
    asked = re.findall(r'name="change" value="(\d+)"', bo.get(people).content.decode())
    if asked:
        bo.post(people, {"do": "agree", "change": asked})
    return program, passwords_of(page)


def run(program, command, people):
    """Started on the page of the command by the first who may; answers the plan."""
    runs = {run.command.name: run for run in program_setup.first_runs(program)}
    assert not runs[command].missing, (command, runs[command].missing)
    declared, given = start.parse_usage(runs[command].line)
    page = reverse("admin:plans_run_command", args=[declared.key])
    for username, person in people.items():
        once = {"program": program.slug, "step": "start", "token": f"{command}-{username}"}
        person.post(page, given | once)
        if plan := Plan.objects.filter(program=program, command=command).first():
            return plan
    raise AssertionError(f"nobody may start {command}")


def test_referrals_in_dollars(stewards, client_of, tmp_path):  # noqa: F811
    tables = referrals.tables(np.random.default_rng(7), advocates=200)
    program, first = set_up(
        *stewards, packed(tmp_path, tables), name="Friends", kind="referral", country="US",
        zone="America/Los_Angeles",
    )  # fmt: skip
    people = {username: client_of(username, password) for username, password in first.items()}
    plan = run(program, "optimize-referrals", people)
    finish(plan)
    assert plan.state in ("succeeded", "succeeded_degraded")
    assert plan.currency == program.currency
    # The line of a launch is this program's, for a day in time.
    line = next(run.line for run in program_setup.first_runs(program) if run.command.name == "launch-program")
    _, given = start.parse_usage(line)
    assert given["program"] == "Friends"
    assert 56 <= (date.fromisoformat(given["launch_date"]) - clock.now().date()).days < 65


def test_monitoring_in_euros(stewards, client_of, tmp_path):  # noqa: F811
    bought = orders("EUR")
    rows = list(csv.DictReader(io.StringIO(bought.read().decode())))
    bought.seek(0)
    at = [datetime.fromisoformat(row["ordered_at"]).replace(tzinfo=UTC) for row in rows]
    tables = build_loyalty_world(
        [row["customer_id"] for row in rows], at, [float(row["amount"]) for row in rows],
        np.random.default_rng(3),
    )  # fmt: skip
    program, first = set_up(
        *stewards, [bought, *packed(tmp_path, tables)], name="Stammkunden", kind="loyalty", country="DE",
        zone="Europe/Berlin",
    )  # fmt: skip
    people = {username: client_of(username, password) for username, password in first.items()}
    plan = run(program, "monitor-loyalty", people)
    finish(plan)
    assert plan.state in ("succeeded", "succeeded_degraded")
    assert plan.currency == program.currency


def entered(program, people, **sent):
    """The record that the last page of the set-up offers, entered by the first who may; answers the page."""
    at = step(program.slug, "run")
    for person in people.values():
        if f'value="{sent["do"]}"' in person.get(at).content.decode():
            return person.post(at, sent, follow=True).content.decode()
    raise AssertionError(f"nobody may enter {sent['do']}")


PROFILE = {
    "do": "launch-profile",
    "landing_url": "https://amigos.example/join",
    "destinations": "terms: https://amigos.example/terms",
    "copy": "reward: 50 reais\nfriend_reward: a month free\nsteps:\n- Copy your link.\n- Send it.\n"
    "payout_rule: 30 days after the first payment.\nsupport_email: help@amigos.example\n"
    "postal_address: Amigos, Rua Um 1, São Paulo\nterms_note: One reward for each new customer.",
    "tokens": "first_name: '*|FNAME|*'\ncode: '*|REF|*'\nunsubscribe: '*|UNSUB|*'",
}


def test_a_launch_whose_profile_is_entered_in_the_set_up(stewards, client_of):  # noqa: F811
    program, first = set_up(*stewards, [], name="Amigos", kind="referral", country="BR", zone="")
    people = {username: client_of(username, password) for username, password in first.items()}
    runs = {run.command.name: run for run in program_setup.first_runs(program)}
    assert [one.kind for one in runs["launch-program"].lacks] == ["launch-profile"]
    page = entered(program, people, **PROFILE | {"copy": "reward: 50 reais\nfriend_reward: ''", "tokens": ""})
    assert "Not filled in: friend_reward. Without it the kit cannot be made." in page
    assert "Not filled in: first_name, unsubscribe, code." in page
    assert "Launch profile of Amigos is entered." in entered(program, people, **PROFILE)
    assert program.launch_profile.allowed_hosts == ["amigos.example"]
    plan = run(program, "launch-program", people)
    told = {item["key"]: (item["result"], item["evidence"]) for item in plan.checklist}
    assert told["kit"][0] == "passed"
    assert told["review-data"][0] == "failed"
    assert told["review-data"][1].startswith(
        "Reviews on day 0, 1, 7, 30 cannot run yet. No current referrals."
    )


def test_a_joint_campaign_that_is_entered_in_the_set_up(stewards, client_of, tmp_path):  # noqa: F811
    world = build_partner_world(np.random.default_rng(5), people=300)
    ours = {kind: table for kind, table in world.tables["northwind"].items() if kind != "targets"}
    program, first = set_up(
        *stewards, packed(tmp_path, ours), name="Tour", kind="partner", country="US", zone="America/New_York"
    )  # fmt: skip
    people = {username: client_of(username, password) for username, password in first.items()}
    runs = {run.command.name: run for run in program_setup.first_runs(program)}
    assert [one.kind for one in runs["track-source"].lacks] == ["campaign"]
    page = entered(
        program, people, do="campaign", name="AI Launch Tour", starts_on="2026-02-01", ends_on="2026-01-01"
    )
    assert "Campaign of Tour is entered." not in page and not program.campaigns.exists()
    page = entered(program, people, do="campaign", name="AI Launch Tour", starts_on="", ends_on="")
    assert "Campaign of Tour is entered." in page
    assert (program.campaigns.get().slug, program.campaigns.get().currency) == ("ai-launch-tour", "USD")
    plan = run(program, "track-source", people)
    finish(plan)
    assert plan.state in ("succeeded", "succeeded_degraded")
    assert plan.currency == program.currency
