"""Waiting for a plan: how far it is, told as it goes, until it stands still or the time is over."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
from anyio import to_thread
from django.db import connections

from plans.engine.running.foreground import SWEEP_EVERY, ForegroundWorker
from plans.engine.running.sweep import sweep
from plans.models import AT_WORK_STATES, Plan

LONGEST = 60.0
"""Seconds. A connection is held meanwhile; an agent that wants to wait longer asks again."""
MOST_AT_ONCE = 4
"""Of one process, so that agents who wait leave threads to people."""
LOOK_EVERY = 1.0
BUSY = "Too many agents wait here now; this is the plan as it stands. Ask again in a few seconds."
_waiting: set[object] = set()

Look = Callable[[], Awaitable[dict[str, Any]]]
Tell = Callable[[float, float | None, str | None], Awaitable[None]]


async def watch(look: Look, tell: Tell, seconds: float, *, lends_a_hand: bool) -> dict[str, Any]:
    """The plan's status once it is still, or after ``seconds``. ``tell`` gets tasks done, all tasks, a line.

    Where as many wait as may, it answers at once, with a note that says so.
    """
    found = await look()
    if len(_waiting) >= MOST_AT_ONCE:
        return {**found, "note": BUSY}
    place = object()
    _waiting.add(place)
    try:
        return await _watch(found, look, tell, time.monotonic() + seconds, lends_a_hand)
    finally:
        _waiting.discard(place)


async def _watch(
    found: dict[str, Any], look: Look, tell: Tell, until: float, lends_a_hand: bool
) -> dict[str, Any]:
    shown = ""
    async with _worker(found["plan_id"], lends_a_hand) as take_ready:
        while found["is_moving"] and time.monotonic() < until:
            await take_ready()
            line = _line(found)
            if line != shown:
                await tell(found["tasks_done"], found["tasks_total"], line)
                shown = line
            await anyio.sleep(min(LOOK_EVERY, max(0.0, until - time.monotonic())))
            found = await look()
    found = await look()
    await tell(found["tasks_done"], found["tasks_total"], _line(found))
    return found


def _line(found: dict[str, Any]) -> str:
    computing = [
        f"{task['task_id']} {task['name']} {task['progress']} %"
        for task in found["tasks"]
        if task["state"] in AT_WORK_STATES and "progress" in task
    ]
    return f"{found['state']}: " + (", ".join(computing) or "; ".join(found["waits_for"]) or "the next task")


@asynccontextmanager
async def _worker(plan_id: str, lends_a_hand: bool) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """A function that takes what is ready. It does nothing where workers of the site do the work."""
    if not lends_a_hand:
        yield _nothing
        return
    plan = await _in_a_thread(lambda: Plan.objects.get(plan_id=plan_id))
    worker = ForegroundWorker(plan)
    swept = time.monotonic()

    async def take_ready() -> None:
        nonlocal swept
        await _in_a_thread(worker.take_ready)
        if time.monotonic() - swept > SWEEP_EVERY:
            await _in_a_thread(sweep)
            swept = time.monotonic()

    try:
        yield take_ready
    finally:
        with anyio.CancelScope(shield=True):
            await to_thread.run_sync(lambda: worker.__exit__(None, None, None))


async def _nothing() -> None:
    """The site's own workers take what is ready."""


async def _in_a_thread(act: Callable[[], Any]) -> Any:
    def closing() -> Any:
        try:
            return act()
        finally:
            connections.close_all()

    return await to_thread.run_sync(closing)
