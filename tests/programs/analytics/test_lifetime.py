import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.optimize import check_grad
from scipy.special import betaln

from programs.analytics.estimate import Estimate, Unavailable
from programs.analytics.lifetime import (
    BgNbd,
    BgNbdFit,
    PurchaseHistories,
    _log_likelihood,
    alive_share,
    evaluate_holdout,
    fit_bg_nbd,
    forecast_cohort,
    forecast_purchases,
)

DATA = Path(__file__).parents[2] / "data" / "cdnow" / "customers.csv.gz"
PUBLISHED = BgNbd(r=0.2426, alpha=4.4135, a=0.7929, b=2.4258)
parameters = st.floats(0.05, 20)


@pytest.fixture(scope="module")
def cdnow() -> np.ndarray:
    """Rows: repeat purchases, recency, age (weeks to 1997-09-30), purchases in the 39 weeks after."""
    with gzip.open(DATA) as lines:
        return np.genfromtxt(lines, delimiter=",", skip_header=1).T


@pytest.fixture(scope="module")
def histories(cdnow: np.ndarray) -> PurchaseHistories:
    return PurchaseHistories.aggregate(*cdnow[:3])


@pytest.fixture(scope="module")
def fit(histories: PurchaseHistories) -> BgNbdFit:
    found = fit_bg_nbd(histories)
    assert isinstance(found, BgNbdFit)
    return found


def purchases_by_quadrature(model: BgNbd, t: float, x: float, end: float) -> float:
    """E[(1 − e^(−λpt))/p] over λ ~ Gamma(r+x, α+T) and p ~ Beta(a, b+x): no hypergeometric function."""

    def integrand(u: float) -> float:
        p = np.exp(-u)  # spreads out p near 0, where the density may be infinite
        log_density = -model.a * u + (model.b + x - 1) * np.log1p(-p) - betaln(model.a, model.b + x)
        small = max(p, 1e-12)  # at 0 the purchases per p are their limit
        per_dropout = -np.expm1(-(model.r + x) * np.log1p(small * t / (model.alpha + end))) / small
        return per_dropout * np.exp(log_density)

    return quad(integrand, 0, np.inf, limit=500, epsabs=0, epsrel=1e-9)[0]


def test_cdnow_parameters_and_likelihood_are_those_of_fader_hardie_and_lee(fit):
    assert round(fit.model.r, 4) == 0.2426
    assert round(fit.model.alpha, 4) == 4.4135
    assert round(fit.model.a, 4) == 0.7929
    assert round(fit.model.b, 4) == 2.4258
    assert round(fit.log_likelihood, 2) == -9582.43
    assert (fit.customers, fit.histories) == (2357, 1016)


def test_first_cdnow_customer_is_expected_to_buy_1_226_times_in_39_weeks():
    assert round(float(PUBLISHED.expected_purchases(39, 2, 30.43, 38.86)), 3) == 1.226


def test_cdnow_forecast_of_39_weeks_is_1653_against_1882(fit, histories, cdnow):
    forecast = forecast_purchases(fit, histories, 39)
    assert round(forecast.value, 1) == 1653.4
    assert forecast.low < forecast.value < forecast.high
    holdout = evaluate_holdout(fit.model, *cdnow, 39)
    assert (round(holdout.forecast, 1), holdout.actual) == (1653.4, 1882)
    assert round(holdout.relative_error, 3) == -0.121


def test_holdout_table_adds_up_to_its_totals(fit, cdnow):
    holdout = evaluate_holdout(fit.model, *cdnow, 39)
    customers, forecast, actual = holdout.by_frequency[:, 1], *holdout.by_frequency[:, 2:].T
    assert customers.sum() == 2357
    assert customers @ forecast == pytest.approx(holdout.forecast)
    assert customers @ actual == pytest.approx(holdout.actual)


def test_standard_errors_agree_with_the_inverse_hessian_of_the_plain_parameters(fit):
    errors = {name: estimate.standard_error for name, estimate in fit.parameters().items()}
    assert errors == pytest.approx({"r": 0.0126, "alpha": 0.378, "a": 0.186, "b": 0.705}, rel=0.005)


def test_gradient_is_the_derivative_of_the_likelihood(histories):
    error = check_grad(
        lambda p: _log_likelihood(p, histories, 30.0)[0],
        lambda p: _log_likelihood(p, histories, 30.0)[1],
        np.array([-1.0, -2.0, 0.3, 0.8]),
    )
    assert error < 0.05  # of a gradient of several hundred, by one-sided differences


def test_fit_does_not_depend_on_the_unit_of_time(cdnow, fit):
    days = fit_bg_nbd(PurchaseHistories.aggregate(cdnow[0], cdnow[1] * 7, cdnow[2] * 7))
    assert days.model.alpha == pytest.approx(7 * fit.model.alpha, rel=1e-4)
    assert (days.model.r, days.model.a, days.model.b) == pytest.approx(
        (fit.model.r, fit.model.a, fit.model.b), rel=1e-4
    )


def test_fit_does_not_depend_on_the_order_of_customers(cdnow, fit):
    shuffled = cdnow[:, np.random.default_rng(3).permutation(cdnow.shape[1])]
    assert fit_bg_nbd(PurchaseHistories.aggregate(*shuffled[:3])).model == fit.model


