"""The timeline of a plan as SVG: when each task worked, what is to come, and the critical path."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from html import escape

from plans.drawing import badges
from plans.models import Task, TaskKind

WIDTH, LEFT, RIGHT, ROW, TOP, BAR = 860, 250, 16, 26, 30, 14
NARROWEST = 3
TICKS = 5


@dataclass(frozen=True, slots=True)
class Bar:
    """A task from start to finish; ``projected`` by its expected length where it has not finished."""

    task_id: str
    name: str
    needs: Sequence[str]
    start: datetime
    finish: datetime
    family: str
    projected: bool = False
    critical: bool = False

    @property
    def took(self) -> timedelta:
        return self.finish - self.start


def bars(tasks: Sequence[Task], now: datetime) -> list[Bar]:
    """Every task of a plan in order. A gate starts when what it approves is there."""
    found: dict[str, Bar] = {}
    for task in tasks:
        needs = [n.task_id for n in task.needs.all() if n.task_id in found]
        ready = max((found[n].finish for n in needs), default=task.plan.started_at or task.plan.created_at)
        start = task.started_at or ready
        finish = task.finished_at
        if task.kind == TaskKind.GATE:
            start = min(ready, finish or ready)
        if finish is None:
            ends = start + timedelta(seconds=task.expected_seconds)
            begun = task.started_at or (task.kind != TaskKind.AUTOMATED and ready <= now)
            finish = max(ends, now) if begun and task.plan.is_live else ends
        bar = Bar(
            task.task_id,
            task.name,
            needs,
            start,
            max(finish, start),
            badges.family(task),
            task.finished_at is None,
        )
        found[task.task_id] = bar
    critical = critical_path(list(found.values()))
    return [replace(bar, critical=bar.task_id in critical) for bar in found.values()]


def critical_path(found: Sequence[Bar]) -> list[str]:
    """The chain that decided the end: from the last to finish back over what each waited for longest.

    Kelley and Walker (1959), on times that happened and expected ones for the rest.
    """
    by_id = {bar.task_id: bar for bar in found}
    path: list[str] = []
    order = {bar.task_id: number for number, bar in enumerate(found)}

    def lateness(bar: Bar) -> tuple[datetime, int]:
        return bar.finish, order[bar.task_id]

    last = max(found, key=lateness, default=None)
    while last is not None:
        path.append(last.task_id)
        last = max((by_id[n] for n in last.needs), key=lateness, default=None)
    return path[::-1]


def draw(found: Sequence[Bar]) -> str:
    """One ``<svg>``; what is projected is hollow, the critical path is marked by a dot and a thick edge."""
    if not found:
        return ""
    first, last = min(bar.start for bar in found), max(bar.finish for bar in found)
    span = max((last - first).total_seconds(), 1.0)
    inner = WIDTH - LEFT - RIGHT

    def x_of(at: datetime) -> float:
        return LEFT + (at - first).total_seconds() / span * inner

    height = TOP + ROW * len(found) + 8
    parts = []
    for tick in range(TICKS + 1):
        at, x = first + timedelta(seconds=span * tick / TICKS), LEFT + inner * tick / TICKS
        anchor = "end" if tick == TICKS else "middle" if tick else "start"
        parts.append(
            f'<line x1="{x:.0f}" x2="{x:.0f}" y1="{TOP - 6}" y2="{height - 4}" stroke="currentColor" opacity=".15"/>'
        )
        parts.append(
            f'<text x="{x:.0f}" y="14" font-size="11" text-anchor="{anchor}" opacity=".75">{_label(at, span)}</text>'
        )
    for row, bar in enumerate(found):
        parts.append(_row(bar, x_of, TOP + row * ROW))
    told = "; ".join(f"{bar.task_id} {bar.name}: {_said(bar)}" for bar in found)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="g-timeline" viewBox="0 0 {WIDTH} {height}" '
        f'style="min-width:{WIDTH * 0.8:.0f}px" role="img" font-family="inherit"><title>Timeline of the plan, UTC</title>'
        f"<desc>{escape(told)}</desc>{''.join(parts)}</svg>"
    )


def _row(bar: Bar, x_of: Callable[[datetime], float], y: float) -> str:
    x, width = x_of(bar.start), max(x_of(bar.finish) - x_of(bar.start), NARROWEST)
    x = min(x, WIDTH - RIGHT - NARROWEST)
    name = bar.name if len(bar.name) <= 30 else bar.name[:29] + "…"
    dot = f'<circle cx="8" cy="{y + 8}" r="4" fill="currentColor"/>' if bar.critical else ""
    weight = ' font-weight="600"' if bar.critical else ""
    fill = 'fill="none" stroke-dasharray="4 3"' if bar.projected else 'fill="currentColor" fill-opacity=".75"'
    return (
        f'{dot}<text x="18" y="{y + 12}" font-size="12"{weight}>{escape(bar.task_id)} {escape(name)}</text>'
        f'<g class="g-{bar.family}"><rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{BAR}" rx="3" {fill} '
        f'stroke="currentColor" stroke-width="{2.5 if bar.critical else 1}"><title>{escape(bar.name)}: {_said(bar)}</title></rect></g>'
    )


def _said(bar: Bar) -> str:
    path = ", on the critical path" if bar.critical else ""
    word = "expected" if bar.projected else "took"
    return f"{bar.start:%Y-%m-%d %H:%M}, {word} {length(bar.took)}{path}"


def _label(at: datetime, span: float) -> str:
    return f"{at:%H:%M:%S}" if span < 3600 else f"{at:%d %b %H:%M}" if span < 7 * 86400 else f"{at:%d %b}"


def length(took: timedelta) -> str:
    """A duration as people say it: 4.2 s, 12 min, 3.5 h, 2.1 days."""
    seconds = took.total_seconds()
    if seconds < 90:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 2 * 86400 else f"{seconds / 86400:.1f} days"
