"""Files that tasks leave behind, kept by content: a file's name is its SHA-256, so none is ever overwritten.

The same content kept twice is one file, and a replay that makes it again changes nothing.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from pathlib import Path

from django.conf import settings

from gtm.core.errors import NotFound

_PATH = re.compile(r"files/[0-9a-f]{2}/([0-9a-f]{64})\.[a-z0-9]{1,8}")


def keep(content: bytes, suffix: str) -> str:
    """Store ``content``; answer its path below the data directory. ``suffix`` comes without a dot."""
    sha256 = hashlib.sha256(content).hexdigest()
    path = f"files/{sha256[:2]}/{sha256}.{suffix}"
    target = _below_data(path)
    if not target.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".new-", delete=False) as handle:
            handle.write(content)
            handle.flush()
            os.fsync(handle.fileno())
        os.replace(handle.name, target)
    return path


def read(path: str) -> bytes:
    """The content kept under ``path``. Raises NotFound where it is gone, or is not what was kept."""
    target = _below_data(path)
    if not target.is_file():
        raise NotFound("The file is not in the data directory.", hint="Restore GTM_DATA_DIR from its backup.")
    content = target.read_bytes()
    if hashlib.sha256(content).hexdigest() != target.stem:
        raise NotFound(
            "The file differs from what was kept under its digest.",
            hint="Restore GTM_DATA_DIR from its backup.",
        )
    return content


def _below_data(path: str) -> Path:
    if not _PATH.fullmatch(path):
        raise NotFound(f"“{path}” is not the path of a kept file.")
    return Path(settings.GTM_DATA_DIR) / path
