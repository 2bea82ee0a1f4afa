"""The attribution models by name, all read from the same paths, and what they credit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from programs.analytics.attribution import rules
from programs.analytics.attribution.markov import Transitions, removal_effects
from programs.analytics.attribution.paths import ConversionPaths, Floats
from programs.analytics.estimate import Unavailable

MARKOV = "markov"
RULES: Mapping[str, Callable[[ConversionPaths], Floats]] = MappingProxyType(
    {
        "first": rules.first_touch,
        "last": rules.last_touch,
        "linear": rules.linear,
        "time-decay": rules.time_decay,
        "position": rules.position_based,
        "w-shaped": rules.w_shaped,
        "shapley": rules.shapley,
    }
)
MODELS: tuple[str, ...] = (*RULES, MARKOV)

AGREED: Mapping[str, str] = MappingProxyType(
    {"first-touch": "first", "last-touch": "last", "multi-touch": MARKOV}
)
"""What partners call a model when they agree on one → the model that then decides."""


@dataclass(frozen=True)
class Attribution:
    """Credit of one model by channel; it sums to all conversions and to all revenue.

    ``conversions`` and ``revenue`` have shape (C,), in the order of ``channels``. ``removal_effect``
    is the share of conversions lost without the channel (Markov only). ``assumption`` says what the
    model took for granted on these paths.
    """

    model: str
    channels: tuple[str, ...]
    conversions: Floats
    revenue: Floats
    removal_effect: Floats | None = None
    assumption: str = ""

    @property
    def shares(self) -> Floats:
        """Share of conversions by channel, shape (C,)."""
        return np.asarray(self.conversions / self.conversions.sum())

    def by_channel(self) -> dict[str, float]:
        """Credited conversions by channel name."""
        return dict(zip(self.channels, self.conversions.tolist(), strict=True))


def attribute(paths: ConversionPaths, model: str) -> Attribution | Unavailable:
    """Credit every conversion and its revenue to channels by one of ``MODELS``.

    Unavailable without conversions, or for time-decay without touch times. Raises KeyError for a
    name that is no model.
    """
    if model not in MODELS:
        raise KeyError(model)
    if paths.total_conversions == 0:
        return Unavailable("No journey converted: there is nothing to attribute.")
    if model == "time-decay" and paths.ages is None:
        return Unavailable("Time-decay needs touch times, and these paths carry none.")
    if model == MARKOV:
        return _attribute_markov(paths)
    credit = paths.by_channel(RULES[model](paths))
    return Attribution(
        model=model,
        channels=paths.channels,
        conversions=paths.conversions @ credit,
        revenue=paths.revenue @ credit,
        assumption=_ASSUMPTIONS.get(model, "") if model != "w-shaped" or paths.milestones is None else "",
    )


def attribute_all(
    paths: ConversionPaths, models: Iterable[str] = MODELS
) -> dict[str, Attribution | Unavailable]:
    """Every model side by side, by name."""
    return {model: attribute(paths, model) for model in models}


def _attribute_markov(paths: ConversionPaths) -> Attribution:
    effects = removal_effects(
        Transitions.of(paths), paths.conversions[None], paths.nulls[None], paths.revenue[None]
    )
    return Attribution(
        model=MARKOV,
        channels=paths.channels,
        conversions=split(effects.conversions, np.array([paths.total_conversions]))[0],
        revenue=split(effects.revenue, np.array([paths.total_revenue]))[0],
        removal_effect=effects.conversions[0],
        assumption=_ASSUMPTIONS[MARKOV] if paths.total_nulls else _ASSUMPTIONS["markov without nulls"],
    )


def split(effects: Floats, totals: Floats) -> Floats:
    """Share totals (B,) over channels in proportion to their effects (B, C); a total of 0 stays 0."""
    weights = np.where(totals[:, None] > 0, effects, 0.0)
    norm = weights.sum(axis=1, keepdims=True)
    return weights * (totals[:, None] / np.where(norm > 0, norm, 1.0))


_ASSUMPTIONS: Mapping[str, str] = MappingProxyType(
    {
        "w-shaped": "No lead and opportunity touches known: the middle and the last touch stand in for them.",
        "shapley": "Game: a set of channels earns the conversions whose journeys touched no other channel.",
        MARKOV: "The next step depends on the present channel only; without a channel its journeys are lost.",
        "markov without nulls": "No journey without conversion is known, so every journey through a "
        "channel counts as decided by it: removal effects are too even.",
    }
)
