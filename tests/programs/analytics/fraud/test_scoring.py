import numpy as np
import pytest

from programs.analytics.fraud.catalogue import hits
from programs.analytics.fraud.scoring import accuracy, score_referrals


def test_families_add_and_witnesses_of_one_family_count_by_half():
    found = [
        hits("shared_device", np.array([0, 1]), ["", ""]),
        hits("shared_cookie", np.array([1]), [""]),
        hits("too_fast", np.array([0]), [""]),
    ]
    odds = np.exp([3.0 + 3.0, 3.0 + 1.5, 0.0])
    assert score_referrals(3, found, prior=0.5) == pytest.approx(100 * odds / (1 + odds))


def test_without_hits_the_score_is_the_prior():
    assert score_referrals(2, [], prior=0.02) == pytest.approx([2.0, 2.0])


def test_accuracy_counts_only_labelled_rows():
    flagged = np.array([True, True, True, False])
    fraud = np.array([True, False, True, True])
    found = accuracy(flagged, fraud, np.array([True, True, False, True]))
    assert (found.precision.numerator, found.precision.denominator) == (1, 2)
    assert (found.recall.numerator, found.recall.denominator) == (1, 2)
