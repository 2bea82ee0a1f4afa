"""What a customer's next order is worth: the Gamma-Gamma model of monetary value.

Orders of a customer are gamma around the customer's own mean, the means vary between customers: a mean of few
orders is drawn towards everybody's. Source: Fader, Hardie & Lee, "RFM and CLV: using iso-value curves for
customer base analysis", Journal of Marketing Research 42 (2005); Fader & Hardie, "The Gamma-Gamma model of
monetary value" (2013), cited below as FH.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
from scipy.special import gammaln, psi

from programs.analytics.estimate import Unavailable

FloatArray = NDArray[np.float64]

_BOUNDS = ((-4.0, 7.0), (-4.0, 8.0), (-8.0, 12.0))
"""Of ln p, ln(q − 1), ln γ (in mean orders): at a bound all orders, or all customers, are alike."""


@dataclass(frozen=True, slots=True)
class GammaGamma:
    """``gamma`` is in money, ``p`` and ``q`` > 1 have no unit."""

    p: float
    q: float
    gamma: float
    log_likelihood: float = 0.0

    @property
    def mean(self) -> float:
        """Expected order value of a random customer: pγ/(q − 1)."""
        return self.p * self.gamma / (self.q - 1)

    @property
    def variation_of_orders(self) -> float:
        """Squared coefficient of variation of one customer's orders: 1/p."""
        return 1 / self.p

    def expected_value(self, orders: ArrayLike, mean_value: ArrayLike) -> FloatArray:
        """E[M | x, m̄] = p(γ + x·m̄)/(px + q − 1) (FH equation 5), a weighted mean of m̄ and ``mean``."""
        x, mean = np.asarray(orders, dtype=np.float64), np.asarray(mean_value, dtype=np.float64)
        return np.asarray(self.p * (self.gamma + x * mean) / (self.p * x + self.q - 1))


def fit_gamma_gamma(orders: ArrayLike, mean_value: ArrayLike) -> GammaGamma | Unavailable:
    """Fit p, q, γ by maximum likelihood (FH equation 3) on ``orders`` x and their mean m̄, one entry a
    customer.

    Customers whose orders are worth nothing are left out. ``Unavailable`` where nobody has paid.
    """
    x, mean = np.asarray(orders, dtype=np.float64), np.asarray(mean_value, dtype=np.float64)
    if x.shape != mean.shape or (x < 0).any() or not np.isfinite(mean).all():
        raise ValueError("Order values need a count and a mean per customer.")
    paying = (x > 0) & (mean > 0)
    x, mean = x[paying], mean[paying]
    if not x.size:
        return Unavailable("No order is worth anything, so the next one cannot be valued.")
    unit = float(mean.mean())
    total = mean / unit * x
    levels, counts = np.unique(x, return_counts=True)
    log_mean, log_x = np.log(mean / unit), np.log(x)
    weighted_logs, plain_logs = float(x @ (log_mean + log_x)), float(log_mean.sum())

    def objective(parameters: FloatArray) -> tuple[float, FloatArray]:
        p, beyond_one, gamma = np.exp(parameters)
        q, size = beyond_one + 1, x.size
        spread = np.log(gamma + total)
        shape = p * levels
        both = psi(shape + q)
        value = (
            counts @ (gammaln(shape + q) - gammaln(shape))
            + size * (q * np.log(gamma) - gammaln(q))
            + p * weighted_logs - plain_logs - p * (x @ spread) - q * spread.sum()
        )  # fmt: skip
        d_p = counts @ (levels * (both - psi(shape))) + weighted_logs - x @ spread
        d_q = counts @ both + size * (np.log(gamma) - psi(q)) - spread.sum()
        d_gamma = size * q / gamma - ((p * x + q) / (gamma + total)).sum()
        gradient = np.array([d_p * p, d_q * beyond_one, d_gamma * gamma])
        return -float(value) / size, -gradient / size

    found = minimize(
        objective, np.array([1.0, 1.0, 0.0]), jac=True, method="L-BFGS-B", bounds=_BOUNDS,
        options={"ftol": 1e-13, "gtol": 1e-7, "maxiter": 500},
    )  # fmt: skip
    p, beyond_one, gamma = (float(value) for value in np.exp(found.x))
    log_likelihood = -float(found.fun) * x.size - x.size * float(np.log(unit))
    return GammaGamma(p, beyond_one + 1, gamma * unit, log_likelihood)
