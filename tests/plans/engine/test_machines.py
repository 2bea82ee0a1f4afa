"""Every state × every transition of every machine: what the table does not allow is refused and changes nothing."""

import pytest

from gtm.core.actors import Actor
from gtm.core.errors import WrongState
from gtm.core.fsm import machine_of, perform
from gtm.core.governed import open_door
from plans.engine import machines
from plans.models import Approval, Escalation, RipcordPull
from tests.factories import make_plan, round_of

MACHINES = [machines.PLAN, machines.TASK, machines.APPROVAL, machines.CASE, machines.RIPCORD]
FORBIDDEN = [
    pytest.param(machine.model, t.name, state, id=f"{machine.model.__name__}-{state}-{t.name}")
    for machine in MACHINES
    for t in machine.transitions
    for state in machine.states
    if state not in t.sources
]


@pytest.fixture
def rows(acting):
    plan = make_plan()
    case = Escalation(plan=plan, trigger="t", subject="s")
    pull = RipcordPull(scope="plan", plan=plan, reason="r")
    case.save()
    pull.save()
    found = [plan, plan.tasks.get(key="work"), round_of(plan), case, pull]
    return {type(row): row for row in found}


def test_every_pair_outside_the_tables_is_refused_and_changes_nothing(rows):
    wrong = []
    for model, name, state in (p.values for p in FORBIDDEN):
        row = rows[model]
        with open_door():
            model._base_manager.filter(pk=row.pk).update(state=state)
        before = model._base_manager.filter(pk=row.pk).values().get()
        log = len(list(row.history.all()))
        try:
            perform(row, name, comment="x")
            wrong.append((model.__name__, state, name, "was performed"))
        except WrongState:
            after = model._base_manager.filter(pk=row.pk).values().get()
            wrong += [(model.__name__, state, name, "changed")] * (after != before)
            wrong += [(model.__name__, state, name, "history")] * (len(list(row.history.all())) != log)
    assert wrong == []
    assert len(FORBIDDEN) > 600


@pytest.mark.parametrize("machine", MACHINES, ids=lambda m: m.model.__name__)
def test_a_final_state_has_no_way_out(machine):
    assert [t.name for t in machine.transitions if t.sources & machine.final] == []


@pytest.mark.parametrize("machine", MACHINES, ids=lambda m: m.model.__name__)
def test_every_transition_names_who_may(machine):
    refused = {t.name for t in machine.transitions if t.permission.__name__ == "nobody"}
    assert refused == set()


def test_an_exhausted_round_is_never_approved():
    approve = machine_of(Approval).by_name["approve"]
    assert approve.sources == {"pending"}


def test_the_engine_does_not_answer_a_case(rows):
    answer = machine_of(Escalation).by_name["acknowledge"].permission
    assert answer(Actor.system("Engine"), rows[Escalation], {}) == "A case is answered by people."
