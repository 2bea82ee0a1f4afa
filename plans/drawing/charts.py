"""Charts as SVG, drawn on the server: they print, follow dark mode, and carry their own title and text.

Our own and not matplotlib's, because its SVG bakes colours and glyph outlines in: a chart could neither
follow the page's colours nor be read by a screen reader, and the library would be our heaviest.
Text and axes are ``currentColor``; series differ by shade and by dash, not by colour alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from html import escape
from typing import Any

from plans.drawing.colours import COLOURS

WIDTH, HEIGHT = 720, 320
LEFT, RIGHT, TOP, BOTTOM = 72, 16, 16, 56

DASHES = ("", "6 3", "2 2", "8 3 2 3", "1 3", "10 4")
LETTER = 6.6  # px: the mean width of a letter at 12 px
SLANT = 35  # degrees, for names that would run into each other


def draw(payload: Mapping[str, Any]) -> str:
    """The chart of an output of kind chart (plans.schemas.outputs.Chart) as one ``<svg>`` element."""
    shapes = {
        "line": _lines,
        "bar": _bars,
        "histogram": _bars,
        "stacked-bar": _bars,
        "heatmap": _heatmap,
        "tornado": _tornado,
        "gantt": _gantt,
    }
    body, height = shapes[payload["shape"]](payload)
    title = escape(payload["title"])
    description = escape(payload.get("note") or f"{payload['shape']} of {len(payload['series'])} series")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" class="g-chart" '
        f'font-family="Inter, system-ui, sans-serif" font-size="12"><title>{title}</title><desc>{description}</desc>{body}</svg>'
    )


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Round values that span [low, high] (Heckbert 1990, nice numbers)."""
    if high <= low:
        high = low + (abs(low) or 1.0)
    raw = (high - low) / max(count - 1, 1)
    power = 10 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= raw - 1e-12)
    first = math.floor(low / step + 1e-9) * step
    found = [first]
    while found[-1] < high - 1e-9 * step:
        found.append(found[-1] + step)
    return [0.0 if abs(v) < step * 1e-9 else v for v in found]


def number(value: float) -> str:
    if value and abs(value) < 0.01:
        return f"{value:.2g}"
    return (
        f"{value:,.0f}"
        if abs(value) >= 100 or value == int(value)
        else f"{value:,.2f}".rstrip("0").rstrip(".")
    )


def _values(payload: Mapping[str, Any]) -> list[float]:
    found: list[float] = []
    for series in payload["series"]:
        for key in ("values", "low", "high"):
            found += [v for v in series.get(key) or () if v is not None]
    return found or [0.0]


def _text(x: float, y: float, text: str, anchor: str = "middle", **more: str) -> str:
    extra = "".join(f' {k.replace("_", "-")}="{v}"' for k, v in more.items())
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="currentColor"{extra}>{escape(text)}</text>'


def _frame(payload: Mapping[str, Any], scale: Sequence[float], y_of: Any, foot: float) -> str:
    parts = []
    for value in scale:
        y = y_of(value)
        parts.append(
            f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="currentColor" opacity=".15"/>'
        )
        parts.append(_text(LEFT - 8, y + 4, number(value), "end"))
    unit = " · ".join(dict.fromkeys(p for p in (payload.get("y_label"), payload.get("unit")) if p))
    parts.append(
        _text(
            14,
            (TOP + HEIGHT - BOTTOM) / 2,
            unit,
            transform=f"rotate(-90 14 {(TOP + HEIGHT - BOTTOM) / 2:.0f})",
        )
    )
    parts.append(_text((LEFT + WIDTH - RIGHT) / 2, foot - 6, payload.get("x_label", "")))
    return "".join(parts)


def _cut(label: str, room: float) -> str:
    most = max(int(room / LETTER), 2)
    return label if len(label) <= most else label[: most - 1] + "…"


def _widest(labels: Sequence[str]) -> float:
    return LETTER * max(map(len, labels), default=0)


def _along(categories: Sequence[str], x_of: Any, slot: float) -> str:
    """Labels of an axis in order, as many as stand side by side; the last ends where the chart ends."""
    step = max(1, math.ceil((_widest(categories) + 28) / slot))
    parts = []
    for n in range(0, len(categories), step):
        is_outside = x_of(n) + LETTER * len(categories[n]) / 2 > WIDTH
        x, anchor = (WIDTH - 2, "end") if is_outside else (x_of(n), "middle")
        parts.append(_text(x, HEIGHT - BOTTOM + 18, categories[n], anchor))
    return "".join(parts)


