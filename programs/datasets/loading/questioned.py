"""A file whose columns are found, as the questions about it see it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import duckdb

from programs.datasets.contracts import Contract
from programs.datasets.loading.limits import Options
from programs.datasets.loading.said import Said
from programs.datasets.loading.words import fold
from programs.datasets.readers import RawFile


@dataclass(frozen=True, slots=True)
class QuestionedFile:
    """A file with its columns found, as the questions see it."""

    connection: duckdb.DuckDBPyConnection
    view: str
    raw: RawFile
    contract: Contract
    columns: dict[str, int]
    options: Options
    said: Said

    def asked(self, ours: str) -> str:
        return f"{self.raw.name}: {ours}"

    def unused(self) -> Iterator[tuple[int, str]]:
        """Columns of theirs about which nothing was said and that are none of ours."""
        told = {fold(name) for name in (*self.said.columns, *self.said.ignored)}
        for index, header in enumerate(self.raw.headers):
            if header and index not in self.columns.values() and fold(header) not in told:
                yield index, header

    def said_of(self, ours: str) -> bool:
        header = self.raw.headers[self.columns[ours]]
        return fold(header) in {fold(name) for name in self.said.ignored}
