"""How partners are doing, against peers of their tier, ranked with the uncertainty of the ranks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from programs.analytics.estimate import Estimate, MaybeEstimate, Unavailable
from programs.analytics.fraud.timing import beta_of_peers
from programs.analytics.retention import net_promoter_score

#: (days up to, score); later is LAPSED.
RECENCY_BANDS = ((7, 100), (30, 85), (90, 70), (180, 55))
LAPSED = 40
WEIGHTS = {"engagement": 0.1, "conversion": 0.1, "revenue": 0.6, "recency": 0.1, "payout": 0.1}
"""What a partner is worth is mostly what it brings: a score of logins and rates recovers that worse than
revenue alone does, on simulated partners (``test_partner_health``)."""
ORDER_SPREAD = 1.0
"""Coefficient of variation of order values within a partner, about that of an exponential distribution."""


@dataclass(frozen=True, slots=True)
class PartnerCounts:
    """What one partner did in the window and the one before; money in one currency.

    ``events`` are activities (logins, downloads, posts), ``heard`` those that others see (posts, mentions);
    ``days_since_active`` is None for never; ``promoters``, ``passives``, ``detractors`` are NPS answers;
    ``previous_revenue`` is None where the data
    do not cover the window before.
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


@dataclass(frozen=True, slots=True)
class Driver:
    """One part of the score: 0–100, its weight, and the points it moves the score off the mean partner."""

    name: str
    score: float
    weight: float
    effect: float


@dataclass(frozen=True, slots=True)
class PartnerHealth:
    """Score 0–100, conversion shrunk to the tier, rank 1 = best with its interval, drivers by effect."""

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
    """Mid-rank percentile 0–100 along the last axis; ties share, a single partner has 50."""
    below = (values[..., None, :] < values[..., :, None]).sum(axis=-1)
    same = (values[..., None, :] == values[..., :, None]).sum(axis=-1)
    return np.asarray(100 * (below + same / 2) / values.shape[-1])


def partner_health(
    partners: Sequence[PartnerCounts],
    rng: np.random.Generator,
    *,
    weights: Mapping[str, float] = WEIGHTS,
    draws: int = 1000,
    level: float = 0.95,
) -> tuple[PartnerHealth, ...] | Unavailable:
    """Health of every partner, best first.

    Conversion is won/referrals shrunk to the tier by empirical Bayes (beta-binomial, prior by moments
    over the tier's partners). Engagement and revenue are percentiles, recency its bands, payout
    100·(1 − payout/gross margin). ``draws`` of conversion (beta posterior), engagement (gamma
    posterior of a Poisson rate) and revenue (``drawn_revenue``) give the intervals of score and rank
    (Goldstein and Spiegelhalter 1996). The weights are a judgment, shown in the drivers; they are scaled to
    sum to one.
    """
    if not partners:
        return Unavailable("No partner is in the window.")
    ordered = sorted(partners, key=lambda item: item.partner)
    size = len(ordered)
    events, referrals, won, revenue, heard = (
        np.array([getattr(item, name) for item in ordered], dtype=np.float64)
        for name in ("events", "referrals", "won", "revenue", "heard")
    )
    prior = tier_priors(ordered)
    a = np.array([prior[item.tier][0] for item in ordered]) + won
    b = np.array([prior[item.tier][1] for item in ordered]) + referrals - won
    recency = np.array([recency_score(item.days_since_active) for item in ordered], dtype=np.float64)
    payout = np.array([payout_score(item) for item in ordered])

    def parts(
        activity: npt.NDArray[np.float64],
        conversion: npt.NDArray[np.float64],
        money: npt.NDArray[np.float64],
    ) -> dict[str, npt.NDArray[np.float64]]:
        return {
            "engagement": percentiles(activity),
            "conversion": percentiles(conversion),
            "revenue": percentiles(money),
            "recency": np.broadcast_to(recency, activity.shape),
            "payout": np.broadcast_to(payout, activity.shape),
        }

    total = sum(weights.values())
    share = {name: weight / total for name, weight in weights.items()}
    point = parts(events, a / (a + b), revenue)
    drawn = parts(
        rng.gamma(events + 0.5, size=(draws, size)),
        rng.beta(a, b, size=(draws, size)),
        drawn_revenue(revenue, won, rng, draws),
    )
    scores = sum_parts(point, share)
    sampled = sum_parts(drawn, share)
    tail = (1 - level) / 2
    ranks = 1 + (sampled[:, None, :] > sampled[:, :, None]).sum(axis=-1)
    score_low, score_high = np.quantile(sampled, [tail, 1 - tail], axis=0)
    rank_low, rank_high = np.quantile(ranks, [tail, 1 - tail], axis=0)
    posterior_error = np.sqrt(a * b / ((a + b) ** 2 * (a + b + 1)))
    beta_draws = np.quantile(rng.beta(a, b, size=(draws, size)), [tail, 1 - tail], axis=0)
    place = 1 + (scores[None, :] > scores[:, None]).sum(axis=-1)
    voice = heard / heard.sum() if heard.sum() else np.zeros(size)
    found = []
    for index, item in enumerate(ordered):
        drivers = tuple(
            Driver(name, float(point[name][index]), share[name],
                   float(share[name] * (point[name][index] - point[name].mean())))
            for name in share
        )  # fmt: skip
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
                    float(a[index] / (a[index] + b[index])), float(beta_draws[0, index]),
                    float(beta_draws[1, index]), level, float(posterior_error[index]),
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


def drawn_revenue(
    revenue: npt.NDArray[np.float64], won: npt.NDArray[np.float64], rng: np.random.Generator, draws: int
) -> npt.NDArray[np.float64]:
    """Draws (draws, partners) of what each partner is to bring, gamma about its revenue shrunk to the mean.

    A sum of orders varies by their number and their values: variance (1 + spread²) · price · expected sum.
    Whoever stands first was lucky, too: draws about what was seen would carry that luck on, and their ranks
    covered the true ones in nine of ten cases. The share kept of a distance from the mean is between /
    (between + noise), by moments (empirical Bayes; Efron and Morris 1975).
    """
    price = float(revenue.sum()) / max(float(won.sum()), 1.0)
    if len(revenue) < 2 or price <= 0:
        shape = (won + 0.5) / (1 + ORDER_SPREAD**2)
        return np.asarray(revenue * rng.gamma(shape, size=(draws, len(revenue))) / shape)
    mean, unit = float(revenue.mean()), (1 + ORDER_SPREAD**2) * price
    between = max(float(revenue.var(ddof=1)) - unit * max(mean, price / 2), 0.0)
    noise = unit * np.maximum((revenue + mean) / 2, price / 2)
    keep = between / (between + noise)
    centre = np.maximum(mean + keep * (revenue - mean), 1e-9 * price)
    shape = np.maximum(centre**2 / np.maximum(keep * noise, 1e-9 * price**2), 1e-3)
    return np.asarray(centre * rng.gamma(shape, size=(draws, len(revenue))) / shape)


def sum_parts(
    parts: Mapping[str, npt.NDArray[np.float64]], share: Mapping[str, float]
) -> npt.NDArray[np.float64]:
    return np.asarray(sum(share[name] * parts[name] for name in share), dtype=np.float64)


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
