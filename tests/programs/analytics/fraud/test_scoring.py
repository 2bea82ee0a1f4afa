import numpy as np
import pytest

from programs.analytics.fraud.catalogue import hits
from programs.analytics.fraud.scoring import accuracy, case_accuracy, score_referrals


def test_families_add_and_of_one_fact_the_strongest_counts_alone():
    found = [
        hits("shared_device", np.array([0, 1]), ["", ""]),
        hits("shared_cookie", np.array([1]), [""]),
        hits("too_fast", np.array([0]), [""]),
        hits("peer_quick", np.array([0]), [""]),
        hits("velocity", np.array([0]), [""]),
    ]
    # One browser is one trace, and how soon orders follow the click one fact: the strongest alone counts.
    odds = np.exp([2.5 + 3.3 + 1.8, 2.5, 0.0])
    assert score_referrals(3, found, prior=0.5) == pytest.approx(100 * odds / (1 + odds))


def test_without_hits_the_score_is_the_prior():
    assert score_referrals(2, [], prior=0.02) == pytest.approx([2.0, 2.0])


def test_accuracy_counts_hits_over_what_was_flagged_and_over_what_is_fraud():
    found = accuracy(np.array([True, True, False]), np.array([True, False, True]))
    assert (found.precision.numerator, found.precision.denominator) == (1, 2)
    assert (found.recall.numerator, found.recall.denominator) == (1, 2)


def test_in_cases_half_of_the_labels_decide():
    owners = np.array(["a", "a", "b", "b", "b", "c", "d"], dtype=object)
    flagged = np.array([True, True, True, True, True, False, False])
    fraud = np.array([True, False, True, False, False, True, False])
    found = case_accuracy(owners, flagged, fraud)
    # a is right (1 of 2), b is not (1 of 3); of the frauds a, b and c the first two are found.
    assert (found.precision.numerator, found.precision.denominator) == (1, 2)
    assert (found.recall.numerator, found.recall.denominator) == (2, 3)


def test_without_labels_nothing_is_measured():
    nothing = np.zeros(0, dtype=bool)
    found = case_accuracy(np.zeros(0, dtype=object), nothing, nothing)
    assert not found.precision and not found.recall
