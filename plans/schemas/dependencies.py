"""What needs what: the order of tasks, what each leads to, and a circle where there is one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter


class Dependencies:
    """Task id → the ids it needs. A need that is no task of its own counts as one without needs."""

    def __init__(self, needs: Mapping[str, Iterable[str]]):
        self.needs = {one: tuple(of_it) for one, of_it in needs.items()}
        self._led_to: dict[str, set[str]] = {}
        for one, of_it in self.needs.items():
            for need in of_it:
                self._led_to.setdefault(need, set()).add(one)

    def order(self) -> tuple[str, ...]:
        """Every task after all that it needs. Raises graphlib.CycleError."""
        return tuple(TopologicalSorter(self.needs).static_order())

    def circle(self) -> tuple[str, ...]:
        """Tasks that wait for one another, each followed by the one that needs it; empty where none do."""
        try:
            self.order()
        except CycleError as error:
            return tuple(error.args[1][:-1])
        return ()

    def before(self, task_id: str) -> set[str]:
        """All that ``task_id`` waits for, near and far."""
        return self._reached(task_id, self.needs)

    def after(self, task_id: str) -> set[str]:
        """All that waits for ``task_id``, near and far."""
        return self._reached(task_id, self._led_to)

    @staticmethod
    def _reached(start: str, neighbours: Mapping[str, Iterable[str]]) -> set[str]:
        reached: set[str] = set()
        at_hand = list(neighbours.get(start, ()))
        while at_hand:
            one = at_hand.pop()
            if one not in reached:
                reached.add(one)
                at_hand.extend(neighbours.get(one, ()))
        return reached
