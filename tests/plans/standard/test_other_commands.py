"""A referral program in USD and Los Angeles and a loyalty program in EUR and Berlin, from files alone, by the
pages of the set-up: the other commands to their end, by the people whom the checklist names."""

import re

import numpy as np
import pyarrow.parquet as pq
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from plans.demo import referrals
from plans.models import Plan
from plans.runs import start
from plans.standard import program_setup
from programs.models import Program
from tests.plans.standard.test_program_setup import (  # noqa: F401
    OWN,
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


def run(program, command, client_of, first):
    runs = {run.command.name: run for run in program_setup.first_runs(program)}
    assert not runs[command].missing, (command, runs[command].missing)
    declared, given = start.parse_usage(runs[command].line)
    for username, password in first.items():
        person = client_of(username, password)
        shown = person.post(
            reverse("admin:plans_run_command", args=[declared.key]),
            given | {"program": program.slug, "step": "start", "token": f"{command}-{username}"},
        )
        if plan := Plan.objects.filter(program=program, command=command).first():
            break
    else:
        raise AssertionError(shown.content.decode()[-3000:])
    return plan


def test_referrals_in_dollars(stewards, client_of, tmp_path):  # noqa: F811
    tables = referrals.tables(np.random.default_rng(7), advocates=200)
    program, first = set_up(
        *stewards, packed(tmp_path, tables), name="Friends", kind="referral", country="US",
        zone="America/Los_Angeles",
    )  # fmt: skip
    print([(r.command.name, r.line, r.missing) for r in program_setup.first_runs(program)])
    print([(one.key, one.open) for one in program_setup.rail(program)], first)
    plan = run(program, "optimize-referrals", client_of, first)
    finish(plan)
    print([(t.key, t.state, t.kind) for t in plan.tasks.all()], plan.state, plan.currency)
    assert plan.state in ("succeeded", "succeeded_degraded")
