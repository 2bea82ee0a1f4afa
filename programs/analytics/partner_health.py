"""How partners are doing, against peers of their tier, ranked with the uncertainty of the ranks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import beta, rankdata

from programs.analytics.estimate import Estimate, MaybeEstimate, Unavailable
from programs.analytics.fraud.timing import beta_of_peers
from programs.analytics.partner_value import expected_values
from programs.analytics.retention import net_promoter_score

#: (days up to, score); later is LAPSED.
RECENCY_BANDS = ((7, 100), (30, 85), (90, 70), (180, 55))
LAPSED = 40
MOST_DRAWN = 5_000_000
"""Values drawn for the ranks of all partners together, so that many partners need no more memory."""


@dataclass(frozen=True, slots=True)
class PartnerCounts:
    """What one partner did in the window and the one before; money in one currency.

    ``events`` are activities (logins, downloads, posts), ``heard`` those that others see (posts, mentions);
    ``days_since_active`` is None for never; ``promoters``, ``passives``, ``detractors`` are NPS answers;
    ``previous_revenue`` is None where the data do not cover the window before. ``revenue`` is the sum of
    ``orders`` orders' amounts, ``revenue_squares`` that of their squares.
    """

    partner: str
    tier: str
    events: int
    referrals: int
    won: int
    revenue: float
    previous_revenue: float | None
    gross_margin: float
    payout: float
    days_since_active: float | None = None
    promoters: int = 0
    passives: int = 0
    detractors: int = 0
    heard: int = 0
    orders: int = 0
    revenue_squares: float = 0.0


@dataclass(frozen=True, slots=True)
class Driver:
    """Something that stands behind what a partner brings: 0–100, and its points against the mean partner."""

    name: str
    score: float
    effect: float


@dataclass(frozen=True, slots=True)
class PartnerHealth:
    """Score 0–100, conversion shrunk to the tier, rank 1 = best with its interval, drivers by effect.

    ``score`` is the share of partners below this one, in percent, by the revenue to be expected of it.
    """

    partner: str
    tier: str
    score: Estimate
    rank: Estimate
    conversion: Estimate
    payout_ratio: MaybeEstimate
    trend: MaybeEstimate
    nps: MaybeEstimate
    share_of_voice: float
    drivers: tuple[Driver, ...]


@dataclass(frozen=True, slots=True)
class Concentration:
    """Herfindahl–Hirschman index of shares (1/n to 1), its inverse (effective partners), the top share."""

    hhi: float
    effective_partners: float
    top_share: float


def recency_score(days: float | None) -> int:
    """100 up to 7 days, 85 to 30, 70 to 90, 55 to 180, 40 beyond or never."""
    if days is None:
        return LAPSED
    return next((score for limit, score in RECENCY_BANDS if days <= limit), LAPSED)


def concentration(amounts: Sequence[float]) -> Concentration | Unavailable:
    """HHI of non-negative ``amounts`` (Herfindahl 1950). Raises ValueError for a negative one."""
    values = np.asarray(amounts, dtype=np.float64)
    if (values < 0).any():
        raise ValueError("Shares are of amounts that are not negative.")
    if values.sum() <= 0:
        return Unavailable("Nothing to share out.")
    shares = values / values.sum()
    hhi = float((shares**2).sum())
    return Concentration(hhi, 1 / hhi, float(shares.max()))


def percentiles(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Mid-rank percentile 0–100 of each value; ties share, a single partner has 50."""
    return np.asarray(100 * (rankdata(values) - 0.5) / len(values))


