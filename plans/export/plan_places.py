"""Where the documents of plans stand: in a folder by the plan's name, in an object store also by digest.

In a folder, one machine writes, or several with locks between them, and ``<plan>.json`` is replaced under a
lock. An object store has no locks, and a host that was slow would write its old document over a newer one. So
there ``<plan>/<sha256>.json`` is never written over: the row of the plan names the one that counts, and the
one that it named before is deleted.
"""

from __future__ import annotations

import fcntl
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from django.conf import settings

from gtm.core import clock
from gtm.core.errors import NotFound
from gtm.core.places import objects

LOCKS = ".locks"
"""Folder of the locks, out of the way of whoever lists the plans."""
ORPHANED_AFTER = timedelta(hours=1)
"""A document that no row names is one that is being written, or whose writer was killed."""


def name_of(plan_id: str, sha256: str) -> str:
    """The name of a plan's document among the plans."""
    return f"{plan_id}.json" if objects.plans.is_folder else f"{plan_id}/{sha256}.json"


def put(plan_id: str, raw: bytes) -> str:
    """Keep a document; answers its SHA-256. It counts once the row of the plan names it."""
    sha256 = hashlib.sha256(raw).hexdigest()
    objects.plans.put(name_of(plan_id, sha256), raw)
    return sha256


def read(plan_id: str, sha256: str) -> bytes | None:
    """The document under the name that a row gives it, whatever is in it now; None where there is none."""
    try:
        return objects.plans.read(name_of(plan_id, sha256))
    except NotFound:
        return None


def forget_others(plan_id: str, sha256: str, before: str) -> None:
    """Delete the document that was named before, and those that killed writers left."""
    if objects.plans.is_folder:
        return
    for name in objects.plans.names(plan_id):
        path = f"{plan_id}/{name}"
        if name == f"{sha256}.json":
            continue
        try:
            is_old = name == f"{before}.json" or objects.plans.changed_at(path) < clock.now() - ORPHANED_AFTER
        except NotFound:  # another host has deleted it just now
            continue
        if is_old:
            objects.plans.delete(path)


@contextmanager
def writing(plan_id: str) -> Iterator[None]:
    """In a folder one writer at a time, who reads the rows meanwhile: the last file shows the last state."""
    if not objects.plans.is_folder:
        yield
        return
    folder = Path(settings.GTM_PLANS_DIR)
    (folder / LOCKS).mkdir(parents=True, exist_ok=True)
    (folder / f"{plan_id}.lock").unlink(missing_ok=True)  # earlier versions put it beside the plan
    with open(folder / LOCKS / f"{plan_id}.lock", "w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(handle, fcntl.LOCK_UN)
