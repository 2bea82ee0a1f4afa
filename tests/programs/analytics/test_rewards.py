import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from programs.analytics.assumptions import LoyaltyAssumptions
from programs.analytics.estimate import Unavailable
from programs.analytics.loyalty_finance import LoyaltyModel
from programs.analytics.rewards import (
    POOL_SPLITS,
    Mission,
    ProgramStructure,
    RewardBasis,
    design_rewards,
    parse_structure,
)

SPEND = np.random.default_rng(11).lognormal(4, 1.2, 2000)
THRESHOLDS = (0.0, 150.0, 400.0)
MODEL = LoyaltyModel(LoyaltyAssumptions(), np.full(36, 15_000.0))


def design(value_rate, text="3", missions=(), **more):
    structure = parse_structure(text)
    return design_rewards(
        SPEND, THRESHOLDS[: structure.tiers], structure, MODEL, value_rate, missions=missions, **more
    )


@pytest.mark.parametrize(
    ("text", "kind", "tiers"),
    [
        ("3", RewardBasis.TIERS, 3),
        ("1", RewardBasis.POINTS_ONLY, 1),
        ("points-only", RewardBasis.POINTS_ONLY, 1),
        ("Hybrid", RewardBasis.HYBRID, 3),
        ("missions", RewardBasis.MISSIONS, 1),
    ],
)
def test_tiers_take_a_number_or_a_kind(text, kind, tiers):
    assert parse_structure(text) == ProgramStructure(kind, tiers)


@pytest.mark.parametrize("text", ["0", "7", "gold", ""])
def test_other_structures_are_refused_with_what_is_accepted(text):
    with pytest.raises(ValueError, match="points-only, hybrid, missions"):
        parse_structure(text)


@pytest.mark.parametrize("kind", list(RewardBasis))
def test_every_pool_is_split_completely(kind):
    split = POOL_SPLITS[kind]
    assert split.points + split.missions + split.surprise == pytest.approx(1)


@settings(max_examples=25)
@given(st.floats(0.001, 0.03), st.floats(1, 3), st.sampled_from(["1", "3", "hybrid", "missions"]))
def test_the_parts_add_up_to_the_pool_of_the_reward_and_a_bigger_reward_earns_no_less(rate, factor, kind):
    small, large = design(rate, kind), design(rate * factor, kind)
    for found in (small, large):
        of_tiers = sum(tier.points_cost + tier.benefit_cost for tier in found.tiers)
        assert of_tiers + found.missions_pool + found.surprise_pool == pytest.approx(found.pool)
        assert found.pool == pytest.approx(MODEL.pool(found.value_rate))
        assert sum(tier.spend for tier in found.tiers) == pytest.approx(MODEL.base)
    assert small.base_points_per_unit <= large.base_points_per_unit
    assert small.value_rate <= rate * (1 + 1e-9)


def test_what_the_rates_cost_is_what_the_tiers_cost():
    """Points per unit × spend of those enrolled, the lift included × redeemed × cost of a point."""
    found, known = design(0.015), MODEL.assumptions
    for tier in found.tiers:
        issued = tier.points_per_unit * tier.spend * known.enrolment.mean * (1 + found.lift)
        assert tier.points_cost == pytest.approx(
            issued * known.redemption_rate.mean * known.cost_per_point.mean
        )


def test_higher_tiers_earn_faster():
    assert [tier.multiplier for tier in design(0.015).tiers] == [1, 1.25, 1.5]


def test_benefits_cost_what_they_cost_and_not_a_slice_of_the_pool():
    costs = (0.0, 0.2, 0.5)
    small, large = (design(rate, perk_cost=lambda n, most: costs[n]) for rate in (0.015, 0.03))
    enrolment = MODEL.assumptions.enrolment.mean
    for found in (small, large):
        assert [tier.benefit_per_member for tier in found.tiers] == list(costs)
        for tier, cost in zip(found.tiers, costs, strict=True):
            assert tier.benefit_cost == pytest.approx(cost * tier.profile.members * enrolment)
    assert large.pool > 1.5 * small.pool


def test_what_benefits_take_is_missing_in_points_and_all_parts_add_up():
    plain, costed = design(0.015), design(0.015, perk_cost=lambda n, most: min(0.4 * n, most))
    assert costed.base_points_per_unit < plain.base_points_per_unit
    assert costed.pool == pytest.approx(plain.pool, rel=0.01)
    for found in (plain, costed):
        of_tiers = sum(tier.points_cost + tier.benefit_cost for tier in found.tiers)
        assert of_tiers + found.surprise_pool == pytest.approx(found.pool)
        assert found.pool == pytest.approx(MODEL.pool(found.value_rate))
        known = MODEL.assumptions
        for tier in found.tiers:
            issued = tier.points_per_unit * tier.spend * known.enrolment.mean * (1 + found.lift)
            cost = issued * known.redemption_rate.mean * known.cost_per_point.mean
            assert tier.points_cost == pytest.approx(cost)


def test_benefits_are_told_what_they_may_cost_at_most():
    asked = {}
    found = design(0.015, perk_cost=lambda n, most: asked.setdefault(n, most))
    assert asked[2] == pytest.approx(3 * asked[0])
    assert sum(tier.benefit_cost for tier in found.tiers) == pytest.approx(0.5 * 0.95 * found.pool, rel=0.02)


def test_no_reward_is_a_design_without_rewards():
    found = design(0.0)
    assert (found.pool, found.base_points_per_unit, found.lift) == (0, 0, 0)


def test_where_nobody_reaches_a_higher_tier_points_carry_the_whole_pool():
    alike = design_rewards(np.full(50, 10.0), THRESHOLDS, parse_structure("3"), MODEL, 0.01)
    assert sum(tier.points_cost for tier in alike.tiers) == pytest.approx(0.95 * alike.pool)


def test_missions_are_priced_by_their_expected_completions():
    few = design(0.01, "missions", [Mission("second purchase", 500)])
    many = design(0.01, "missions", [Mission("second purchase", 1000)])
    assert few.points_per_mission == pytest.approx(2 * many.points_per_mission, rel=0.01)
    assert few.base_points_per_unit == 0


def test_missions_without_completions_cannot_be_priced():
    assert isinstance(design(0.01, "missions").points_per_mission, Unavailable)


def test_thresholds_must_fit_the_structure():
    with pytest.raises(ValueError, match="as many thresholds"):
        design_rewards(SPEND, (0.0,), parse_structure("3"), MODEL, 0.01)
