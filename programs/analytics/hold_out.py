"""A forecast of revenue made before a hold-out period, against what was spent in it, and what follows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import norm

from gtm.core.percents import percent_text

FloatArray = NDArray[np.float64]

MOST_CORRECTED = (0.5, 1.5)
A_YEAR, HALF_A_YEAR = 364, 182
"""In whole weeks, as days of a week differ."""


def hold_out_days(history: float) -> int:
    """How many of the last days are held out of ``history``: a year where three are there, else half a year,
    and a third of the data at most.

    A year holds each season once, and the forecast is made at the season of today: what a season does to the
    run-off is corrected like any other error. Half a year may take a low season for customers who left.
    """
    return A_YEAR if history >= 3 * A_YEAR else int(min(HALF_A_YEAR, history / 3))


@dataclass(frozen=True, slots=True)
class DecileError:
    """A tenth of the customers by their forecast, the lowest first: money forecast and money spent."""

    decile: int
    customers: int
    forecast: float
    actual: float


@dataclass(frozen=True, slots=True)
class BackTest:
    """The same forecast made ``days`` before the end, against what was spent since; ``by_chance`` is the
    standard error of the forecast of existing customers if the model were right."""

    days: int
    existing: float
    existing_actual: float
    newcomers: float
    newcomers_actual: float
    by_chance: float
    deciles: tuple[DecileError, ...]
    all_by_chance: float = 0.0
    """Standard error of the whole forecast, newcomers included, if the model were right."""
    season: float = 1.0
    """By what newcomers were multiplied to be free of their season; 1 where it was not known then."""

    @property
    def forecast(self) -> float:
        return self.existing + self.newcomers

    @property
    def actual(self) -> float:
        return self.existing_actual + self.newcomers_actual

    @property
    def relative_error(self) -> float:
        """(forecast − actual) / actual; how far the forecast of that time was off, newcomers included."""
        return (self.forecast - self.actual) / self.actual if self.actual else 0.0

    @property
    def lean(self) -> str:
        """How far the forecast was too high, in words; empty where chance may explain it."""
        if self.forecast - self.actual <= float(norm.ppf(0.975)) * self.all_by_chance:
            return ""
        parts = [
            f"{who} {percent_text(abs(off), 0)} {'more' if off > 0 else 'less'}"
            for who, forecast, actual in (
                ("existing customers", self.existing, self.existing_actual),
                ("newcomers", self.newcomers, self.newcomers_actual),
            )
            if actual > 0 and abs(off := forecast / actual - 1) >= 0.005
        ]
        return (
            f"Made {self.days} days before the end, the revenue forecast was "
            f"{percent_text(self.relative_error, 0)} above what was spent then, more than chance explains "
            f"({', '.join(parts)} than was seen). What existing customers will spend is corrected for it"
        )

    @property
    def chance(self) -> float:
        """Standard error of the forecast of existing customers, as a share of it, if the model were right."""
        return self.by_chance / self.existing if self.existing > 0 else 0.0

    @property
    def correction(self) -> float:
        """What the run-off of the hold-out days is multiplied by: actual / forecast, drawn to 1 as far as
        chance may explain the distance."""
        if self.existing <= 0 or self.existing_actual <= 0:
            return 1.0
        distance = float(np.log(self.existing_actual / self.existing))
        weight = distance**2 / (distance**2 + self.chance**2) if distance else 0.0
        low, high = MOST_CORRECTED
        return float(np.clip(np.exp(weight * distance), low, high))

    @property
    def hazard(self) -> float:
        """A day, of leaving beyond what the model expects: at u = hazard × days, (1 − e⁻ᵘ)/u is the
        correction. 0 where the run-off was not too high."""
        correction = self.correction
        if correction >= 1:
            return 0.0
        return float(brentq(lambda u: -np.expm1(-u) / u - correction, 1e-9, 10.0)) / self.days

    def corrections(self, days: FloatArray) -> FloatArray:
        """What the run-off at each of ``days`` ahead is multiplied by.

        A run-off that was too high leaves too few customers behind, more of them with every day: it is
        corrected by the hazard. One that was too low missed how often customers buy, which stays as it is.
        """
        correction = self.correction
        return np.full(days.shape, correction) if correction >= 1 else np.exp(-self.hazard * days)

    def error_on_newcomers(self, season: float = 1.0) -> float:
        """As a share of what was forecast of them; 0 where nobody was.

        A forecast of a whole year was made at today's season: where that is known by now, as ``season`` (see
        ``BackTest.season``), it is no error any more.
        """
        known = season / self.season if self.days >= A_YEAR else 1.0
        expected = self.newcomers * known
        return abs(self.newcomers_actual - expected) / expected if expected > 0 else 0.0
