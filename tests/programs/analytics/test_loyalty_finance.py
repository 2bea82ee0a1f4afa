from dataclasses import replace

import numpy as np
import pytest

from programs.analytics.assumptions import Assumption, LoyaltyAssumptions
from programs.analytics.economics import incremental_margin
from programs.analytics.estimate import Unavailable
from programs.analytics.loyalty_finance import model_finances
from programs.analytics.rewards import design_rewards, parse_structure

SPEND = np.random.default_rng(11).lognormal(6.5, 1.0, 5000)
ASSUMPTIONS = LoyaltyAssumptions()


def finances(budget, assumptions=ASSUMPTIONS, spend=SPEND):
    design = design_rewards(
        spend, (0.0,), parse_structure("points-only"), budget, assumptions, generator=np.random.default_rng(1)
    )
    return model_finances(design, assumptions, generator=np.random.default_rng(2), draws=2000), design


def test_rewards_in_the_year_cost_the_designed_pool():
    model, design = finances(40_000)
    cost = float(model.year.reward_on_baseline + model.year.reward_on_incremental)
    assert cost == pytest.approx(design.pool)


def test_at_the_break_even_lift_the_year_nets_nothing():
    model, design = finances(40_000)
    reward_rate = design.pool / (design.enrolled_spend * (1 + design.lift))
    platform = ASSUMPTIONS.platform_cost.mean
    margin = ASSUMPTIONS.margin_rate.mean
    year = incremental_margin(
        design.enrolled_spend, margin, model.break_even_lift, reward_rate, 1, 1, platform
    )
    assert float(year.net) == pytest.approx(0, abs=1e-6)


def test_the_best_pool_earns_more_than_a_quarter_less_or_more():
    best = finances(40_000)[0].sustainable_pool.best
    nets = [float(finances(best * factor)[0].year.net) for factor in (0.75, 1.0, 1.25)]
    assert nets[1] == max(nets)


def test_a_budget_beyond_the_sustainable_pool_loses_money():
    highest = finances(40_000)[0].sustainable_pool.highest
    assert not finances(highest * 0.98)[0].is_negative
    assert finances(highest * 1.02)[0].is_negative


def test_a_positive_programme_pays_back_within_the_horizon():
    model, _ = finances(30_000)
    assert model.net_present_value > 0
    assert model.break_even_month >= model.payback_months
    assert model.cash_flows[: model.break_even_month + 1].sum() >= 0
    assert model.cash_flows[: model.break_even_month].sum() < 0


def test_a_base_too_small_never_breaks_even_and_says_so():
    model, _ = finances(5_000, spend=SPEND[:50])
    assert model.is_negative
    assert isinstance(model.break_even_month, Unavailable)
    assert isinstance(model.sustainable_pool, Unavailable)
    assert model.return_on_cost.probability_of_loss.value > 0.99


def test_a_measured_lift_no_longer_swings_the_outcome():
    known = replace(ASSUMPTIONS, maximum_lift=Assumption.known("maximum_lift", 0.12, "share", "holdout 2026"))
    bars = {bar.name: bar.swing for bar in finances(30_000, known)[0].return_on_cost.tornado}
    assert bars["maximum_lift"] == 0
    assert bars["margin_rate"] > 0


def test_the_same_seed_gives_the_same_risk():
    assert finances(30_000)[0].return_on_cost == finances(30_000)[0].return_on_cost
