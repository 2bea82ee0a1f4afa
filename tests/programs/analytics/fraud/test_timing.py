import numpy as np
import pytest
from scipy.stats import betabinom

from programs.analytics.fraud.table import Population
from programs.analytics.fraud.timing import (
    beta_of_peers,
    refund_after_hold,
    refund_rate,
    too_fast,
    velocity,
)
from tests.programs.analytics.fraud.tables import after, fired, table


def looked(heuristic, *rows):
    """Where a heuristic fires on a table that is all there is."""
    whole = table(*rows)
    return fired(heuristic(whole, Population.of(whole)))


def test_a_burst_is_found_and_a_steady_referrer_is_not():
    burst = [{"referrer_id": "burst", "invited_at": after(days=10, minutes=4 * n)} for n in range(8)]
    steady = [{"referrer_id": f"s{n % 20}", "invited_at": after(hours=6 * n)} for n in range(160)]
    assert looked(velocity, *burst, *steady) == list(range(8))


def test_a_busy_referrer_is_judged_by_their_own_pace():
    busy = [{"referrer_id": "busy", "invited_at": after(minutes=10 * n)} for n in range(900)]
    quiet = [{"referrer_id": f"s{n}", "invited_at": after(hours=n)} for n in range(100)]
    assert looked(velocity, *busy, *quiet) == []


def test_seconds_from_click_to_conversion():
    times = (0, 29, 30, -5)
    rows = [{"clicked_at": after(hours=1), "won_at": after(hours=1, seconds=s)} for s in times]
    assert fired(too_fast(table(*rows, {"won_at": after()}))) == [0, 1]


def test_refunds_count_only_just_after_the_holding_period():
    days = (29.9, 30, 34.9, 35)
    rows = [{"won_at": after(), "refunded_at": after(days=day)} for day in days]
    assert fired(refund_after_hold(table(*rows))) == [1, 2]


def test_refunds_that_wait_for_the_reward_weigh_in_full_once_they_are_the_rule():
    late = {"won_at": after(), "refunded_at": after(days=31)}
    kept = {"won_at": after()}
    rule = [{"referrer_id": "rule"} | row for row in (late, late, kept)]
    chance = [{"referrer_id": "chance"} | row for row in (late, late, kept, kept, kept)]
    found = refund_after_hold(table(*rule, *chance, late))
    assert found.weights.tolist() == pytest.approx([2.5, 2.5, 0.75, 0.75, 0.75])


def test_refunds_above_peers():
    bad = [{"referrer_id": "bad", "won_at": after(), "refunded_at": after(days=2)} for _ in range(12)]
    good = [
        {"referrer_id": f"g{n // 10}", "won_at": after(), "refunded_at": [None, after(days=2)][n % 20 == 0]}
        for n in range(1000)
    ]
    assert looked(refund_rate, *bad, *good) == list(range(12))


def test_the_peers_prior_recovers_the_one_that_made_them():
    trials = np.full(4000, 50)
    successes = betabinom.rvs(trials, 3.0, 27.0, random_state=np.random.default_rng(5))
    a, b = beta_of_peers(successes.astype(float), trials.astype(float))
    assert a / (a + b) == pytest.approx(0.1, rel=0.05)
    assert a + b == pytest.approx(30, rel=0.15)


def test_peers_who_do_not_differ_give_a_prior_as_sharp_as_all_trials():
    a, b = beta_of_peers(np.full(10, 5.0), np.full(10, 50.0))
    assert a + b == pytest.approx(500, rel=0.01)


def test_one_quick_order_is_one_tap_and_a_habit_is_not():
    quick = {"clicked_at": after(), "won_at": after(seconds=9)}
    slow = {"clicked_at": after(), "won_at": after(days=1)}
    rows = [{"referrer_id": "habit"} | row for row in (quick, quick, quick, slow)]
    found = too_fast(table(*rows, {"referrer_id": "tap"} | quick, {"referrer_id": "tap"} | slow))
    assert found.weights.tolist() == pytest.approx([2.8, 2.8, 2.8, 0.84])
