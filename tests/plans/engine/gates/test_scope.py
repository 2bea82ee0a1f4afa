"""What exactly a gate approves, how far what stands there lies from it, and why a task must not start."""

import pytest

from gtm.core.fsm import perform
from gtm.core.governed import open_door
from plans.engine.gates.scope import (
    ancestors,
    drift,
    scope_of,
    structure_digest,
    structure_of,
    why_not_approved,
)
from plans.models import TaskKind
from plans.schemas.rules import gate_rules
from tests.factories import LADDER, PersonFactory, RoleFactory, gate, make_plan, make_task, round_of

pytestmark = pytest.mark.usefixtures("acting")


def dollars(amount):
    return {"amount": amount, "currency": "USD"}


def approved(vote, *gates, **fields):
    """A plan whose first gate is approved, and that approval."""
    finance = PersonFactory(roles=["finance"])
    plan = make_plan(*gates, **fields)
    vote(finance, round_of(plan))
    plan.refresh_from_db()
    return plan, round_of(plan)


def edit(plan, **fields):
    for name, value in fields.items():
        setattr(plan, name, value)
    plan.save()


# ------------------------------------------------------------------ structure


def test_a_structure_says_who_does_what_after_what_and_within_which_limits():
    asked = gate()
    plan = make_plan(asked)
    sends = make_task(plan, 5, "send", TaskKind.AUTOMATED, fallback_agent=RoleFactory(slug="stand-in"))
    sends.needs.set(plan.tasks.filter(key__in=["work", "sign-off"]))
    row = {"max_retries": 2, "agent": "strategist", "fallback_agent": None}
    assert structure_of(plan) == {
        "tasks": [
            row | {"task_id": "1", "key": "work", "kind": "automated", "needs": []},
            row | {"task_id": "2", "key": "sign-off", "kind": "gate", "needs": ["1"]},
            row | {"task_id": "5", "key": "send", "kind": "automated", "needs": ["1", "2"]}
            | {"fallback_agent": "stand-in"},
            row | {"task_id": "9", "key": "publish", "kind": "human", "needs": ["2"]},
        ],
        "gates": [asked],
        "ladder": LADDER,
        "ladder_repeats": None,
        "triggers": [],
        "max_retries": 2,
    }  # fmt: skip


def test_what_was_done_moves_no_structure_and_another_need_does():
    plan = make_plan()
    before = structure_digest(plan)
    perform(plan.tasks.get(key="publish"), "cancel")
    assert structure_digest(plan) == before
    plan.tasks.get(key="publish").needs.add(plan.tasks.get(key="work"))
    assert structure_digest(plan) != before


def test_ancestors_are_all_on_a_path_in_the_order_of_the_plan_and_nobody_else():
    plan = make_plan(gate(), gate(key="second"))
    make_task(plan, 10, "apart", TaskKind.HUMAN)
    found = {
        key: [t.key for t in ancestors(plan.tasks.get(key=key))] for key in ("publish", "second", "work")
    }
    assert found == {"publish": ["work", "sign-off", "second"], "second": ["work"], "work": []}
    assert list(ancestors(plan.tasks.get(key="publish"), {})) == []


# ------------------------------------------------------------------ scope


@pytest.mark.parametrize(
    ("named", "found"),
    [
        ([], {"budget": dollars("100"), "design": {"points": "100"}}),
        (["design"], {"design": {"points": "100"}}),
        (["budget", "nowhere"], {"budget": dollars("100"), "nowhere": None}),
    ],
)
def test_a_scope_is_what_it_names_or_all_there_is_before_the_gate(named, found):
    plan = make_plan(gate(scope=named))
    make_task(plan, 10, "later", TaskKind.HUMAN, output_var="afterthought")
    plan.tasks.get(key=gate()["key"]).needs.add(make_task(plan, 3, "makes nothing", TaskKind.HUMAN))
    assert scope_of(plan, gate_rules(gate(scope=named))) == found


def test_what_a_gate_before_said_is_no_content_of_the_next():
    plan = make_plan(gate(), gate(key="second", scope=[]))
    first, second = plan.tasks.get(key="sign-off"), plan.tasks.get(key="second")
    first.output_var = "said"
    first.save()
    second.needs.add(first)
    assert set(scope_of(plan, gate_rules(gate(key="second", scope=[])))) == {"budget", "design"}


