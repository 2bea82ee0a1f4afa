"""How many issued points will ever be redeemed, and how sure that is.

Chain ladder on a triangle of cumulative redemptions, vintage (month of issue) × age.
Source: Mack, "Distribution-free calculation of the standard error of chain ladder reserve
estimates", ASTIN Bulletin 23 (1993); Mack, "The standard error of chain ladder reserve estimates:
recursive calculation and inclusion of a tail factor" (1999).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm

from programs.analytics.estimate import Estimate, MaybeEstimate, Unavailable
from programs.analytics.redemption_tail import RedemptionTail

FloatArray = NDArray[np.float64]

SMALL_TRIANGLE = 8
"""Vintages: of fewer or as many, Mack's normal interval is too narrow."""


@dataclass(frozen=True, slots=True, eq=False)
class ChainLadder:
    """Factors between ages and the forecast per vintage; all amounts in the triangle's unit."""

    factors: FloatArray
    sigma: FloatArray
    latest: FloatArray
    ultimate: FloatArray
    standard_error: FloatArray
    total_standard_error: float

    @property
    def reserve(self) -> FloatArray:
        """What is still to come, per vintage."""
        return self.ultimate - self.latest


def chain_ladder(cumulative: ArrayLike) -> ChainLadder:
    """Project a cumulative run-off triangle to its last age, with Mack's standard errors.

    ``cumulative`` (vintages, ages): one row a vintage, oldest first, NaN right of the latest
    diagonal. Each age needs at least one vintage that reached the next.
    Raises ValueError on gaps inside a row, an oldest vintage without full history, or a column
    without volume to develop from.
    """
    triangle = np.asarray(cumulative, dtype=float)
    if triangle.ndim != 2 or min(triangle.shape) < 2:
        raise ValueError("A triangle needs at least two vintages and two ages.")
    seen = ~np.isnan(triangle)
    ages_seen = seen.sum(axis=1)
    vintages, ages = triangle.shape
    if (seen != (np.arange(ages) < ages_seen[:, None])).any() or (ages_seen == 0).any():
        raise ValueError("Each vintage needs its ages from the first to its latest without gaps.")
    if ages_seen[0] != ages or (np.diff(ages_seen) > 0).any():
        raise ValueError("The oldest vintage must reach the last age, and younger ones not further.")

    factors, sigma_squared, volume = np.empty(ages - 1), np.empty(ages - 1), np.empty(ages - 1)
    for age in range(ages - 1):
        both = seen[:, age + 1]
        before, after = triangle[both, age], triangle[both, age + 1]
        volume[age] = before.sum()
        if volume[age] <= 0:
            raise ValueError(
                f"Nothing was redeemed by age {age + 1} of the older vintages: nothing to develop from."
            )
        factors[age] = after.sum() / volume[age]
        pairs = int(both.sum())
        # C·(F − f)² = (after − f·before)² / before; a vintage without volume carries no information.
        residual = np.divide(
            (after - factors[age] * before) ** 2, before, out=np.zeros_like(before), where=before > 0
        )
        sigma_squared[age] = residual.sum() / (pairs - 1) if pairs > 1 else np.nan
    sigma_squared = _fill_last_sigma(sigma_squared)

    full = triangle.copy()
    for age in range(ages - 1):
        missing = np.isnan(full[:, age + 1])
        full[missing, age + 1] = full[missing, age] * factors[age]
    ultimate = full[:, -1]
    latest = triangle[np.arange(vintages), ages_seen - 1]

    ratio = sigma_squared / factors**2
    variance = np.zeros(vintages)
    parameter = np.zeros(vintages)
    for vintage in range(vintages):
        future = slice(ages_seen[vintage] - 1, ages - 1)
        base = full[vintage, future]
        process = np.divide(ratio[future], base, out=np.zeros_like(base), where=base > 0).sum()
        parameter[vintage] = (ratio[future] / volume[future]).sum()
        variance[vintage] = ultimate[vintage] ** 2 * (process + parameter[vintage])
    # Vintages share the estimated factors: the parameter error of the younger contains the older's.
    younger = np.array([ultimate[vintage + 1 :].sum() for vintage in range(vintages)])
    total = variance.sum() + 2 * (ultimate * younger * parameter).sum()
    return ChainLadder(
        factors, np.sqrt(sigma_squared), latest, ultimate, np.sqrt(variance), float(np.sqrt(total))
    )


def _fill_last_sigma(sigma_squared: FloatArray) -> FloatArray:
    """Mack's rule for ages with a single pair: min(σ⁴ₖ₋₁/σ²ₖ₋₂, σ²ₖ₋₁, σ²ₖ₋₂)."""
    filled = sigma_squared.copy()
    for age in np.flatnonzero(np.isnan(filled)):
        if age == 0:
            filled[age] = 0.0
        elif age == 1:
            filled[age] = filled[0]
        else:
            last, before = filled[age - 1], filled[age - 2]
            filled[age] = min(last**2 / before if before > 0 else 0.0, last, before)
    return filled


