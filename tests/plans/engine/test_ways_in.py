"""Gate coverage: every way in to a state is listed here, and refused, or found by the audit of the log.

The ways are counted by asking Django, Django REST framework and the project itself, so that a new one that
nobody thought of fails here.
"""

import json
from contextlib import suppress
from datetime import timedelta

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.core import serializers
from django.core.management import get_commands
from django.db import connection
from django.test import RequestFactory
from django.urls import get_resolver
from rest_framework.serializers import ModelSerializer

from gtm.core import clock, fsm
from gtm.core.admin.resources import resource_of
from gtm.core.errors import Forbidden, InvalidInput
from gtm.core.evidence import audit
from gtm.core.evidence.revert import revert
from gtm.core.governed import GovernedModel, GovernedQuerySet, StateField
from plans.cases.disputes.models import AttributionRecord, Dispute
from plans.cases.fraud.models import FraudCase
from plans.models import (
    BreakGlass,
    Escalation,
    Notice,
    Notification,
    PolicyVersion,
    RipcordPull,
    Schedule,
    ScheduledRun,
    WebhookSubscription,
)
from programs.models import Campaign, GuardedChange, Partner
from tests.factories import PersonFactory, UserFactory, make_plan, round_of

STATEFUL = [machine.model for machine in fsm.machines()]


def saved(row):
    row.save()
    return row


@pytest.fixture
def rows(acting):
    """One row of every model that has a state."""
    plan, person, later = make_plan(), PersonFactory(), clock.now() + timedelta(hours=1)
    program, approval = plan.program, round_of(plan)
    partner = saved(Partner(name="Northwind"))
    campaign = saved(Campaign(program=program, name="Spring", starts_on=later.date(), ends_on=later.date()))
    record = saved(
        AttributionRecord(plan=plan, campaign=campaign, partner=partner, window_start=later.date(),
                          window_end=later.date(), model="linear", currency="USD", total_pipeline=0,
                          total_revenue=0, dispute_until=later)
    )  # fmt: skip
    schedule = saved(
        Schedule(name="weekly", command=plan.command, program=program, owner=UserFactory(), crontab="")
    )
    notice = Notice.objects.create(key="k", kind="gate", entity="plans.plan", entity_id=str(plan.pk))
    found = [
        program,
        plan,
        plan.tasks.get(key="work"),
        approval,
        saved(Escalation(plan=plan, trigger="t", subject="s")),
        saved(RipcordPull(scope="plan", plan=plan, reason="r")),
        saved(BreakGlass(approval=approval, reason="r", scope_sha256="0", asked_by=person, expires_at=later)),
        saved(Notification(notice=notice, person=person, channel="mail", due_at=later)),
        saved(ScheduledRun(schedule=schedule, due_at=later)),
        saved(Dispute(record=record, claimant=partner, deal="D-1", claim="Ours.")),
        saved(
            PolicyVersion(command="proof", subject="sign-off", number=1, text={}, proposed_by=UserFactory())
        ),
        saved(WebhookSubscription(name="crm", url="https://crm.example/hook", owner=UserFactory())),
        saved(GuardedChange(kind="role", what="w", entity="programs.role", verb="save")),
        saved(
            FraudCase(
                plan=plan, program=program, key="ring", score=90, at_risk=1, expected_loss=1, currency="USD"
            )
        ),
    ]
    return {type(row): row for row in found}


def other_state(row):
    """Neither its own nor the first, in which a row may be born."""
    first = row._meta.get_field("state").get_default()
    return next(state for state in fsm.machine_of(row).states if state not in (row.state, first))


# ------------------------------------------------------------------ ways in that are refused


def fields_of(row):
    return {f.attname: getattr(row, f.attname) for f in row._meta.concrete_fields if not f.primary_key}


def copied(row):
    return type(row)(**(fields_of(row) | {"state": other_state(row)}))


def assign(row):
    row.state = other_state(row)


def write_into_the_dict(row):
    row.__dict__["state"] = other_state(row)
    row.save()


def write_one_field(row):
    row.__dict__["state"] = other_state(row)
    row.save(update_fields=["state"])


def get_or_create(row):
    type(row).objects.get_or_create({**fields_of(row), "state": other_state(row)}, pk=-1)


def update_or_create(row):
    type(row).objects.update_or_create({"state": other_state(row)}, pk=row.pk)


BY_OBJECT = {"assign": assign, "__dict__": write_into_the_dict, "update_fields": write_one_field}
BY_QUERYSET = {
    "update": lambda row: type(row).objects.update(state=other_state(row)),
    "bulk_create": lambda row: type(row).objects.bulk_create([copied(row)]),
    "bulk_update": lambda row: type(row).objects.bulk_update([row], ["state"]),
    "delete": lambda row: type(row).objects.all().delete(),
    "create": lambda row: copied(row).save(),  # which is what create() does
    "get_or_create": lambda row: type(row).objects.get_or_create(
        {**fields_of(row), "state": other_state(row)}, pk=-1
    ),
    "update_or_create": update_or_create,
    "note": lambda row: type(row).objects.note(state=other_state(row)),
}
ASYNCHRONOUS = {
    "aupdate",
    "abulk_create",
    "abulk_update",
    "adelete",
    "acreate",
    "aget_or_create",
    "aupdate_or_create",
}
"""Django runs the method of the same name in a thread."""
PRIVATE = {"_insert", "_raw_delete", "_update"}
"""What Django's own save and delete stand on; used by hand they leave a state that no event explains."""


