"""A backup: the database, the files and the anchors in one archive, each with its SHA-256.

The private keys are in it only where somebody asks for them: with them, who holds the archive can sign.

The database is copied first, at one moment. A file is there before a row names it, so what the copied rows
name is in the archive; a file that came later is there too, and no row of the copy knows it. A document of a
plan that was written anew meanwhile is another than its row says: it is left out when the archive is read,
and made anew from the rows.

Back it goes into an empty installation only: nothing is ever written over.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from gtm.core import canonical, clock
from gtm.core.errors import InvalidInput, NotFound, Problem
from gtm.core.places import dumps, objects

FORM = "gtm-backup-1"
MANIFEST = "manifest.json"
DATABASE = "database"
KEYS = "keys"
FOLDERS = {"anchors": "GTM_ANCHORS_DIR", KEYS: "GTM_KEYS_DIR"}
"""Part of the archive → the setting of its folder. Files of data and plans go through STORAGES."""
LARGEST_MANIFEST = 64 << 20
RETIRED = frozenset({"authtoken"})
"""Apps of earlier versions: the migrations that they left in a database are no sign of a newer one."""


@dataclass(frozen=True, slots=True)
class BackupReport:
    """What was written, or put back: files and bytes by part, and documents that were left out."""

    files: Mapping[str, int]
    size: int
    left_out: int = 0
    manifest: bytes = b""


def write(to: Path, *, with_keys: bool = False) -> BackupReport:
    """Write the archive, which only its owner may read. Raises InvalidInput.

    ``with_keys``: the private keys, and what this site signed as a witness, are in it, too.
    """
    if to.exists():
        raise _refusal("file", f"{to} is there already; a backup writes over nothing.")
    listed: dict[str, dict[str, Any]] = {}
    with _part_beside(to) as part, tempfile.TemporaryDirectory(dir=to.parent, prefix=".backup-") as folder:
        with tarfile.open(part, "w:gz", compresslevel=6) as archive:
            copy = Path(folder) / "dump"
            dumps.write(copy)
            _add(archive, DATABASE, copy, listed)
            copy.unlink()
            for name, path in _files(copy, with_keys=with_keys):
                _add(archive, name, path, listed)
            told = {
                "form": FORM,
                "made_at": canonical.rfc3339(clock.now()),
                "version": settings.GTM_VERSION,
                "database": dumps.vendor(),
                "migrations": sorted(_applied()),
                "files": listed,
            }
            manifest = Path(folder) / MANIFEST
            manifest.write_bytes(canonical.document(told))
            archive.add(manifest, MANIFEST)
            said = manifest.read_bytes()
        os.replace(part, to)
    return replace(_report(listed), manifest=said)


def restore(archive: Path, is_current: Callable[[str, str], bool]) -> BackupReport:
    """Put an archive back into this installation, which is empty. Raises InvalidInput with all problems.

    ``is_current(name, sha256)``: whether the restored rows name this document of a plan.
    """
    _refuse(_not_empty())
    with tempfile.TemporaryDirectory(dir=_spacious(), prefix="restore-") as place:
        folder = Path(place)
        _unpack(archive, folder)
        told = _checked(folder)
        if any(name.startswith(f"{KEYS}/") for name in told["files"]):
            _refuse(_in_use(KEYS))
        dumps.read(folder / DATABASE)
        left_out, put = 0, {}
        for name, facts in told["files"].items():
            part, _, path = name.partition("/")
            if part == "plans" and not is_current(path, facts["sha256"]):
                left_out += 1
                continue
            put[name] = facts
            if part in FOLDERS:
                _put_in_folder(Path(getattr(settings, FOLDERS[part])) / path, folder / name)
            elif part != DATABASE:
                objects.ObjectStore(part).put(path, folder / name)
    return _report(put, left_out)


# ------------------------------------------------------------------ what there is


def has_keys() -> bool:
    """Whether this installation has private keys in its folder, which a backup leaves out."""
    return bool(_in_use(KEYS))


def _files(copy: Path, *, with_keys: bool) -> Iterator[tuple[str, Path]]:
    """Name in the archive and path of each file; those of a store are copied to ``copy`` one by one."""
    for alias in ("data", "plans"):
        store = objects.ObjectStore(alias)
        for name in _names(store, ""):
            try:
                store.fetch(name, copy)
            except NotFound:
                continue  # it was replaced or forgotten meanwhile
            yield f"{alias}/{name}", copy
            copy.unlink()
    for part, setting in FOLDERS.items():
        root = Path(getattr(settings, setting))
        for path in sorted(root.rglob("*")) if with_keys or part != KEYS else ():
            if path.is_file():
                yield f"{part}/{path.relative_to(root)}", path


def _names(store: objects.ObjectStore, folder: str) -> Iterator[str]:
    """Names of all files of a store, but those that are no part of it: copies of a host, locks, halves."""
    cache = Path(settings.GTM_CACHE_DIR)
    try:
        folders, names = store.storage.listdir(folder)
    except FileNotFoundError:
        return
    for name in sorted(names):
        if not name.startswith("."):
            yield f"{folder}{name}"
    for name in sorted(folders):
        inner = f"{folder}{name}"
        if not name.startswith(".") and not (store.is_folder and store.path(inner) == cache):
            yield from _names(store, f"{inner}/")


def _not_empty() -> Iterable[Problem]:
    if not dumps.is_empty():
        yield Problem("database", "The database has tables. Name an empty one in DATABASE_URL.")
    for alias in ("data", "plans"):
        if next(_names(objects.ObjectStore(alias), ""), None) is not None:
            yield Problem(alias, f"There are files of “{alias}”. Name an empty folder or bucket.")
    for part in FOLDERS:
        if part != KEYS:  # keys that an archive does not have may be there before it
            yield from _in_use(part)


def _in_use(part: str) -> list[Problem]:
    root = Path(getattr(settings, FOLDERS[part]))
    if not root.is_dir() or not any(root.iterdir()):
        return []
    return [Problem(part, f"{root} is not empty. Name another folder in {FOLDERS[part]}.")]


def _refuse(problems: Iterable[Problem]) -> None:
    if found := [*problems]:
        raise InvalidInput("This installation is not empty; nothing is written over.", problems=found)


# ------------------------------------------------------------------ the archive


def _add(archive: tarfile.TarFile, name: str, path: Path, listed: dict[str, dict[str, Any]]) -> None:
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    archive.add(path, name, recursive=False)
    listed[name] = {"sha256": sha256, "size": path.stat().st_size}


def _unpack(archive: Path, folder: Path) -> None:
    try:
        with tarfile.open(archive, "r:gz") as opened:
            opened.extractall(folder, filter="data")
    except (OSError, EOFError, tarfile.TarError) as error:
        raise _refusal("file", f"{archive} is no backup that can be read: {error}.") from error


def _checked(folder: Path) -> dict[str, Any]:
    """The manifest, once every file is what it says. Raises InvalidInput with all that is not."""
    path = folder / MANIFEST
    if not path.is_file() or path.stat().st_size > LARGEST_MANIFEST:
        raise _refusal("file", f"It has no {MANIFEST}: it was cut off, or is no backup of this product.")
    told: dict[str, Any] = json.loads(path.read_bytes())
    if told.get("form") != FORM:
        raise _refusal("form", f"Its form is “{told.get('form')}”; this version reads {FORM}.")
    if problems := [*_misfits(told), *_damages(folder, told["files"])]:
        raise InvalidInput("The backup cannot be put back here.", problems=problems)
    return told


def _misfits(told: Mapping[str, Any]) -> Iterable[Problem]:
    if told["database"] != dumps.vendor():
        yield Problem(
            "database", f"It holds a {told['database']} database; DATABASE_URL names {dumps.vendor()}."
        )
    known = {f"{app}.{name}" for app, name in MigrationLoader(None).disk_migrations}
    unknown = sorted(name for name in set(told["migrations"]) - known if name.split(".")[0] not in RETIRED)
    if unknown:
        yield Problem(
            "version",
            f"It is of version {told['version']}, whose migrations this version ({settings.GTM_VERSION}) "
            f"does not have: {', '.join(unknown[:3])}. Install that version or a newer one.",
        )


def _damages(folder: Path, files: Mapping[str, Mapping[str, Any]]) -> Iterable[Problem]:
    for name, facts in files.items():
        parts = PurePosixPath(name).parts
        if ".." in parts or name.startswith("/") or parts[0] not in {DATABASE, "data", "plans", *FOLDERS}:
            yield Problem(name, "It has no place in a backup.")
        elif not (folder / name).is_file():
            yield Problem(name, "It is listed and not there.")
        else:
            with (folder / name).open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != facts["sha256"]:
                    yield Problem(name, "It differs from its digest.")


def _put_in_folder(target: Path, source: Path) -> None:
    """A key or an anchor is for its owner alone."""
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    shutil.copyfile(source, target)
    target.chmod(0o600)


@contextmanager
def _part_beside(to: Path) -> Iterator[Path]:
    to.parent.mkdir(parents=True, exist_ok=True)
    part = to.with_name(f".{to.name}.part")
    os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
    try:
        yield part
    finally:
        part.unlink(missing_ok=True)


def _spacious() -> Path:
    """A folder on the disk that the data goes to: the system's temporary one may be small, or memory."""
    place = Path(settings.GTM_DATA_DIR).parent
    place.mkdir(parents=True, exist_ok=True)
    return place


def _applied() -> Iterable[str]:
    return (f"{app}.{name}" for app, name in MigrationLoader(connection).applied_migrations)


def _report(files: Mapping[str, Mapping[str, Any]], left_out: int = 0) -> BackupReport:
    count: dict[str, int] = {}
    for name in files:
        part = name.partition("/")[0]
        count[part] = count.get(part, 0) + 1
    return BackupReport(count, sum(facts["size"] for facts in files.values()), left_out)


def _refusal(field: str, why: str) -> InvalidInput:
    return InvalidInput("The backup cannot be made or read.", problems=[Problem(field, why)])
