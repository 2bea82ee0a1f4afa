import numpy as np
import pytest

from programs.analytics.estimate import Unavailable
from programs.analytics.fraud.audit import audited_recall, brier_score, clustered_rate, reliability
from programs.analytics.rates import wilson_rate


def test_without_an_audit_sample_nothing_is_known_of_recall():
    found = audited_recall(wilson_rate(2, 2), proposed=2, missed=0, sampled=0, unproposed=5000)
    assert isinstance(found, Unavailable) and "Nothing is known of recall" in found.reason


def test_two_confirmed_cases_do_not_make_a_recall_of_one():
    found = audited_recall(wilson_rate(2, 2), proposed=2, missed=2, sampled=50, unproposed=5000)
    assert found.value == pytest.approx(2 / (2 + 5000 * 2 / 50))
    assert found.low < found.value < found.high < 0.05


def test_the_interval_holds_the_truth_in_ninety_five_of_a_hundred_worlds():
    rng = np.random.default_rng(1)
    inside = worlds = 0
    for _ in range(400):
        proposed, unproposed = int(rng.integers(20, 200)), 4000
        right, missed = int(rng.binomial(proposed, 0.9)), int(rng.integers(5, 300))
        drawn = rng.hypergeometric(missed, unproposed - missed, 40)
        decided = int(rng.hypergeometric(right, proposed - right, min(20, proposed)))
        precision = wilson_rate(decided, min(20, proposed))
        found = audited_recall(precision, proposed, int(drawn), 40, unproposed)
        if found:
            worlds += 1
            inside += found.low <= right / (right + missed) <= found.high
    assert worlds > 350 and inside / worlds >= 0.95


def test_one_decision_on_ten_referrals_is_not_ten_decisions():
    one, ten = clustered_rate([[True] * 10]), clustered_rate([[True]] * 10)
    assert one.value == ten.value == 1.0
    assert one.low < 0.3 < 0.6 < ten.low
    assert (one.numerator, one.denominator) == (10, 10)
    assert not clustered_rate([])


def test_scores_that_are_chances_stand_beside_the_share_that_was_fraud():
    rng = np.random.default_rng(2)
    scores = rng.uniform(0, 100, 4000)
    fraud = (rng.random(4000) < scores / 100).astype(float)
    bands = reliability(scores, fraud)
    assert sum(band.labels for band in bands) == 4000
    assert all(band.share.low - 0.02 <= band.mean_score / 100 <= band.share.high + 0.02 for band in bands)
    rate = fraud.mean()
    assert brier_score(scores, fraud) < rate * (1 - rate)
