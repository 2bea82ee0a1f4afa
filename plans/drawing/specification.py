"""Charts as Vega-Lite specifications: one a chart, made once, drawn by browsers and on paper.

Series differ by colour and by dash or outline, never by colour alone. Ink is ``currentColor``, so that a
chart follows the page into dark mode and on paper. A specification names its data; the points are put in
when it is shown (see ``plans.drawing.points``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gtm.core.later import later
from plans.drawing import points, words
from plans.drawing.colours import COLOURS, INK

if TYPE_CHECKING:
    import altair as alt
else:
    alt = later("altair")

DATA, MARKS, HIDDEN = "points", "marks", "hidden"
HEIGHT, ROW, TASK = 240, 26, 18  # px: of a chart, of a bar that lies, of a task
LONG_NAME, MANY_BARS, MANY_LEANING = 12, 10, 24
BAND, FAINT = 0.18, 0.25
SHOWN = f"indexof({HIDDEN}, datum.series) < 0"


def specification(payload: Mapping[str, Any], definitions: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The specification of a stored chart. ``definitions`` say what a series is, by its label.

    Raises KeyError for a shape that charts do not have, and ValueError where it is no valid Vega-Lite.
    """
    made = _SHAPES[payload["shape"]](points.shortened(payload))
    found: dict[str, Any] = made.properties(width="container").to_dict()
    labels = [one["label"] for one in payload["series"]]
    return {
        **found,
        "description": words.of_chart(payload),
        "background": "transparent",
        "autosize": {"type": "fit-x", "contains": "padding"},
        "config": _config(),
        "usermeta": {
            "interval": words.interval_of(payload),
            "series": _toggled(payload, labels),
            "meaning": words.meaning(payload, "", {}),
            "means": {label: words.meaning(payload, label, definitions or {}) for label in labels},
        },
    }


def with_points(specified: Mapping[str, Any], payload: Mapping[str, Any]) -> dict[str, Any]:
    """A specification with the points of its chart in it, as a browser or a picture needs it."""
    held = {DATA: points.points(payload), MARKS: points.marks(payload)}
    usermeta = {**specified.get("usermeta", {}), "groups": points.groups(payload)}
    return {
        **specified,
        "datasets": {name: rows for name, rows in held.items() if rows or name == DATA},
        "usermeta": usermeta,
    }


def _toggled(payload: Mapping[str, Any], labels: Sequence[str]) -> list[dict[str, str]]:
    """What a reader may switch off and on; a tornado's bars are told apart by their direction."""
    if payload["shape"] == "tornado":
        labels = [points.RISES, points.FALLS]
    if payload["shape"] == "heatmap" or len(labels) < 2:
        return []
    return [
        {"label": label, "colour": COLOURS[n % len(COLOURS)], "dash": "" if payload["shape"] != "line" else
         " ".join(map(str, DASHES[n % len(DASHES)]))}
        for n, label in enumerate(labels)
    ]  # fmt: skip


DASHES: Sequence[Sequence[int]] = ((1, 0), (6, 3), (2, 2), (8, 3, 2, 3), (1, 3), (10, 4))


def _config() -> dict[str, Any]:
    axis = {
        "labelColor": INK, "titleColor": INK, "domainColor": INK, "tickColor": INK, "gridColor": INK,
        "gridOpacity": 0.15, "domainOpacity": 0.4, "tickOpacity": 0.4, "labelFontSize": 12,
        "titleFontSize": 12, "titleFontWeight": "normal", "labelLimit": 220,
    }  # fmt: skip
    legend = {
        "labelColor": INK, "titleColor": INK, "orient": "bottom", "labelFontSize": 12, "labelLimit": 320,
        "symbolOpacity": 1,
    }  # fmt: skip
    return {
        "axis": axis,
        "legend": legend,
        "view": {"stroke": None},
        "font": "Inter, system-ui, sans-serif",
        "text": {"fill": INK},
        "rule": {"stroke": INK},
    }


def _base() -> Any:
    hidden = alt.param(name=HIDDEN, value=[])
    return alt.Chart(alt.NamedData(DATA)).add_params(hidden).transform_filter(SHOWN)


def _colour(labels: Sequence[str], symbol: str = "square") -> Any:
    scale = alt.Scale(domain=list(labels), range=_range(labels))
    legend = alt.Legend(title=None, symbolType=symbol) if len(labels) > 1 else None
    return alt.Color("series:N", scale=scale, legend=legend)


def _range(labels: Sequence[str]) -> list[str]:
    return [COLOURS[n % len(COLOURS)] for n in range(len(labels))]


