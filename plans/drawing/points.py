"""The points of a chart: what is drawn, and what a reader is told about each of them.

Made from the stored output whenever a chart is shown, so that no second copy of a number can differ from it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from math import ceil
from typing import Any

from plans.templatetags.gtm import roughly
from programs.analytics.chances import CHANCE, chances_between

MOST_POINTS = 500
BETWEEN = " · "
FEWEST_GROUPS = 4
GROUPED_SHAPES = frozenset({"line", "bar", "stacked-bar", "heatmap"})
RISES, FALLS = "better when it is higher", "better when it is lower"


def points(payload: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row a point of a stored chart (plans.schemas.outputs.Chart).

    ``category``, ``series`` and ``value`` as stored, ``low`` and ``high`` where there is an interval.
    ``told`` is the value and ``range`` its interval, in words and with the unit.
    """
    return list(_MAKERS.get(payload["shape"], _plain)(shortened(payload)))


def groups(payload: Mapping[str, Any]) -> dict[str, Any]:
    """How a reader may choose among groups named by several things ("social · gold"); empty where none are.

    ``field`` of the points, ``names`` of what groups are by, where the chart says them, and the ``values`` of
    each. A name of another form, such as that of the whole, is shown with every choice.
    """
    if payload["shape"] not in GROUPED_SHAPES:
        return {}
    labels = {"category": payload["categories"], "series": [one["label"] for one in payload["series"]]}
    for field, named in labels.items():
        parts = [label.split(BETWEEN) for label in named if BETWEEN in label]
        if len(parts) < FEWEST_GROUPS or len({len(one) for one in parts}) != 1:
            continue
        values = [list(dict.fromkeys(column)) for column in zip(*parts, strict=True)]
        if all(1 < len(column) < len(parts) for column in values):
            names = (payload.get("x_label") or "").split(BETWEEN)
            said = names if field == "category" and len(names) == len(values) else []
            return {"field": field, "names": said, "values": values}
    return {}


def shortened(payload: Mapping[str, Any]) -> Mapping[str, Any]:
    """A line of at most ``MOST_POINTS`` points: neighbours become their mean, with their lowest and highest.

    Other charts stay as they are.
    """
    per = neighbours(payload)
    if per == 1:
        return payload
    groups = [slice(first, first + per) for first in range(0, len(payload["categories"]), per)]
    series = [
        {
            "label": one["label"],
            "values": [_mean(one["values"][group]) for group in groups],
            "low": [_end(min, one.get("low") or one["values"], group) for group in groups],
            "high": [_end(max, one.get("high") or one["values"], group) for group in groups],
        }
        for one in payload["series"]
    ]
    names = [payload["categories"][group] for group in groups]
    categories = [f"{one[0]} to {one[-1]}" if len(one) > 1 else one[0] for one in names]
    return {**payload, "categories": categories, "series": series}


def neighbours(payload: Mapping[str, Any]) -> int:
    """How many values of a line become one point."""
    if payload["shape"] != "line":
        return 1
    return max(1, ceil(len(payload["categories"]) * len(payload["series"]) / MOST_POINTS))


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _end(choose: Any, values: Sequence[float | None], group: slice) -> float | None:
    known = [value for value in values[group] if value is not None]
    return choose(known) if known else None


def _plain(payload: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    unit = payload.get("unit") or ""
    for one in payload["series"]:
        for k, category in enumerate(payload["categories"]):
            value = one["values"][k]
            if value is None:
                continue
            low, high = ((one.get(end) or {k: None})[k] for end in ("low", "high"))
            row = {"category": category, "series": one["label"], "value": value, "told": roughly(value, unit)}
            if low is not None and high is not None:
                row |= {"low": low, "high": high, "range": _span(low, high, unit)}
            yield row


def _tornado(payload: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """A bar an assumption, from the result at its low to the result at its high."""
    unit, (lows, highs) = payload.get("unit") or "", payload["series"][:2]
    for k, category in enumerate(payload["categories"]):
        low, high = lows["values"][k], highs["values"][k]
        if low is None or high is None:
            continue
        yield {
            "category": category,
            "series": RISES if high >= low else FALLS,
            "low": low,
            "high": high,
            "told": f"{roughly(abs(high - low), unit)} between its low and its high",
            "range": f"{roughly(low, unit)} {lows['label']}, {roughly(high, unit)} {highs['label']}",
        }


def _gantt(payload: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """A bar a task; ends are the first moment after the last day."""
    origin = date.fromisoformat(payload["origin"])

    def day(offset: float) -> str:
        return f"{origin + timedelta(days=offset)}"

    for one in payload["series"]:
        for k, category in enumerate(payload["categories"]):
            begin, end, last = (one[name][k] for name in ("low", "values", "high"))
            if end is None:
                continue
            yield {
                "category": category,
                "series": one["label"],
                "begin": day(begin),
                "end": day(end),
                "last": day(last),
                "told": f"{day(begin)} to {day(max(end - 1, begin))}",
                "range": f"at the latest {day(max(last - 1, begin))}",
            }


def marks(payload: Mapping[str, Any]) -> list[dict[str, str]]:
    """The dates that a Gantt chart marks, with what they are."""
    return [{"day": day, "what": what} for day, what in payload.get("marks") or ()]


def _span(low: float, high: float, unit: str) -> str:
    if unit == CHANCE:
        return chances_between(low / 100, high / 100)
    return f"{roughly(low, unit).removesuffix(unit).rstrip()} to {roughly(high, unit)}"


_MAKERS = {"tornado": _tornado, "gantt": _gantt}
