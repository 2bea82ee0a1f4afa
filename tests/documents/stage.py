"""The demo organisation with data in each of its programs, and what plans that ran say at the doors.

A scene runs plans and gives a record of each: the plan JSON as REST exports it, its outputs, its page. The
records are data; whatever is checked of a line is read from them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db import transaction
from django.test import override_settings
from rest_framework.test import APIClient

from gtm.core import clock
from gtm.core.actors import ADMIN, REST, Actor, acting_as
from plans.demo import partners
from plans.engine.gates import rounds
from plans.engine.notices import delivery
from plans.engine.people import human_tasks
from plans.engine.record import around
from plans.engine.running import runner, steps
from plans.engine.running.steps import TransientError
from plans.engine.running.sweep import sweep
from plans.export import files
from plans.models import CLAIMABLE_STATES, Notification, Plan
from plans.runs import start as base
from programs.datasets.worlds.loyalty_world import build_loyalty_world
from programs.datasets.worlds.partner_world import agreed_taxonomy, build_partner_world
from programs.models import Absence, Campaign, MeasurementAgreement, Partner, Person, Program
from programs.outreach import browser
from programs.services import load_dataset
from tests.landing_site import landing_site
from tests.plans.commands.loyalty_program import purchases

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
"""A Monday after the last day of all the data."""
MEMBERS, ADVOCATES, PEOPLE = 700, 1000, 300
COMMENTS = ("Redeeming takes too long", "The app is great", "Points expire too early", "Redeeming is hard")
Record = dict[str, Any]


@dataclass
class Stage:
    """The organisation, the time, and where files are written."""

    home: Path
    now: datetime = NOW
    world: dict[str, pa.Table] | None = None

    def pass_time(self, **span: float) -> None:
        self.now += timedelta(**span)

    # -------------------------------------------------------------- data

    def load(self, slug: str, kind: str, table: pa.Table, **whose: Any) -> None:
        path = self.home / f"{slug}-{kind}-{len(list(self.home.iterdir()))}.parquet"
        pq.write_table(table, path)
        load_dataset(kind, [path], program=self.program(slug), series="replace", **whose)

    def program(self, slug: str) -> Program:
        return Program.objects.get(slug=slug)

    def load_purchases(self, shift: int = 0) -> None:
        """Purchases of ``MEMBERS`` members and what belongs to them, ``shift`` days later than usual."""
        members, times, amounts = purchases(members=MEMBERS, shift=shift)
        paid = {"member_id": members, "purchased_at": times, "amount": amounts}
        self.load("cdnow", "purchases", pa.table(paid))
        self.world = build_loyalty_world(members, times, amounts, np.random.default_rng(2))

    def load_loyalty(self) -> None:
        program = self.program("cdnow")
        program.gross_margin, program.platform_cost_monthly = Decimal("0.7"), Decimal(100)
        program.save()  # a program of so few members that earns all the same
        self.load_purchases()
        assert self.world is not None
        surveys = self.world["survey_responses"]
        said = [COMMENTS[n % len(COMMENTS)] for n in range(surveys.num_rows)]
        tables = self.world | {"survey_responses": surveys.append_column("comment", pa.array(said))}
        last = max(moment for moment in purchases(members=MEMBERS)[1])
        names = sorted(set(purchases(members=MEMBERS)[0]))[:60]
        used = {
            "member_id": names,
            "occurred_at": [last - timedelta(days=n % 20) for n in range(len(names))],
            "event": [("app_open", "wish_list")[n % 2] for n in range(len(names))],
        }
        for kind, table in (tables | {"usage_events": pa.table(used)}).items():
            self.load("cdnow", kind, table)

    def load_referrals(self, tables: Mapping[str, pa.Table]) -> None:
        for kind, table in tables.items():
            if kind == "referrals":
                personas = [("founder", "manager")[n % 2] for n in range(table.num_rows)]
                table = table.append_column("persona", pa.array(personas))
            self.load("customer-advocates", kind, table, currency="USD")

    def load_campaign(self, until: datetime | None = None, contoso_amounts: float = 1) -> None:
        """Both partners' files: what happened before ``until``, amounts of one of them times a factor."""
        tour = Campaign.objects.get(slug="ai-launch-tour")
        if not MeasurementAgreement.objects.filter(campaign=tour).exists():
            MeasurementAgreement(campaign=tour, confidence_guardrail="0.5", **agreed_taxonomy()).save()
        who = {partner.slug: partner for partner in tour.partners.all()}
        for slug, name in partners.CONTACTS.items():
            contact(who[slug], name)
        made = build_partner_world(
            np.random.default_rng(5), people=PEOPLE, start=datetime(2026, 9, 1, tzinfo=UTC), days=58
        )
        for slug, tables in made.tables.items():
            for kind, table in tables.items():
                table = before(table, until) if until else table
                if contoso_amounts != 1 and "Deal size" in table.column_names:
                    place = table.column_names.index("Deal size")
                    sizes = [
                        size and float(size) * contoso_amounts for size in table["Deal size"].to_pylist()
                    ]
                    table = table.set_column(place, "Deal size", pa.array(sizes))
                path = self.home / f"{slug or 'joint'}-{kind}-{len(list(self.home.iterdir()))}.csv"
                pa_csv.write_csv(table, path)
                load_dataset(
                    kind, [path], program=tour.program, partner=who.get(slug), campaign=tour, series="replace"
                )
        answers = {
            "partner_id": ["northwind", "northwind", "contoso", "contoso"],
            "answered_at": [datetime(2026, 10, 20, tzinfo=UTC)] * 4,
            "survey": ["nps"] * 4,
            "score": [10, 9, 3, 8],
        }
        self.load("ai-launch", "survey_responses", pa.table(answers))  # fmt: skip

    # -------------------------------------------------------------- pages

    def in_a_browser(self, name: str, slug: str, page: str, line: str, until: str) -> dict[str, Record]:
        """A run up to a task at which a page of the program is opened in Chromium, where there is one."""
        with (
            landing_site() as server,
            override_settings(GTM_BROWSER="auto", GTM_PRIVATE_LINK_HOSTS={server.host}),
        ):
            if browser.missing():
                return {}
            program = self.program(slug)
            program.tooling = {page: f"http://{server.host}/join"}
            program.save()
            return {name: self.record(self.run(line, until=until))}

    # -------------------------------------------------------------- plans

    def start(self, line: str, by: str = "ops") -> Plan:
        with self.by(by, REST):
            return base.start(base.draft(*base.parse_usage(line), None))

    def run(self, line: str, by: str = "ops", *, until: str = "") -> Plan:
        return self.work(self.start(line, by), until=until)

    def work(self, plan: Plan, *, until: str = "") -> Plan:
        """The engine does what is ready, and what becomes ready; no further than the task ``until``."""
        ready = plan.tasks.filter(kind="automated", state__in=sorted(CLAIMABLE_STATES)).order_by("position")
        while task := ready.first():
            runner.run_task(task.pk, "documents")
            if task.key == until:
                break
        plan.refresh_from_db()
        return plan

    def through(self, plan: Plan, *, until: str = "", turns: int = 4) -> Plan:
        """The same over two hours, so that what failed is tried again."""
        for _ in range(turns):
            self.work(plan, until=until)
            self.pass_time(minutes=30)
            sweep()
        return plan

    def complete(self, plan: Plan, key: str, by: str, **result: Any) -> Plan:
        with self.by(by, ADMIN):
            task = plan.tasks.get(key=key)
            human_tasks.complete(task, result=result or {"done": "yes"}, evidence={"note": f"{key} seen"})
        return self.work(plan)

    def people_work(self, plan: Plan, *but: str) -> Plan:
        """Everybody does what is ready, and what becomes ready; the engine does its part."""
        while task := self.work(plan).tasks.filter(kind="human", state="ready").exclude(key__in=but).first():
            human_tasks.complete(task, result={"done": "yes"}, evidence={"note": f"{task.key} seen"})
        return plan

    def decide(
        self, plan: Plan, gate: str, by: str, kind: str = "approve", comment: str = "Because."
    ) -> Plan:
        approval = plan.approvals.filter(gate=gate).latest("round")
        with self.by(by, ADMIN):
            rounds.decide(approval, kind, comment=comment, reauthenticated_at=clock.now())
        return self.work(plan)

    def by(self, username: str, via: str = ADMIN, reason: str = "") -> Any:
        user = get_user_model().objects.get(username=username)
        return acting_as(Actor.of_user(user, via, interactive=True), reason)

    def go_away(self, *usernames: str) -> None:
        for username in usernames:
            Absence(person=self.person(username), starts_at=self.now - timedelta(days=1),
                    ends_at=self.now + timedelta(days=20)).save()  # fmt: skip

    def person(self, username: str) -> Person:
        return Person.objects.get(accounts__username=username)

    # -------------------------------------------------------------- what is read

    def record(self, plan: Plan) -> Record:
        """What stands in the plan JSON (exported over REST), its outputs and its file."""
        around.carry_waiting()
        plan.refresh_from_db()
        body = json.loads(self.rest(f"/api/v1/plans/{plan.plan_id}/export/"))
        return {
            "json": body,
            "tasks": {t["key"]: t for stage in body["stages"] for t in stage["tasks"]},
            "moved": {r["field"]: r for r in body["change_log"] if r["field"] and "/" in r["field"]},
            "outputs": {a.key: shown(a.payload) for a in plan.artifacts.filter(superseded_at=None)},
        }

    def stored(self, plan: Plan) -> Record:
        """The same, and the file that the plan is kept in."""
        around.carry_waiting()
        files.write(plan)
        path = files.path_of(plan)
        kept = {"file": "/".join(path.parts[-3:]), "stored": json.loads(path.read_bytes())}
        return self.record(plan) | kept

    def rest(self, url: str, by: str = "auditor") -> str:
        client = APIClient()
        client.force_login(get_user_model().objects.get(username=by))
        answer = client.get(url)
        assert answer.status_code == 200, (url, answer.status_code, answer.content[:300])
        return b"".join(answer).decode()

    def messages(self) -> list[dict[str, str]]:
        """Who was sent what."""
        delivery.work_off()
        sent = Notification.objects.order_by("pk").values_list("person__name", "subject")
        return [{"to": name, "subject": subject} for name, subject in sent]


