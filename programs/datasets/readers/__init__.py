"""``read_source``: the format by what the file holds, never by what its name says."""

from __future__ import annotations

from pathlib import Path

from programs.datasets.loading.limits import Limits, Options
from programs.datasets.loading.source import Source
from programs.datasets.readers.base import BrokenRow, RawFile, refuse
from programs.datasets.readers.csv import read_csv
from programs.datasets.readers.jsonl import read_jsonl
from programs.datasets.readers.parquet import read_parquet
from programs.datasets.readers.unpack import digest_file
from programs.datasets.readers.xlsx import read_xlsx

__all__ = ["BrokenRow", "RawFile", "Source", "read_source"]


def read_source(source: Source, directory: Path, options: Options, limits: Limits) -> RawFile:
    """Read one file into rows of text below ``directory``. Raises DatasetProblems."""
    if not source.path.is_file():
        raise refuse(source.label, "There is no such file.", code="no_file")
    digest = digest_file(source, limits)
    with source.path.open("rb") as file:
        head = file.read(4096)
    if head.startswith(b"PAR1"):
        return read_parquet(source, digest, directory, options, limits)
    if head.startswith(b"PK\x03\x04"):
        return read_xlsx(source, digest, directory, options, limits)
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") or source.label.lower().endswith(
        (".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz")
    ):
        return read_jsonl(source, digest, directory, options, limits)
    return read_csv(source, digest, directory, options, limits)
