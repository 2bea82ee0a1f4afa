"""Adjusted p values: the published example, statsmodels as the second opinion."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from programs.analytics.multiplicity import benjamini_hochberg, holm

# Benjamini and Hochberg 1995, table 1: the first four are found at a false discovery rate of 5 %.
THROMBOLYSIS = [
    .0001, .0004, .0019, .0095, .0201, .0278, .0298, .0344, .0459, .3240, .4262, .5719, .6528, .7590, 1,
]  # fmt: skip


def test_the_example_of_the_paper():
    assert [q <= 0.05 for q in benjamini_hochberg(THROMBOLYSIS)] == [True] * 4 + [False] * 11
    assert [p <= 0.05 for p in holm(THROMBOLYSIS)] == [True] * 3 + [False] * 12


@pytest.mark.parametrize(("ours", "theirs"), [(holm, "holm"), (benjamini_hochberg, "fdr_bh")])
@given(p_values=st.lists(st.floats(0, 1), min_size=1, max_size=40), alpha=st.sampled_from([0.01, 0.05, 0.2]))
def test_statsmodels_says_the_same(ours, theirs, p_values, alpha):
    rejected, adjusted, *_ = multipletests(p_values, alpha, theirs)
    assert ours(p_values) == tuple(adjusted.tolist())
    # At equality rounding may decide either way; everywhere else the verdicts are the same.
    verdicts = zip(ours(p_values), rejected.tolist(), strict=True)
    assert all((p <= alpha) == verdict for p, verdict in verdicts if abs(p - alpha) > 1e-12)


@pytest.mark.parametrize("adjust", [holm, benjamini_hochberg])
def test_nothing_is_adjusted_to_nothing_and_no_p_value_is_refused(adjust):
    assert adjust([]) == ()
    with pytest.raises(ValueError, match="between 0 and 1"):
        adjust([0.2, float("nan")])
