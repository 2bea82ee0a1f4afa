"""The figures that goals of a loyalty program start from, and the measures of their success."""

from __future__ import annotations

from programs.analytics.goals import GoalFigures
from programs.datasets import OpenData


def figures_of(data: OpenData) -> GoalFigures:
    row = data.engine.goal_figures(data.snapshot("purchases"), as_of=data.as_of("purchases")).to_pylist()[0]
    return GoalFigures(**row)


def goal_measures(figures: GoalFigures) -> dict[str, float | None]:
    """The measures that purchases tell, by key; null where they do not."""
    return {"average_order_value": figures.average_order_value, "orders_a_year": figures.orders_a_year}


def goal_measures_of(data: OpenData) -> dict[str, float | None]:
    return goal_measures(figures_of(data))
