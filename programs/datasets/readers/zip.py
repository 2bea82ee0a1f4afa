"""Zip files: the files in them, one after another, unpacked within bounds and never by their own names."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from programs.datasets.loading.limits import MEBIBYTE, Limits, Options
from programs.datasets.loading.source import Source
from programs.datasets.readers.base import refuse

MOST_FILES = 200
CHUNK = MEBIBYTE
WORKBOOKS = (".xlsx", ".xlsm")
ENCRYPTED = 0x1


def is_workbook(source: Source) -> bool:
    """Whether a zip is an XLSX file: it says so by name, or holds the parts of one."""
    if source.label.lower().endswith(WORKBOOKS):
        return True
    try:
        with zipfile.ZipFile(source.path) as archive:
            return any(name.startswith("xl/") for name in archive.namelist())
    except zipfile.BadZipFile:
        return False


def unzipped(source: Source, directory: Path, options: Options, limits: Limits) -> Iterator[Source]:
    """Each file in the zip, unpacked below ``directory`` and removed again when the next is asked for.

    Raises DatasetProblems for a zip that is damaged, encrypted, holds too much, or nothing to read.
    """
    try:
        with zipfile.ZipFile(source.path) as archive:
            parts = _chosen(source, archive, options.file_in_zip)
            allowed = min(
                limits.unpacked_bytes, max(source.path.stat().st_size * limits.unpack_ratio, MEBIBYTE)
            )
            for number, part in enumerate(parts):
                target = directory / f"unzipped-{number}"
                try:
                    allowed -= _unpack(source, archive, part, target, allowed)
                    yield Source(target, f"{source.label}/{part.filename}")
                finally:
                    target.unlink(missing_ok=True)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise refuse(source.label, f"The zip file is damaged: {error}.", code="damaged") from error


def _chosen(source: Source, archive: zipfile.ZipFile, wanted: str) -> list[zipfile.ZipInfo]:
    parts = [part for part in archive.infolist() if not part.is_dir() and not _is_hidden(part.filename)]
    if len(parts) > MOST_FILES:
        raise refuse(
            source.label,
            f"The zip file holds {len(parts):,} files; at most {MOST_FILES:,}.",
            code="too_many_files",
        )
    names = tuple(part.filename for part in parts)
    if wanted:
        parts = [
            part
            for part in parts
            if fnmatchcase(part.filename, wanted) or fnmatchcase(PurePosixPath(part.filename).name, wanted)
        ]
    if not parts:
        message = f"file_in_zip is “{wanted}”, which is none of its files." if wanted else "It holds no file."
        raise refuse(source.label, message, code="no_file", allowed=names[:20])
    if locked := [part.filename for part in parts if part.flag_bits & ENCRYPTED]:
        raise refuse(
            source.label,
            f"“{locked[0]}” is locked with a password. Save the zip file without one.",
            code="encrypted",
        )
    return parts


def _is_hidden(name: str) -> bool:
    """What a computer adds by itself to the files that a person packs."""
    return any(step.startswith((".", "__MACOSX")) for step in PurePosixPath(name).parts)


def _unpack(
    source: Source, archive: zipfile.ZipFile, part: zipfile.ZipInfo, target: Path, allowed: int
) -> int:
    """Write one file and count what really comes out, whatever the zip says of itself."""
    written = 0
    with archive.open(part) as packed, target.open("wb") as out:
        while chunk := packed.read(CHUNK):
            written += len(chunk)
            if written > allowed:
                raise refuse(
                    source.label,
                    f"The zip file unpacks to more than is plain data, at “{part.filename}”.",
                    code="unpacks_too_large",
                )
            out.write(chunk)
    return written
