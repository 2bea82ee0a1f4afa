"""From touches and deals to the paths that attribution reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from plans.commands.track_source.facts import Scope
from plans.commands.track_source.steps.deals import JointDeal
from plans.commands.track_source.steps.people import People
from plans.commands.track_source.steps.touches import SEPARATOR, Taxonomy
from programs.analytics.attribution import ConversionPaths
from programs.analytics.attribution.counted import counted
from programs.analytics.path_rules import DIRECT, PathRules
from programs.datasets import OpenData
from programs.datasets.questions.partners import TouchDimension

PIPELINE, REVENUE = "pipeline", "revenue"
ALL_TOUCHES = PathRules()


@dataclass(frozen=True, slots=True)
class Journeys:
    """``paths`` without touch times, identical ones merged; ``timed`` only those that converted, with times.

    ``touched``: deal number → labels of its touches, oldest first. ``deals``: all of the goal.
    """

    paths: ConversionPaths
    timed: ConversionPaths
    touched: Mapping[int, tuple[str, ...]]
    deals: tuple[JointDeal, ...]

    @property
    def untouched(self) -> tuple[JointDeal, ...]:
        return tuple(deal for deal in self.deals if deal.number not in self.touched)


def deals_of(deals: Sequence[JointDeal], scope: Scope, goal: str) -> list[JointDeal]:
    """Deals opened in the window (pipeline), or won in it (revenue)."""
    if goal == PIPELINE:
        return [deal for deal in deals if scope.start <= deal.opened < scope.end]
    return [deal for deal in deals if deal.won and deal.closed and scope.start <= deal.closed < scope.end]


def journeys(
    data: OpenData,
    scope: Scope,
    taxonomy: Taxonomy,
    people: People,
    deals: Sequence[JointDeal],
    *,
    goal: str = PIPELINE,
    dimension: TouchDimension = "source",
) -> Journeys:
    """Journeys towards ``goal``. For revenue, deals opened in the window and not won in it are lost journeys."""
    chosen = deals_of(deals, scope, goal)
    converting = {deal.number for deal in chosen}
    asked = {deal.number: deal for deal in chosen}
    if goal == REVENUE:
        asked |= {d.number: d for d in deals_of(deals, scope, PIPELINE) if not d.won}
    rows = data.engine.journeys(
        data.snapshots("touchpoints"),
        taxonomy=taxonomy.table,
        people=people.table,
        deals=_deal_table(list(asked.values()), scope, goal),
        dealers=pa.table(
            {"person": pa.array(sorted({person for d in deals for person in d.persons}), pa.string())}
        ),
        start=scope.start,
        as_of=scope.end,
        dimension=dimension,
        lookback_days=scope.lookback.days,
    )
    value = {d.number: float((d.pipeline if goal == PIPELINE else d.revenue) or 0) for d in chosen}
    return encode(rows, converting, value, chosen, scope.path_rules)


def _deal_table(deals: list[JointDeal], scope: Scope, goal: str) -> pa.Table:
    """A row a deal and person."""
    pairs = [(d, person) for d in deals for person in d.persons]
    until = [d.opened if goal == PIPELINE else d.closed or scope.end for d, _ in pairs]
    instant = pa.timestamp("us", tz="UTC")
    return pa.table(
        {
            "deal": pa.array([d.number for d, _ in pairs], pa.int32()),
            "person": pa.array([person for _, person in pairs], pa.string()),
            "since_at": pa.array([d.opened - scope.lookback for d, _ in pairs], instant),
            "until_at": pa.array(until, instant),
        }
    )


def encode(
    rows: pa.Table,
    converting: set[int],
    value: Mapping[int, float],
    chosen: Sequence[JointDeal],
    rules: PathRules = ALL_TOUCHES,
) -> Journeys:
    """Journeys of the rows of ``QueryEngine.journeys``: which deals convert and what each is worth.

    ``rules`` say which touches make a path. Who sourced a deal is told by the first touch of all.
    """
    label = rows.column("label").combine_chunks().dictionary_encode()
    names = label.dictionary.to_pylist()
    order = np.argsort(np.array(names, dtype=object)) if names else np.empty(0, dtype=np.int64)
    channels = tuple(names[n] for n in order)
    rank = np.argsort(order)
    touches = (
        rank[label.indices.to_numpy(zero_copy_only=False).astype(np.int64)]
        if names
        else np.empty(0, np.int64)
    )
    journey = rows.column("journey").to_numpy()
    deal = rows.column("deal").fill_null(-1).to_numpy().astype(np.int64)
    ages = rows.column("age_days").to_numpy()
    starts = np.flatnonzero(np.diff(journey, prepend=-1))
    offsets = np.append(starts, len(touches)).astype(np.int64)
    ends_at = deal[starts]
    converted = np.isin(ends_at, list(converting))
    touched = {
        int(n): tuple(channels[t] for t in touches[offsets[i] : offsets[i + 1]])
        for i, n in enumerate(ends_at)
        if converted[i]
    }
    kept = counted(rules, journey, touches, _direct(rows))
    touches, journey, ages = touches[kept], journey[kept], ages[kept]
    starts = np.flatnonzero(np.diff(journey, prepend=-1))
    offsets = np.append(starts, len(touches)).astype(np.int64)
    worth = np.array([value.get(int(n), 0.0) for n in ends_at], dtype=np.float64)
    paths = ConversionPaths(
        channels,
        touches.astype(np.int64),
        offsets,
        converted.astype(float),
        (~converted).astype(float),
        worth,
    )
    inside = np.repeat(converted, np.diff(offsets))
    ends = np.append(0, np.cumsum(np.diff(offsets)[converted])).astype(np.int64)
    timed = ConversionPaths(
        channels, touches[inside].astype(np.int64), ends, np.ones(converted.sum()), np.zeros(converted.sum()),
        worth[converted], ages=np.maximum(ages[inside], 0.0),
    )  # fmt: skip
    return Journeys(paths.aggregated(), timed.aggregated(), touched, tuple(chosen))


def _direct(rows: pa.Table) -> np.ndarray:
    """Which touches say that nobody sent the person."""
    source = rows.column("source").combine_chunks().dictionary_encode()
    names = [name.rpartition(SEPARATOR)[2].casefold() in DIRECT for name in source.dictionary.to_pylist()]
    if not names:
        return np.zeros(rows.num_rows, dtype=bool)
    return np.array(names)[source.indices.to_numpy(zero_copy_only=False).astype(np.int64)]