def _dash(labels: Sequence[str]) -> Any:
    scale = alt.Scale(domain=list(labels), range=[list(DASHES[n % len(DASHES)]) for n in range(len(labels))])
    legend = alt.Legend(title=None, symbolType="stroke") if len(labels) > 1 else None
    return alt.StrokeDash("series:N", scale=scale, legend=legend)


def _told() -> dict[str, Any]:
    """What a point says: to a pointer, to a reader of the screen, and to whoever opens the specification."""
    return {
        "tooltip": [
            alt.Tooltip("series:N", title="What"),
            alt.Tooltip("category:N", title="Where"),
            alt.Tooltip("told:N", title="Value"),
            alt.Tooltip("range:N", title="Interval"),
        ],
        "description": alt.Description("told:N"),
    }


def _value_axis(payload: Mapping[str, Any]) -> Any:
    return alt.Axis(title=words.axis(payload), grid=True, tickCount=5)


def _labels(payload: Mapping[str, Any]) -> list[str]:
    return [one["label"] for one in payload["series"]]


def _has_interval(payload: Mapping[str, Any]) -> bool:
    return any(one.get("low") and one.get("high") for one in payload["series"])


def _lines(payload: Mapping[str, Any]) -> Any:
    labels = _labels(payload)
    along = alt.X(
        "category:O",
        scale=alt.Scale(domain=list(payload["categories"])),
        axis=alt.Axis(
            title=payload.get("x_label") or None, labelAngle=0, labelOverlap="greedy", labelSeparation=12
        ),
    )
    base = _base().encode(x=along)
    up = alt.Y("value:Q", axis=_value_axis(payload))
    lines = base.mark_line(strokeWidth=2).encode(
        y=up, color=_colour(labels, "stroke"), strokeDash=_dash(labels)
    )
    dots = base.mark_circle(size=24, opacity=1).encode(y=up, color=_colour(labels, "stroke"), **_told())
    if not _has_interval(payload):
        return alt.layer(lines, dots).properties(height=HEIGHT)
    bands = base.mark_area(opacity=BAND).encode(
        y=alt.Y("low:Q", axis=_value_axis(payload)), y2="high:Q", color=_colour(labels, "stroke")
    )
    return alt.layer(bands, lines, dots).properties(height=HEIGHT)


def _bars(payload: Mapping[str, Any]) -> Any:
    """Bars stand; where there are many or their names are long, they lie, so that every name can be read."""
    names, labels = list(payload["categories"]), _labels(payload)
    if payload["shape"] != "histogram" and _lie(names):
        return _lying(payload, names, labels)
    is_stacked = payload["shape"] == "stacked-bar"
    axis = alt.Axis(
        title=payload.get("x_label") or None, labelAngle=0, labelOverlap="greedy", labelSeparation=6
    )
    gap = 0.06 if payload["shape"] == "histogram" else 0.2
    x = alt.X("category:N", scale=alt.Scale(domain=names, paddingInner=gap), axis=axis)
    base = _base().encode(x=x)
    if len(labels) > 1 and not is_stacked:
        base = base.encode(xOffset=alt.XOffset("series:N", sort=labels))
    up = alt.Y("value:Q", axis=_value_axis(payload), stack="zero" if is_stacked else None)
    bars = base.mark_bar().encode(y=up, color=_colour(labels), **_told())
    if is_stacked or not _has_interval(payload):
        return alt.layer(bars).properties(height=HEIGHT)
    low, high = alt.Y("low:Q", axis=_value_axis(payload)), alt.Y("high:Q", axis=_value_axis(payload))
    return alt.layer(
        bars,
        base.mark_rule(strokeWidth=1.5).encode(y=low, y2="high:Q"),
        base.mark_tick(size=10, thickness=1.5, color=INK).encode(y=low),
        base.mark_tick(size=10, thickness=1.5, color=INK).encode(y=high),
    ).properties(height=HEIGHT)


def _lie(names: Sequence[str]) -> bool:
    return len(names) > MANY_BARS or max(map(len, names), default=0) > LONG_NAME


def _lying(payload: Mapping[str, Any], names: list[str], labels: list[str]) -> Any:
    is_stacked = payload["shape"] == "stacked-bar"
    beside = len(labels) if not is_stacked else 1
    y = alt.Y("category:N", scale=alt.Scale(domain=names, paddingInner=0.25), axis=alt.Axis(title=None))
    base = _base().encode(y=y)
    if beside > 1:
        base = base.encode(yOffset=alt.YOffset("series:N", sort=labels))
    across = alt.X("value:Q", axis=_value_axis(payload), stack="zero" if is_stacked else None)
    bars = base.mark_bar().encode(x=across, color=_colour(labels), **_told())
    layers = [bars]
    if not is_stacked and _has_interval(payload):
        low, high = alt.X("low:Q", axis=_value_axis(payload)), alt.X("high:Q", axis=_value_axis(payload))
        layers += [
            base.mark_rule(strokeWidth=1.5).encode(x=low, x2="high:Q"),
            base.mark_tick(size=8, thickness=1.5, color=INK).encode(x=low),
            base.mark_tick(size=8, thickness=1.5, color=INK).encode(x=high),
        ]
    return alt.layer(*layers).properties(height=len(names) * max(ROW, 15 * beside))


