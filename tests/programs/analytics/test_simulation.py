import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from programs.analytics.assumptions import Assumption
from programs.analytics.simulation import draw, summarise, tornado

INPUTS = (Assumption("a", -1, 0, 1, ""), Assumption("b", -3, 0, 3, ""))


def total(inputs):
    return inputs["a"] + inputs["b"]


@given(st.integers(0, 2**32))
def test_the_same_seed_gives_the_same_result(seed):
    first, second = (summarise(total(draw(INPUTS, np.random.default_rng(seed), 200))) for _ in range(2))
    assert first == second


def test_percentiles_are_ordered_and_a_symmetric_model_loses_half_the_time():
    result = summarise(total(draw(INPUTS, np.random.default_rng(3))))
    assert result.p5 < result.p50 < result.p95
    assert abs(result.probability_of_loss - 0.5) < 0.02


def test_where_nothing_is_at_stake_there_is_no_loss():
    assert summarise(np.array([np.nan, np.nan])).probability_of_loss == 0


def test_the_tornado_puts_the_widest_swing_first():
    bars = tornado(total, INPUTS)
    assert [(bar.name, bar.at_low, bar.at_high) for bar in bars] == [("b", -3, 3), ("a", -1, 1)]
