import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from programs.analytics.assumptions import STATED, Assumption, LoyaltyAssumptions

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


def test_a_range_out_of_order_is_refused():
    with pytest.raises(ValueError, match="does not hold"):
        Assumption("x", 2, 1, 3, "")


def test_a_known_value_has_no_range_and_is_not_a_stated_assumption():
    known = Assumption.known("margin", 0.4, "share", "finance ledger 2026")
    assert known.sample(np.random.default_rng(1), 3).tolist() == [0.4, 0.4, 0.4]
    assert not known.is_stated


def test_every_default_is_labelled_as_stated():
    assert {each.source for each in LoyaltyAssumptions().table()} == {STATED}
