"""Breaches are counted by rule and period, across the runs of a command on a program."""

import pytest

from plans.engine import triggers
from plans.schemas.outputs import Signal
from tests.factories import ProgramFactory, make_plan

pytestmark = pytest.mark.usefixtures("acting")
RULE = {"signal": "negative-roi", "title": "Negative", "breaches": 2, "pulls_ripcord": False}


def cases(plan):
    return plan.escalations.filter(trigger="negative-roi")


def raise_in(plan, period, value=-1.0):
    return triggers.raise_signal(
        plan, plan.tasks.get(key="work"), Signal("negative-roi", "ROI below 0", period=period, value=value)
    )


def test_the_first_breach_is_on_record_and_the_second_opens_the_ladder():
    program = ProgramFactory()
    first, second = make_plan(program=program, triggers=[RULE]), make_plan(program=program, triggers=[RULE])
    raise_in(first, "Q1")
    assert cases(first).count() == 0
    raise_in(second, "Q2")
    assert [e["period"] for e in cases(second).get().evidence] == ["Q1", "Q2"]


def test_the_same_period_twice_counts_once():
    plan = make_plan(triggers=[RULE])
    assert raise_in(plan, "Q1").pk == raise_in(plan, "Q1").pk
    assert cases(plan).count() == 0


def test_a_run_and_its_revision_are_two_periods():
    plan = make_plan(triggers=[RULE])
    raise_in(plan, "")
    plan.revision = 2
    plan.save()
    raise_in(plan, "")
    assert cases(plan).count() == 1


def test_a_good_measurement_starts_the_count_again():
    plan = make_plan(triggers=[RULE])
    raise_in(plan, "Q1")
    triggers.clear(plan, {"negative-roi"})
    raise_in(plan, "Q2")
    assert cases(plan).count() == 0


def test_another_program_counts_for_itself():
    raise_in(make_plan(triggers=[RULE]), "Q1")
    other = make_plan(triggers=[RULE])
    raise_in(other, "Q2")
    assert cases(other).count() == 0


def test_a_rule_that_says_so_pulls_the_ripcord():
    plan = make_plan(triggers=[RULE | {"breaches": 1, "pulls_ripcord": True}])
    raise_in(plan, "Q1")
    plan.refresh_from_db()
    assert (plan.state, plan.pulls.get().trigger) == ("held", "negative-roi")