def test_simulated_customers_give_back_their_parameters():
    generator, customers, age = np.random.default_rng(11), 20_000, 52.0
    rate = generator.gamma(0.8, 1 / 6.0, customers)
    leaves = generator.beta(1.2, 3.0, customers)
    frequency, recency = np.zeros(customers), np.zeros(customers)
    clock, alive = np.zeros(customers), np.ones(customers, dtype=bool)
    while alive.any():
        clock += generator.exponential(1 / rate)
        alive &= clock <= age
        frequency[alive] += 1
        recency[alive] = clock[alive]
        alive &= generator.random(customers) > leaves
    fit = fit_bg_nbd(PurchaseHistories.aggregate(frequency, recency, np.full(customers, age)))
    truth = {"r": 0.8, "alpha": 6.0, "a": 1.2, "b": 3.0}
    found = fit.parameters(level=0.999)
    assert all(found[name].low < value < found[name].high for name, value in truth.items())


@settings(deadline=None)
@example(r=1.0, alpha=0.25, a=2.0, b=1.0, x=99, t=453.0)  # scipy's hyp2f1 overflows here
@given(
    r=parameters, alpha=parameters, a=parameters, b=parameters, x=st.integers(0, 300), t=st.floats(0.1, 500)
)
def test_expected_purchases_equal_the_integral_over_rates_and_dropout(r, alpha, a, b, x, t):
    model = BgNbd(r, alpha, a, b)
    closed = float(model.expected_purchases_while_alive(t, x, 50))
    assert closed == pytest.approx(purchases_by_quadrature(model, t, x, 50.0), rel=1e-6)


@pytest.mark.parametrize("a, b", [(1.0, 2.0), (0.4, 0.6), (1.0 + 1e-9, 2.0), (0.4, 0.6 + 1e-9)])
def test_removable_poles_of_the_formula_do_not_show(a, b):
    model = BgNbd(0.5, 4.0, a, b)
    closed = float(model.expected_purchases_of_new(30.0))
    assert closed == pytest.approx(purchases_by_quadrature(model, 30.0, 0.0, 0.0), rel=1e-6)


@given(st.integers(1, 5000), st.floats(0.01, 1), st.floats(1, 1000))
def test_probability_alive_stays_a_probability_and_falls_with_silence(x, fraction, age):
    recency = fraction * age
    now, later = (float(PUBLISHED.probability_alive(x, recency, age * k)) for k in (1, 2))
    assert 0 <= later <= now <= 1


def test_one_time_buyers_are_alive_by_construction_and_stay_out_of_the_share(fit, histories):
    assert PUBLISHED.probability_alive(0, 0, 38.86) == 1
    share = alive_share(fit, histories)
    assert share.denominator == 946
    assert share.numerator == pytest.approx(share.value * 946)
    assert 0.45 < share.low < share.value < share.high < 0.6


def test_forecasts_of_adjoining_periods_add_up(fit, histories):
    half, whole = (forecast_cohort(fit, histories, weeks).value for weeks in (20, 39))
    older = PurchaseHistories.aggregate(
        histories.frequency, histories.recency, histories.age + 20, histories.customers
    )
    assert half + forecast_cohort(fit, older, 19).value == pytest.approx(whole)


def test_forecast_is_the_sum_over_any_split_of_the_customers(fit, cdnow):
    parts = [
        forecast_purchases(fit, PurchaseHistories.aggregate(*cdnow[:3, rows]), 39).value
        for rows in (slice(0, 900), slice(900, None))
    ]
    assert sum(parts) == pytest.approx(1653.4233, abs=1e-3)


def test_aggregation_keeps_every_customer_and_finds_the_way_back(cdnow, histories):
    assert histories.total_customers == 2357
    assert (histories.frequency[histories.row] == cdnow[0]).all()
    assert (histories.recency[histories.row] == cdnow[1]).all()
    assert (histories.age[histories.row] == cdnow[2]).all()


@pytest.mark.parametrize(
    "history, message",
    [
        (([1.5], [1], [2]), "counts"),
        (([1], [3], [2]), "lies between"),
        (([1], [0], [2]), "Recency is 0"),
        (([0], [1], [2]), "Recency is 0"),
        (([], [], []), "at least one customer"),
        (([1], [float("nan")], [2]), "missing"),
    ],
)
def test_impossible_histories_are_refused(history, message):
    with pytest.raises(ValueError, match=message):
        PurchaseHistories.aggregate(*history)


def test_customers_who_never_came_back_give_no_model():
    nobody = PurchaseHistories.aggregate([0] * 50, [0.0] * 50, [30.0] * 50)
    assert "bought again" in fit_bg_nbd(nobody).reason


def test_data_that_do_not_identify_the_model_say_so():
    alike = PurchaseHistories.aggregate([3] * 50, [29.0] * 50, [30.0] * 50)
    assert isinstance(fit_bg_nbd(alike), Unavailable)


def test_alive_share_without_repeat_buyers_is_unavailable(fit):
    nobody = PurchaseHistories.aggregate([0], [0.0], [30.0])
    assert isinstance(alive_share(fit, nobody), Unavailable)
    assert isinstance(forecast_purchases(fit, nobody, 10), Estimate)
