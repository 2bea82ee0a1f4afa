"""Files of an installation on one machine, carried into the object store that several hosts share.

The store is what ``STORAGES`` names now, the folders are where the files have been. Each file is read back
and compared by its SHA-256. What is there with the same content stays: it may be interrupted and run again.
Nothing is deleted: the folders are the way back until somebody removes them.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from gtm.core.errors import InvalidInput, NotFound, WrongState
from gtm.core.places import objects
from gtm.core.places.storage_url import FOLDERS


@dataclass(slots=True)
class SharingReport:
    """Files carried over, those that were there already, and those that no row names, left where they are."""

    carried: int = 0
    there: int = 0
    left: int = 0
    size: int = 0


def share(plan_name: Callable[[str, str], str | None]) -> SharingReport:
    """Carry the files of all folders over. ``plan_name(name, sha256)``: what the store calls a document of a
    plan, None where no row names it.

    Raises WrongState where no store is configured, InvalidInput for a file that the store has with another
    content or gives back changed, StoreAway where it does not answer.
    """
    report = SharingReport()
    for alias, setting in FOLDERS.items():
        store = objects.ObjectStore(alias)
        if store.is_folder:
            raise WrongState(
                "No object store is configured.",
                hint="Set GTM_STORAGE_URL (and the keys of the store), and run this again.",
            )
        for name, path in _files(Path(getattr(settings, setting))):
            sha256 = _digest(path)
            wanted = plan_name(name, sha256) if alias == "plans" else name
            if wanted is None:
                report.left += 1
            else:
                _carry(store, wanted, path, sha256, report)
    return report


def _carry(store: objects.ObjectStore, name: str, path: Path, sha256: str, report: SharingReport) -> None:
    found = _digest_there(store, name)
    if found == sha256:
        report.there += 1
        return
    if found:
        raise InvalidInput(
            f"The store has another “{store.alias}/{name}” than the folder; it was not written over.",
            hint="Another installation may use this bucket or prefix. Choose another in GTM_STORAGE_URL.",
        )
    store.put(name, path)
    if _digest_there(store, name) != sha256:
        raise InvalidInput(f"The store gives “{store.alias}/{name}” back changed. Look at it.")
    report.carried += 1
    report.size += path.stat().st_size


def _files(root: Path) -> Iterator[tuple[str, Path]]:
    """All files below a folder but copies of a host, locks and what is being written."""
    cache = Path(settings.GTM_CACHE_DIR)
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root)
        is_ours = not any(part.startswith(".") for part in name.parts) and cache not in path.parents
        if is_ours and path.is_file():
            yield name.as_posix(), path


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _digest_there(store: objects.ObjectStore, name: str) -> str:
    """Of the file in the store, "" where there is none."""
    with tempfile.NamedTemporaryFile(prefix="gtm-share-") as copy:
        try:
            store.fetch(name, Path(copy.name))
        except NotFound:
            return ""
        return _digest(Path(copy.name))
