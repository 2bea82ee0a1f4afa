"""Sets of states are declared once, beside the states; who asks for one names it."""

import ast
from pathlib import Path

import pytest

from gtm.core import fsm
from plans import models as plans
from plans.cases.disputes import models as disputes
from plans.cases.fraud import models as fraud
from programs import models as programs

ROOT = Path(__file__).parents[2]
BESIDE_THE_STATES = ("plans/models/", "programs/models/")
STATE_MODULES = ("models.py", "machine.py", "machines.py")


def _is_beside_the_states(path):
    name = str(path.relative_to(ROOT))
    return name.startswith(BESIDE_THE_STATES) or path.name in STATE_MODULES or "/migrations/" in name


def _literal_sets(tree, states):
    """Lines with two states or more in a list, tuple or set, spelled out or by name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Tuple | ast.List | ast.Set) and len(node.elts) > 1:
            named = [e.attr.lower() for e in node.elts if isinstance(e, ast.Attribute) and _of_states(e)]
            spelled = [e.value for e in node.elts if isinstance(e, ast.Constant)]
            if len(named) + len(spelled) == len(node.elts) and {*named, *spelled} <= states:
                yield node.lineno


def _of_states(attribute):
    owner = ast.unparse(attribute.value)
    return owner.endswith(("State", "Outcome"))


def _all_states():
    return {state for machine in fsm.machines() for state in machine.states}


def test_no_set_of_states_is_spelled_out_beside_who_asks_for_it():
    states = _all_states()
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for top in ("plans", "programs", "gtm")
        for path in sorted((ROOT / top).rglob("*.py"))
        if not _is_beside_the_states(path)
        for line in _literal_sets(ast.parse(path.read_text()), states)
    ]
    assert found == []


@pytest.mark.parametrize(
    "text", ['["running", "blocked"]', '("ready", "suspended")', "{PlanState.FAILED, PlanState.HELD}"]
)
def test_the_check_would_see_one(text):
    assert [*_literal_sets(ast.parse(text), _all_states())] == [1]


@pytest.mark.parametrize(
    ("model", "names"),
    [
        (plans.Plan, [n for n in dir(plans) if n.endswith("_PLAN_STATES")]),
        (plans.Task, ["AT_WORK_STATES", "ASSIGNED_STATES", "CARRIED_OUT_STATES", "CLAIMABLE_STATES",
                      "COMPUTED_STATES",
                      "COMPUTING_STATES", "DEGRADED_STATES", "DONE_STATES", "FINAL_TASK_STATES",
                      "MOVING_STATES", "STUCK_STATES", "UNOPENED_STATES", "WAITING_STATES"]),
        (plans.Approval, ["ASKING_STATES", "DECIDABLE_STATES", "OPEN_APPROVAL_STATES", "POSTPONED_STATES",
                          "STANDING_STATES", "VOTED_STATES"]),
        (plans.Escalation, ["CLIMBING_STATES", "OPEN_CASE_STATES", "REACHED_STATES", "UNANSWERED_STATES"]),
        (plans.Notification, ["FAILING_STATES", "UNSENT_STATES"]),
        (programs.Program, [n for n in dir(programs) if n.endswith("_PROGRAM_STATES")]),
        (fraud.FraudCase, ["OPEN_FRAUD_STATES", "HOLDING_FRAUD_STATES"]),
        (disputes.Dispute, ["OPEN_DISPUTE_STATES"]),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)  # fmt: skip
def test_every_set_holds_states_of_its_machine_only(model, names):
    doors = (plans, programs, fraud, disputes)
    declared = {name: next(getattr(door, name) for door in doors if hasattr(door, name)) for name in names}
    known = set(fsm.machine_of(model).states)
    assert declared
    assert {name: found - known for name, found in declared.items() if found - known} == {}
