"""The library that draws charts in a browser: Vega, Vega-Lite, Vega-Embed and its interpreter, in one file.

Made by vl-convert, which draws the same charts on paper, so that both are of one version. The file is part
of this repository and named after its content; after an upgrade of vl-convert, write it anew::

    python -m plans.drawing.browser_library
"""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from gtm.core.later import later

if TYPE_CHECKING:
    import vl_convert
else:
    vl_convert = later("vl_convert")

FOLDER = Path(__file__).parents[2] / "gtm" / "core" / "static" / "gtm"
STEM, SHOWN_DIGITS = "vega", 12
SNIPPET = "window.gtmVegaEmbed = vegaEmbed;\n"
"""What the page needs of it. Vega-Embed brings the interpreter that takes the place of ``eval``."""


def library() -> bytes:
    """The file as the installed vl-convert makes it."""
    return str(vl_convert.javascript_bundle(SNIPPET)).encode()


def name_of(content: bytes) -> str:
    """Its name: the digest in it changes with every change, so a browser may keep it for ever."""
    return f"{STEM}.{hashlib.sha256(content).hexdigest()[:SHOWN_DIGITS]}.js"


def path() -> Path:
    """The file that stands in the repository. Raises ValueError unless it is exactly one."""
    (found,) = FOLDER.glob(f"{STEM}.*.js")
    return found


def write() -> Path:
    """Put the library in its place, with a copy that is compressed already."""
    for old in FOLDER.glob(f"{STEM}.*.js*"):
        old.unlink()
    content = library()
    target = FOLDER / name_of(content)
    target.write_bytes(content)
    target.with_name(f"{target.name}.gz").write_bytes(gzip.compress(content, 9, mtime=0))
    return target


if __name__ == "__main__":
    write()
