"""How a test was planned: which metric decides, what may not get worse, how many members, in which split."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ROLES = ("primary", "secondary", "guardrail")
DIRECTIONS = ("higher", "lower")


@dataclass(frozen=True, slots=True)
class DesignMetric:
    """``margin``: the relative loss a guardrail tolerates, 0.02 = 2 %."""

    name: str
    role: str = "secondary"
    direction: str = "higher"
    margin: float = 0.02

    @property
    def higher_is_better(self) -> bool:
        return self.direction == "higher"


@dataclass(frozen=True, slots=True)
class Design:
    """``split``: arm → planned weight; ``is_sequential``: may be read before it is complete."""

    control: str = ""
    metrics: tuple[DesignMetric, ...] = ()
    planned_per_arm: int | None = None
    split: tuple[tuple[str, float], ...] = ()
    is_sequential: bool = False

    @classmethod
    def of(cls, told: Mapping[str, Any] | None) -> Design:
        """From the registered fields; an empty design where nothing is registered."""
        if not told:
            return cls()
        metrics = tuple(DesignMetric(**metric) for metric in told["metrics"])
        split = tuple((arm, float(weight)) for arm, weight in sorted(told["split"].items()))
        return cls(told["control"], metrics, told["planned_per_arm"], split, told["is_sequential"])


def metric_problems(raw: Any) -> list[str]:
    """What is wrong with a design's list of metrics, as sentences."""
    if not isinstance(raw, list) or not all(isinstance(each, dict) for each in raw):
        return ['Write a list such as [{"name": "bought", "role": "primary"}].']
    problems = []
    for each in raw:
        name = each.get("name")
        if not isinstance(name, str) or not name.strip():
            problems.append("Each metric has a name.")
        if unknown := sorted(each.keys() - {"name", "role", "direction", "margin"}):
            problems.append(f"{', '.join(unknown)} is unknown; known are name, role, direction, margin.")
        for field, allowed in (("role", ROLES), ("direction", DIRECTIONS)):
            if each.get(field, allowed[0]) not in allowed:
                problems.append(f"{name}: {field} is one of {', '.join(allowed)}.")
        margin = each.get("margin", 0.02)
        if isinstance(margin, bool) or not isinstance(margin, int | float) or not 0 < margin < 1:
            problems.append(f"{name}: the margin is a relative loss between 0 and 1.")
    names = [each.get("name") for each in raw]
    if len(set(map(str, names))) != len(names):
        problems.append("A metric is named twice.")
    if sum(each.get("role") == "primary" for each in raw) > 1:
        problems.append("One metric decides: only one is primary.")
    return problems


def split_problems(raw: Any) -> list[str]:
    """What is wrong with a planned split, as sentences."""
    if not isinstance(raw, dict) or any(
        isinstance(weight, bool) or not isinstance(weight, int | float) or weight <= 0
        for weight in raw.values()
    ):
        return ['Write the weight of each arm, above 0, such as {"control": 1, "double": 1}.']
    return []
