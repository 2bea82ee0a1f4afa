"""Stored names of commands become keys and back, on this database; the change log is not rewritten."""

from importlib import import_module

import pytest
from django.db import connection

from gtm.core.actors import ADMIN, Actor, acting_as
from gtm.core.evidence import audit, changelog
from gtm.core.governed import open_door
from gtm.core.models import ChangeLogEntry
from plans.engine.alarms import readings
from plans.models import Breach, PolicyVersion, Reading, Schedule
from plans.runs import policies, registry
from plans.schemas.outputs import Signal
from tests.doors import built, purchases, site, user  # noqa: F401
from tests.factories import DelegationFactory, PersonFactory, ProgramFactory, gate, make_plan, seat
from tests.migrated import OneByOne

KEY, NAME = "loyalty-lifecycle-orchestration:plan-loyalty", "plan-loyalty"
MIGRATION = import_module("plans.migrations.0006_command_keys")
TRIGGER = {"signal": "fell", "title": "It fell", "breaches": 2, "pulls_ripcord": False}


@pytest.fixture
def tables(db):
    """The models as they are right after the migration."""
    return OneByOne(connection).project_state(("plans", "0006_command_keys")).apps


@pytest.fixture
def system(db):
    with acting_as(Actor.system("Test")):
        yield


def commands(model):
    rows = model.objects.order_by("pk").values_list("command", flat=True)
    return [*rows, *model.history.order_by("history_id").values_list("command", flat=True)]


@pytest.fixture
def rows(system):
    """A reading and its breach of a plan whose plugin is not installed, a schedule, and a delegation."""
    plan = make_plan(gate(seat("finance")), plugin="gone", command="watch", triggers=[TRIGGER])
    readings.raise_signal(plan, None, Signal("fell", "It fell.", "March"))
    program = ProgramFactory()
    Schedule(name="weekly", command=KEY, program=program, owner=PersonFactory().accounts.get()).save()
    delegation = DelegationFactory(
        principal=PersonFactory(roles=["legal"]), delegate=PersonFactory(), commands=[KEY, "gone:watch"]
    )
    return plan, delegation


def test_names_become_keys_and_keys_names_in_rows_and_in_their_histories(tables, rows):
    plan, delegation = rows
    for change, watch, loyalty in (
        (MIGRATION.to_names, "watch", NAME),
        (MIGRATION.to_keys, "gone:watch", KEY),
        (MIGRATION.to_keys, "gone:watch", KEY),  # what is a key already stays
    ):
        change(tables, None)
        assert commands(Reading) == commands(Breach) == [watch] * 2
        assert commands(Schedule) == [loyalty] * 2
        delegation.refresh_from_db()
        assert delegation.commands == [loyalty, watch]
        assert delegation.history.latest().commands == [loyalty, watch]


def test_a_name_that_nothing_knows_stays(tables, system):
    program, owner = ProgramFactory(), PersonFactory().accounts.get()
    Schedule(name="odd", command="no-such", program=program, owner=owner).save()
    MIGRATION.to_keys(tables, None)
    assert commands(Schedule) == ["no-such"] * 2


def test_namesakes_cannot_go_back_to_names(tables, system):
    for plugin in ("one", "two"):
        plan = make_plan(gate(seat("finance")), plugin=plugin, command="watch", triggers=[TRIGGER])
        readings.raise_signal(plan, None, Signal("fell", "It fell.", "March"))
    with pytest.raises(RuntimeError, match="one:watch, two:watch"):
        MIGRATION.to_names(tables, None)
    assert set(commands(Reading)) == {"one:watch", "two:watch"}


def test_a_policy_of_before_stays_in_force_and_its_story_holds_in_both_chains(tables, site, monkeypatch):
    monkeypatch.setattr(PolicyVersion, "change_chain", lambda row: f"policies:{NAME}")
    with acting_as(Actor.of_user(user("ops"), ADMIN, interactive=True)):
        kept, asked = (
            policies.propose(NAME, gate_, {"hours": 24}, reason="Holidays.")
            for gate_ in ("finance-approval", "legal-approval")
        )
    with acting_as(Actor.of_user(user("exec"), ADMIN, interactive=True)):
        policies.decide(kept, "adopt", comment="As agreed.")
        MIGRATION.to_names(tables, None)
        assert policies.in_force(registry.get(NAME))["finance-approval"].number == 0
        MIGRATION.to_keys(tables, None)
        monkeypatch.undo()
        policies.decide(PolicyVersion.objects.get(pk=asked.pk), "adopt", comment="As agreed.")
    assert {g: r.number for g, r in policies.in_force(registry.get(KEY)).items() if r.number} == {
        "finance-approval": 1, "legal-approval": 1,
    }  # fmt: skip
    for chain in (f"policies:{NAME}", f"policies:{KEY}"):
        assert ChangeLogEntry.objects.filter(chain=chain).exists()
        assert [*changelog.verify_chain(chain), *audit.unexplained_states(chain)] == []
    assert [*audit.unexplained_states()] == []
    with open_door():
        PolicyVersion.objects.filter(pk=asked.pk).update(state="rejected")
    (found,) = audit.unexplained_states(f"policies:{KEY}")
    assert "is “rejected”, but its last event says “in_force”" in found.reason


