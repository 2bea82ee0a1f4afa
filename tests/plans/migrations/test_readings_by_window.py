"""Readings of before windows were kept say over what they were measured; nothing is lost, and the log still holds."""

from importlib import import_module

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from gtm.core.actors import Actor, acting_as
from gtm.core.evidence import audit, changelog
from plans.engine.alarms import readings
from plans.models import Breach, Reading
from plans.schemas.outputs import Signal
from tests.factories import ProgramFactory, make_plan

MIGRATION = import_module("plans.migrations.0009_readings_by_window")
CAMPAIGNS = {"tour": {"name": "Tour", "agreement": {"attribution_model": "multi-touch"}}}


@pytest.fixture
def tables(db):
    """The models as they are right after the migration."""
    return MigrationExecutor(connection).loader.project_state(("plans", "0009_readings_by_window")).apps


@pytest.fixture
def system(db):
    with acting_as(Actor.system("Test")):
        yield


def breach(program, key, rule, period, inputs, **fields):
    """A breach as it was kept before: without a window, a model or a scope."""
    plugin, command = key.split(":")
    trigger = {"signal": rule, "title": "Low", "breaches": 2, "pulls_ripcord": False}
    plan = make_plan(
        program=program, plugin=plugin, command=command, triggers=[trigger], inputs=inputs, **fields
    )
    readings.raise_signal(plan, None, Signal(rule, "Low.", period))
    return plan


def series(model):
    fields = ("period", "window", "model", "scope")
    rows = [*model.objects.order_by("pk").values_list(*fields)]
    assert [*model.history.order_by("history_id").values_list(*fields)] == rows
    return rows


def test_old_readings_count_on_for_the_window_and_the_model_of_their_plan(tables, system):
    program = ProgramFactory()
    weekly, track = MIGRATION.BY_WINDOW[0], MIGRATION.BY_MODEL
    plan = breach(program, weekly, "alert-retention", "until 02-07", {"window": "7d"})
    breach(program, weekly, "alert-retention", "until 02-28", {"window": "30d"})
    told = {"window": "30d", "campaign": "Tour"}
    breach(program, track, MIGRATION.ACCURACY, "tour until 02-28", told, context={"campaigns": CAMPAIGNS})
    breach(program, "gone:watch", "fell", "March", {"window": "7d"})
    MIGRATION.to_windows(tables, None)
    assert series(Reading) == series(Breach) == [
        ("until 02-07", "7d", "", ""),
        ("until 02-28", "30d", "", ""),
        ("tour until 02-28", "30d", "multi-touch", "tour"),
        ("March", "", "", ""),
    ]  # fmt: skip
    chain = plan.change_chain()
    assert [*changelog.verify_chain(chain), *audit.audit_values(chain).breaks] == []
    plan.refresh_from_db()
    readings.raise_signal(plan, None, Signal("alert-retention", "Low.", "until 02-14", window="7d"))
    assert plan.escalations.get().evidence[0]["period"] == "until 02-07"


def test_back_again_the_newest_reading_of_a_period_is_kept(tables, system):
    program = ProgramFactory()
    for window in ("7d", "30d"):
        breach(program, MIGRATION.BY_WINDOW[0], "alert-retention", "until 02-28", {"window": window})
    MIGRATION.to_windows(tables, None)
    newest = Reading.objects.latest("pk").pk
    MIGRATION.to_one_counter(tables, None)
    assert [*Reading.objects.values_list("pk", "window")] == [(newest, "")]
    assert Breach.objects.count() == 1
