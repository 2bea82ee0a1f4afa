import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from programs.analytics.assumptions import NOT_ENTERED, STATED, Assumption, LoyaltyAssumptions

corners = st.lists(st.floats(-100, 100), min_size=3, max_size=3).map(sorted)


@given(corners, st.integers(0, 1000))
def test_draws_stay_inside_the_range(ends, seed):
    draws = Assumption("x", *ends, unit="").sample(np.random.default_rng(seed), 50)
    assert (ends[0] - 1e-9 <= draws).all()
    assert (draws <= ends[2] + 1e-9).all()


def test_the_sample_mean_is_the_pert_mean():
    assumption = Assumption("lift", 0.04, 0.12, 0.25, "share")
    draws = assumption.sample(np.random.default_rng(1), 200_000)
    assert draws.mean() == pytest.approx(assumption.mean, abs=2e-4)


def test_the_nodes_of_a_range_have_its_mean_and_spread_and_a_known_value_is_one_node():
    assumption = Assumption("half", 0.01, 0.02, 0.04, "share")
    at, weight = assumption.nodes()
    draws = assumption.sample(np.random.default_rng(1), 400_000)
    assert weight.sum() == pytest.approx(1)
    assert weight @ at == pytest.approx(assumption.mean)
    assert weight @ np.sqrt(at) == pytest.approx(np.sqrt(draws).mean(), rel=1e-3)
    at, weight = Assumption.known("half", 0.02, "share", "test").nodes()
    assert (at.tolist(), weight.tolist()) == ([0.02], [1.0])


def test_a_range_out_of_order_is_refused():
    with pytest.raises(ValueError, match="does not hold"):
        Assumption("x", 2, 1, 3, "")


def test_a_known_value_has_no_range_and_is_not_a_stated_assumption():
    known = Assumption.known("margin", 0.4, "share", "finance ledger 2026")
    assert known.sample(np.random.default_rng(1), 3).tolist() == [0.4, 0.4, 0.4]
    assert not known.is_stated


def test_every_default_is_labelled_as_stated_and_no_amount_of_money_is_made_up():
    table = LoyaltyAssumptions().table()
    assert {each.source for each in table} == {STATED, NOT_ENTERED}
    not_entered = [each for each in table if each.source == NOT_ENTERED]
    assert [(each.name, each.mode) for each in not_entered] == [("platform_cost", 0), ("launch_cost", 0)]


def test_a_measured_value_is_drawn_by_its_error_and_kept_inside_its_bounds():
    lift = Assumption("lift", -0.1, 0.1, 0.3, "", "test", standard_error=0.1, floor=0.0)
    draws = lift.sample(np.random.default_rng(1), 100_000)
    assert (lift.mean, draws.min()) == (0.1, 0.0)
    assert np.quantile(draws, 0.975) == pytest.approx(0.296, abs=0.005)


@pytest.mark.parametrize("ends", [(-0.05, 0.30), (0.0, 0.14), (0.05, 0.60)])
def test_a_measured_value_is_drawn_as_uneven_as_its_interval(ends):
    low, high = ends
    lift = Assumption(
        "lift", low, 0.1, high, "", "test", standard_error=(high - low) / 2 / 1.959964, floor=-0.95
    )
    draws = lift.sample(np.random.default_rng(1), 400_000)
    assert np.quantile(draws, [0.025, 0.5, 0.975]) == pytest.approx([low, 0.1, high], abs=0.004)
    assert draws.mean() == pytest.approx(lift.mean, abs=0.001)


def test_a_wider_interval_that_holds_at_every_look_is_drawn_by_its_error():
    always = Assumption("lift", -0.2, 0.1, 0.7, "", "test", standard_error=0.9 / 2 / 3.5, floor=-0.95)
    draws = always.sample(np.random.default_rng(1), 400_000)
    assert np.quantile(draws, 0.975) == pytest.approx(0.1 + 1.96 * 0.6 / 3.5, abs=0.004)


@pytest.mark.parametrize("value", [0.4, -0.4, 0.0])
def test_a_range_around_a_value_holds_it_whatever_its_sign(value):
    around = Assumption.around("margin", value, 0.1, "", "settings", ceiling=1.0)
    assert around.low <= around.mode == value <= around.high
