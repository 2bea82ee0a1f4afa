"""Every state × every transition: what the table does not allow is refused and changes nothing."""

import pytest

from gtm.core.actors import Actor
from gtm.core.errors import GtmError, WrongState
from gtm.core.fsm import machine_of, perform
from gtm.core.governed import open_door
from plans.engine import machines
from plans.models import Approval, Escalation, RipcordPull
from tests.factories import make_plan, round_of

MACHINES = [
    machines.PROGRAM,
    machines.PLAN,
    machines.TASK,
    machines.APPROVAL,
    machines.CASE,
    machines.RIPCORD,
]


@pytest.fixture
def rows(acting):
    plan = make_plan()
    case = Escalation(plan=plan, trigger="t", subject="s")
    pull = RipcordPull(scope="plan", plan=plan, reason="r")
    case.save()
    pull.save()
    found = [plan.program, plan, plan.tasks.get(key="work"), round_of(plan), case, pull]
    return {type(row): row for row in found}


def put(row, state):
    with open_door():
        type(row)._base_manager.filter(pk=row.pk).update(state=state)


def everything_about(row):
    return type(row)._base_manager.filter(pk=row.pk).values().get(), row.history.count()


def answer(row, name):
    with pytest.raises(GtmError) as refused:
        perform(row, name, comment="x")
    return type(refused.value)


@pytest.mark.parametrize("machine", MACHINES, ids=lambda m: m.model.__name__)
def test_every_pair_outside_the_tables_is_refused_and_changes_nothing(rows, machine):
    row = rows[machine.model]
    for state in machine.states:
        put(row, state)
        before = everything_about(row)
        barred = [t.name for t in machine.transitions if state not in t.sources]
        assert [answer(row, name) for name in barred] == [WrongState] * len(barred), state
        assert everything_about(row) == before, state


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
    assert answer(Actor.system("Engine"), rows[Escalation], {}) == "Only people can answer a case."
