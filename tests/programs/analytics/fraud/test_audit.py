import numpy as np
import pytest

from programs.analytics.estimate import Unavailable
from programs.analytics.fraud.audit import (
    audited_recall,
    brier_score,
    clustered_rate,
    decided_rate,
    reliability,
    reliability_by_people,
    sampled_rate,
)


def test_without_an_audit_sample_nothing_is_known_of_recall():
    found = audited_recall([True, True], [], unproposed=5000)
    assert isinstance(found, Unavailable) and "Nothing is known of recall" in found.reason
    assert isinstance(audited_recall([True, True], [None] * 30, unproposed=5000), Unavailable)


def test_two_confirmed_cases_do_not_make_a_recall_of_one():
    found = audited_recall([True, True], [True] * 2 + [False] * 48, unproposed=5000)
    assert found.value == pytest.approx(2 / (2 + 5000 * 2 / 50))
    assert found.low < found.value < found.high < 0.1


def test_two_confirmed_of_forty_proposed_say_hardly_anything_of_the_others():
    """People decide the plainest first: the truth may be anything from two in forty."""
    found = decided_rate([[True], [True], *[[None]] * 38])
    assert (found.value, found.low, found.high) == (1.0, 2 / 40, 1.0)
    assert decided_rate([[True], [False]]).method != clustered_rate([[True], [False]]).method
    assert isinstance(decided_rate([[None], [None, None]]), Unavailable)


def test_what_people_leave_undecided_of_the_sample_counts_as_either():
    whole, half = sampled_rate([False] * 30), sampled_rate([False] * 15 + [None] * 15)
    assert whole.low == half.low == 0 and whole.high == pytest.approx(1 - 0.025 ** (1 / 30))
    assert half.high > 0.6 and half.denominator == 15


@pytest.mark.parametrize("people", ["all", "some", "the plainest first"])
def test_the_interval_holds_the_truth_in_ninety_five_of_a_hundred_worlds(people):
    rng = np.random.default_rng(1)
    inside = worlds = 0
    for _ in range(600):
        proposed, unproposed = int(rng.integers(20, 200)), 4000
        right, missed = int(rng.binomial(proposed, rng.uniform(0.05, 1))), int(rng.integers(5, 300))
        drawn = int(rng.hypergeometric(missed, unproposed - missed, 40))
        sample = [True] * drawn + [False] * (40 - drawn)
        said = [True] * right + [False] * (proposed - right)
        if people == "some":
            said = [each if rng.random() < 0.5 else None for each in said]
        if people == "the plainest first":
            said[5:] = [None] * (proposed - 5)
            sample[30:] = [None] * 10
        found, precise = audited_recall(said, sample, unproposed), decided_rate([[each] for each in said])
        if found and precise:
            worlds += 1
            inside += (
                found.low <= right / (right + missed) <= found.high
                and precise.low <= right / proposed <= precise.high
            )
    assert worlds > 450 and inside / worlds >= 0.95


def test_bands_below_a_hold_are_told_by_the_sample_and_the_others_by_the_cases():
    sampled, sample = np.array([2.0, 3.0, 30.0]), [False, False, True]
    proposed, said = np.array([60.0, 60.0, 95.0]), [True, None, True]
    bands = reliability_by_people(sampled, sample, proposed, said, ["a", "a", "b"], 50.0)
    assert [(band.low, band.labels) for band in bands] == [
        (0, 2),
        (10, 0),
        (25, 1),
        (50, 1),
        (75, 0),
        (90, 1),
    ]
    assert bands[3].share.low <= 0.5 and bands[3].share.high == 1.0
    edges = [band.low for band in reliability_by_people(sampled, sample, proposed, said, ["a"] * 3, 60.0)]
    assert edges == [0, 10, 25, 60, 75, 90]


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
