"""Objects for every address of REST, twice: of the callers' own program or account, and of another."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from rest_framework.test import APIClient

from gtm.core import access_tokens, clock
from gtm.core.actors import REST, Actor, acting_as
from gtm.core.governed import open_door
from gtm.core.models import Anchor, SigningKey
from plans.cases.disputes.models import AttributionRecord, Dispute
from plans.cases.fraud.models import FraudCase
from plans.engine.alarms import readings
from plans.engine.escalation import ladder
from plans.engine.running.flow import seal_structure
from plans.engine.webhooks import subscriptions
from plans.management.rest_matrix import CALLERS, RestCaller
from plans.models import (
    Artifact,
    BreakGlass,
    IncomingSource,
    Notice,
    Notification,
    Plan,
    ReceivedMessage,
    Schedule,
    ScheduledRun,
    WebhookDelivery,
)
from plans.runs import policies
from plans.runs import start as runs
from plans.schemas.outputs import Document, Section, payload_of
from programs.models import (
    Approver,
    Benefit,
    Campaign,
    Experiment,
    GuardedChange,
    LaunchProfile,
    LifecycleTrigger,
    LoadProfile,
    MessageTemplate,
    Metric,
    Partner,
    Person,
    Program,
    Role,
    RotaOverride,
    Runbook,
    RunbookAlert,
    RunbookTask,
    Tier,
)
from programs.services import load_dataset
from tests.doors import INPUTS, USAGE, user
from tests.factories import gate, make_plan, make_task, round_of, seat

TRIGGER = {"signal": "objection", "title": "Objection", "breaches": 9, "pulls_ripcord": False}


@contextmanager
def by(username: str) -> Iterator[None]:
    with acting_as(Actor.of_user(user(username), REST, interactive=True)):
        yield


def force(row: Any, **values: Any) -> None:
    """Put a row where a request finds it, as no way in could."""
    with open_door():
        type(row)._base_manager.filter(pk=row.pk).update(**values)
    row.refresh_from_db()


class Side:
    """The objects of one program, partner and plan."""

    def __init__(self, name: str, kind: str, purchases: Any, owner: Person | None, contact: Person) -> None:
        self.program = Program(slug=f"{name}-club", name=name.title(), kind="loyalty", currency="USD")
        self.program.save()
        later = purchases.with_name("later.csv")
        later.write_text(f"{purchases.read_text()}m9,2024-06-19,7.50\n")
        told = {"program": self.program, "currency": "USD"}
        self.former, _ = load_dataset("purchases", [purchases], **told)
        self.dataset, _ = load_dataset("purchases", [later], series="replace", **told)
        self.tier = _saved(Tier(program=self.program, name="Gold", rank=1, threshold=1))
        self.benefit = _saved(Benefit(tier=self.tier, name="Lounge", kind="experiential"))
        self.trigger = _saved(
            LifecycleTrigger(program=self.program, key="t", stage="onboarding", event="e", entry_rule="r",
                             action="a", channel="mail")
        )  # fmt: skip
        self.partner = _saved(Partner(slug=f"{name}-partner", name=name, contact=contact))
        self.campaign = _saved(Campaign(slug=f"{name}-tour", name=f"{name} tour", program=self.program))
        self.campaign.set_related("partners", [self.partner])
        self.experiment = _saved(Experiment(program=self.program, key="e", name="E"))
        self.launch = _saved(LaunchProfile(program=self.program))
        self.load = _saved(
            LoadProfile(program=self.program, name="shop", kind="purchases", mapping={}, options={})
        )
        self.begun = self._begun()
        self._governed(name, kind, owner)

    def _begun(self) -> Plan:
        with by("ops"):
            command, given = runs.parse_usage(USAGE)
            begun = runs.start(runs.draft(command, given, self.program.slug))
        note = Document("n", "Note", (Section("Note", ("Text.",)),))
        self.artifact = _saved(
            Artifact(plan=begun, task=begun.tasks.first(), key="n", title="Note", kind=note.kind,
                     payload=payload_of(note), sha256="0" * 64)
        )  # fmt: skip
        return begun

    def _governed(self, name: str, kind: str, owner: Person | None) -> None:
        gated = gate(seat("finance"))
        place = Program(slug=f"{name}-place", name=name, kind=kind)
        place.save()
        self.plan = make_plan(
            gated, requester=user("ops"), program=place, triggers=[TRIGGER], campaign=self.campaign
        )
        worked_on = make_plan(requester=user("ops"), program=place)
        self.check = make_task(worked_on, 5, "check", "human", owner=owner)
        with open_door():  # as if it had been accepted with this task
            seal_structure(worked_on, None)
        self.work = self.plan.tasks.get(key="work")
        self.approval = round_of(self.plan)
        self.case = ladder.open_case(self.plan, "late", "Late")
        self.reading = readings.report(self.plan, "objection", "No.")
        now = clock.now()
        self.broken = _saved(
            BreakGlass(approval=self.approval, reason="r", scope_sha256=self.approval.scope_sha256,
                       asked_by=Person.objects.get(email="bystander@example.com"),
                       expires_at=now + timedelta(hours=1))
        )  # fmt: skip
        self.record = _saved(
            AttributionRecord(plan=self.plan, campaign=self.campaign, partner=self.partner, model="m",
                              window_start=date(2026, 1, 1), window_end=date(2026, 1, 30), currency="USD",
                              sourced_pipeline=Decimal(1), dispute_until=now + timedelta(days=9))
        )  # fmt: skip
        self.dispute = _saved(Dispute(record=self.record, claimant=self.partner, deal="D", claim="Ours."))
        self.fraud = _saved(
            FraudCase(plan=self.plan, program=place, key="ring", score=90, at_risk=1, expected_loss=1,
                      currency="USD")
        )  # fmt: skip
        inputs = INPUTS | {"tiers": "3"}
        self.schedule = Schedule(name=f"{name}-daily", command="plan-loyalty", program=self.program,
                                 crontab="0 12 * * *", inputs=inputs, owner=user("ops"))  # fmt: skip
        self.schedule.save()
        self.due = _saved(ScheduledRun(schedule=self.schedule, due_at=now))
        force(self.due, state="skipped")


def _saved(row: Any) -> Any:
    row.save()
    return row


class World:
    """Accounts of every caller, the two sides, and what belongs to no program."""

    def __init__(self, purchases: Any) -> None:
        with acting_as(Actor.system("Test")):
            self._people()
            self.own = Side("own", "loyalty", purchases, self.person("analysts"), self.person("contact"))
            self.other = Side("other", "referral", purchases, None, self.person("stranger"))
            self._shared()
        self._proposals()

    def person(self, name: str) -> Person:
        return Person.objects.get(email=f"{name}@example.com")

    def _people(self) -> None:
        self.accounts: dict[str, Any] = {}
        for caller in (*CALLERS[1:], RestCaller("bystander", ""), RestCaller("stranger", "")):
            account = (
                access_tokens.make_service(caller.name, owner=user("ops"), purpose="Asks.").user
                if caller.is_service
                else get_user_model().objects.create_user(caller.name, is_staff=True)
            )
            if not caller.is_service:
                _saved(Person(name=caller.name, email=f"{caller.name}@example.com")).accounts.add(account)
            if caller.group:
                account.groups.set([Group.objects.get(name=caller.group)])
            self.accounts[caller.name] = account
        finance, rung = Role.objects.get(slug="finance"), Role.objects.get_or_create(slug="strategist")[0]
        _saved(Approver(person=self.person("approvers"), role=finance, program_kinds=["loyalty"]))
        _saved(Approver(person=self.person("bystander"), role=rung))

    def _shared(self) -> None:
        owner, now = user("ops"), clock.now()
        self.metric = Metric.objects.first()
        self.approver = Approver.objects.get(person=self.person("bystander"))
        self.template, self.runbook = MessageTemplate.objects.first(), Runbook.objects.first()
        self.step, self.alert = RunbookTask.objects.first(), RunbookAlert.objects.first()
        span = {"starts_at": now, "ends_at": now + timedelta(days=1)}
        with open_door():  # no ladder in force has a rota
            row = RotaOverride(rota="Desk", person=self.person("bystander"), reason="exam", **span)
            self.rota = RotaOverride.objects.bulk_create([row])[0]
        self.webhook, _ = subscriptions.make(owner, name="crm", url="https://crm.example.com/events")
        self.delivery = WebhookDelivery.objects.create(
            subscription=self.webhook, chain="c", sequence=1, event_id="e", type="gtm.plan.ended", body="{}",
            state="given_up",
        )  # fmt: skip
        sender = access_tokens.make_service("sender", owner=owner, purpose="Sends rows.").user
        sender.groups.set([_loaders()])
        self.source = _saved(IncomingSource(name="shop", profile=self.own.load, account=sender))
        self.message = ReceivedMessage.objects.create(
            source=self.source, event_id="m", sha256="0" * 64, media_type="text/csv"
        )
        Anchor.objects.create(
            number=1, at="2026-01-01T00:00:00.000000Z", previous="0" * 64, heads={}, root="1" * 64
        )
        self.key = SigningKey.objects.create(text="gtm+1+AA==")
        notice = Notice.objects.create(key="k", kind="approval", entity="plans.plan", entity_id="1")
        self.notifications = {
            name: _saved(
                Notification(
                    notice=notice, person=self.person(name), channel="mail", due_at=now, url="http://x"
                )
            )
            for name, account in self.accounts.items()
            if not access_tokens.is_service(account)
        }
        scopes = {*access_tokens.SCOPES}
        self.secrets = {
            (name, left_out): access_tokens.make(account, name="n", scopes=scopes - {left_out})
            for name, account in self.accounts.items()
            for left_out in ("", *scopes)
            if access_tokens.is_service(account) or not left_out
        }

    def _proposals(self) -> None:
        with by("ops"):
            self.policy = policies.propose(
                "plan-loyalty", "finance-approval", {"hours": 30}, reason="It takes longer."
            )
        client = APIClient()
        client.force_login(user("exec"))
        body = {"person": "stranger@example.com", "role": "legal"}
        made = client.post("/api/v1/approvers/", body, format="json")
        if made.status_code != 202:
            raise AssertionError(made.content)
        self.change = GuardedChange.objects.latest("pk")


def _loaders() -> Group:
    group, _ = Group.objects.get_or_create(name="Loaders of the test")
    group.permissions.set(Permission.objects.filter(codename="add_dataset"))
    return group
