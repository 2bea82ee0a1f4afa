"""A file somebody looks at before loading it: kept for a day, for that person, under a signed name.

The name on disk is ours and never theirs. Whoever loads it takes it first, so that a second submit of the
same form finds it taken and loads nothing.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import Any

from django.conf import settings
from django.core import signing

from gtm.core.errors import WrongState
from programs.datasets import Source
from programs.datasets.loading.limits import MEBIBYTE

SALT = "programs.admin.pending"
KEPT_SECONDS = 24 * 3600
MOST_A_PERSON = 5
LARGEST = 1024 * MEBIBYTE
TAKEN, LOADED = ".taken", ".loaded"


def keep(user: Any, upload: Any) -> str:
    """Keep an uploaded file; answers the token that finds it again. The oldest of too many are forgotten."""
    folder = _folder()
    _forget(folder, user.pk)
    name = f"{user.pk}-{uuid.uuid4().hex}"
    with (folder / name).open("xb") as out:
        for chunk in upload.chunks():
            out.write(chunk)
    return signing.dumps({"user": user.pk, "file": name, "name": PurePath(upload.name).name}, salt=SALT)


def find(user: Any, token: str) -> Source | None:
    """The file behind a token of this person, or None where it is gone, taken or not theirs."""
    told = _read(user, token)
    path = _folder() / told["file"] if told else None
    return Source(path, told["name"]) if told and path and path.is_file() else None


def loaded_as(user: Any, token: str) -> int | None:
    """The number of the dataset that this file became, None where it became none."""
    told = _read(user, token)
    mark = _folder() / f"{told['file']}{LOADED}" if told else None
    return int(mark.read_text()) if mark and mark.is_file() else None


def is_taken(user: Any, token: str) -> bool:
    """Whether somebody is loading this file at this moment."""
    told = _read(user, token)
    return bool(told) and (_folder() / f"{told['file']}{TAKEN}").is_file()


@contextmanager
def taken(source: Source) -> Iterator[Source]:
    """The file for the one load it is for; given back where the load fails. Raises WrongState."""
    path = source.path.with_name(source.path.name + TAKEN)
    try:
        source.path.rename(path)
    except FileNotFoundError as error:
        raise WrongState(
            f"{source.label} is being loaded already.", hint="Look at the datasets in a moment."
        ) from error
    try:
        yield Source(path, source.name)
    finally:
        if path.exists():
            path.rename(source.path)


def forget(source: Source, dataset: int) -> None:
    """The file that ``taken`` gave has become a dataset: only that is remembered."""
    mark = source.path.with_name(source.path.name.removesuffix(TAKEN) + LOADED)
    mark.write_text(str(dataset))
    source.path.unlink()


def _read(user: Any, token: str) -> dict[str, Any] | None:
    try:
        told: dict[str, Any] = signing.loads(token, salt=SALT, max_age=KEPT_SECONDS)
    except signing.BadSignature:
        return None
    return told if told["user"] == user.pk else None


def _folder() -> Path:
    folder = Path(settings.MEDIA_ROOT) / "pending"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _forget(folder: Path, user: int) -> None:
    """What is old, and the oldest of this person's; another request may do the same at the same time."""
    ages = {}
    for path in folder.iterdir():
        try:
            ages[path] = path.stat().st_mtime
        except FileNotFoundError:
            continue
    theirs = sorted((path for path in ages if path.name.startswith(f"{user}-")), key=lambda path: -ages[path])
    waiting = [path for path in theirs if not path.suffix]
    old = [path for path, age in ages.items() if age < time.time() - KEPT_SECONDS]
    for path in {*old, *waiting[MOST_A_PERSON - 1 :]}:
        path.unlink(missing_ok=True)
