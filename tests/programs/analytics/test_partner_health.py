import dataclasses

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
    given |= {"orders": won, "revenue_squares": 1.5 * 100.0**2 * won}
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


def test_drivers_stand_beside_the_score_and_cancel_out_over_partners():
    found = health()
    by_name = {}
    for item in found:
        for driver in item.drivers:
            by_name.setdefault(driver.name, []).append(driver.effect)
    assert set(by_name) == {"engagement", "referrals", "conversion", "order value", "recency", "payout"}
    assert all(sum(effects) == pytest.approx(0) for effects in by_name.values())


def test_logins_do_not_move_the_score():
    busy = [partner("busy", events=5000, won=12), *PARTNERS]
    idle = [partner("busy", events=0, won=12, days_since_active=None), *PARTNERS]
    scores = [{item.partner: item.score for item in health(each)} for each in (busy, idle)]
    assert scores[0] == scores[1]


def test_whoever_brought_the_same_has_the_same_score_and_rank():
    found = {item.partner: item for item in health([partner("a", won=0), partner("b", won=0), *PARTNERS])}
    assert found["a"].score.value == found["b"].score.value
    assert found["a"].rank.value == found["b"].rank.value == len(PARTNERS) + 1


def test_one_large_order_says_less_than_many_small_ones():
    lucky = partner("lucky", won=1, revenue=2000.0)
    lucky = dataclasses.replace(lucky, revenue_squares=2000.0**2)
    steady = partner("steady", won=20)
    others = [partner(f"q{n}", won=4 + n % 3) for n in range(12)]
    found = {item.partner: item for item in health([lucky, steady, *others])}
    assert found["steady"].score.value > found["lucky"].score.value
    assert found["lucky"].rank.high > found["steady"].rank.high


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


def simulated(rng, kind, size):
    """What partners are to be expected to bring, and what they did in one window."""
    spread = {"close": 0.3, "equal prices": 0.8}.get(kind, 1.0)
    true = rng.lognormal(0, spread, size)
    if kind == "a few large":
        true = rng.pareto(1.5, size) + 0.1
    if kind == "some are gone":
        true = np.where(rng.random(size) < 0.4, 1e-3, 1.0) * rng.lognormal(0, 0.7, size)
    price = 60 * np.exp(rng.normal(0, 0.8 if kind == "own prices" else 0.1, size))
    conversion, tail = rng.beta(4, 16, size), 1.2 if kind == "dear orders" else 0.6
    rate = true * (3 if kind == "few orders" else 20)
    counts = []
    for n in range(size):
        won = int(rng.poisson(rate[n]))
        orders = price[n] * rng.lognormal(-(tail**2) / 2, tail, won)
        counts.append(
            PartnerCounts(
                f"p{n:02d}", f"tier {n % 3}", int(rng.lognormal(3, 1)), int(won / conversion[n]), won,
                float(orders.sum()), 1000.0, 40.0 * won, float(rng.uniform(5, 25)) * won,
                float(rng.exponential(20)), orders=won, revenue_squares=float((orders**2).sum()),
            )
        )  # fmt: skip
    return rate * price, counts


@pytest.mark.parametrize(
    "kind",
    ["equal prices", "own prices", "close", "few orders", "dear orders", "a few large", "some are gone"],
)
def test_the_score_recovers_value_as_revenue_does_and_its_ranks_cover_it(kind):
    rng = np.random.default_rng(5)
    by_score, by_revenue, covered = [], [], []
    for world in range(16):
        value, counts = simulated(rng, kind, 24)
        found = {
            item.partner: item for item in partner_health(counts, np.random.default_rng(world), draws=200)
        }
        scores = [found[item.partner].score.value for item in counts]
        by_score.append(kendalltau(scores, value).statistic)
        by_revenue.append(kendalltau([item.revenue for item in counts], value).statistic)
        ranks = 1 + (value[None, :] > value[:, None]).sum(axis=1)
        covered += [
            found[item.partner].rank.low <= rank <= found[item.partner].rank.high
            for item, rank in zip(counts, ranks, strict=True)
        ]
    assert np.mean(by_score) >= np.mean(by_revenue) - 0.01
    assert np.mean(covered) >= 0.93


def test_share_of_voice_is_what_others_hear():
    quiet, loud = partner("quiet", events=500, heard=1), partner("loud", events=5, heard=3)
    found = {item.partner: item.share_of_voice for item in health([quiet, loud])}
    assert found == {"quiet": 0.25, "loud": 0.75}
