"""A file somebody looks at before loading it: kept for a day, for that person, under a signed name.

It is where all files are, so that the next page may come from another host. Its row says whose it is and who
is loading it: of two submits of the same form one takes it, and the other finds it taken and loads nothing.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path, PurePath
from typing import Any

from django.conf import settings
from django.core import signing
from django.db.models import Q

from gtm.core import clock
from gtm.core.errors import NotFound, WrongState
from gtm.core.places import objects
from programs.datasets import Source
from programs.datasets.loading.limits import MEBIBYTE
from programs.models import KEPT_FOR, TAKEN_FOR, WaitingUpload
from programs.selectors import waiting_files

SALT = "programs.admin.pending"
FOLDER = "uploads/pending"
KEPT_SECONDS = int(KEPT_FOR.total_seconds())
MOST_A_PERSON = 5
LARGEST = 1024 * MEBIBYTE
LONGEST_NAME = 255


def keep(user: Any, upload: Any) -> str:
    """Keep an uploaded file; answers the token that finds it again. The oldest of too many are forgotten."""
    _forget_old(user.pk)
    row = WaitingUpload.objects.create(
        name=f"{user.pk}-{uuid.uuid4().hex}",
        user_id=user.pk,
        kept_at=clock.now(),
        called=PurePath(upload.name).name[-LONGEST_NAME:],
    )
    with tempfile.NamedTemporaryFile(prefix="gtm-upload-") as whole:
        sha256 = hashlib.sha256()
        for chunk in upload.chunks():
            whole.write(chunk)
            sha256.update(chunk)
        whole.flush()
        objects.data.put(f"{FOLDER}/{row.name}", Path(whole.name))
    row.sha256 = sha256.hexdigest()
    row.save(update_fields=["sha256"])
    return _token(row)


def token_of(user: Any, name: str) -> str:
    """The token of a file of this person that waits under our name for it; empty where there is none."""
    row = waiting_files(user).filter(name=name).first()
    return _token(row) if row is not None else ""


def drop(source: Source) -> None:
    """Forget a file that nobody wants to load. Raises WrongState where it is being loaded."""
    if not WaitingUpload.objects.filter(_free(), name=source.path.name, dataset=None).delete()[0]:
        raise WrongState(f"{source.label} is being loaded already.", hint="Look at the datasets in a moment.")
    _delete(source.path.name)


def find(user: Any, token: str) -> Source | None:
    """The file behind a token of this person, or None where it is gone, taken or not theirs."""
    told = _read(user, token)
    row = WaitingUpload.objects.filter(_free(), name=told["file"], dataset=None).first() if told else None
    if row is None or told is None:
        return None
    try:
        return Source(_here(row), told["name"])
    except NotFound:
        return None


def loaded_as(user: Any, token: str) -> int | None:
    """The number of the dataset that this file became, None where it became none."""
    told = _read(user, token)
    rows = WaitingUpload.objects.filter(name=told["file"]) if told else WaitingUpload.objects.none()
    return rows.values_list("dataset", flat=True).first()


def is_taken(user: Any, token: str) -> bool:
    """Whether somebody is loading this file at this moment."""
    told = _read(user, token)
    rows = WaitingUpload.objects.filter(~_free(), dataset=None)
    return bool(told) and rows.filter(name=told["file"]).exists()


@contextmanager
def taken(source: Source) -> Iterator[Source]:
    """The file for the one load it is for; given back where the load fails. Raises WrongState."""
    rows = WaitingUpload.objects.filter(name=source.path.name, dataset=None)
    if not rows.filter(_free()).update(taken_at=clock.now()):
        raise WrongState(f"{source.label} is being loaded already.", hint="Look at the datasets in a moment.")
    try:
        yield source
    finally:
        rows.update(taken_at=None)


def forget(source: Source, dataset: int) -> None:
    """The file that ``taken`` gave has become a dataset: only that is remembered."""
    WaitingUpload.objects.filter(name=source.path.name).update(dataset=dataset, called="")
    _delete(source.path.name)


def _free() -> Q:
    return Q(taken_at=None) | Q(taken_at__lt=clock.now() - TAKEN_FOR)


def _token(row: WaitingUpload) -> str:
    return signing.dumps({"user": row.user_id, "file": row.name, "name": row.called or "file"}, salt=SALT)


def _read(user: Any, token: str) -> dict[str, Any] | None:
    try:
        told: dict[str, Any] = signing.loads(token, salt=SALT, max_age=KEPT_SECONDS)
    except signing.BadSignature:
        return None
    return told if told["user"] == user.pk else None


def _here(row: WaitingUpload) -> Path:
    """Where this host has the file, fetched where it has not. Raises NotFound where it is gone or damaged."""
    name = f"{FOLDER}/{row.name}"
    path = objects.data.path(name) if objects.data.is_folder else _copies() / row.name
    if not path.is_file():
        if objects.data.is_folder:
            raise NotFound(f"“{name}” is not in the data directory.")
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent) as directory:
            fetched = Path(directory) / row.name
            objects.data.fetch(name, fetched)
            os.replace(fetched, path)
    with path.open("rb") as content:
        if hashlib.file_digest(content, "sha256").hexdigest() == row.sha256:
            return path
    if not objects.data.is_folder:
        path.unlink(missing_ok=True)
    raise NotFound(f"“{name}” is not the file that was uploaded.")


def _copies() -> Path:
    return Path(settings.GTM_CACHE_DIR) / "pending"


def _delete(name: str) -> None:
    objects.data.delete(f"{FOLDER}/{name}")
    (_copies() / name).unlink(missing_ok=True)


def _forget_old(user: int) -> None:
    """What is old, and the oldest of this person's; another request may do the same at the same time."""
    old = WaitingUpload.objects.filter(kept_at__lt=clock.now() - timedelta(seconds=KEPT_SECONDS))
    theirs = WaitingUpload.objects.filter(user_id=user, dataset=None).order_by("-kept_at")
    for row in {*old, *theirs[MOST_A_PERSON - 1 :]}:
        _delete(row.name)
        row.delete()
    _forget_copies()


def _forget_copies() -> None:
    """Copies of what other hosts have forgotten; and files of before there were rows."""
    oldest = time.time() - KEPT_SECONDS
    folders = [_copies(), *([objects.data.path(FOLDER)] if objects.data.is_folder else [])]
    for path in (path for folder in folders if folder.is_dir() for path in folder.iterdir()):
        try:
            if path.is_file() and path.stat().st_mtime < oldest:
                path.unlink(missing_ok=True)
        except FileNotFoundError:
            continue