def partner_health(
    partners: Sequence[PartnerCounts],
    rng: np.random.Generator,
    *,
    draws: int = 1000,
    level: float = 0.95,
) -> tuple[PartnerHealth, ...] | Unavailable:
    """Health of every partner, best first.

    The score is the expected percentile of a partner's revenue (``partner_value``), and nothing else: logins
    and rates recover what a partner is worth less well than its revenue does. Draws of that give the
    intervals of score and rank (Goldstein and Spiegelhalter 1996). Conversion is won/referrals shrunk to the
    tier by empirical Bayes (beta-binomial, prior by moments over the tier's partners). The drivers stand
    beside the score: percentiles of activities, referrals, conversion and mean order, the bands of recency,
    and payout 100·(1 − payout/gross margin).
    """
    if not partners:
        return Unavailable("No partner is in the window.")
    ordered = sorted(partners, key=lambda item: item.partner)
    size = len(ordered)
    events, referrals, won, revenue, squares, orders, heard = (
        np.array([getattr(item, name) for item in ordered], dtype=np.float64)
        for name in ("events", "referrals", "won", "revenue", "revenue_squares", "orders", "heard")
    )
    prior = tier_priors(ordered)
    a = np.array([prior[item.tier][0] for item in ordered]) + won
    b = np.array([prior[item.tier][1] for item in ordered]) + referrals - won
    parts = {
        "engagement": percentiles(events),
        "referrals": percentiles(referrals),
        "conversion": percentiles(a / (a + b)),
        "order value": percentiles(np.divide(revenue, orders, out=np.zeros(size), where=orders > 0)),
        "recency": np.array([recency_score(item.days_since_active) for item in ordered], dtype=np.float64),
        "payout": np.array([payout_score(item) for item in ordered]),
    }
    scores, drawn = expected_values(revenue, squares, orders, rng, max(min(draws, MOST_DRAWN // size), 100))
    below = rankdata(drawn, axis=1) - 0.5
    tail = (1 - level) / 2
    score_low, score_high = np.quantile(100 * below / size, [tail, 1 - tail], axis=0)
    rank_low, rank_high = np.quantile(size + 0.5 - below, [tail, 1 - tail], axis=0, method="nearest")
    posterior_error = np.sqrt(a * b / ((a + b) ** 2 * (a + b + 1)))
    conversion_low, conversion_high = (np.asarray(beta.ppf(at, a, b)) for at in (tail, 1 - tail))
    place = rankdata(-scores.round(9), method="min")
    voice = heard / heard.sum() if heard.sum() else np.zeros(size)
    found = []
    for index, item in enumerate(ordered):
        drivers = tuple(
            Driver(name, float(part[index]), float(part[index] - part.mean())) for name, part in parts.items()
        )
        found.append(
            PartnerHealth(
                partner=item.partner,
                tier=item.tier,
                score=Estimate(
                    float(scores[index]), float(min(score_low[index], scores[index])),
                    float(max(score_high[index], scores[index])), level,
                    unit="points", method="posterior draws",
                ),
                rank=Estimate(
                    float(place[index]), float(min(rank_low[index], place[index])),
                    float(max(rank_high[index], place[index])), level,
                    unit="rank", method="posterior draws",
                ),
                conversion=Estimate(
                    float(a[index] / (a[index] + b[index])), float(conversion_low[index]),
                    float(conversion_high[index]), level, float(posterior_error[index]),
                    item.won, item.referrals, "share", "empirical bayes",
                ),
                payout_ratio=payout_ratio(item),
                trend=revenue_trend(item),
                nps=net_promoter_score(item.promoters, item.passives, item.detractors, level=level),
                share_of_voice=float(voice[index]),
                drivers=tuple(sorted(drivers, key=lambda driver: (-abs(driver.effect), driver.name))),
            )
        )  # fmt: skip
    return tuple(sorted(found, key=lambda health: (-health.score.value, health.partner)))


def tier_priors(partners: Sequence[PartnerCounts]) -> dict[str, tuple[float, float]]:
    """Beta prior (alpha, beta) of conversion in each tier."""
    members: dict[str, list[PartnerCounts]] = {}
    for item in partners:
        members.setdefault(item.tier, []).append(item)
    return {
        tier: beta_of_peers(
            np.array([item.won for item in group], dtype=np.float64),
            np.array([item.referrals for item in group], dtype=np.float64),
        )
        for tier, group in members.items()
    }


def payout_ratio(item: PartnerCounts) -> MaybeEstimate:
    """Payout / gross margin, a share."""
    if item.gross_margin <= 0:
        return Unavailable("No gross margin to hold the payout against.")
    return Estimate(
        item.payout / item.gross_margin, numerator=item.payout, denominator=item.gross_margin,
        unit="share", method="ratio",
    )  # fmt: skip


def payout_score(item: PartnerCounts) -> float:
    ratio = payout_ratio(item)
    if isinstance(ratio, Unavailable):
        # Nothing earned: paid for it is the worst, unpaid says neither good nor bad.
        return 0.0 if item.payout > 0 else 50.0
    return 100 * min(max(1 - ratio.value, 0.0), 1.0)


def revenue_trend(item: PartnerCounts) -> MaybeEstimate:
    """Relative change of revenue against the window before, a share."""
    if item.previous_revenue is None:
        return Unavailable("The data do not cover the window before.")
    if item.previous_revenue <= 0:
        return Unavailable("No revenue in the window before.")
    return Estimate(
        item.revenue / item.previous_revenue - 1, numerator=item.revenue,
        denominator=item.previous_revenue, unit="share", method="ratio",
    )  # fmt: skip