def _heatmap(payload: Mapping[str, Any]) -> Any:
    columns, labels = list(payload["categories"]), _labels(payload)
    later_ones = [v for one in payload["series"] for v in one["values"][1:] if v is not None]
    most = max(
        [*later_ones, *([] if later_ones else [v for one in payload["series"] for v in one["values"] if v])]
        or [1.0]
    )
    angle = -35 if len(columns) <= MANY_LEANING and max(map(len, columns)) > LONG_NAME else 0
    shade = alt.FillOpacity(
        "value:Q",
        scale=alt.Scale(domain=[0, most or 1.0], range=[0.06, 1], clamp=True),
        legend=alt.Legend(
            title=words.axis({"unit": payload.get("unit"), "y_label": ""}) or None, tickCount=4
        ),
    )
    return (
        _base()
        .mark_rect(fill=COLOURS[0])
        .encode(
            x=alt.X("category:O", scale=alt.Scale(domain=columns, paddingInner=0.03), axis=alt.Axis(
                title=payload.get("x_label") or None, orient="top", labelAngle=angle, labelOverlap="greedy",
                domain=False, ticks=False)),
            y=alt.Y("series:O", scale=alt.Scale(domain=labels, paddingInner=0.06), axis=alt.Axis(
                title=payload.get("y_label") or None, domain=False, ticks=False)),
            fillOpacity=shade,
            **_told(),
        )
        .properties(height=max(len(labels) * TASK, 2 * TASK))
    )  # fmt: skip


def _tornado(payload: Mapping[str, Any]) -> Any:
    names = list(payload["categories"])
    y = alt.Y("category:N", scale=alt.Scale(domain=names, paddingInner=0.35), axis=alt.Axis(title=None))
    x = alt.X("low:Q", axis=_value_axis(payload), scale=alt.Scale(zero=False))
    colour = _colour([points.RISES, points.FALLS])
    bars = _base().mark_bar().encode(y=y, x=x, x2="high:Q", color=colour, **_told())
    return bars.properties(height=len(names) * ROW)


def _gantt(payload: Mapping[str, Any]) -> Any:
    """A bar a task, a thin line for its slack, a dashed one for each mark; the first series is filled."""
    names, labels = list(payload["categories"]), _labels(payload)
    y = alt.Y("category:N", scale=alt.Scale(domain=names, paddingInner=0.3), axis=alt.Axis(title=None))
    base, utc = _base().encode(y=y), alt.Scale(type="utc")
    axis = alt.Axis(title="date", labelOverlap="greedy", labelSeparation=10, orient="top", format="%-d %b %Y")
    begin = alt.X("begin:T", axis=axis, scale=utc)
    slack = base.mark_rule(opacity=0.6).encode(
        x=alt.X("end:T", axis=axis, scale=utc), x2="last:T", color=_colour(labels)
    )
    filled = alt.FillOpacity(
        "series:O", scale=alt.Scale(domain=labels, range=[1.0, *[FAINT] * (len(labels) - 1)]), legend=None
    )
    bars = base.mark_bar(strokeWidth=1).encode(
        x=begin, x2="end:T", color=_colour(labels), stroke=alt.Stroke(
            "series:N", scale=alt.Scale(domain=labels, range=_range(labels)), legend=None),
        fillOpacity=filled, **_told(),
    )  # fmt: skip
    layers = [slack, bars]
    if points.marks(payload):
        marked = alt.Chart(alt.NamedData(MARKS)).encode(x=alt.X("day:T", axis=axis, scale=utc))
        said = {"tooltip": [alt.Tooltip("what:N", title="What"), alt.Tooltip("day:N", title="Date")]}
        layers += [
            marked.mark_rule(strokeWidth=2, strokeDash=[4, 3], color=COLOURS[4]).encode(**said),
            marked.mark_text(align="right", dx=-4, baseline="bottom", fontSize=12).encode(
                text="what:N", y=alt.value(len(names) * TASK)
            ),
        ]
    return alt.layer(*layers).properties(height=len(names) * TASK)


_SHAPES = {
    "line": _lines,
    "bar": _bars,
    "histogram": _bars,
    "stacked-bar": _bars,
    "heatmap": _heatmap,
    "tornado": _tornado,
    "gantt": _gantt,
}
