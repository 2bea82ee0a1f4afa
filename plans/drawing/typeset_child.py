"""The process that sets a report: it alone holds the typesetting engine.

Reads one request from its input, writes the PDF to its output, and ends. See ``plans.drawing.typesetting``.
The template is ours; the request's content reaches it as JSON and is never read as Typst.
"""

from __future__ import annotations

import json
import resource
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import typst

HERE = Path(__file__).parent
TEMPLATE, FONTS = HERE / "report.typ", HERE / "fonts"
MEMORY_BYTES = 2 * 1024**3
"""Of addresses: the report of a large plan takes a tenth of it."""
ACCESSIBLE = "ua-1"
"""PDF/UA-1: the engine refuses what it cannot tag, and a letter that no font has."""


def pdf(request: dict[str, Any]) -> bytes:
    """``content`` set by the template, made at ``at`` (ISO 8601 with a zone): same request, same bytes."""
    made: bytes = typst.compile(
        TEMPLATE.read_bytes(),
        format="pdf",
        font_paths=[FONTS],
        ignore_system_fonts=True,
        sys_inputs={"content": json.dumps(request["content"])},
        pdf_standards=[ACCESSIBLE],
        timestamp=int(datetime.fromisoformat(request["at"]).timestamp()),
    )
    return made


def bound() -> None:
    """No more memory than a report needs, and no dump of what people wrote."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    bound()
    sys.stdout.buffer.write(pdf(json.load(sys.stdin)))
