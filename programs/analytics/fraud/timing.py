"""When things happen: bursts, conversions too fast for a person, refunds that wait for the reward."""

from __future__ import annotations

import numpy as np
from scipy.stats import betabinom, poisson

from programs.analytics.fraud.catalogue import CATALOGUE, Hits, hits
from programs.analytics.fraud.numbers import count_by
from programs.analytics.fraud.table import Floats, Population, ReferralTable, referred_at


def velocity(
    table: ReferralTable,
    population: Population,
    *,
    window_hours: float = 1.0,
    minimum: int = 5,
    alpha: float = 0.001,
) -> Hits:
    """Referrals inside a window of ``window_hours`` with more of them than a Poisson rate explains.

    The rate is the larger of the program's (mean per referrer) and the referrer's own outside the
    window, so that a busy referrer is judged by their own pace. p is Bonferroni-adjusted for the
    windows looked at; it falls when ``p < alpha`` and the window holds ``minimum`` or more.
    """
    at = referred_at(table)
    known = np.flatnonzero(~np.isnat(at))
    if len(known) < minimum:
        return hits("velocity", known[:0], [])
    seconds = (at[known] - at[known].min()).astype("timedelta64[s]").astype(np.int64)
    referrer = table.referrer[known]
    window = int(window_hours * 3600)
    span = int(seconds.max()) + window + 1
    # One key per referrer and second, far enough apart that a window never reaches the next referrer.
    key = referrer.astype(np.int64) * 2 * span + seconds
    order = np.argsort(key, kind="stable")
    ordered = key[order]
    last = np.searchsorted(ordered, ordered + window, side="right")
    count = last - np.arange(len(ordered))
    windows = (population.span_seconds + window + 1) / window
    own = table.referrals_of_referrer[known[order]]
    expected = np.maximum(population.referrals / population.referrers / windows, (own - count) / windows)
    p = np.minimum(poisson.sf(count - 1, expected) * population.referrals, 1.0)
    burst = (p < alpha) & (count >= minimum)
    # Everything inside a bursting window: difference array over the windows' first and last places.
    edges = np.zeros(len(ordered) + 1, dtype=np.int64)
    np.add.at(edges, np.flatnonzero(burst), 1)
    np.add.at(edges, last[burst], -1)
    inside = np.flatnonzero(np.cumsum(edges[:-1]) > 0)
    rows = np.sort(known[order[inside]])
    largest = np.zeros(int(referrer.max()) + 1, dtype=np.int64)
    np.maximum.at(largest, referrer[order[burst]], count[burst])
    evidence = [f"Up to {count} referrals in {window_hours:g} h." for count in largest[table.referrer[rows]]]
    return hits("velocity", rows, evidence)


def too_fast(table: ReferralTable, *, seconds: float = 30.0) -> Hits:
    """From first click to conversion in 0 to ``seconds`` seconds.

    It weighs in full where at least three, and at least half, of the referrer's orders are so; one tap may
    explain any single one, which weighs three tenths.
    """
    taken = (table.won_at - table.clicked_at) / np.timedelta64(1, "s")
    is_fast = (taken >= 0) & (taken < seconds)
    rows = np.flatnonzero(is_fast)
    fast = count_by(table.referrer, is_fast)[rows]
    repeated = (fast >= 3) & (2 * fast >= table.orders_of_referrer[rows])
    return hits(
        "too_fast",
        rows,
        [f"{taken[row]:.0f} s from click to conversion." for row in rows],
        np.where(repeated, 1.0, 0.3) * CATALOGUE["too_fast"].weight,
    )


def refund_after_hold(table: ReferralTable, *, holding_days: float = 30.0, grace_days: float = 5.0) -> Hits:
    """Refunded within ``grace_days`` after the holding period that starts at the conversion.

    It weighs in full where at least two, and at least half, of the referrer's orders end so; one such refund
    may be chance and weighs three tenths.
    """
    days = (table.refunded_at - table.won_at) / np.timedelta64(1, "D")
    rows = np.flatnonzero((days >= holding_days) & (days < holding_days + grace_days))
    is_late = np.zeros(len(table), dtype=bool)
    is_late[rows] = True
    late = count_by(table.referrer, is_late)[rows]
    repeated = (late >= 2) & (2 * late >= table.orders_of_referrer[rows])
    return hits(
        "refund_after_hold",
        rows,
        [
            f"Refunded {days[row]:.1f} days after conversion; rewards are held {holding_days:g}."
            for row in rows
        ],
        np.where(repeated, 1.0, 0.3) * CATALOGUE["refund_after_hold"].weight,
    )


def refund_rate(
    table: ReferralTable, population: Population, *, alpha: float = 0.001, minimum: int = 3
) -> Hits:
    """Refunded orders of referrers whose refunds exceed the beta-binomial of all other referrers."""
    refunded = ~np.isnat(table.won_at) & ~np.isnat(table.refunded_at)
    rows = np.flatnonzero(refunded & (table.refunds_of_referrer >= minimum))
    orders, refunds = table.orders_of_referrer[rows], table.refunds_of_referrer[rows]
    a, b = beta_of_others(refunds.astype(np.float64), orders.astype(np.float64), population.refund_moments)
    # Bonferroni over the referrers who have any order.
    p = betabinom.sf(refunds - 1, orders, a, b) * max(population.refund_moments[-1], 1)
    rows, refunds, orders = (values[p < alpha] for values in (rows, refunds, orders))
    return hits(
        "refund_rate",
        rows,
        [f"{k} of {n} orders refunded." for k, n in zip(refunds.tolist(), orders.tolist(), strict=True)],
    )


def beta_of_peers(successes: Floats, trials: Floats) -> tuple[float, float]:
    """Beta prior over groups by the method of moments (Kleinman 1973), in (alpha, beta).

    Without spread beyond the binomial the prior is as sharp as all trials together.
    """
    known = trials > 0
    k, n = successes[known], trials[known]
    a, b = beta_of_moments(*(np.array([x.sum()]) for x in (k, n, n**2, k**2 / n, np.ones(len(n)))))
    return float(a[0]), float(b[0])


def beta_of_others(
    successes: Floats, trials: Floats, moments: tuple[float, float, float, float, float]
) -> tuple[Floats, Floats]:
    """For each group the prior of all the others, so that an outlier does not widen its own yardstick.

    ``moments`` sum over all groups what each group is taken out of (see ``Population``).
    """
    n = np.maximum(trials, 1)
    terms = (successes, trials, trials**2, successes**2 / n, (trials > 0).astype(np.float64))
    return beta_of_moments(*(total - own for total, own in zip(moments, terms, strict=True)))


def beta_of_moments(
    k: Floats, n: Floats, squares: Floats, weighted: Floats, groups: Floats
) -> tuple[Floats, Floats]:
    """Beta (alpha, beta) from Σk, Σn, Σn², Σk²/n and the number of groups."""
    rate = (k + 0.5) / (n + 1.0)
    spread = n - squares / np.maximum(n, 1) - (groups - 1)
    between = weighted - 2 * rate * k + rate**2 * n
    excess = between / (rate * (1 - rate)) - (groups - 1)
    rho = np.divide(excess, spread, out=np.zeros_like(excess), where=spread > 0)
    strength = 1 / np.clip(rho, 1 / (n + 2), 0.99) - 1
    return rate * strength, (1 - rate) * strength
