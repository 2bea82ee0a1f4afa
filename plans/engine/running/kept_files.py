"""A file as an output: kept below the data directory by its digest."""

from __future__ import annotations

import hashlib

from gtm.core.places import filestore
from plans.schemas.outputs import File


def kept_file(key: str, title: str, content: bytes, suffix: str, media_type: str) -> File:
    """Keep ``content`` below the data directory and describe it; ``suffix`` comes without a dot."""
    sha256 = hashlib.sha256(content).hexdigest()
    return File(key, title, filestore.keep(content, suffix), media_type, sha256, len(content))