def _names(categories: Sequence[str], x_of: Any, slot: float) -> tuple[str, float]:
    """A name under each bar, aslant where they are longer than a bar is wide, and the height that takes."""
    y = HEIGHT - BOTTOM + 18
    if _widest(categories) <= slot - 4:
        return "".join(_text(x_of(n), y, label) for n, label in enumerate(categories)), 0.0
    angle = math.radians(SLANT)
    shown = [_cut(label, (LEFT + slot / 2) / math.cos(angle)) for label in categories]
    step = max(1, math.ceil(14 / slot))
    parts = []
    for n in range(0, len(shown), step):
        x = x_of(n) + 4
        parts.append(_text(x, y, shown[n], "end", transform=f"rotate(-{SLANT} {x:.1f} {y})"))
    return "".join(parts), _widest(shown) * math.sin(angle)


def _legend(series: Sequence[Mapping[str, Any]], foot: float, *, are_lines: bool = False) -> str:
    if len(series) < 2:
        return ""
    parts, x = [], float(LEFT)
    for n, one in enumerate(series):
        parts.append(f'<line x1="{x}" x2="{x + 22}" y1="{foot - 26}" y2="{foot - 26}" stroke="{_colour(n)}" '
                     f'stroke-width="{3 if are_lines else 9}" stroke-dasharray="{_dash(n) if are_lines else ""}"/>')  # fmt: skip
        parts.append(_text(x + 28, foot - 22, one["label"], "start"))
        x += 44 + 7 * len(one["label"])
    return "".join(parts)


def _colour(n: int) -> str:
    return COLOURS[n % len(COLOURS)]


def _dash(n: int) -> str:
    return DASHES[n % len(DASHES)]


def _lines(payload: Mapping[str, Any]) -> tuple[str, int]:
    categories, values = payload["categories"], _values(payload)
    scale = ticks(min(0.0, *values), max(values))
    span = (WIDTH - LEFT - RIGHT) / max(len(categories) - 1, 1)

    def x_of(n: int) -> float:
        return LEFT + n * span

    y_of = _vertical(scale)
    parts = [
        _frame(payload, scale, y_of, HEIGHT),
        _along(categories, x_of, span),
        _legend(payload["series"], HEIGHT, are_lines=True),
    ]
    for n, series in enumerate(payload["series"]):
        low, high = series.get("low") or (), series.get("high") or ()
        band = [k for k in range(len(low)) if low[k] is not None and high[k] is not None]
        if band:
            edge = [f"{x_of(k):.1f},{y_of(high[k]):.1f}" for k in band]
            edge += [f"{x_of(k):.1f},{y_of(low[k]):.1f}" for k in reversed(band)]
            parts.append(f'<polygon points="{" ".join(edge)}" fill="{_colour(n)}" opacity=".18"/>')
        points = [(x_of(k), y_of(v)) for k, v in enumerate(series["values"]) if v is not None]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{_colour(n)}" stroke-width="2" '
                     f'stroke-dasharray="{_dash(n)}"/>')  # fmt: skip
    return "".join(parts), HEIGHT


def _vertical(scale: Sequence[float]) -> Any:
    low, high = scale[0], scale[-1]
    return lambda value: HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - BOTTOM - TOP)


def _bars(payload: Mapping[str, Any]) -> tuple[str, int]:
    categories, series = payload["categories"], payload["series"]
    stacked = payload["shape"] == "stacked-bar"
    totals = [sum(s["values"][k] or 0 for s in series) for k in range(len(categories))]
    scale = ticks(min(0.0, *_values(payload)), max(totals if stacked else _values(payload)))
    y_of, slot = _vertical(scale), (WIDTH - LEFT - RIGHT) / max(len(categories), 1)
    gap = 0.06 if payload["shape"] == "histogram" else 0.2
    width = slot * (1 - gap) / (1 if stacked else len(series))

    def middle(k: int) -> float:
        return LEFT + (k + 0.5) * slot

    if payload["shape"] == "histogram":
        names, deep = _along(categories, middle, slot), 0.0
    else:
        names, deep = _names(categories, middle, slot)
    foot = HEIGHT + deep
    parts = [_frame(payload, scale, y_of, foot), names, _legend(series, foot)]
    for k, category in enumerate(categories):
        base = 0.0
        for n, one in enumerate(series):
            value = one["values"][k]
            if value is None:
                continue
            x = LEFT + k * slot + slot * gap / 2 + (0 if stacked else n * width)
            top, bottom = sorted((y_of(base + value), y_of(base)))
            tip = f"<title>{escape(category)}, {escape(one['label'])}: {number(value)}</title>"
            parts.append(f'<rect x="{x:.1f}" y="{top:.1f}" width="{width:.1f}" height="{bottom - top:.1f}" '
                         f'fill="{_colour(n)}">{tip}</rect>')  # fmt: skip
            parts.append(_whisker(one, k, x + width / 2, y_of))
            base += value if stacked else 0.0
    return "".join(parts), round(foot)


