"""The graph of tasks as SVG: from left to right by stage and by what waits within it, state in mark and word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from html import escape

from plans.drawing import badges

BOX_WIDTH, BOX_HEIGHT, GAP_X, GAP_Y, MARGIN = 196, 64, 48, 20, 12
MOST_LETTERS = 30


@dataclass(frozen=True, slots=True)
class Node:
    """A task as the graph shows it. ``stage`` orders the columns."""

    task_id: str
    name: str
    stage: str
    needs: Sequence[str]
    family: str = badges.QUIET
    label: str = ""
    who: str = ""
    progress: int = 0
    href: str = ""


def draw(nodes: Sequence[Node]) -> str:
    """One ``<svg>``; every box is a link where it has somewhere to go."""
    columns = _columns(nodes)
    tallest = max((len(column) for column in columns), default=1)
    width = 2 * MARGIN + len(columns) * BOX_WIDTH + (len(columns) - 1) * GAP_X
    height = 2 * MARGIN + tallest * BOX_HEIGHT + (tallest - 1) * GAP_Y
    place: dict[str, tuple[float, float]] = {}
    for x, column in enumerate(columns):
        used = len(column) * BOX_HEIGHT + (len(column) - 1) * GAP_Y
        top = (height - used) / 2
        for y, node in enumerate(column):
            place[node.task_id] = (MARGIN + x * (BOX_WIDTH + GAP_X), top + y * (BOX_HEIGHT + GAP_Y))
    edges = "".join(_edge(place[need], place[n.task_id]) for n in nodes for need in n.needs if need in place)
    boxes = "".join(_box(node, *place[node.task_id]) for node in nodes)
    role = "group" if any(n.href for n in nodes) else "img"  # an image has no links for the keyboard
    told = "; ".join(f"{n.task_id} {n.name}: {n.label or 'planned'}" for n in nodes)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="g-graph" viewBox="0 0 {width} {height:.0f}" '
        f'style="min-width:{width * 0.75:.0f}px;max-width:{width}px" role="{role}" font-family="inherit">'
        f"<title>Tasks of the plan</title><desc>{escape(told)}</desc>"
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0L8 4L0 8z" fill="currentColor"/></marker></defs>'
        f"{edges}{boxes}</svg>"
    )


def _columns(nodes: Sequence[Node]) -> list[list[Node]]:
    """Stage by stage; a task that waits for another of its stage stands to the right of it."""
    by_id = {node.task_id: node for node in nodes}

    @cache
    def depth(task_id: str) -> int:
        node = by_id[task_id]
        inner = (need for need in node.needs if need in by_id and by_id[need].stage == node.stage)
        return max((depth(need) + 1 for need in inner), default=0)

    found: dict[tuple[int, int], list[Node]] = {}
    stages = list(dict.fromkeys(node.stage for node in nodes))
    for node in nodes:
        found.setdefault((stages.index(node.stage), depth(node.task_id)), []).append(node)
    return [found[column] for column in sorted(found)]


def _edge(start: tuple[float, float], end: tuple[float, float]) -> str:
    x1, y1 = start[0] + BOX_WIDTH, start[1] + BOX_HEIGHT / 2
    x2, y2 = end[0] - 2, end[1] + BOX_HEIGHT / 2
    bend = (x2 - x1) / 2
    return (
        f'<path d="M{x1:.0f} {y1:.0f}C{x1 + bend:.0f} {y1:.0f} {x2 - bend:.0f} {y2:.0f} {x2:.0f} {y2:.0f}" '
        'fill="none" stroke="currentColor" opacity=".45" stroke-width="1.5" marker-end="url(#tip)"/>'
    )


def _box(node: Node, x: float, y: float) -> str:
    name = f"{node.task_id} {node.name}"
    name = name if len(name) <= MOST_LETTERS else name[: MOST_LETTERS - 1].rstrip() + "…"
    label = f"{badges.MARKS[node.family]} {node.label}" if node.label else ""
    bar = ""
    if 0 < node.progress < 100:
        bar = f'<rect x="{x}" y="{y + BOX_HEIGHT - 4}" width="{BOX_WIDTH * node.progress / 100:.0f}" height="4" class="g-bar"/>'
    body = (
        f'<g class="g-node g-{node.family}">'
        f'<rect x="{x}" y="{y:.0f}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="8"/>{bar}'
        f'<text x="{x + 10}" y="{y + 19:.0f}" font-size="12" font-weight="600">{escape(name)}</text>'
        f'<text x="{x + 10}" y="{y + 36:.0f}" font-size="11" opacity=".8">{escape(node.who[:28])}</text>'
        f'<text x="{x + 10}" y="{y + 53:.0f}" font-size="11">{escape(label)}</text></g>'
    )
    return f'<a href="{escape(node.href)}">{body}</a>' if node.href else body
