"""How sure an attribution is: bootstrap intervals within a model, and the range across models."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.stats import t

from programs.analytics.attribution.markov import Transitions, removal_effects
from programs.analytics.attribution.models import MARKOV, MODELS, RULES, Attribution, attribute, split
from programs.analytics.attribution.paths import ConversionPaths, Floats
from programs.analytics.estimate import Estimate, Unavailable

_LEAST_FREEDOM = 5
_FEW = 4  # journeys a distinct path
_CELLS = 20_000_000  # largest array of one block of replicates: 160 MB of float64


@dataclass(frozen=True)
class BootstrapAttribution:
    """One model with its resampling error.

    ``conversions`` and ``revenue`` map channel → estimate with its interval;
    ``replicates`` holds credited conversions of each resample, shape (B, C).
    """

    attribution: Attribution
    conversions: Mapping[str, Estimate]
    revenue: Mapping[str, Estimate]
    replicates: Floats


def bootstrap_attribution(
    paths: ConversionPaths,
    rng: np.random.Generator,
    *,
    models: Iterable[str] = MODELS,
    replicates: int = 200,
    level: float = 0.95,
) -> dict[str, BootstrapAttribution | Unavailable]:
    """Bootstrap over journeys, the same resamples for every model: percentile intervals of conversions,
    intervals on the log scale of revenue.

    Journeys are drawn with replacement, which on aggregated paths is one multinomial draw over
    (path, converted or not) — Efron & Tibshirani 1993, ch. 13. What the conversions drawn of a path earn is
    drawn too, from a gamma of the mean and the variance of its order values: merged paths keep no single one.
    Raises ValueError for fewer than 2 replicates or a level outside (0, 1).
    """
    if replicates < 2 or not 0 < level < 1:
        raise ValueError("bootstrap needs at least 2 replicates and a level between 0 and 1")
    points = {model: attribute(paths, model) for model in models}
    solvable = [model for model, point in points.items() if isinstance(point, Attribution)]
    credits = {model: paths.by_channel(RULES[model](paths)) for model in solvable if model != MARKOV}
    transitions = Transitions.of(paths) if MARKOV in solvable else None
    drawn: dict[str, list[tuple[Floats, Floats]]] = {model: [] for model in solvable}
    for conversions, nulls, revenue in _resamples(paths, rng, replicates) if solvable else ():
        for model, credit in credits.items():
            drawn[model].append((conversions @ credit, revenue @ credit))
        if transitions is not None:
            effects = removal_effects(transitions, conversions, nulls, revenue)
            drawn[MARKOV].append(
                (
                    split(effects.conversions, conversions.sum(axis=1)),
                    split(effects.revenue, revenue.sum(axis=1)),
                )
            )
    return {
        model: _summarise(point, drawn[model], level) if isinstance(point, Attribution) else point
        for model, point in points.items()
    }


def model_range(attributions: Iterable[Attribution | Unavailable]) -> dict[str, tuple[float, float]]:
    """Lowest and highest credited conversions of each channel over the models that could be solved."""
    solved = [item for item in attributions if isinstance(item, Attribution)]
    if not solved:
        return {}
    table = np.array([item.conversions for item in solved])
    return dict(
        zip(
            solved[0].channels,
            zip(table.min(axis=0).tolist(), table.max(axis=0).tolist(), strict=True),
            strict=True,
        )
    )


def _resamples(
    paths: ConversionPaths, rng: np.random.Generator, replicates: int
) -> Iterator[tuple[Floats, Floats, Floats]]:
    counts = np.concatenate([paths.conversions, paths.nulls])
    used = np.flatnonzero(counts)
    size = len(paths.lengths)
    mean_value = paths.revenue / np.where(paths.conversions > 0, paths.conversions, 1.0)
    variance = paths.value_variance
    varied = np.flatnonzero(variance)
    money = rng.spawn(1)[0]  # of its own, so that the journeys drawn do not depend on what orders are worth
    journeys = round(float(counts.sum()))
    chance = counts[used] / counts.sum()
    # Where most paths are distinct, drawing journeys is several times faster than drawing their counts.
    few = journeys <= _FEW * len(used) and bool((counts[used] == np.round(counts[used])).all())
    one_by_one = np.repeat(used, counts[used].astype(np.int64)) if few else None
    block = max(1, _CELLS // max(2 * size, (len(paths.channels) + 1) ** 2))
    for start in range(0, replicates, block):
        rows = min(block, replicates - start)
        drawn = np.zeros((rows, 2 * size))
        if one_by_one is None:
            drawn[:, used] = rng.multinomial(journeys, chance, size=rows)
        else:
            for row in drawn:
                row[:] = np.bincount(one_by_one[rng.integers(0, journeys, journeys)], minlength=2 * size)
        conversions = drawn[:, :size]
        revenue = conversions * mean_value
        if varied.size:
            scale = variance[varied] / mean_value[varied]
            revenue[:, varied] = money.standard_gamma(revenue[:, varied] / scale) * scale
        yield conversions, drawn[:, size:], revenue


def _summarise(point: Attribution, drawn: list[tuple[Floats, Floats]], level: float) -> BootstrapAttribution:
    conversions = np.concatenate([block[0] for block in drawn])
    revenue = np.concatenate([block[1] for block in drawn])
    return BootstrapAttribution(
        attribution=point,
        conversions=_intervals(point.channels, point.conversions, conversions, level, "conversions"),
        revenue=_intervals(point.channels, point.revenue, revenue, level, "revenue", log_scale=True),
        replicates=conversions,
    )


def _intervals(
    channels: tuple[str, ...],
    values: Floats,
    drawn: Floats,
    level: float,
    unit: str,
    *,
    log_scale: bool = False,
) -> dict[str, Estimate]:
    tail = (1 - level) / 2
    error = drawn.std(axis=0, ddof=1)
    if log_scale:
        low, high = _log_scale(values, error, level)
    else:
        low, high = np.quantile(drawn, [tail, 1 - tail], axis=0)
    return {
        channel: Estimate(
            value=float(values[i]),
            low=float(low[i]),
            high=float(high[i]),
            level=level,
            standard_error=float(error[i]),
            numerator=float(values[i]),
            denominator=float(values.sum()),
            unit=unit,
            method="bootstrap, log scale" if log_scale else "bootstrap",
        )
        for i, channel in enumerate(channels)
    }


def _log_scale(values: Floats, error: Floats, level: float) -> tuple[Floats, Floats]:
    """Ends of value · exp(± t · error / value): money of few large orders is skewed, and never below 0.

    (value / error)² is how many equal orders would scatter as much: of few, Student's t asks for more room.
    """
    known = (values > 0) & (error > 0)
    share = np.divide(error, values, out=np.zeros_like(values), where=known)
    alike = np.divide(1.0, share**2, out=np.full_like(values, np.inf), where=known)
    reach = np.exp(t.ppf(0.5 + level / 2, np.maximum(alike - 1, _LEAST_FREEDOM)) * share)
    return values / reach, values * reach