def _whisker(series: Mapping[str, Any], k: int, x: float, y_of: Any) -> str:
    """The interval of a bar, where it has one."""
    low, high = ((series.get(end) or {k: None})[k] for end in ("low", "high"))
    if low is None or high is None:
        return ""
    lines = ((x, x, low, high), (x - 5, x + 5, low, low), (x - 5, x + 5, high, high))
    return "".join(
        f'<line x1="{x1:.1f}" x2="{x2:.1f}" y1="{y_of(y1):.1f}" y2="{y_of(y2):.1f}" stroke="currentColor" '
        f'stroke-width="1.5"/>'
        for x1, x2, y1, y2 in lines
    )


def _heatmap(payload: Mapping[str, Any]) -> tuple[str, int]:
    categories, series = payload["categories"], payload["series"]
    columns = [_cut(label.removeprefix("month "), 170) for label in categories]
    labels = [_cut(one["label"], 200) for one in series]
    left, top, row, right = max(80, _widest(labels) + 12), 34.0, 18, float(RIGHT)
    cell = (WIDTH - left - right) / max(len(columns), 1)
    is_aslant = len(columns) <= 24 and _widest(columns) > cell - 4
    if is_aslant:
        angle = math.radians(SLANT)
        top, right = 30 + _widest(columns) * math.sin(angle), _widest(columns) * math.cos(angle)
        cell = (WIDTH - left - right) / len(columns)
    shown = [v for s in series for k, v in enumerate(s["values"]) if v is not None and k > 0] or _values(
        payload
    )
    most = max(*shown, 1e-9)
    parts = []
    step = 1 if is_aslant else max(1, math.ceil((_widest(columns) + 6) / cell))
    for k in range(0, len(columns), step):
        x, y = left + (k + 0.5) * cell, top - 8
        if is_aslant:
            turn = f"rotate(-{SLANT} {x:.1f} {y:.1f})"
            parts.append(_text(x, y, columns[k], "start", transform=turn))
        else:
            parts.append(_text(x, y, columns[k]))
    parts.append(
        _text(
            (left + WIDTH) / 2, 12, " · ".join(p for p in (payload.get("x_label"), payload.get("unit")) if p)
        )
    )
    for n, one in enumerate(series):
        y = top + n * row
        parts.append(_text(left - 8, y + 13, labels[n], "end"))
        for k, value in enumerate(one["values"]):
            if value is None:
                continue
            strength = min(value / most, 1.0)
            tip = f"<title>{escape(one['label'])}, {escape(categories[k])}: {number(value)} {escape(payload.get('unit', ''))}</title>"
            parts.append(f'<rect x="{left + k * cell:.1f}" y="{y:.1f}" width="{cell - 1:.1f}" height="{row - 1}" '
                         f'fill="{COLOURS[0]}" opacity="{0.06 + 0.94 * strength:.2f}">{tip}</rect>')  # fmt: skip
    return "".join(parts), round(top + row * len(series) + 12)