def contact(partner: Partner, name: str) -> None:
    """Somebody of the partner's own, who may file a dispute."""
    if partner.contact_id is None:
        user = get_user_model().objects.create_user(partner.slug)
        user.groups.set([Group.objects.get(name="Partner contacts")])
        person = Person(name=name, email=f"{partner.slug}@demo.example")
        person.save()
        person.accounts.add(user)
        partner.contact = person
        partner.save()


TIMES = ("occurred_at", "Timestamp", "created_at", "Open date")


def before(table: pa.Table, moment: datetime) -> pa.Table:
    """The rows of a partner's file until a day; a file without times stays as it is."""
    column = next((name for name in TIMES if name in table.column_names), None)
    if column is None:
        return table
    days = [str(text)[:10] < f"{moment:%Y-%m-%d}" for text in table[column].to_pylist()]
    return table.filter(pa.array(days))


def shown(payload: Mapping[str, Any]) -> dict[str, Any]:
    """An output with the rows of a table by their columns."""
    if payload["kind"] != "table":
        return dict(payload)
    names = [column["key"] for column in payload["columns"]]
    return {**payload, "rows": [dict(zip(names, row, strict=True)) for row in payload["rows"]]}


@contextmanager
def failing(command: str, key: str, times: int) -> Iterator[None]:
    """A step meets an outage the first ``times`` times."""
    run, apply = steps.resolve(command, key)
    left = iter(range(times))

    def meet(context: Any) -> Any:
        if next(left, None) is not None:
            raise TransientError("The warehouse does not answer.")
        return run(context)

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(steps._steps, (command, key), (meet, apply))
        yield


Scene = Callable[[Stage], Mapping[str, Record]]


def play(stage: Stage, scenes: Sequence[Scene]) -> dict[str, Record]:
    """Every scene on the same rows: what one does the next does not see."""
    records: dict[str, Record] = {}
    for scene in scenes:
        before = stage.now
        with transaction.atomic():
            records |= scene(stage)
            transaction.set_rollback(True)
        stage.now = before
    return records
