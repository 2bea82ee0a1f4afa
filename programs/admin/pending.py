"""A file somebody looks at before loading it: kept for a day, for that person, under a signed name."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable
from pathlib import Path, PurePath
from typing import Any

from django.conf import settings
from django.core import signing

from programs.datasets import Source

SALT = "programs.admin.pending"
KEPT_SECONDS = 24 * 3600


def keep(user: Any, upload: Any) -> str:
    """Keep an uploaded file; answers the token that finds it again."""
    folder = _folder()
    _forget_old(folder.iterdir())
    name = uuid.uuid4().hex
    with (folder / name).open("wb") as out:
        for chunk in upload.chunks():
            out.write(chunk)
    return signing.dumps({"user": user.pk, "file": name, "name": PurePath(upload.name).name}, salt=SALT)


def find(user: Any, token: str) -> Source | None:
    """The file behind a token of this person, or None where it is gone or not theirs."""
    try:
        told = signing.loads(token, salt=SALT, max_age=KEPT_SECONDS)
    except signing.BadSignature:
        return None
    path = _folder() / told["file"]
    return Source(path, told["name"]) if told["user"] == user.pk and path.is_file() else None


def _folder() -> Path:
    folder = Path(settings.MEDIA_ROOT) / "pending"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _forget_old(files: Iterable[Path]) -> None:
    for path in files:
        if path.stat().st_mtime < time.time() - KEPT_SECONDS:
            path.unlink(missing_ok=True)