def _tornado(payload: Mapping[str, Any]) -> tuple[str, int]:
    categories, (low, high) = payload["categories"], payload["series"][:2]
    left, top, row = 190, 34, 28
    scale = ticks(min(_values(payload)), max(_values(payload)))

    def x_of(value: float) -> float:
        return left + (value - scale[0]) / (scale[-1] - scale[0]) * (WIDTH - left - RIGHT - 24)

    bottom = top + row * len(categories)
    parts = []
    for value in scale:
        parts.append(
            f'<line x1="{x_of(value):.1f}" x2="{x_of(value):.1f}" y1="{top}" y2="{bottom}" stroke="currentColor" opacity=".15"/>'
        )
        parts.append(_text(x_of(value), top - 8, number(value)))
    parts.append(
        _text(
            (left + WIDTH) / 2, 12, " · ".join(p for p in (payload.get("y_label"), payload.get("unit")) if p)
        )
    )
    for k, category in enumerate(categories):
        a, b = low["values"][k], high["values"][k]
        y, x = top + k * row + 4, min(x_of(a), x_of(b))
        tip = f"<title>{escape(category)}: {number(a)} at its low, {number(b)} at its high</title>"
        parts.append(_text(left - 10, y + 14, category, "end"))
        parts.append(f'<rect x="{x:.1f}" y="{y}" width="{max(abs(x_of(a) - x_of(b)), 1):.1f}" height="{row - 10}" '
                     f'fill="{COLOURS[0 if b >= a else 2]}">{tip}</rect>')  # fmt: skip
    parts.append(
        _text(
            left, bottom + 18, "violet: better when higher · amber: better when lower", "start", opacity=".7"
        )
    )
    return "".join(parts), bottom + 30


def _gantt(payload: Mapping[str, Any]) -> tuple[str, int]:
    """A bar a task, a thin line for its slack, a dashed one for each mark; the first series is filled."""
    origin = date.fromisoformat(payload["origin"])
    marks = [((date.fromisoformat(day) - origin).days, day, what) for day, what in payload["marks"]]
    left, top, row = 230, 40, 22
    days = ticks(
        min([*_values(payload), *(m[0] for m in marks)]), max([*_values(payload), *(m[0] for m in marks)])
    )

    one_year = len({(origin + timedelta(days=day)).year for day in days}) == 1

    def x_of(day: float) -> float:
        return left + (day - days[0]) / (days[-1] - days[0]) * (WIDTH - left - RIGHT - 24)

    bottom = top + row * len(payload["categories"])
    parts = []
    for day in days:
        parts.append(
            f'<line x1="{x_of(day):.1f}" x2="{x_of(day):.1f}" y1="{top}" y2="{bottom}" stroke="currentColor" opacity=".15"/>'
        )
        parts.append(_text(x_of(day), top - 8, f"{origin + timedelta(days=day)}"[5 if one_year else 0 :]))
    if one_year:
        parts.append(_text((left + WIDTH) / 2, 14, f"{origin:%Y} · month and day"))
    for n, series in enumerate(payload["series"]):
        for k, category in enumerate(payload["categories"]):
            begin, end, last = (series[name][k] for name in ("low", "values", "high"))
            if end is not None:
                y = top + k * row
                parts.append(
                    _text(left - 8, y + 15, category if len(category) <= 34 else category[:33] + "…", "end")
                )
                parts.append(
                    _bar(
                        n, x_of(begin), x_of(end), x_of(last), y, _spoken(origin, begin, end, last, category)
                    )
                )
    for offset, day, what in marks:
        x = x_of(offset)
        parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{top - 4}" y2="{bottom + 4}" stroke="{COLOURS[4]}" '
                     f'stroke-width="2" stroke-dasharray="4 3"><title>{escape(f"{day}: {what}")}</title></line>')  # fmt: skip
        parts.append(_text(x, bottom + 18, f"{what} {day}", "end" if x > WIDTH * 0.8 else "middle"))
    parts.append(_text(left, bottom + 36, " · ".join(
        f"{('filled', 'outlined')[min(n, 1)]}: {s['label']}" for n, s in enumerate(payload["series"])), "start", opacity=".7"))  # fmt: skip
    return "".join(parts), bottom + 46


def _bar(n: int, begin: float, end: float, last: float, y: float, tip: str) -> str:
    """Filled for the first series, outlined for others: told apart without colour."""
    fill = (
        f'fill="{_colour(n)}"' if n == 0 else f'fill="{_colour(n)}" fill-opacity=".25" stroke="{_colour(n)}"'
    )
    slack = f'<line x1="{end:.1f}" x2="{last:.1f}" y1="{y + 11}" y2="{y + 11}" stroke="{_colour(n)}" opacity=".6"/>'
    return (
        f'{slack}<rect x="{begin:.1f}" y="{y + 3}" width="{max(end - begin, 1):.1f}" height="16" {fill}>'
        f"<title>{escape(tip)}</title></rect>"
    )


def _spoken(origin: date, begin: float, end: float, last: float, name: str) -> str:
    """Ends are the first moment after the last day."""
    first, done, latest = (
        origin + timedelta(days=d) for d in (begin, max(end - 1, begin), max(last - 1, begin))
    )
    return f"{name}: {first} to {done}, at the latest {latest}"
