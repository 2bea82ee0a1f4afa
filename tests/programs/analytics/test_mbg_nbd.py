"""MBG/NBD on the published CDNOW sample, and against simulated customers whose truth is known."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import check_grad

from programs.analytics.estimate import Unavailable
from programs.analytics.lifetime import PurchaseHistories
from programs.analytics.mbg_nbd import MbgNbd, _log_likelihood, fit_mbg_nbd

DATA = Path(__file__).parents[2] / "data" / "cdnow" / "customers.csv.gz"


@pytest.fixture(scope="module")
def cdnow():
    """Rows: repeat purchases, recency, age (weeks to 1997-09-30), purchases in the 39 weeks after."""
    with gzip.open(DATA) as lines:
        return np.genfromtxt(lines, delimiter=",", skip_header=1).T


@pytest.fixture(scope="module")
def fit(cdnow):
    return fit_mbg_nbd(PurchaseHistories.aggregate(*cdnow[:3]))


def test_the_parameters_are_those_published_for_the_sample(fit):
    """As in the tests of the package lifetimes 0.11: r .525, α 6.183, a .891, b 1.614."""
    model = fit.model
    assert (model.r, model.alpha, model.a, model.b) == pytest.approx((0.525, 6.183, 0.891, 1.614), abs=5e-4)


def test_one_time_buyers_may_have_left(fit):
    alive = fit.model.probability_alive([0, 0], [0, 0], [2.0, 38.86])
    assert 0.3 < alive[1] < alive[0] < 0.7


def test_the_forecast_of_the_sample_is_as_good_as_that_of_bg_nbd(fit, cdnow):
    """Actual 1,882 in the 39 weeks after; FHL's BG/NBD says 1,653."""
    expected = fit.model.expected_purchases(39, *cdnow[:3]).sum()
    assert expected == pytest.approx(1577, abs=1)
    assert abs(expected / cdnow[3].sum() - 1) < 0.2


def test_the_gradient_is_that_of_the_likelihood(cdnow):
    histories = PurchaseHistories.aggregate(*cdnow[:3])
    at = np.array([0.1, 0.2, 0.3, 0.4])
    error = check_grad(
        lambda p: _log_likelihood(p, histories, 20.0)[0], lambda p: _log_likelihood(p, histories, 20.0)[1], at
    )
    assert error < 1e-2  # of a gradient of thousands


def test_expectations_are_the_means_of_simulated_customers():
    model, rng, n, horizon = MbgNbd(0.8, 8.0, 1.2, 3.0), np.random.default_rng(4), 40_000, 30.0
    rate, leave = rng.gamma(model.r, 1 / model.alpha, n), rng.beta(model.a, model.b, n)
    lives = rng.random(n) >= leave  # the first purchase, too
    at, bought = np.zeros(n), np.zeros(n)
    while lives.any():
        at = at + rng.exponential(1 / np.maximum(rate, 1e-12))
        lives &= at <= horizon
        bought += lives
        lives &= rng.random(n) >= leave
    assert float(model.expected_purchases_of_new(horizon)) == pytest.approx(bought.mean(), rel=0.03)


def test_customers_who_never_leave_are_a_limit_and_no_failure():
    rng = np.random.default_rng(5)
    bought = rng.poisson(10, 500)
    age = np.full(500, 100.0)
    recency = np.where(bought > 0, np.minimum(100 - rng.exponential(10, 500), 99.9).clip(0.1), 0)
    fit = fit_mbg_nbd(PurchaseHistories.aggregate(bought, recency, age))
    again = fit.model.expected_purchases(100, bought, recency, age).sum()
    assert again == pytest.approx(bought.sum(), rel=0.05)


def test_too_few_repeat_buyers_say_so():
    found = fit_mbg_nbd(PurchaseHistories.aggregate([0] * 50 + [1], [0] * 50 + [3], [9] * 51))
    assert isinstance(found, Unavailable)
    assert "1 customers bought again" in found.reason