@dataclass(frozen=True, slots=True, eq=False)
class RedemptionForecast:
    """Ultimate redemption of issued points, and of those still outstanding: two different rates."""

    by_vintage: ChainLadder
    rate_of_issued: Estimate
    rate_of_outstanding: MaybeEstimate
    breakage_rate: Estimate
    cape_cod_rate: float
    """The same rate by Cape Cod, which leans on points issued and so steadies young vintages."""


def forecast_redemption(
    issued: ArrayLike,
    cumulative_redeemed: ArrayLike,
    expired: float = 0.0,
    *,
    tail: RedemptionTail | None = None,
    level: float = 0.95,
) -> MaybeForecast:
    """Ultimate redemption rate from the ledger's triangle.

    ``issued`` (vintages,) points; ``cumulative_redeemed`` (vintages, ages) points; ``expired`` points
    no longer outstanding. Rate of issued U = Σ ultimate / Σ issued; rate of outstanding =
    (U·issued − redeemed) / (issued − redeemed − expired), for points that can still be spent.
    Where nothing can be redeemed at the first ages, the triangle starts at the first age with redemptions,
    which are developed from the points issued. ``tail`` is what comes after the oldest vintage's age, as far
    as points are left for it. Of a small triangle the interval is at least that of the bootstrap.
    ``Unavailable`` when more would be redeemed than was ever issued, or when too few vintages have come to
    that age.
    """
    points = np.asarray(issued, dtype=float)
    triangle = np.asarray(cumulative_redeemed, dtype=float)
    held = _ages_without_redemptions(triangle)
    if held:
        if (early := _too_early(triangle, held)) is not None:
            return early
        ladder = _after_holding(points, triangle, held)
    else:
        ladder = chain_ladder(triangle)
    if points.shape != ladder.ultimate.shape:
        raise ValueError("Issued points need one entry per vintage.")
    total, redeemed = float(points.sum()), float(ladder.latest.sum())
    ultimate = float(ladder.ultimate.sum())
    outstanding = total - redeemed - expired
    if expired < 0 or (ladder.latest > points).any() or outstanding < 0:
        raise ValueError("More points were redeemed or expired than issued.")
    if ultimate > total - expired:
        return Unavailable(
            f"The triangle projects {ultimate:,.0f} redeemed of {total - expired:,.0f} points that can be; "
            "check that redemptions are booked to the month of issue."
        )
    error, small = ladder.total_standard_error, None
    if not held and len(points) <= SMALL_TRIANGLE:
        small = bootstrap_reserve(triangle, np.random.default_rng(len(points)))
    after = min((tail.rate or 0.0) * total, total - expired - ultimate) if tail else 0.0
    if after > 0 and tail is not None:
        error += tail.error * total  # the last ages decide both, so the errors go the same way
        ladder = replace(
            ladder, ultimate=ladder.ultimate + points * (after / total), total_standard_error=error
        )
        ultimate += after
    half_width = float(norm.ppf(0.5 + level / 2)) * error
    low, high = ultimate - half_width, ultimate + half_width
    if small is not None:
        ends = redeemed + after + np.quantile(small, [(1 - level) / 2, (1 + level) / 2])
        low, high = min(low, float(ends[0])), max(high, float(ends[1]))
    low, high = max(low, redeemed), min(high, total - expired)

    def share(of: float, less: float, method: str) -> Estimate:
        return Estimate(
            (ultimate - less) / of,
            (low - less) / of,
            (high - less) / of,
            level,
            ladder.total_standard_error / of,
            ultimate - less,
            of,
            "share",
            method,
        )

    method = "chain ladder, Mack" if small is None else "chain ladder, Mack and bootstrap"
    rate = share(total, 0.0, method)
    assert rate.low is not None and rate.high is not None
    return RedemptionForecast(
        by_vintage=ladder,
        rate_of_issued=rate,
        rate_of_outstanding=(
            share(outstanding, redeemed, method)
            if outstanding > 0
            else Unavailable("No points are outstanding.")
        ),
        breakage_rate=Estimate(
            1 - rate.value,
            1 - rate.high,
            1 - rate.low,
            level,
            rate.standard_error,
            total - ultimate,
            total,
            "share",
            rate.method,
        ),
        cape_cod_rate=_cape_cod(points, ladder, triangle, held),
    )


MaybeForecast = RedemptionForecast | Unavailable


