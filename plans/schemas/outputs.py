"""The kinds of output a step may return. Admin, REST, XLSX and the report render these kinds,
so no command draws anything itself.

Numbers are rounded to ten significant digits when they are written, so that a replay on another
machine gives the same bytes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, ClassVar

from gtm.core import canonical
from plans.schemas.answer import Answer
from plans.schemas.coins import in_coins

SIGNIFICANT_DIGITS = 10


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: value with unit, interval, numerator and denominator, and its definition on hover.

    ``value`` None with ``unavailable`` set says why there is no figure.
    """

    key: str
    label: str
    value: float | int | Decimal | str | None
    unit: str = ""
    low: float | None = None
    high: float | None = None
    level: float | None = None
    numerator: float | None = None
    denominator: float | None = None
    definition: str = ""
    target: str = ""
    unavailable: str = ""


@dataclass(frozen=True, slots=True)
class Metrics:
    kind: ClassVar[str] = "metrics"
    key: str
    title: str
    items: Sequence[Figure]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """``kind``: text, integer, number, percent, chance (a share that never reads 0 % or 100 %), money, date,
    datetime, address (of a page that people open).
    ``unit``: currency or the like."""

    key: str
    label: str
    kind: str = "text"
    unit: str = ""
    definition: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows are sequences in the order of ``columns``; None is an empty cell."""

    kind: ClassVar[str] = "table"
    key: str
    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Any]]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Series:
    label: str
    values: Sequence[float | None]
    low: Sequence[float | None] = ()
    high: Sequence[float | None] = ()


@dataclass(frozen=True, slots=True)
class Chart:
    """``shape``: line, bar, stacked-bar, heatmap, histogram, tornado, gantt; a value a category a series.

    In a Gantt chart numbers are days from ``origin``: a task begins at ``low``, ends at ``values`` and may
    slip to ``high``; ``marks`` are further dates with what they are.
    """

    kind: ClassVar[str] = "chart"
    key: str
    title: str
    shape: str
    categories: Sequence[str]
    series: Sequence[Series]
    x_label: str = ""
    y_label: str = ""
    unit: str = ""
    note: str = ""
    origin: str = ""
    marks: Sequence[Sequence[str]] = ()


@dataclass(frozen=True, slots=True)
class Section:
    heading: str
    paragraphs: Sequence[str] = ()
    bullets: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Document:
    kind: ClassVar[str] = "document"
    key: str
    title: str
    sections: Sequence[Section]


@dataclass(frozen=True, slots=True)
class BacklogItem:
    title: str
    why: str
    owner: str
    due: str = ""
    expected_value: float | None = None
    unit: str = ""
    lift: str = ""
    sample_size: int | None = None
    effort: str = ""
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Backlog:
    kind: ClassVar[str] = "backlog"
    key: str
    title: str
    items: Sequence[BacklogItem]


@dataclass(frozen=True, slots=True)
class File:
    """A file kept by content below the data directory; ``path`` is relative to it."""

    kind: ClassVar[str] = "file"
    key: str
    title: str
    path: str
    media_type: str
    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Message:
    """A piece of communication as it goes out; ``media_type`` is text/html, text/plain or text/markdown."""

    path: str
    title: str
    media_type: str
    body: str
    subject: str = ""
    channel: str = ""
    audience: str = ""


@dataclass(frozen=True, slots=True)
class Messages:
    """Communications to look at before they are approved. HTML is shown in a frame that may do nothing."""

    kind: ClassVar[str] = "messages"
    key: str
    title: str
    items: Sequence[Message]
    note: str = ""


Output = Metrics | Table | Chart | Document | Backlog | File | Messages | Answer
KINDS: Mapping[str, type] = {
    c.kind: c for c in (Metrics, Table, Chart, Document, Backlog, File, Messages, Answer)
}


@dataclass(frozen=True, slots=True)
class Signal:
    """A condition a step met that the command's triggers listen for, e.g. ``negative-roi``.

    ``period`` is when; ``window``, ``model`` and ``scope`` are how and of what it was measured. Only what
    agrees in these three is counted together. ``answered_by`` are roles that
    are told, beside the people of the plan.
    """

    trigger: str
    message: str
    period: str = ""
    value: float | str | None = None
    window: str = ""
    model: str = ""
    scope: str = ""
    limit: str = ""
    answered_by: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Measured:
    """A value of a metric whose rule the command declares, in one period; None is a missing value.

    ``window``, ``model`` and ``scope`` as of ``Signal``.
    """

    trigger: str
    value: float | str | None
    period: str
    window: str = ""
    model: str = ""
    scope: str = ""


NOT_MEASURED = "not measured"
"""In place of a value that could not be found: neither a breach nor good, but a period without a value."""
NOT_CERTAIN = "not certain"
"""Before a value past its limit whose interval reaches back over it: it neither counts nor clears."""


@dataclass(frozen=True, slots=True)
class StepResult:
    """What a step returns: ``values`` for later tasks, ``outputs`` for people, ``signals`` for triggers.

    ``measured`` are the triggers whose condition was looked at, each with the value that was found, "" or
    ``NOT_MEASURED``, or the value after ``NOT_CERTAIN``: without a signal they are clear again in ``period``
    (the run itself where it is empty), for the ``window``, ``model`` and ``scope`` that a signal would name:
    kept and breached stand under one key. ``readings`` are held against metric rules. ``limits`` are the
    thresholds that this run brings along, as written, by trigger.
    """

    values: Mapping[str, Any] = field(default_factory=dict)
    outputs: Sequence[Output] = ()
    signals: Sequence[Signal] = ()
    measured: Mapping[str, str] = field(default_factory=dict)
    readings: Sequence[Measured] = ()
    period: str = ""
    window: str = ""
    model: str = ""
    scope: str = ""
    limits: Mapping[str, str] = field(default_factory=dict)


def payload_of(output: Output) -> dict[str, Any]:
    """The stored form: JSON types only, floats rounded, Decimal as text, no fractions of a yen."""
    body = in_coins(settle(canonical.plain(output)))
    return {"kind": output.kind, **body}


def settle(value: Any) -> Any:
    """Round floats to ten significant digits; a NaN or infinity becomes None, JSON has no word for it."""
    if isinstance(value, float):
        return float(f"{value:.{SIGNIFICANT_DIGITS}g}") if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: settle(item) for key, item in value.items()}
    if isinstance(value, list):
        return [settle(item) for item in value]
    return value
