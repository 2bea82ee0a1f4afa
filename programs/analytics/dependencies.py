"""What needs what: an order of tasks, what each leads to, and the circles where there are any."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from graphlib import TopologicalSorter


class Dependencies:
    """Task id → the ids it needs. A need that is no task of its own counts as one without needs."""

    def __init__(self, needs: Mapping[str, Iterable[str]]):
        self.needs = {one: tuple(of_it) for one, of_it in needs.items()}
        self._led_to: dict[str, set[str]] = {}
        for one, of_it in self.needs.items():
            for need in of_it:
                self._led_to.setdefault(need, set()).add(one)

    def order(self) -> tuple[str, ...]:
        """Every task after all that it needs, the lowest id first of those that may come next.

        Raises graphlib.CycleError.
        """
        sorter = TopologicalSorter(self.needs)
        sorter.prepare()
        found: list[str] = []
        at_hand: list[str] = []
        while sorter.is_active():
            for ready in sorter.get_ready():
                heapq.heappush(at_hand, ready)
            found.append(heapq.heappop(at_hand))
            sorter.done(found[-1])
        return tuple(found)

    def circles(self) -> tuple[tuple[str, ...], ...]:
        """Tasks that wait for one another, each group sorted, the groups too; empty where none do."""
        groups = {tuple(sorted(self.before(one) & self.after(one))) for one in self.needs}
        return tuple(sorted(group for group in groups if group))

    def followers(self, task_id: str) -> tuple[str, ...]:
        """Those that need ``task_id`` themselves, sorted."""
        return tuple(sorted(self._led_to.get(task_id, ())))

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
