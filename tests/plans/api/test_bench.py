"""The policy bench over REST: nothing is stored, whoever asks and whatever they propose."""

import pytest
from django.conf import settings

from gtm.core.actors import REST, Actor, acting_as
from plans.engine.gates import rounds
from tests.doors import INPUTS, fields, start, stored, url, user
from tests.factories import gate, make_plan, round_of, seat

ASK = url("commands/plan-loyalty/approvers/")
REPLAY = url("commands/plan-loyalty/gates/finance-approval/replay/")


def seats_of(response):
    return {asked["gate"]: [seat["role"] for seat in asked["seats"]] for asked in response.json()}


def test_who_would_have_to_approve_a_run_is_answered_without_storing_it(ops):
    before = stored(settings.GTM_DATA_DIR)
    response = ops.post(ASK, {"inputs": INPUTS}, format="json")
    assert response.status_code == 200
    assert all(asked["people"] and not asked["missing"] for asked in response.json())
    assert stored(settings.GTM_DATA_DIR) == before


def test_the_bench_of_a_proposal_is_the_bench_of_the_plan_started_from_it(ops):
    proposed = ops.post(ASK, {"inputs": INPUTS}, format="json").json()
    assert ops.get(url(f"plans/{start().plan_id}/approvers/")).json() == proposed


def test_a_condition_asks_for_its_seat_at_the_amount_proposed(ops):
    little = ops.post(ASK, {"inputs": INPUTS | {"budget": "100"}}, format="json")
    much = ops.post(ASK, {"inputs": INPUTS | {"budget": "900000"}}, format="json")
    assert seats_of(little) != seats_of(much)


def test_inputs_that_would_not_start_are_refused_with_every_problem(ops):
    response = ops.post(ASK, {"inputs": {"goal": "fame", "tiers": 3}}, format="json")
    assert (response.status_code, sorted(fields(response))) == (400, ["budget", "goal"])


@pytest.fixture
def past(site):
    """A round at the finance gate that one vote approved."""
    with acting_as(Actor.system("Test")):
        fields = {"plugin": "loyalty-lifecycle-orchestration", "command": "plan-loyalty"}
        plan = make_plan(gate(seat("finance"), key="finance-approval"), **fields)
    with acting_as(Actor.of_user(user("finance"), REST, interactive=True)):
        rounds.decide(round_of(plan, "finance-approval"), "approve", comment="Yes.")
    return plan


def replay(client, *seats, **rest):
    return client.post(REPLAY, {"seats": list(seats), **rest}, format="json")


def test_a_proposed_policy_is_held_against_past_votes(ops, past):
    before = stored(settings.GTM_DATA_DIR)
    same, stricter = (replay(ops, {"role": "finance", "minimum": n}).json() for n in (1, 2))
    assert (same["differing"], stricter["differing"]) == (0, 1)
    assert stricter["rounds"] == [
        {
            "plan": past.plan_id,
            "gate": "finance-approval",
            "round": 1,
            "was": "approved",
            "would_be": "unsatisfiable",
            "seats_before": ["1 × finance"],
            "seats_after": ["2 × finance"],
            "missing": ["finance"],
            "differs": True,
        }
    ]
    assert stored(settings.GTM_DATA_DIR) == before


def test_a_policy_that_is_none_is_refused_seat_by_seat(ops, past):
    response = replay(ops, {"role": "finance", "minimum": 0}, {"role": "ghost"})
    assert (response.status_code, fields(response)) == (400, ["seats.0.minimum", "seats.1.role"])


def test_past_votes_are_for_operations_and_auditors(as_, past):
    found = {
        name: replay(as_(name), {"role": "finance"}).status_code for name in ("ops", "auditor", "finance")
    }
    assert found == {"ops": 200, "auditor": 200, "finance": 403}


def test_a_gate_the_command_has_not_is_404_and_names_those_it_has(ops):
    response = ops.post(url("commands/plan-loyalty/gates/door/replay/"), {"seats": []}, format="json")
    assert (response.status_code, fields(response)) == (404, ["gate"])