def bootstrap_reserve(
    cumulative: FloatArray, generator: np.random.Generator, replicates: int = 300
) -> FloatArray | None:
    """Draws of what is still to come, shape (replicates,): resampled residuals of the over-dispersed Poisson
    model, then gamma scatter of each cell to come; None where the triangle is too small to have residuals.

    Source: England & Verrall, "Stochastic claims reserving in general insurance", British Actuarial Journal 8
    (2002), section 7.
    """
    seen = ~np.isnan(cumulative)
    ages = seen.sum(axis=1)
    count = cumulative.shape[1]
    fitted = _fitted(cumulative, chain_ladder(cumulative).factors)
    actual = np.diff(np.where(seen, cumulative, 0.0), axis=1, prepend=0.0)
    used = seen & (fitted > 0)
    freedom = int(used.sum()) - (cumulative.shape[0] + count - 1)
    if freedom < 1:
        return None
    residuals = (actual[used] - fitted[used]) / np.sqrt(fitted[used])
    dispersion = float((residuals**2).sum()) / freedom
    if dispersion <= 0:
        return None
    residuals *= np.sqrt(used.sum() / freedom)
    residuals -= residuals.mean()
    drawn = np.empty(replicates)
    for n in range(replicates):
        again = np.zeros_like(fitted)
        noise = generator.choice(residuals, int(used.sum())) * np.sqrt(fitted[used])
        again[used] = np.maximum(fitted[used] + noise, 0.0)
        table = np.where(seen, np.cumsum(again, axis=1), np.nan)
        factors = _factors(table)
        latest = table[np.arange(len(ages)), ages - 1]
        to_come = []
        for vintage, value in enumerate(latest):
            for factor in factors[ages[vintage] - 1 :]:
                to_come.append(value * max(factor - 1, 0.0))
                value *= factor
        shape = np.array(to_come) / dispersion
        drawn[n] = (generator.gamma(shape[shape > 0]) * dispersion).sum()
    return drawn


def _factors(cumulative: FloatArray) -> FloatArray:
    """Volume-weighted development factors; 1 where nothing was redeemed before."""
    both = ~np.isnan(cumulative[:, 1:])
    before = np.where(both, cumulative[:, :-1], 0.0).sum(axis=0)
    after = np.where(both, cumulative[:, 1:], 0.0).sum(axis=0)
    return np.divide(after, before, out=np.ones_like(after), where=before > 0)


def _fitted(cumulative: FloatArray, factors: FloatArray) -> FloatArray:
    """Increments that the factors expect, back from the latest of each vintage; 0 where not seen."""
    seen = ~np.isnan(cumulative)
    found = np.zeros_like(cumulative)
    for vintage, ages in enumerate(seen.sum(axis=1)):
        level = cumulative[vintage, ages - 1]
        back = np.append(np.cumprod(factors[: ages - 1][::-1])[::-1], 1.0)
        found[vintage, :ages] = np.diff(level / back, prepend=0.0)
    return found


def _ages_without_redemptions(triangle: FloatArray) -> int:
    """How many of the first ages have nothing to develop from: points are held, or nobody is so soon."""
    if triangle.ndim != 2:
        return 0
    seen = ~np.isnan(triangle)
    volume = [triangle[seen[:, age + 1], age].sum() for age in range(triangle.shape[1] - 1)]
    return next((age for age, redeemed in enumerate(volume) if redeemed > 0), len(volume))


def _too_early(triangle: FloatArray, held: int) -> Unavailable | None:
    if not np.nansum(triangle) > 0:
        return Unavailable("No point has been redeemed yet.")
    old_enough = int((~np.isnan(triangle[:, held])).sum())
    if old_enough < 2:
        return Unavailable(
            f"Points are redeemed from age {held + 1} on, which {old_enough} month of issue has reached; "
            "it takes two."
        )
    return None


def _after_holding(issued: FloatArray, triangle: FloatArray, held: int) -> ChainLadder:
    """The chain ladder of a triangle whose first column, in place of the ages held, is the points issued.

    Mack's model for that step says that what is first redeemed is in proportion to what was issued.
    """
    ladder = chain_ladder(np.column_stack([issued, triangle[:, held:]]))
    last = (~np.isnan(triangle)).sum(axis=1) - 1
    return replace(ladder, latest=triangle[np.arange(len(issued)), last])


def _cape_cod(issued: FloatArray, ladder: ChainLadder, triangle: FloatArray, held: int) -> float:
    """Redeemed so far over points "used up" so far (Stanard 1985; Bühlmann): Σ C / Σ issued·share seen."""
    seen = (~np.isnan(triangle)).sum(axis=1) - held
    factors = ladder.factors[1:] if held else ladder.factors
    to_ultimate = np.append(np.cumprod(factors[::-1])[::-1], 1.0)[np.maximum(seen, 1) - 1]
    share = np.where(seen > 0, 1 / to_ultimate, 0.0)
    used = issued * share
    prior = ladder.latest.sum() / used.sum()
    ultimate = ladder.latest + issued * prior * (1 - share)
    return float(ultimate.sum() / issued.sum())
