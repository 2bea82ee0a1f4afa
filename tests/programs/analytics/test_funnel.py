import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control
from statsmodels.stats.proportion import proportions_ztest

from programs.analytics.estimate import Unavailable
from programs.analytics.funnel import (
    STAGES,
    FunnelCounts,
    closes_by_itself,
    drop_offs,
    rate_difference,
    steps,
    total_funnel,
    two_proportion_p,
)

funnels = st.builds(
    lambda counts, revenue: FunnelCounts(tuple(sorted(counts, reverse=True)), revenue),
    st.lists(st.integers(0, 5000), min_size=len(STAGES), max_size=len(STAGES)),
    st.floats(0, 1e6),
)
GROUPS = {
    "email": FunnelCounts((1000, 600, 360, 240, 160, 80, 80), 8000.0),
    "in_app": FunnelCounts((1000, 600, 360, 240, 60, 30, 30), 3000.0),
    "link": FunnelCounts((1000, 590, 355, 236, 157, 78, 78), 7800.0),
    "tiny": FunnelCounts((5, 5, 5, 5, 5, 5, 5), 500.0),
}


def test_rates_carry_their_counts_and_wilson_bounds():
    rate = steps(FunnelCounts((40, 31, 10, 5, 2, 1, 0)))[0].rate
    assert (rate.numerator, rate.denominator) == (31, 40)
    assert (rate.low, rate.high) == (pytest.approx(0.6250, abs=5e-5), pytest.approx(0.8768, abs=5e-5))


def test_an_empty_stage_has_no_rate():
    assert isinstance(steps(FunnelCounts((3, 0, 0, 0, 0, 0, 0)))[1].rate, Unavailable)


@pytest.mark.parametrize("counts", [(1, 2, 0, 0, 0, 0, 0), (1, 1), (0, 0, 0, 0, 0, 0, -1)])
def test_stages_that_do_not_nest_are_refused(counts):
    with pytest.raises(ValueError):
        FunnelCounts(counts)


def test_the_broken_step_is_the_dearest_and_significant():
    worst = drop_offs(GROUPS)[0]
    assert (worst.group, worst.source, worst.target, worst.best_group) == (
        "in_app", "qualified", "pipeline", "email",
    )  # fmt: skip
    # 240 qualified × (160/240 − 60/240) × 30/60 won of the pipeline × 100 a win
    assert worst.extra_won == pytest.approx(50)
    assert worst.value == pytest.approx(5000)
    assert worst.significant


def test_a_tiny_group_is_neither_judged_nor_a_yardstick():
    found = drop_offs(GROUPS)
    assert "tiny" not in {drop.group for drop in found} | {drop.best_group for drop in found}


def test_one_group_has_nothing_to_compare_with():
    assert isinstance(drop_offs({"email": GROUPS["email"]}), Unavailable)


def test_a_group_below_the_best_but_not_below_the_others_is_not_beyond_chance():
    groups = {
        "lucky": FunnelCounts((300, 270, 0, 0, 0, 0, 0)),
        "usual": FunnelCounts((300, 160, 0, 0, 0, 0, 0)),
        "broken": FunnelCounts((9000, 3000, 0, 0, 0, 0, 0)),
    }
    judged = {
        drop.group: (drop.p_value, drop.significant) for drop in drop_offs(groups) if drop.source == "invites"
    }
    assert judged["usual"] == (1.0, False)
    assert judged["broken"][1]


def test_q_values_are_benjamini_hochberg():
    found = drop_offs(GROUPS)
    expected = false_discovery_control([drop.p_value for drop in found])
    assert [drop.q_value for drop in found] == pytest.approx(expected.tolist())


def test_two_proportions():
    assert two_proportion_p(14, 28, 16, 30) == pytest.approx(proportions_ztest([14, 16], [28, 30])[1])
    assert two_proportion_p(5, 5, 9, 9) == 1.0


def test_newcombe_published_interval():
    # Newcombe 1998, table II (a): 56/70 − 48/80, method 10.
    found = rate_difference(56, 70, 48, 80)
    assert (found.low, found.high) == (pytest.approx(0.0524, abs=5e-5), pytest.approx(0.3339, abs=5e-5))


@given(st.lists(funnels, min_size=1, max_size=6))
def test_totals_are_the_sum_over_groups(groups):
    total = total_funnel(groups)
    assert total.counts == tuple(map(sum, zip(*(group.counts for group in groups), strict=True)))
    assert total.revenue == pytest.approx(sum(group.revenue for group in groups))


@given(st.dictionaries(st.sampled_from("abcdef"), funnels, min_size=2))
def test_the_order_of_groups_changes_nothing(groups):
    assert drop_offs(groups) == drop_offs(dict(reversed(groups.items())))


def test_what_closes_by_itself_is_what_closes_in_worlds_where_nobody_does_anything():
    """The worst of ten partners is picked in one window and looked at again in the next."""
    rng, expected, closed = np.random.default_rng(6), [], []
    for _ in range(600):
        true = rng.normal(0.2, 0.02, 10)
        now, later = rng.binomial(150, true, (2, 10)) / 150
        worst = now.argmin()
        gap = now.mean() - now[worst]
        expected.append(closes_by_itself(gap, (now[worst] * (1 - now[worst]) / 150) ** 0.5))
        closed.append(gap - (later.mean() - later[worst]))
    assert 0 < np.mean(expected) <= 1.1 * np.mean(closed)
    assert closes_by_itself(0.0, 0.1) == 0
    assert closes_by_itself(0.02, 0.05) == 0.02
