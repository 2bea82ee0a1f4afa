import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from programs.analytics.drift import DriftBand, mix_drift
from programs.analytics.estimate import Unavailable

counts = st.lists(st.integers(1, 10_000), min_size=3, max_size=3)


def test_index_is_the_sum_over_groups_of_the_textbook_term():
    found = mix_drift([500, 300, 200], [400, 300, 300])
    by_hand = (0.4 - 0.5) * np.log(0.4 / 0.5) + (0.3 - 0.2) * np.log(0.3 / 0.2)
    assert found.index == pytest.approx(by_hand)
    assert found.contributions.sum() == pytest.approx(by_hand)
    assert (found.band, found.smoothed) == (DriftBand.STABLE, False)


@pytest.mark.parametrize(
    "after, band",
    [([50, 50], DriftBand.STABLE), ([70, 30], DriftBand.MODERATE), ([80, 20], DriftBand.MAJOR)],
)
def test_bands_follow_the_rule_of_thumb(after, band):
    assert mix_drift([50, 50], after).band is band


def test_an_empty_group_in_one_window_is_smoothed_and_finite():
    found = mix_drift([50, 50, 0], [50, 40, 10])
    assert found.smoothed
    assert 0 < found.index < 1


def test_a_group_empty_in_both_windows_changes_nothing():
    assert mix_drift([50, 0, 50], [60, 0, 40]).index == pytest.approx(mix_drift([50, 50], [60, 40]).index)
    assert mix_drift([50, 0, 50], [60, 0, 40]).contributions[1] == 0


@pytest.mark.parametrize("before, after", [([0, 0], [1, 2]), ([1, 2], [0, 0]), ([5, 0], [7, 0])])
def test_windows_that_hold_no_mix_say_so(before, after):
    assert isinstance(mix_drift(before, after), Unavailable)


@pytest.mark.parametrize("before, after", [([1, 2], [1]), ([1, -2], [1, 2]), ([[1, 2]], [[1, 2]])])
def test_counts_that_do_not_fit_are_refused(before, after):
    with pytest.raises(ValueError):
        mix_drift(before, after)


@given(counts, counts)
def test_drift_is_symmetric_and_never_negative(before, after):
    forth, back = mix_drift(before, after), mix_drift(after, before)
    assert forth.index == pytest.approx(back.index)
    assert forth.index >= -1e-12


@given(counts)
def test_an_unchanged_mix_has_no_drift(before):
    found = mix_drift(before, [3 * count for count in before])
    assert found.index == pytest.approx(0, abs=1e-12)
    assert found.p_value == pytest.approx(1)


@given(counts, counts, st.permutations(range(3)))
def test_drift_does_not_depend_on_the_order_of_groups(before, after, order):
    shuffled = mix_drift([before[i] for i in order], [after[i] for i in order])
    assert shuffled.index == pytest.approx(mix_drift(before, after).index)


def test_p_value_holds_its_level_where_nothing_changed():
    generator = np.random.default_rng(4)
    windows = generator.multinomial(2000, [0.6, 0.25, 0.1, 0.05], (2000, 2))
    alarms = sum(mix_drift(*pair).p_value < 0.05 for pair in windows)
    assert 70 <= alarms <= 130  # 100 expected, standard deviation 9.7
