"""Charts as pictures: SVG for paper, PNG for whatever shows nothing else.

A process of its own draws them and ends: the engine is V8, which takes about 150 MB, and no web process
holds it. The specifications are ours; the limit of time is for an engine that hangs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from base64 import b64decode
from collections.abc import Mapping, Sequence
from typing import Any

from gtm.core.errors import NotNow
from plans.drawing import specification
from plans.drawing.colours import INK, PAPER_INK

CHILD = "plans.drawing.picture_child"
WIDTH = 680  # px
FONT = "DejaVu Sans Condensed"
FAILED = "The chart cannot be drawn at the moment."
BUSY = "Other charts are being drawn at the moment."
AGAIN = "Try again in a minute."
SECONDS = 60
_one_at_a_time = threading.Lock()
"""A process that serves many people starts one engine, not one for each of them."""


def pictures(charts: Sequence[tuple[Mapping[str, Any], Mapping[str, Any] | None]], fmt: str) -> list[bytes]:
    """Stored charts, each with its specification if it has one, as pictures in ``fmt``: svg or png.

    Raises NotNow where they cannot be drawn at the moment.
    """
    if not charts:
        return []
    request = {"format": fmt, "specifications": [_on_paper(*one) for one in charts]}
    if not _one_at_a_time.acquire(timeout=SECONDS):
        raise NotNow(BUSY, hint=AGAIN)
    try:
        answered = _asked(json.dumps(request))
    except (subprocess.SubprocessError, OSError) as error:
        raise NotNow(FAILED, hint=AGAIN) from error
    finally:
        _one_at_a_time.release()
    return [b64decode(one) for one in json.loads(answered)]


def _asked(request: str) -> str:
    path = os.pathsep.join(folder for folder in sys.path if folder)
    done = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", CHILD],
        input=request,
        capture_output=True,
        text=True,
        check=True,
        timeout=SECONDS,
        env={"PYTHONPATH": path, "PATH": os.defpath},
    )
    return done.stdout


def _on_paper(payload: Mapping[str, Any], specified: Mapping[str, Any] | None) -> dict[str, Any]:
    """Dark on white, as wide as a page: colours that follow a page would follow nothing here."""
    full = specification.with_points(specified or specification.specification(payload), payload)
    coloured = json.loads(json.dumps(full).replace(json.dumps(INK), json.dumps(PAPER_INK)))
    config = {**coloured["config"], "font": FONT}
    return {**coloured, "width": WIDTH, "background": "white", "config": config}
