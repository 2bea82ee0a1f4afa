"""A published blueprint and its withdrawal: the catalogue is again what it was, row by row."""

from datetime import UTC, datetime, timedelta

import pytest

from gtm.core.actors import Actor, acting_as
from gtm.core.clock import standing_at
from programs.models import Benefit, LifecycleTrigger, Tier
from programs.services import publish_loyalty_blueprint, withdraw_loyalty_blueprint
from tests.factories import ProgramFactory

START = datetime(2026, 3, 2, tzinfo=UTC)
TRIGGER = {
    "stage": "win-back",
    "event": "e",
    "entry_rule": "r",
    "action": "a",
    "channel": "mail",
    "owner_role": "",
}


def blueprint(*thresholds, keys=("lapsed",), perks=("Samples",)):
    tiers = [
        {
            "rank": n,
            "name": f"Tier {n}",
            "threshold": t,
            "multiplier": n,
            "perks": perks,
            "benefit_per_member": 4,
        }
        for n, t in enumerate(thresholds, 1)
    ]
    return {"tiers": tiers, "triggers": [{"key": key, **TRIGGER} for key in keys], "surprise": "Birthday"}


@pytest.fixture
def program(db):
    with acting_as(Actor.system("Test")):
        yield ProgramFactory()


def at(day):
    return standing_at(START + timedelta(days=day))


def publish(program, day, plan, *thresholds, **rest):
    with at(day):
        publish_loyalty_blueprint(program, blueprint(*thresholds, **rest), from_plan=plan)


def catalogue(program):
    tiers = Tier.objects.filter(program=program)
    return (
        sorted(tiers.values_list("pk", "rank", "threshold", "earn_multiplier", "from_plan")),
        sorted(Benefit.objects.filter(tier__program=program).values_list("pk", "tier", "name", "unit_cost")),
        sorted(LifecycleTrigger.objects.filter(program=program).values_list("pk", "key", "from_plan")),
    )


@pytest.mark.parametrize(
    ("thresholds", "rest"),
    [
        ((0, 150), {}),
        ((0, 100, 300), {"keys": ("lapsed", "vip")}),
        ((0,), {"keys": ("vip",), "perks": ("Early access", "Samples")}),
    ],
    ids=["changed", "more", "fewer and others"],
)
def test_a_withdrawn_blueprint_leaves_what_the_one_before_it_published(program, thresholds, rest):
    publish(program, 0, "plan-1", 0, 100)
    before = catalogue(program)
    publish(program, 1, "plan-2", *thresholds, **rest)
    assert catalogue(program) != before
    with at(2):
        withdraw_loyalty_blueprint(program, from_plan="plan-2")
    assert catalogue(program) == before


def test_the_first_blueprint_withdrawn_leaves_nothing(program):
    publish(program, 0, "plan-1", 0, 100)
    withdraw_loyalty_blueprint(program, from_plan="plan-1")
    assert catalogue(program) == ([], [], [])


def test_what_another_plan_published_since_stays(program):
    publish(program, 0, "plan-1", 0, 100)
    publish(program, 1, "plan-2", 0, 150)
    before = catalogue(program)
    withdraw_loyalty_blueprint(program, from_plan="plan-1")
    assert catalogue(program) == before
