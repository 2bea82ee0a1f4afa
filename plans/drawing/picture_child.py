"""The process that turns specifications into pictures: it alone holds the engine that draws them.

Reads one request from its input, writes the pictures to its output, and ends. See ``plans.drawing.pictures``.
"""

from __future__ import annotations

import json
import resource
import sys
from base64 import b64encode
from pathlib import Path
from typing import Any, cast

import vl_convert

FONTS = Path(__file__).parent / "fonts"  # the same letters on every machine
SCALE = 2  # pixels of a PNG for each of the drawing's
MAKERS = {
    "svg": lambda specification: vl_convert.vegalite_to_svg(specification).encode(),
    "png": lambda specification: vl_convert.vegalite_to_png(specification, scale=SCALE),
}


def answer(request: dict[str, Any]) -> list[str]:
    """The pictures of ``specifications`` as ``format``, in base64."""
    vl_convert.register_font_directory(str(FONTS))
    make = MAKERS[request["format"]]
    return [b64encode(cast(bytes, make(one))).decode() for one in request["specifications"]]


if __name__ == "__main__":
    # The engine reserves far more addresses than it uses; a limit of the process that asks is not for it.
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    json.dump(answer(json.load(sys.stdin)), sys.stdout)
