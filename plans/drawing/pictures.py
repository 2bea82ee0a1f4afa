"""Charts as pictures: SVG for paper, PNG for whatever shows nothing else.

A process of its own draws them and ends: the engine is V8, which takes about 150 MB, and no web process
holds it. The specifications are ours; the limit of time is for an engine that hangs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from base64 import b64decode
from collections.abc import Mapping, Sequence
from typing import Any

from gtm.core.errors import NotNow
from plans.drawing import specification
from plans.drawing.colours import INK, PAPER_INK

CHILD = "plans.drawing.picture_child"
WIDTH = 680  # px
SECONDS = 60


def pictures(charts: Sequence[tuple[Mapping[str, Any], Mapping[str, Any] | None]], fmt: str) -> list[bytes]:
    """Stored charts, each with its specification if it has one, as pictures in ``fmt``: svg or png.

    Raises NotNow where they cannot be drawn at the moment.
    """
    if not charts:
        return []
    request = {"format": fmt, "specifications": [_on_paper(*one) for one in charts]}
    path = os.pathsep.join(folder for folder in sys.path if folder)
    try:
        done = subprocess.run(  # noqa: S603 - our own module
            [sys.executable, "-m", CHILD],
            input=json.dumps(request),
            capture_output=True,
            text=True,
            check=True,
            timeout=SECONDS,
            env={"PYTHONPATH": path, "PATH": os.defpath},
        )
    except (subprocess.SubprocessError, OSError) as error:
        raise NotNow("The chart cannot be drawn at the moment.", hint="Try again in a minute.") from error
    return [b64decode(one) for one in json.loads(done.stdout)]


def _on_paper(payload: Mapping[str, Any], specified: Mapping[str, Any] | None) -> dict[str, Any]:
    """Dark on white, as wide as a page: colours that follow a page would follow nothing here."""
    full = specification.with_points(specified or specification.specification(payload), payload)
    coloured = json.loads(json.dumps(full).replace(json.dumps(INK), json.dumps(PAPER_INK)))
    return {**coloured, "width": WIDTH, "background": "white"}
