"""``read_source``: the format by what the file holds, never by what its name says."""

from __future__ import annotations

from pathlib import Path

from programs.datasets.loading.limits import Limits, Options
from programs.datasets.loading.source import Source
from programs.datasets.loading.words import Wanted
from programs.datasets.readers.base import BrokenRow, RawFile, refuse
from programs.datasets.readers.csv import read_csv
from programs.datasets.readers.json import read_json
from programs.datasets.readers.parquet import read_parquet
from programs.datasets.readers.unpack import digest_file
from programs.datasets.readers.xlsx import read_xlsx
from programs.datasets.readers.zip import is_workbook, unzipped

__all__ = ["BrokenRow", "RawFile", "Source", "Wanted", "read_source"]

ZIP = b"PK\x03\x04"
GZIP = b"\x1f\x8b"
JSON_NAMES = (".json", ".jsonl", ".ndjson", ".json.gz", ".jsonl.gz", ".ndjson.gz")


def read_source(
    source: Source, directory: Path, options: Options, limits: Limits, wanted: Wanted | None = None
) -> list[RawFile]:
    """Read a file into rows of text below ``directory``; a zip gives one for each file in it.

    Raises DatasetProblems.
    """
    if not source.path.is_file():
        raise refuse(source.label, "There is no such file.", code="no_file")
    known = wanted or Wanted()
    if _head(source).startswith(ZIP) and not is_workbook(source):
        digest_file(source, limits)
        return [
            _read_one(inner, directory, options, limits, known, packed=True)
            for inner in unzipped(source, directory, options, limits)
        ]
    return [_read_one(source, directory, options, limits, known)]


def _read_one(
    source: Source, directory: Path, options: Options, limits: Limits, wanted: Wanted, *, packed: bool = False
) -> RawFile:
    digest = digest_file(source, limits)
    head = _head(source)
    if packed and (head.startswith(GZIP) or (head.startswith(ZIP) and not is_workbook(source))):
        raise refuse(
            source.label,
            "This is packed once more inside the zip file.",
            code="nested_archive",
            hint="Unpack it first and load the files themselves.",
        )
    if head.startswith(b"PAR1"):
        return read_parquet(source, digest, directory, options, limits)
    if head.startswith(ZIP):
        return read_xlsx(source, digest, directory, options, limits, wanted)
    start = head.lstrip(b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n")
    if start.startswith((b"{", b"[")) or source.label.lower().endswith(JSON_NAMES):
        return read_json(source, digest, directory, options, limits, wanted)
    return read_csv(source, digest, directory, options, limits, wanted)


def _head(source: Source) -> bytes:
    with source.path.open("rb") as file:
        return file.read(4096)