def test_every_method_of_a_queryset_that_writes_is_listed():
    methods = {name: getattr(GovernedQuerySet, name) for name in dir(GovernedQuerySet)}
    writes = {name for name, method in methods.items() if getattr(method, "alters_data", False)}
    assert writes == {*BY_QUERYSET} | ASYNCHRONOUS | PRIVATE


def test_every_governed_model_with_a_state_has_a_machine():
    with_state = {
        model
        for model in apps.get_models()
        if issubclass(model, GovernedModel) and any(isinstance(f, StateField) for f in model._meta.fields)
    }
    assert with_state == {*STATEFUL}


@pytest.mark.parametrize(
    "way",
    [pytest.param(way, id=name) for name, way in {**BY_OBJECT, **BY_QUERYSET}.items()],
)
def test_no_object_and_no_queryset_writes_a_state(rows, way):
    for model, row in rows.items():
        before = list(model.objects.order_by("pk").values_list("pk", "state"))
        with pytest.raises(Forbidden):
            way(row)
        assert list(model.objects.order_by("pk").values_list("pk", "state")) == before
    assert set(rows) == {*STATEFUL}


def test_an_earlier_version_brings_back_no_state(rows):
    for row in rows.values():
        row.refresh_from_db()
        row.history.all().update(state=other_state(row))
        before = row.state
        with suppress(InvalidInput):  # a plan made by hand here is not valid in other respects
            revert(row, row.history.first(), comment="Back.")
        row.refresh_from_db()
        assert row.state == before


# ------------------------------------------------------------------ ways around Python, which the audit finds


def by_sql(row):
    with connection.cursor() as cursor:
        table, column = row._meta.db_table, row._meta.pk.column
        cursor.execute(f"UPDATE {table} SET state = %s WHERE {column} = %s", [other_state(row), row.pk])


def by_the_base_manager(row):
    type(row)._base_manager.filter(pk=row.pk).update(state=other_state(row))


def by_loaddata(row):
    told = json.loads(serializers.serialize("json", [row]))
    told[0]["fields"]["state"] = other_state(row)
    for loaded in serializers.deserialize("json", json.dumps(told)):
        loaded.save()


@pytest.mark.parametrize("way", [by_sql, by_the_base_manager, by_loaddata])
def test_what_goes_around_python_leaves_a_state_that_no_event_explains(rows, way):
    for row in rows.values():
        way(row)
    found = " ".join(broken.reason for broken in audit.unexplained_states())
    assert [m._meta.label_lower for m in STATEFUL if m._meta.label_lower not in found] == []


# ------------------------------------------------------------------ the doors


def stateful_admins():
    return [admin.site._registry[model] for model in STATEFUL if model in admin.site._registry]


def test_no_form_list_or_inline_of_the_admin_offers_a_state(db):
    request = RequestFactory().get("/")
    request.user = get_user_model().objects.create_superuser("root")
    for known in stateful_admins():
        assert "state" not in known.get_form(request).base_fields
        assert "state" not in known.list_editable
    inlines = [
        inline for known in admin.site._registry.values() for inline in known.get_inline_instances(request)
    ]
    offered = [
        i for i in inlines if i.model in STATEFUL and "state" in i.get_formset(request).form.base_fields
    ]
    assert offered == []


def test_no_import_file_carries_a_state():
    for known in admin.site._registry.values():
        assert known.model not in STATEFUL or "state" not in resource_of(known.model)().get_import_fields()


def test_no_serializer_of_rest_writes_a_state():
    serializer_classes = set()
    waiting = [ModelSerializer]
    get_resolver().url_patterns  # noqa: B018 - imports every view, and with it every serializer
    while waiting:
        serializer_classes |= (found := set(waiting.pop().__subclasses__()))
        waiting += found
    ours = [s for s in serializer_classes if getattr(getattr(s, "Meta", None), "model", None) in STATEFUL]
    writable = [s.__name__ for s in ours if "state" in (f := s().fields) and not f["state"].read_only]
    assert (writable, len(ours) >= len(STATEFUL) - 2) == ([], True)


def test_every_management_command_is_listed():
    """Each acts through the engine; a new one is added here once its author has seen to that."""
    ours = {name for name, app in get_commands().items() if app in ("gtm.core", "plans", "programs")}
    assert ours == {
        "abort", "access_review", "agent_plugins", "anchor_changelog", "authority", "backup", "change",
        "choose_dataset", "complete", "confirm_factor", "decide", "demo", "dispute", "encrypt_again",
        "erase_changelog", "erase_text", "establish", "export_plan", "follow_up", "fraud_cases",
        "governance_matrices", "gtm", "import_plan", "inbox", "judge", "load_dataset", "load_metrics",
        "mcp", "plan_schema", "plans", "policy", "progress", "replay", "replay_policy", "restore",
        "resume", "revise", "ripcord", "rota", "share_files", "signing_key", "token",
        "verify_changelog", "verify_plan", "witness",
    }  # fmt: skip
