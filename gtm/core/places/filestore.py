"""Files that tasks leave behind, kept by content: a file's name is its SHA-256, so none is ever overwritten.

The same content kept twice is one file, and a replay that makes it again changes nothing.
"""

from __future__ import annotations

import hashlib
import re

from gtm.core.errors import NotFound
from gtm.core.places import objects

_PATH = re.compile(r"files/[0-9a-f]{2}/([0-9a-f]{64})\.[a-z0-9]{1,8}")


def keep(content: bytes, suffix: str) -> str:
    """Store ``content``; answer its path below the data directory. ``suffix`` comes without a dot."""
    sha256 = hashlib.sha256(content).hexdigest()
    path = f"files/{sha256[:2]}/{sha256}.{suffix}"
    if not objects.data.has(path):
        objects.data.put(path, content)
    return path


def read(path: str) -> bytes:
    """The content kept under ``path``. Raises NotFound where it is gone, or is not what was kept."""
    found = _PATH.fullmatch(path)
    if found is None:
        raise NotFound(f"“{path}” is not the path of a kept file.")
    content = objects.data.read(path)
    if hashlib.sha256(content).hexdigest() != found[1]:
        raise NotFound(
            f"“{path}” differs from what was kept under its digest.",
            hint="Restore GTM_DATA_DIR, or the object store, from its backup.",
        )
    return content
