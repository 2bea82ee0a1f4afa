import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from programs.analytics.assumptions import LoyaltyAssumptions
from programs.analytics.estimate import Unavailable
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
ASSUMPTIONS = LoyaltyAssumptions()


def design(budget, text="3", missions=(), seed=5):
    structure = parse_structure(text)
    return design_rewards(
        SPEND,
        THRESHOLDS[: structure.tiers],
        structure,
        budget,
        ASSUMPTIONS,
        generator=np.random.default_rng(seed),
        missions=missions,
        draws=1000,
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
    assert split.points + split.benefits + split.missions + split.surprise == pytest.approx(1)


@settings(max_examples=25)
@given(st.floats(100, 1e6), st.floats(1, 3))
def test_a_larger_budget_never_lowers_the_earn_rate_and_never_is_exceeded(budget, factor):
    small, large = design(budget), design(budget * factor)
    assert small.base_points_per_unit <= large.base_points_per_unit
    assert small.pool <= budget * (1 + 1e-9)
    assert large.lift >= small.lift


def test_the_budget_is_used_up_to_rounding_where_no_cap_binds():
    assert design(2000).pool == pytest.approx(2000, rel=0.01)


def test_a_budget_beyond_the_highest_value_rate_stays_unspent():
    huge = design(1_000_000)
    assert huge.value_rate == ASSUMPTIONS.highest_value_rate
    assert huge.unspent > 900_000
    assert huge.overrun_probability.value == 0


def test_higher_tiers_earn_faster_and_only_they_have_benefits():
    tiers = design(2000).tiers
    assert [tier.multiplier for tier in tiers] == [1, 1.25, 1.5]
    assert tiers[0].benefit_per_member == 0
    assert tiers[2].benefit_per_member == pytest.approx(2 * tiers[1].benefit_per_member)


def test_an_expected_cost_at_the_budget_is_overrun_about_half_the_time_and_the_cautious_rate_is_lower():
    planned = design(2000)
    assert 0.3 < planned.overrun_probability.value < 0.6
    assert planned.cautious_points_per_unit < planned.base_points_per_unit


def test_missions_are_priced_by_their_expected_completions():
    few = design(2000, "missions", [Mission("second purchase", 500)])
    many = design(2000, "missions", [Mission("second purchase", 1000)])
    assert few.points_per_mission == pytest.approx(2 * many.points_per_mission, rel=0.01)
    assert few.base_points_per_unit == 0


def test_missions_without_completions_cannot_be_priced():
    assert isinstance(design(2000, "missions").points_per_mission, Unavailable)


def test_the_same_seed_gives_the_same_design():
    assert design(2000, seed=9) == design(2000, seed=9)


def test_thresholds_must_fit_the_structure():
    with pytest.raises(ValueError, match="as many thresholds"):
        design_rewards(
            SPEND, (0.0,), parse_structure("3"), 100, ASSUMPTIONS, generator=np.random.default_rng(1)
        )
