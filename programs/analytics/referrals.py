"""What referrals cost and how they spread: incentive efficiency and viral growth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from scipy.stats import norm

from gtm.core.percents import percent_text
from programs.analytics.estimate import Estimate, MaybeEstimate, Unavailable
from programs.analytics.rates import wilson_rate


@dataclass(frozen=True, slots=True)
class RewardLevel:
    """What happened at one reward: ``invites`` sent, ``won`` customers, and money in one currency.

    ``reward`` is per won customer, in the ``currency`` in which it was promised; ``payout`` and
    ``gross_margin`` are totals, in the one of the program.
    """

    reward: float
    invites: int
    won: int
    payout: float
    gross_margin: float
    currency: str = ""

    def __str__(self) -> str:
        return f"{Decimal(str(self.reward)).normalize():f} {self.currency}".rstrip()


@dataclass(frozen=True, slots=True)
class MarginalStep:
    """From one reward level to the next higher: extra wins per invite, and the money one extra win costs.

    ``marginal_cost`` is Unavailable where the higher reward did not win more.
    """

    lower: float
    higher: float
    currency: str
    extra_rate: Estimate
    marginal_cost: MaybeEstimate
    extra_margin_per_invite: float


@dataclass(frozen=True, slots=True)
class IncentiveEfficiency:
    """Payout / gross margin (share), cost per won and per incremental customer, with the levels' steps."""

    payout_ratio: MaybeEstimate
    cost_per_won: MaybeEstimate
    cost_per_incremental: MaybeEstimate
    steps: tuple[MarginalStep, ...]


@dataclass(frozen=True, slots=True)
class ViralGrowth:
    """K with its interval, the multiplier 1/(1−K) and the ceiling of users where K < 1."""

    k: Estimate
    multiplier: MaybeEstimate
    ceiling: MaybeEstimate


def cost_per_incremental_customer(
    program_cost: float, won: int, invites: int, baseline: float, *, level: float = 0.95
) -> MaybeEstimate:
    """Program cost per customer who would not have come anyway.

    ``baseline`` is the share of invited people who buy without the program, from a hold-out group.
    The interval carries the Wilson interval of the win rate through; a bound with no incremental
    customer is infinite. Unavailable when there is no incremental customer at all.
    """
    rate = wilson_rate(won, invites, level=level)
    if isinstance(rate, Unavailable):
        return rate
    extra = rate.value - baseline
    if extra <= 0:
        return Unavailable(
            f"The win rate {percent_text(rate.value, 2)} is not above the baseline "
            f"{percent_text(baseline, 2)}."
        )
    assert rate.low is not None and rate.high is not None
    dearest = program_cost / (invites * (rate.low - baseline)) if rate.low > baseline else math.inf
    cheapest = program_cost / (invites * (rate.high - baseline))
    return Estimate(
        program_cost / (invites * extra), cheapest, dearest, level,
        numerator=program_cost, denominator=invites * extra, unit="currency", method="wilson",
    )  # fmt: skip


def incentive_efficiency(
    levels: Sequence[RewardLevel], *, baseline: float | None = None, fixed_cost: float = 0.0
) -> IncentiveEfficiency:
    """Efficiency over all reward levels and between neighbours.

    Without a ``baseline`` (share who buy anyway) the incremental cost is Unavailable rather than
    equal to the average cost, which would call every referred customer incremental.
    """
    payout, margin = sum(x.payout for x in levels), sum(x.gross_margin for x in levels)
    won, invites = sum(x.won for x in levels), sum(x.invites for x in levels)
    cost = payout + fixed_cost
    ordered = sorted((x for x in levels if x.invites), key=lambda x: (x.currency, x.reward))
    neighbours = [
        pair for pair in zip(ordered, ordered[1:], strict=False) if pair[0].currency == pair[1].currency
    ]
    return IncentiveEfficiency(
        payout_ratio=Estimate(
            payout / margin, numerator=payout, denominator=margin, unit="share", method="ratio"
        )
        if margin > 0
        else Unavailable("No gross margin to hold the payout against."),
        cost_per_won=Estimate(cost / won, numerator=cost, denominator=won, unit="currency", method="ratio")
        if won
        else Unavailable("Nobody was won."),
        cost_per_incremental=cost_per_incremental_customer(cost, won, invites, baseline)
        if baseline is not None
        else Unavailable("No hold-out group tells how many would have bought anyway."),
        steps=tuple(marginal_step(low, high) for low, high in neighbours),
    )


