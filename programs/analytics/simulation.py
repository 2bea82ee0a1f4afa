"""Seeded Monte Carlo over assumptions: what the range of the inputs does to the outcome."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from programs.analytics.assumptions import Assumption
from programs.analytics.estimate import MaybeEstimate
from programs.analytics.rates import wilson_rate

FloatArray = NDArray[np.float64]
Model = Callable[[Mapping[str, FloatArray]], FloatArray]


@dataclass(frozen=True, slots=True)
class TornadoBar:
    """The outcome at an input's low and high end, every other input at its mode."""

    name: str
    at_low: float
    at_high: float

    @property
    def swing(self) -> float:
        """Distance between both ends."""
        return abs(self.at_high - self.at_low)


@dataclass(frozen=True, slots=True)
class Simulation:
    """Outcome percentiles; ``probability_of_loss`` carries the error of the simulation itself."""

    p5: float
    p50: float
    p95: float
    mean: float
    probability_of_loss: MaybeEstimate
    tornado: tuple[TornadoBar, ...]
    draws: int


def simulate(
    model: Model, inputs: Sequence[Assumption], *, generator: np.random.Generator, draws: int = 10_000
) -> Simulation:
    """Draw every input independently, evaluate ``model`` on all draws at once, sort inputs by swing.

    ``model`` maps arrays by input name to an array of outcomes; an outcome below 0 is a loss.
    """
    outcome = np.asarray(model({each.name: each.sample(generator, draws) for each in inputs}))
    p5, p50, p95 = np.quantile(outcome, [0.05, 0.5, 0.95])

    # One row per bar end: all inputs at their mode, one moved.
    count = len(inputs)
    grid = np.tile([each.mode for each in inputs], (2 * count, 1))
    for index, each in enumerate(inputs):
        grid[2 * index, index], grid[2 * index + 1, index] = each.low, each.high
    ends = np.asarray(model({each.name: grid[:, index] for index, each in enumerate(inputs)}))
    bars = [
        TornadoBar(each.name, float(ends[2 * index]), float(ends[2 * index + 1]))
        for index, each in enumerate(inputs)
    ]
    return Simulation(
        p5=float(p5),
        p50=float(p50),
        p95=float(p95),
        mean=float(outcome.mean()),
        probability_of_loss=wilson_rate(int((outcome < 0).sum()), draws),
        tornado=tuple(sorted(bars, key=lambda bar: (-bar.swing, bar.name))),
        draws=draws,
    )
