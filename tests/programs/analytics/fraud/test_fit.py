import numpy as np
import pytest
from scipy.special import expit, logit

from programs.analytics.fraud.audit import brier_score
from programs.analytics.fraud.fit import Fit, fit_scores

BASE = float(logit(0.02))


def labels(size, slope, shift, seed=1):
    rng = np.random.default_rng(seed)
    part = np.where(rng.random(size) < 0.4, rng.uniform(1, 6, size), 0.0)
    fraud = (rng.random(size) < expit(BASE + shift + slope * part)).astype(float)
    return {"home": part, "traffic": np.zeros(size)}, fraud


def test_a_few_labels_change_nothing():
    parts, fraud = labels(9, 1, 0)
    assert fit_scores(BASE, parts, fraud, np.ones(9)) == Fit(9.0)


def test_many_labels_find_the_weight_that_made_them():
    parts, fraud = labels(4000, 0.4, 1.0)
    found = fit_scores(BASE, parts, fraud, np.ones(4000))
    assert found.slopes["home"] == pytest.approx(0.4, abs=0.08)
    assert found.shift == pytest.approx(1.0, abs=0.25)
    assert set(found.slopes) == {"home"}


def test_scores_that_were_no_chances_are_after_the_fit():
    parts, fraud = labels(600, 0.2, 0.0)
    found = fit_scores(BASE, parts, fraud, np.ones(600))
    again, truth = labels(4000, 0.2, 0.0, seed=2)
    before, after = (100 * expit(each.log_odds(BASE, again, 4000)) for each in (Fit(), found))
    rate = truth.mean() * (1 - truth.mean())
    assert brier_score(after, truth) <= rate < brier_score(before, truth)


def test_released_cases_of_a_kind_lower_it_and_never_turn_it_round():
    parts = {"home": np.full(40, 4.0)}
    found = fit_scores(BASE, parts, np.zeros(40), np.ones(40))
    assert 0 <= found.slopes["home"] < 0.7


def test_a_decision_on_a_ring_is_one_label():
    parts = {"home": np.full(40, 4.0)}
    assert fit_scores(BASE, parts, np.ones(40), np.full(40, 1 / 40)).slopes == {}