def marginal_step(low: RewardLevel, high: RewardLevel, *, level: float = 0.95) -> MarginalStep:
    """Marginal efficiency of the higher reward: Δ payout per invite / Δ wins per invite."""
    p, q = low.won / low.invites, high.won / high.invites
    error = math.sqrt(p * (1 - p) / low.invites + q * (1 - q) / high.invites)
    half = float(norm.ppf(0.5 + level / 2)) * error
    gain = Estimate(q - p, q - p - half, q - p + half, level, error, unit="share", method="wald")
    spend = high.payout / high.invites - low.payout / low.invites
    cost: MaybeEstimate = Unavailable("The higher reward did not win more.")
    if q > p:
        bounds = [spend / gap if gap > 0 else math.inf for gap in (q - p + half, q - p - half)]
        cost = Estimate(
            spend / (q - p), bounds[0], bounds[1], level,
            numerator=spend, denominator=q - p, unit="currency", method="wald",
        )  # fmt: skip
    margin = (high.gross_margin - high.payout) / high.invites - (low.gross_margin - low.payout) / low.invites
    return MarginalStep(low.reward, high.reward, low.currency, gain, cost, margin)


def viral_coefficient(
    users: int, invites: int, conversions: int, *, seeds: float = 1.0, level: float = 0.95
) -> ViralGrowth | Unavailable:
    """K = i·c: invites per user times conversions per invite, so conversions per user.

    The interval is Wald on the log of conversions taken as Poisson. ``ceiling`` is for ``seeds``
    starting users: seeds/(1−K). Where the interval reaches 1 the upper bound is infinite.
    """
    if users <= 0 or invites <= 0 or conversions <= 0:
        return Unavailable("K needs users, invites and conversions.")
    k = (invites / users) * (conversions / invites)
    spread = math.exp(float(norm.ppf(0.5 + level / 2)) / math.sqrt(conversions))
    low, high = k / spread, k * spread
    estimate = Estimate(
        k, low, high, level, k / math.sqrt(conversions), conversions, users, "users per user", "poisson log"
    )
    if k >= 1:
        endless = Unavailable(f"K = {k:.2f} is not below 1: growth has no ceiling but the market.")
        return ViralGrowth(estimate, endless, endless)
    top = 1 / (1 - high) if high < 1 else math.inf
    multiplier = Estimate(1 / (1 - k), 1 / (1 - low), top, level, unit="users per seed", method="transformed")
    ceiling = Estimate(
        seeds / (1 - k), seeds / (1 - low), seeds * top, level, unit="users", method="transformed"
    )
    return ViralGrowth(estimate, multiplier, ceiling)


def viral_users(seeds: float, k: float, time: float, cycle: float = 1.0) -> float:
    """Cumulative users U(t) = U₀(K^(t/p+1) − 1)/(K − 1), with the limit U₀(t/p + 1) at K = 1.

    ``time`` and ``cycle`` (p, length of one invitation cycle) in one unit. Source: Skok, "Lessons
    learned: viral marketing"; it is the geometric series of generations. Raises ValueError for
    negative arguments or a cycle that is not positive.
    """
    if seeds < 0 or k < 0 or time < 0 or cycle <= 0:
        raise ValueError("Users, K and time are not negative, and a cycle takes time.")
    generations = time / cycle + 1
    if k == 0:
        return seeds
    # expm1 keeps the quotient exact where K is close to 1 and both parts vanish.
    growth = math.log(k)
    return seeds * (generations if k == 1 else math.expm1(generations * growth) / math.expm1(growth))
