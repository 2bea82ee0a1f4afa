"""Charts as pictures: SVG for paper, PNG for whatever shows nothing else.

A process of its own draws them and ends: the engine is V8, which takes about 150 MB, and no web process
holds it. The specifications are ours; the limit of time is for an engine that hangs.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Mapping, Sequence
from typing import Any

from plans.drawing import children, specification
from plans.drawing.colours import INK, PAPER_INK

CHILD = "plans.drawing.picture_child"
WIDTH = 680  # px
LETTER, BESIDE_LABEL = 7, 44  # px of a legend: a letter at most, and what is beside a name
FONT = "DejaVu Sans Condensed"
FAILED = "The chart cannot be drawn at the moment."


def pictures(charts: Sequence[tuple[Mapping[str, Any], Mapping[str, Any] | None]], fmt: str) -> list[bytes]:
    """Stored charts, each with its specification if it has one, as pictures in ``fmt``: svg or png.

    Raises NotNow where they cannot be drawn at the moment.
    """
    if not charts:
        return []
    request = {"format": fmt, "specifications": [_on_paper(*one) for one in charts]}
    return [b64decode(one) for one in json.loads(children.asked(CHILD, json.dumps(request), FAILED))]


def _on_paper(payload: Mapping[str, Any], specified: Mapping[str, Any] | None) -> dict[str, Any]:
    """Dark on white, as wide as a page: colours that follow a page would follow nothing here."""
    full = specification.with_points(specified or specification.specification(payload), payload)
    coloured = json.loads(json.dumps(full).replace(json.dumps(INK), json.dumps(PAPER_INK)))
    config = {**coloured["config"], "font": FONT}
    config["legend"] = {**config["legend"], **_legend([one["label"] for one in payload["series"]])}
    return {**coloured, "width": WIDTH, "background": "white", "config": config}


def _legend(labels: Sequence[str]) -> dict[str, int]:
    """Names of series in full, in as many columns as fit: a row that is too long would be cut at the edge."""
    room = [LETTER * len(label) + BESIDE_LABEL for label in labels]
    if sum(room) <= WIDTH:
        return {}
    return {"labelLimit": WIDTH - BESIDE_LABEL, "columns": max(1, WIDTH // max(room))}
