import numpy as np
import pytest
from scipy.stats import kendalltau

from programs.analytics.estimate import Unavailable
from programs.analytics.partner_health import (
    PartnerCounts,
    concentration,
    partner_health,
    recency_score,
)


def partner(name, referrals=100, won=10, events=50, **given):
    given = {"days_since_active": 5.0, "revenue": 100.0 * won, "previous_revenue": 1000.0} | given
    given.setdefault("heard", events // 4)
    return PartnerCounts(
        name,
        given.pop("tier", "gold"),
        events,
        referrals,
        won,
        gross_margin=40.0 * won,
        payout=10.0 * won,
        **given,
    )


PARTNERS = [
    partner("strong", won=30, events=120),
    partner("middle", won=12, events=60, days_since_active=40),
    partner("weak", won=2, events=5, days_since_active=200, promoters=1, detractors=3),
    *(partner(f"p{n}", won=8 + n, events=40 + n) for n in range(6)),
]


def health(partners=PARTNERS, seed=1):
    return partner_health(partners, np.random.default_rng(seed))


def test_recency_bands():
    days = (7, 8, 30, 31, 90, 91, 180, 181)
    assert [recency_score(day) for day in days] == [100, 85, 85, 70, 70, 55, 55, 40]
    assert recency_score(None) == 40


def test_concentration_of_equal_and_of_single_shares():
    assert concentration([5, 5, 5, 5]).hhi == pytest.approx(0.25)
    assert concentration([5, 5, 5, 5]).effective_partners == pytest.approx(4)
    assert concentration([9, 0]).hhi == 1
    assert isinstance(concentration([0, 0]), Unavailable)
    with pytest.raises(ValueError):
        concentration([1, -1])


def test_best_and_worst_are_ranked_with_intervals():
    found = health()
    assert (found[0].partner, found[-1].partner) == ("strong", "weak")
    assert found[0].rank.value == 1
    assert all(item.rank.low <= item.rank.high for item in found)
    middle = next(item for item in found if item.partner == "p3")
    assert middle.rank.high - middle.rank.low >= 2


def test_a_lucky_small_partner_is_shrunk_to_the_tier():
    found = {item.partner: item for item in health([*PARTNERS, partner("lucky", referrals=2, won=2)])}
    assert found["lucky"].conversion.value < 0.5
    assert found["strong"].conversion.value > 0.2


def test_tiers_are_shrunk_apart():
    silver = [partner(f"s{n}", tier="silver", won=60 + n) for n in range(4)]
    small = [partner("g", referrals=1, won=0), partner("s", tier="silver", referrals=1, won=0)]
    found = {item.partner: item.conversion.value for item in health([*PARTNERS, *silver, *small])}
    assert found["s"] > 3 * found["g"]


def test_drivers_add_up_to_the_distance_from_the_mean():
    found = health()
    mean = np.mean([item.score.value for item in found])
    gaps = [item.score.value - mean for item in found]
    assert [sum(driver.effect for driver in item.drivers) for item in found] == pytest.approx(gaps)


def test_voice_is_shared_out_and_unknowns_have_reasons():
    found = health([*PARTNERS, partner("new", previous_revenue=0.0)])
    assert sum(item.share_of_voice for item in found) == pytest.approx(1)
    new = next(item for item in found if item.partner == "new")
    assert isinstance(new.trend, Unavailable)
    assert isinstance(new.nps, Unavailable)


def test_the_order_of_partners_changes_nothing_and_a_seed_repeats():
    assert health(PARTNERS[::-1]) == health(PARTNERS)


def test_nobody_is_a_reason():
    assert isinstance(health([]), Unavailable)


def simulated(rng, size=16):
    """Partners of a true value, what they did in a window, and how far that lies from it."""
    value = rng.lognormal(0, 0.8, size)
    referrals = rng.poisson(60, size) + 5
    counts = []
    for n in range(size):
        won = int(rng.binomial(referrals[n], min(0.02 + 0.1 * value[n], 0.9)))
        counts.append(
            PartnerCounts(
                f"p{n:02d}", "gold", int(rng.poisson(20)), int(referrals[n]), won,
                float(rng.exponential(100, won).sum()),
                1000.0, 40.0 * won, 10.0 * won, float(rng.exponential(20)),
            )
        )  # fmt: skip
    return value, counts


@pytest.mark.parametrize("size", [16, 40])
def test_the_score_recovers_value_as_revenue_does_and_its_ranks_cover_it(size):
    rng = np.random.default_rng(5)
    by_score, by_revenue, covered = [], [], []
    for world in range(60):
        value, counts = simulated(rng, size)
        found = {
            item.partner: item for item in partner_health(counts, np.random.default_rng(world), draws=400)
        }
        scores = [found[item.partner].score.value for item in counts]
        by_score.append(kendalltau(scores, value).statistic)
        by_revenue.append(kendalltau([item.revenue for item in counts], value).statistic)
        ranks = 1 + (value[None, :] > value[:, None]).sum(axis=1)
        covered += [
            found[item.partner].rank.low <= rank <= found[item.partner].rank.high
            for item, rank in zip(counts, ranks, strict=True)
        ]
    assert np.mean(by_score) >= np.mean(by_revenue)
    assert 0.93 <= np.mean(covered) <= 0.98


def test_share_of_voice_is_what_others_hear():
    quiet, loud = partner("quiet", events=500, heard=1), partner("loud", events=5, heard=3)
    found = {item.partner: item.share_of_voice for item in health([quiet, loud])}
    assert found == {"quiet": 0.25, "loud": 0.75}
