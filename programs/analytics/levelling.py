"""People do one thing at a time: what that does to a network, and who has more to do than time.

Parallel schedule generation (Kelley 1963; Kolisch 1996): whoever is free begins, of the tasks that can begin
first, the one that the network alone wants finished first. A task that has begun is finished before the next.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from programs.analytics.task_network import Network, NetworkTask, Pass
from programs.analytics.working_time import DECIMALS, BusinessDays, FloatArray, WorkingTime

NOBODY = -1
SAME = 1e-9
"""Two moments that lie no further apart, in days, are one."""


@dataclass(frozen=True, slots=True)
class Load:
    """What somebody has to do before the launch: ``work`` business days in ``available`` ones.

    ``at_once``: on how many tasks at most they would be at a time, were each done as early as possible.
    """

    worker: str
    tasks: tuple[str, ...]
    work: float
    available: int
    at_once: int

    @property
    def is_over_allocated(self) -> bool:
        return self.work > self.available + SAME


def levelled(
    tasks: Sequence[NetworkTask], *, start: date, launch: date, calendar: BusinessDays
) -> list[NetworkTask]:
    """The tasks, each also ``after`` the one that its worker does before it, on the expected durations.

    Raises ScheduleError as ``schedule`` does.
    """
    network = Network.of(tasks, start, launch, calendar)
    found = one_at_a_time(network, network.expected())
    turns: dict[str, list[str]] = {}
    for key in sorted(network.tasks, key=lambda key: (float(found.starts[key]), float(found.finishes[key]))):
        task = network.tasks[key]
        if task.worker and task.expected > 0:
            turns.setdefault(task.worker, []).append(key)
    before = {now: then for turn in turns.values() for then, now in zip(turn, turn[1:], strict=False)}
    return [replace(task, after=(before[task.key],)) if task.key in before else task for task in tasks]


def loads(tasks: Sequence[NetworkTask], *, start: date, launch: date, calendar: BusinessDays) -> list[Load]:
    """Everybody with work in the network, most loaded first. Raises ScheduleError as ``schedule`` does."""
    network = Network.of(tasks, start, launch, calendar)
    early = network.forward(network.expected())
    days = [start + timedelta(days=n) for n in range(max((launch - start).days, 0))]
    theirs: dict[str, list[NetworkTask]] = {}
    for task in network.tasks.values():
        if task.worker and task.expected > 0:
            theirs.setdefault(task.worker, []).append(task)
    found = [
        Load(
            worker,
            tuple(task.key for task in mine),
            round(sum(task.expected for task in mine), DECIMALS),
            sum(mine[0].calendar.is_business_day(day) for day in days),
            _at_once([task.key for task in mine], early),
        )
        for worker, mine in theirs.items()
    ]
    return sorted(found, key=lambda load: (load.available - load.work, load.worker))


def _at_once(keys: Sequence[str], early: Pass) -> int:
    spans = [(float(early.starts[key]), float(early.finishes[key])) for key in keys]
    return max(sum(a <= begin + SAME and begin + SAME < b for a, b in spans) for begin, _ in spans)


def one_at_a_time(network: Network, durations: Mapping[str, FloatArray]) -> Pass:
    """As early as possible, with no worker on two tasks at once. ``durations``: arrays of one shape.

    A task without a worker waits for nobody. Takes one step a task for all scenarios together.
    """
    shape = np.shape(next(iter(durations.values()))) if durations else ()
    hall = _Hall.of(network, {key: np.ravel(each) for key, each in durations.items()})
    for _ in network.tasks:
        hall.begin_next()
    starts, finishes = (
        {key: np.reshape(times[:, n], shape) for n, key in enumerate(network.tasks)}
        for times in (hall.starts, hall.finishes)
    )
    return Pass(starts, finishes)


class _Hall:
    """The state of all scenarios: a row a scenario, a column a task in the network's order."""

    def __init__(self, network: Network, durations: FloatArray, rank: NDArray[np.int_]):
        tasks = list(network.tasks.values())
        place = {task.key: n for n, task in enumerate(tasks)}
        self._durations, self._rank = durations, rank
        self._axes, self._axis_of = _numbered([network.axes[task.calendar] for task in tasks])
        self._worker = np.array(_numbers([task.worker for task in tasks]), dtype=int)
        self._wait = np.array([task.wait for task in tasks])
        self._floor = np.array([float(network.floor(task)) for task in tasks])
        self._needs = _matrix(place, {task.key: task.needs for task in tasks})
        self._after = _matrix(place, {task.key: task.after for task in tasks})
        scenarios, begin = len(durations), float(network.begin)
        self._left = np.tile((self._needs | self._after).sum(axis=1), (scenarios, 1))
        self._ready = np.full(durations.shape, begin)
        self._turn = np.full(durations.shape, begin)
        self._free = np.full((scenarios, max(int(self._worker.max(initial=0)), 0) + 1), begin)
        self._open = np.full(durations.shape, np.inf)
        self._rows = np.arange(scenarios)
        self.starts, self.finishes = np.zeros(durations.shape), np.zeros(durations.shape)
        self._reopen(self._left == 0)

    @classmethod
    def of(cls, network: Network, durations: Mapping[str, FloatArray]) -> _Hall:
        late = network.backward(network.expected(), network.deadline).finishes
        order = sorted(range(len(late)), key=lambda n: (float(late[list(network.tasks)[n]]), n))
        rank = np.empty(len(order), dtype=int)
        rank[order] = np.arange(len(order))
        return cls(network, np.column_stack([durations[key] for key in network.tasks]), rank)

    def begin_next(self) -> None:
        """In each scenario the task that can begin first, at the same moment the one wanted first."""
        first = self._open.min(axis=1, keepdims=True)
        chosen = np.where(self._open <= first + SAME, self._rank, len(self._rank)).argmin(axis=1)
        here = (self._rows, chosen)
        start, duration = self._open[here], self._durations[here]
        finish = start.copy()
        self._on_their_axes(
            duration > 0, self._axis_of[chosen], finish,
            lambda axis, cells: axis.end_of(np.round(axis.work_at(start[cells]) + duration[cells], DECIMALS)),
        )  # fmt: skip
        self.starts[here], self.finishes[here], self._open[here] = start, finish, np.inf
        worker = self._worker[chosen]
        busy = (worker != NOBODY) & (duration > 0)
        self._free[self._rows[busy], worker[busy]] = finish[busy]
        leads, precedes = self._needs.T[chosen], self._after.T[chosen]
        self._ready = np.where(leads, np.maximum(self._ready, finish[:, None]), self._ready)
        self._turn = np.where(precedes, np.maximum(self._turn, finish[:, None]), self._turn)
        reached = leads | precedes
        self._left -= reached
        waiting = np.isfinite(self._open)
        mates = busy[:, None] & (self._worker[None, :] == worker[:, None]) & waiting
        self._reopen((reached & (self._left == 0)) | mates)

    def _reopen(self, cells: NDArray[np.bool_]) -> None:
        """Work out anew when these tasks can begin."""
        rows, columns = np.nonzero(cells)
        ready, axis_of = self._ready[rows, columns], self._axis_of[columns]
        wait, works = self._wait[columns], self._durations[rows, columns] > 0
        self._on_their_axes(
            wait > 0, axis_of, ready,
            lambda axis, some: axis.end_of(np.round(axis.work_at(ready[some]) + wait[some], DECIMALS)),
        )  # fmt: skip
        ready = np.maximum(np.maximum(ready, self._floor[columns]), self._turn[rows, columns])
        held = works & (self._worker[columns] != NOBODY)
        ready[held] = np.maximum(ready[held], self._free[rows[held], self._worker[columns[held]]])
        self._on_their_axes(
            works, axis_of, ready, lambda axis, some: axis.start_of(axis.work_at(ready[some]))
        )
        self._open[rows, columns] = ready

    def _on_their_axes(
        self,
        cells: NDArray[np.bool_],
        axis_of: NDArray[np.int_],
        values: FloatArray,
        of: Callable[[WorkingTime, NDArray[np.bool_]], FloatArray],
    ) -> None:
        for n, axis in enumerate(self._axes):
            some = cells & (axis_of == n)
            if some.any():
                values[some] = of(axis, some)


def _numbered(found: Sequence[WorkingTime]) -> tuple[list[WorkingTime], NDArray[np.int_]]:
    """The different axes, and the number of each task's."""
    numbers = {id(axis): n for n, axis in enumerate({id(axis): axis for axis in found}.values())}
    different = list({id(axis): axis for axis in found}.values())
    return different, np.array([numbers[id(axis)] for axis in found], dtype=int)


def _numbers(workers: Sequence[str]) -> list[int]:
    known = {worker: n for n, worker in enumerate(dict.fromkeys(filter(None, workers)))}
    return [known.get(worker, NOBODY) for worker in workers]


def _matrix(place: Mapping[str, int], needs: Mapping[str, Sequence[str]]) -> NDArray[np.bool_]:
    """Row: a task; column: what it waits for."""
    found = np.zeros((len(place), len(place)), dtype=bool)
    for key, names in needs.items():
        found[place[key], [place[name] for name in names]] = True
    return found
