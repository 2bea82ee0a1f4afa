"""Seeded Monte Carlo over assumptions: what the range of the inputs does to the outcome."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from programs.analytics.assumptions import Assumption

FloatArray = NDArray[np.float64]
Draws = Mapping[str, FloatArray]
Model = Callable[[Draws], FloatArray]


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
    """Outcome percentiles over ``draws`` draws of the inputs; a loss is an outcome below 0.

    The chance has no interval: more draws would narrow it, and nobody would know more.
    """

    p5: float
    p50: float
    p95: float
    mean: float
    probability_of_loss: float
    draws: int


def draw(inputs: Sequence[Assumption], generator: np.random.Generator, draws: int = 10_000) -> Draws:
    """Every input independently, arrays by name."""
    return {each.name: each.sample(generator, draws) for each in inputs}


def summarise(outcome: FloatArray) -> Simulation:
    """Percentiles of the outcomes that are finite; all are where something is at stake."""
    values = np.asarray(outcome, dtype=np.float64)
    values = values[np.isfinite(values)]
    if not values.size:
        return Simulation(0.0, 0.0, 0.0, 0.0, 0.0, 0)
    p5, p50, p95 = (float(value) for value in np.quantile(values, [0.05, 0.5, 0.95]))
    return Simulation(p5, p50, p95, float(values.mean()), float((values < 0).mean()), values.size)


def tornado(model: Model, inputs: Sequence[Assumption]) -> tuple[TornadoBar, ...]:
    """One input moved at a time, the widest swing first."""
    count = len(inputs)
    grid = np.tile([each.mode for each in inputs], (2 * count, 1))
    for index, each in enumerate(inputs):
        grid[2 * index, index], grid[2 * index + 1, index] = each.low, each.high
    ends = np.asarray(model({each.name: grid[:, index] for index, each in enumerate(inputs)}))
    bars = [
        TornadoBar(each.name, float(ends[2 * index]), float(ends[2 * index + 1]))
        for index, each in enumerate(inputs)
    ]
    return tuple(sorted(bars, key=lambda bar: (-bar.swing, bar.name)))
