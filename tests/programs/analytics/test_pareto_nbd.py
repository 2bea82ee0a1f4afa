"""Pareto/NBD on the published CDNOW sample, by integrals, and on customers whose truth is known."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import check_grad

from programs.analytics.estimate import Unavailable
from programs.analytics.lifetime import PurchaseHistories
from programs.analytics.mbg_nbd import fit_mbg_nbd
from programs.analytics.pareto_nbd import ParetoNbd, ParetoNbdFit, _log_likelihood, fit_pareto_nbd
from programs.analytics.survival import fit_survival

DATA = Path(__file__).parents[2] / "data" / "cdnow" / "customers.csv.gz"


@pytest.fixture(scope="module")
def cdnow():
    """Rows: repeat purchases, recency, age (weeks to 1997-09-30), purchases in the 39 weeks after."""
    with gzip.open(DATA) as lines:
        return np.genfromtxt(lines, delimiter=",", skip_header=1).T


@pytest.fixture(scope="module")
def fit(cdnow):
    return fit_pareto_nbd(PurchaseHistories.aggregate(*cdnow[:3]))


def test_the_parameters_are_those_published_for_the_sample(fit):
    """Fader, Hardie & Lee, "Counting your customers the easy way" (2005), table 2: r .553, α 10.578, s .606,
    β 11.669, log-likelihood −9595.0."""
    model = fit.model
    assert (model.r, model.alpha, model.s, model.beta) == pytest.approx(
        (0.553, 10.578, 0.606, 11.669), abs=2e-3
    )
    assert fit.log_likelihood == pytest.approx(-9595.0, abs=0.05)


def test_the_cdnow_sample_is_likelier_where_customers_leave_after_purchases(cdnow):
    assert fit_survival(PurchaseHistories.aggregate(*cdnow[:3])).model.name == "MBG/NBD"


@pytest.mark.parametrize(
    "parameters", [(0.5, 10, 0.6, 12), (2, 0.4, 5, 90), (0.05, 30, 0.2, 0.5), (3, 1, 60, 600)]
)
def test_the_chance_of_being_there_is_that_of_the_integral(parameters):
    model = ParetoNbd(*parameters)
    for x, t_x, end in ((0, 0, 5), (0, 0, 400), (2, 30.43, 38.86), (40, 200, 260), (300, 700, 1000)):
        r, alpha, s, beta = parameters
        stayed = -(r + x) * np.log(alpha + end) - s * np.log(beta + end)
        left, _ = quad(
            _leaving, t_x, end, (x, stayed, *parameters), epsabs=0, epsrel=1e-10, limit=500,
        )  # fmt: skip
        alive = float(model.probability_alive(x, t_x, end))
        assert alive == pytest.approx(1 / (1 + s * left), rel=1e-6)


def _leaving(t, x, stayed, r, alpha, s, beta):
    return np.exp(-(r + x) * np.log(alpha + t) - (s + 1) * np.log(beta + t) - stayed)


@pytest.mark.parametrize("at", [(0.5, 0.1, 0.6, 0.3), (2, 0.02, 5, 9), (3, 0.01, 60, 60)])
def test_the_gradient_is_that_of_the_likelihood(at):
    rng = np.random.default_rng(1)
    age = rng.integers(50, 1000, 200).astype(float)
    frequency = rng.poisson(rng.gamma(0.5, 0.02, 200) * age)
    recency = np.where(frequency > 0, np.ceil(age * rng.uniform(0.02, 1, 200)), 0.0)
    histories = PurchaseHistories.aggregate(frequency, recency, age)
    point = np.log(at)
    size = np.abs(_log_likelihood(point, histories, 500.0)[1]).max()
    off = check_grad(
        lambda p: _log_likelihood(p, histories, 500.0)[0],
        lambda p: _log_likelihood(p, histories, 500.0)[1],
        point,
    )
    assert off < 1e-5 * size


def by_the_calendar(seed, customers=3000, days=900, stay=300.0):
    """Frequency, recency and age of customers who leave at one hazard, whatever they buy; orders of the year
    after."""
    rng = np.random.default_rng(seed)
    first = rng.integers(0, days, customers)
    rate, stays = rng.gamma(1.5, 0.02, customers), rng.exponential(stay, customers)
    bought = [
        first[n] + np.sort(rng.random(rng.poisson(rate[n] * stays[n]))) * stays[n] for n in range(customers)
    ]
    seen = [np.unique(np.floor(each[each < days])) for each in bought]
    seen = [each[each > first[n]] for n, each in enumerate(seen)]
    after = sum(int(((each >= days) & (each < days + 365)).sum()) for each in bought)
    last = np.array([each[-1] - first[n] if each.size else 0.0 for n, each in enumerate(seen)])
    return np.array([each.size for each in seen]), last, (days - 1 - first).astype(float), after


def test_who_leaves_by_the_calendar_is_forecast_without_a_lean():
    """MBG/NBD, by which regular buyers hardly leave, forecasts an eighth too much of the same customers."""
    ratios, other = [], []
    for seed in range(6):
        frequency, recency, age, after = by_the_calendar(seed)
        histories = PurchaseHistories.aggregate(frequency, recency, age)
        found = fit_survival(histories)
        assert isinstance(found, ParetoNbdFit)
        for model, kept in ((found.model, ratios), (fit_mbg_nbd(histories).model, other)):
            there = model.probability_alive(frequency, recency, age)
            kept.append(
                float((there * model.expected_purchases_while_alive(365.0, frequency, age)).sum()) / after
            )
    assert np.mean(ratios) == pytest.approx(1, abs=0.04)
    assert np.mean(other) > np.mean(ratios) + 0.05


def test_new_customers_buy_as_often_as_their_stay_allows():
    model = ParetoNbd(2.0, 100.0, 1.0, 50.0)
    assert model.expected_purchases_of_new(200.0) == pytest.approx(2 / 100 * 50 * np.log(5))
    near = ParetoNbd(2.0, 100.0, 1 + 1e-7, 50.0)
    assert near.expected_purchases_of_new(200.0) == pytest.approx(2 / 100 * 50 * np.log(5), rel=1e-5)


def test_too_few_who_came_back_tell_nothing():
    found = fit_pareto_nbd(PurchaseHistories.aggregate([0, 1], [0, 5], [30, 30]))
    assert isinstance(found, Unavailable)
    assert "bought again" in found.reason
