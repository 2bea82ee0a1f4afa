"""A look into a file before it is loaded: its columns, its first rows, and which of ours each would be."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from programs.datasets.contracts import Contract, contract_of
from programs.datasets.loading.limits import Limits, Options
from programs.datasets.loading.mapping import map_columns, wanted
from programs.datasets.loading.problems import Problem
from programs.datasets.loading.said import given, read_said
from programs.datasets.readers import Source, read_source

FIRST_ROWS = 10


@dataclass(frozen=True, slots=True)
class FilePreview:
    """``headers`` and the first ``rows`` as text; ``mapping``: our column → theirs, as far as it is found.

    ``total`` is the number of rows; ``problems`` say what a load with this mapping would refuse.
    """

    contract: Contract
    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    total: int
    mapping: dict[str, str]
    problems: tuple[Problem, ...]
    notes: tuple[str, ...]


def preview(
    source: Source,
    kind: str,
    *,
    mapping: Mapping[str, str] | None = None,
    options: Options | None = None,
    limits: Limits | None = None,
) -> FilePreview:
    """Read a file and map its columns; stores nothing. Raises DatasetProblems where it cannot be read."""
    contract = contract_of(kind)
    told = options or Options()
    said = read_said(told, contract)
    known = wanted(contract, mapping or {}, said.columns)
    with tempfile.TemporaryDirectory(prefix="gtm-preview-") as directory:
        raw, *others = read_source(source, Path(directory), told, limits or Limits(), known)
        columns, problems = map_columns(contract, raw, mapping or {}, given(told, said))
        first = next(pq.ParquetFile(raw.path).iter_batches(batch_size=FIRST_ROWS), None)
    table = first.drop_columns(["row"]).to_pylist() if first is not None else []
    return FilePreview(
        contract,
        raw.headers,
        tuple(tuple("" if value is None else str(value) for value in row.values()) for row in table),
        raw.rows,
        {ours: raw.headers[index] for ours, index in columns.items()},
        tuple(problems),
        (*raw.notes, *(f"{other.name} is loaded too" for other in others)),
    )
