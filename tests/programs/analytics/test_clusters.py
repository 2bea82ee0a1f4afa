"""Shares that come in clusters: worlds without any effect, whose false alarms are counted, and with one."""

import numpy as np
import pytest
from scipy.stats import norm

from programs.analytics.clusters import Clustered, difference_p, sign_flip_p
from programs.analytics.funnel import FunnelClusters, FunnelCounts, drop_offs


def made(rng, sizes, rates, group, groups):
    """A funnel of one step for referrers of ``sizes`` in groups: counts and clusters."""
    passed = rng.binomial(sizes, rates)
    counts = np.zeros((len(sizes), 7), dtype=np.int64)
    counts[:, 0], counts[:, 1] = sizes, passed
    labels = np.array(groups, dtype=object)[group]
    clusters = FunnelClusters(labels, np.arange(len(sizes)), counts, np.ones(len(sizes)))
    totals = {
        name: FunnelCounts(tuple(int(n) for n in counts[labels == name].sum(axis=0))) for name in groups
    }
    return totals, clusters


def false_alarms(rng, worlds, sizes_of, spread, groups=("a", "b", "c", "d"), *, clustered=True):
    """The share of worlds without an effect of the group in which some drop-off is beyond chance."""
    alarms = 0
    for _ in range(worlds):
        sizes = sizes_of()
        rates = rng.beta(0.3 / spread, 0.7 / spread, len(sizes))
        totals, clusters = made(rng, sizes, rates, rng.integers(len(groups), size=len(sizes)), groups)
        found = drop_offs(totals, clusters if clustered else None)
        alarms += isinstance(found, tuple) and any(drop.significant for drop in found)
    return alarms / worlds


CREATORS = {
    "few creators among many friends": lambda rng: np.r_[rng.integers(50, 400, 6), rng.integers(1, 5, 300)],
    "a power law": lambda rng: np.ceil(rng.pareto(1.1, 200)).astype(int).clip(1, 3000),
    "one creator has most": lambda rng: np.r_[4000, rng.integers(1, 5, 300)],
    "a dozen agencies": lambda rng: rng.integers(30, 200, 12),
}


@pytest.mark.parametrize("name", CREATORS)
@pytest.mark.parametrize("spread", [0.1, 0.5])
def test_a_world_without_an_effect_shows_one_no_more_often_than_it_says(name, spread):
    rng = np.random.default_rng(19)
    worlds = 250
    rate = false_alarms(rng, worlds, lambda: CREATORS[name](rng), spread)
    assert rate <= 0.05 + 2.6 * (0.05 * 0.95 / worlds) ** 0.5


def test_the_same_worlds_alarmed_when_invitations_counted_as_independent():
    rng = np.random.default_rng(19)
    make = CREATORS["few creators among many friends"]
    assert false_alarms(rng, 60, lambda: make(rng), 0.1, clustered=False) > 0.6


def test_an_effect_on_ordinary_referrers_is_found_beside_creators():
    rng = np.random.default_rng(20)
    found = 0
    for _ in range(40):
        sizes = np.r_[rng.integers(30, 80, 6), rng.integers(1, 5, 800)]
        group = rng.integers(4, size=len(sizes))
        rates = rng.beta(3, 7, len(sizes)) * np.where(group == 2, 0.6, 1.0)
        totals, clusters = made(rng, sizes, rates, group, ("a", "b", "c", "d"))
        found += any(drop.significant and drop.group == "c" for drop in drop_offs(totals, clusters))
    assert found >= 32


def test_rates_of_clusters_lie_in_their_intervals():
    rng, inside, total = np.random.default_rng(21), 0, 0
    for _ in range(400):
        sizes = np.r_[rng.integers(20, 60, 4), rng.integers(1, 5, 80)]
        totals, clusters = made(rng, sizes, rng.beta(3, 7, len(sizes)), np.zeros(len(sizes), int), ("a", "b"))
        each = clusters.of(clusters.group == "a", 0)
        cases = each.effective_cases()
        low = each.share - 1.96 * (each.share * (1 - each.share) / cases) ** 0.5
        inside += low <= 0.3 <= 2 * each.share - low
        total += totals["a"].counts[0]
    assert 0.92 <= inside / 400 <= 0.985


def test_single_invitations_are_as_many_cases_as_there_are():
    rng = np.random.default_rng(22)
    passed = rng.binomial(1, 0.3, 400).astype(float)
    each = Clustered(np.ones(400), passed, np.ones(400))
    assert 390 <= each.effective_cases() <= 400
    # One creator's are one, and so is a group of one.
    assert Clustered(np.array([400.0]), np.array([90.0]), np.ones(1)).effective_cases() == 1


def test_alike_clusters_are_counted_together():
    one = Clustered(np.array([3.0, 5.0, 0.0]), np.array([1.0, 0.0, 0.0]), np.array([20.0, 7.0, 30.0]))
    other = Clustered(np.array([0.0, 1.0, 4.0]), np.array([0.0, 1.0, 2.0]), np.array([20.0, 7.0, 30.0]))
    copies = one.copies.astype(int)

    def spread(each):
        return Clustered(np.repeat(each.cases, copies), np.repeat(each.passed, copies), np.ones(57))

    assert difference_p(one, other) == pytest.approx(difference_p(spread(one), spread(other)))
    assert one.effective_cases() == pytest.approx(spread(one).effective_cases())


def test_flips_of_signs_are_those_of_all_lists_and_of_the_normal_far_in():
    assert sign_flip_p(np.ones(5), np.ones(5), 5.0) == pytest.approx(2 / 32)
    assert sign_flip_p(np.ones(2), np.ones(2), 2.0) == 0.5  # two clusters never tell anything
    rng = np.random.default_rng(23)
    adds = rng.normal(size=14)
    drawn = rng.choice([-1.0, 1.0], size=(200_000, 14)) @ adds
    for goal in np.quantile(drawn, [0.9, 0.99, 0.999]):
        assert sign_flip_p(adds, np.ones(14), goal) == pytest.approx(2 * np.mean(drawn >= goal), rel=0.12)
    many = rng.normal(size=5000)
    assert sign_flip_p(many, np.ones(5000), 2.5 * np.sqrt((many**2).sum())) == pytest.approx(
        2 * norm.sf(2.5), rel=0.02
    )
    assert sign_flip_p(np.ones(30), np.ones(30), 30.0) == 2.0**-29