# ------------------------------------------------------------------ drift

TOLERANT = {"budget": 0.05, "reserve": 0.5}


@pytest.mark.parametrize(
    ("changed", "outside"),
    [
        ({}, ()),
        ({"inputs": {"budget": dollars("105")}, "amount": 105}, ()),
        ({"inputs": {"budget": dollars("105.01")}, "amount": 105}, ("budget.amount",)),
        ({"amount": 106}, ("amount",)),
        ({"currency": "EUR"}, ("currency",)),
    ],
)
def test_the_amount_of_a_plan_moves_as_far_as_the_input_it_is(vote, changed, outside):
    plan, approval = approved(vote, gate(scope=["budget"], tolerances=TOLERANT), amount=100, currency="USD")
    edit(plan, **changed)
    assert drift(approval) == outside


@pytest.mark.parametrize(
    ("inputs", "amount", "outside"),
    [
        ({"budget": dollars("100"), "reserve": dollars("100")}, 150, ()),
        ({"budget": dollars("100"), "reserve": dollars("20")}, 150, ("amount",)),
        ({"budget": dollars("90"), "reserve": dollars("20")}, 101, ("amount",)),
        ({"budget": {"amount": "100"}, "reserve": {"currency": "USD"}}, 101, ("amount",)),
        ({"budget": "100", "reserve": None}, 101, ("amount",)),
    ],
)
def test_an_amount_that_is_no_tolerant_input_does_not_move(vote, inputs, amount, outside):
    asked = gate(scope=["budget", "reserve"], tolerances=TOLERANT)
    plan, approval = approved(vote, asked, amount=100, currency="USD", inputs=inputs)
    edit(plan, amount=amount)
    assert drift(approval) == outside


def test_an_amount_that_is_an_input_without_a_tolerance_does_not_move(vote):
    plan, approval = approved(vote, gate(scope=["budget"]), amount=100, currency="USD")
    edit(plan, amount=101)
    assert drift(approval) == ("amount",)


def test_a_plan_without_an_amount_does_not_come_by_one(vote):
    plan, approval = approved(
        vote, gate(scope=["budget"], tolerances=TOLERANT), inputs={"budget": dollars("n/a")}
    )
    assert drift(approval) == ()
    edit(plan, amount=1)
    assert drift(approval) == ("amount",)


# ------------------------------------------------------------------ why a task must not start


def test_a_task_starts_behind_an_approval_of_this_very_content(vote):
    plan, _ = approved(vote)
    publish = plan.tasks.get(key="publish")
    assert why_not_approved(publish) is None
    edit(plan, inputs={"budget": dollars("101")}, amount=1)
    assert why_not_approved(plan.tasks.get(key="publish")) == (
        "amount, budget.amount differ from what Sign-off approved."
    )


def test_a_task_behind_an_open_gate_names_the_gate():
    plan = make_plan()
    assert (
        why_not_approved(plan.tasks.get(key="publish"))
        == f"{plan.tasks.get(key='sign-off')} is not approved."
    )
    assert why_not_approved(plan.tasks.get(key="work")) is None


def test_a_gate_that_says_done_without_a_standing_approval_is_not_believed(vote):
    plan, approval = approved(vote)
    perform(approval, "supersede", comment="Withdrawn.")
    assert (
        why_not_approved(plan.tasks.get(key="publish"))
        == f"{plan.tasks.get(key='sign-off')} is not approved."
    )


def test_a_gate_that_is_open_again_is_not_believed_although_its_approval_stands(vote):
    plan, approval = approved(vote)
    with open_door():
        plan.tasks.filter(key="sign-off").update(state="pending")
    assert (approval.state, why_not_approved(plan.tasks.get(key="publish"))) == (
        "approved",
        f"{plan.tasks.get(key='sign-off')} is not approved.",
    )


def test_a_plan_that_was_rebuilt_does_not_start(vote):
    plan, _ = approved(vote)
    edit(plan, declaration=plan.declaration | {"max_retries": 9})
    assert why_not_approved(plan.tasks.get(key="publish")) == (
        "The structure of the plan differs from what was accepted."
    )
