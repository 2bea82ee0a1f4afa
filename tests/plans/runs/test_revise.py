"""Another revision from what a person typed: validated as a whole, and back through the gates."""

from decimal import Decimal

import pytest

from gtm.core.actors import Actor, acting_as
from gtm.core.errors import GuardNotMet, InvalidInput
from plans.engine.gates import rounds
from plans.runs import registry, revise, start
from plans.schemas.declaration import ChecklistItem, Command, Gate, Rung, Seat, Stage, Step
from plans.schemas.inputs import Amount, Text
from tests.factories import PersonFactory, ProgramFactory, RoleFactory, round_of
from tests.plans.engine.conftest import actor_of

pytestmark = pytest.mark.django_db


def affordable(draft):
    return draft.amount <= 1000, f"{draft.amount} of 1000"


@pytest.fixture
def plan(monkeypatch):
    monkeypatch.setattr(registry, "_commands", {})
    gate = Gate(
        "sign-off", "Sign-off", "Go?", (Seat("finance"),), scope=("budget",), tolerances={"budget": 0.1}
    )
    command = registry.register(
        Command(
            plugin="test",
            name="spend",
            title="Spend",
            summary="Spends.",
            program_kind="loyalty",
            inputs=(Amount("budget", "Money", required=True), Text("note", "Why")),
            stages=(
                Stage(
                    "1",
                    "Gate",
                    "sequential",
                    (Step("1.1", "sign-off", "Sign-off", "finance", "", gate=gate),),
                ),
                Stage("2", "Do", "sequential", (Step("2.1", "do", "Do it", "ops", "", needs=("1.1",)),)),
            ),
            strategy="sequential",
            strategy_rationale="One thing after the other.",
            ladder=(Rung(("ops",)), Rung(("finance",)), Rung(("sponsor",))),
            objective=lambda inputs, program: f"Spend {inputs['budget']['amount']}",
            checklist=(ChecklistItem("affordable", "It can be paid", affordable),),
            amount_input="budget",
        )
    )
    with acting_as(Actor.system("Test")):
        for slug in ("ops", "sponsor"):
            RoleFactory(slug=slug)
        PersonFactory(name="Ann", roles=["finance"])
        program = ProgramFactory()
        yield start.start(start.prepare(command, {"budget": "100", "note": "two words"}, program))


def decide(plan, kind):
    ann = round_of(plan).plan.tasks.get(key="sign-off").agent.approvers.get().person
    with acting_as(actor_of(ann)):
        rounds.decide(round_of(plan), kind, comment="Because.")
    plan.refresh_from_db()


def test_an_answer_to_a_request_carries_everything_that_follows_from_the_new_input(plan):
    decide(plan, "request_changes")
    revise.revise(plan, {"budget": "200"}, comment="More.")
    assert (plan.revision, plan.amount, plan.objective) == (2, Decimal(200), "Spend 200")
    assert plan.inputs == {"budget": {"amount": "200", "currency": "USD"}, "note": "two words"}
    assert plan.usage == '/test:spend --budget 200 --note "two words"'
    assert round_of(plan).scope["budget"]["amount"] == "200"


@pytest.mark.parametrize(("budget", "rounds"), [("105", ["approved"]), ("120", ["superseded", "pending"])])
def test_a_running_plan_is_changed_within_and_beyond_tolerance(plan, budget, rounds):
    decide(plan, "approve")
    revise.change(plan, {"budget": budget}, comment="Costs more.")
    assert [a.state for a in plan.approvals.order_by("round")] == rounds


def test_inputs_that_are_wrong_change_nothing(plan):
    with pytest.raises(InvalidInput):
        revise.change(plan, {"budget": "-1"}, comment="Less.")
    plan.refresh_from_db()
    assert (plan.revision, plan.state) == (1, "running")


def test_a_change_that_the_checklist_does_not_pass_changes_nothing(plan):
    with pytest.raises(GuardNotMet):
        revise.change(plan, {"budget": "5000"}, comment="Much more.")
    plan.refresh_from_db()
    assert plan.revision == 1
