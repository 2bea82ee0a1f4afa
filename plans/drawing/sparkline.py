"""A trend in the size of a word: one line, its last value marked, the figures in its title (Tufte 2006)."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

WIDTH, HEIGHT, MARGIN = 120, 28, 4


def draw(values: Sequence[float | None], label: str, told: Sequence[str] = ()) -> str:
    """One ``<svg>`` of ``values``, the oldest first; None is a gap. Empty where nothing is known.

    ``told`` are the same values in words, each with its unit; else plain numbers stand in its title.
    """
    known = [value for value in values if value is not None]
    if not known:
        return ""
    low, span = min(known), (max(known) - min(known)) or 1.0
    step = (WIDTH - 2 * MARGIN) / max(len(values) - 1, 1)
    inner = HEIGHT - 2 * MARGIN
    points = [
        None if value is None else (MARGIN + n * step, HEIGHT - MARGIN - (value - low) / span * inner)
        for n, value in enumerate(values)
    ]
    path, pen_up = [], True
    for point in points:
        if point is not None:
            path.append(f"{'M' if pen_up else 'L'}{point[0]:.1f} {point[1]:.1f}")
        pen_up = point is None
    x, y = next(point for point in reversed(points) if point is not None)
    words = "; ".join(told) or ", ".join(_said(value) for value in values)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="g-spark" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">'
        f"<title>{escape(label)}: {escape(words)}</title>"
        f'<path d="{"".join(path)}" fill="none" stroke="currentColor" stroke-width="1.5"/>'
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="currentColor"/></svg>'
    )


def _said(value: float | None) -> str:
    """Four digits, and all of those before the point."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:,.4g}"
