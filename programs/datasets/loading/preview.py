"""A load before it is one: the file looked at, its columns, the first rows as they would be stored.

Pure: reads at most the first rows of each file and stores only in the trial that it is given.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq

from gtm.core.money import Money
from programs.datasets.contracts import Contract, Type, contract_of
from programs.datasets.loading.guessing import candidates
from programs.datasets.loading.ingest import IngestResult, ingest
from programs.datasets.loading.limits import CHOICES, FIRST_ROWS, READING, Limits, Options
from programs.datasets.loading.look import FileLook, look_at, shortened
from programs.datasets.loading.mapping import map_columns, wanted
from programs.datasets.loading.option_words import OfferedOption, offered_options
from programs.datasets.loading.problems import DatasetProblems, Problem
from programs.datasets.loading.readings import SampleRow
from programs.datasets.loading.replies import MAPPING, Reply, replies
from programs.datasets.loading.said import Said, given, read_said
from programs.datasets.loading.source import Source
from programs.datasets.loading.words import Wanted
from programs.datasets.readers import RawFile, read_source
from programs.datasets.snapshots.store import SnapshotStore

LIMITS = Limits(first_rows=FIRST_ROWS, sample_rows=10)
SHOWN_REJECTS = 20
MOST_ALLOWED = 8
COLUMN_CODES = ("missing_column", "ambiguous_column")
"""The option of a reply that says which column of theirs is one of ours: ``amount=Total``."""


@dataclass(frozen=True, slots=True)
class ColumnChoice:
    """A column of ours and the one of theirs it would be; ``source``: "said", "profile", "name" or "".

    ``constant`` is what was said of every row. ``words``: theirs → (ours or "", rows), of a column of words.
    """

    name: str
    is_required: bool
    explanation: str
    type: str
    allowed: tuple[str, ...]
    theirs: str
    source: str
    constant: str
    examples: tuple[str, ...]
    candidates: tuple[str, ...]
    words: tuple[tuple[str, str, int], ...]


@dataclass(frozen=True, slots=True)
class OpenQuestion:
    """A problem that a load would have; ``about``: our column or an option, "" for the file as a whole."""

    about: str
    where: str
    sentence: str
    code: str
    replies: tuple[Reply, ...]


@dataclass(frozen=True, slots=True)
class PreviewedRow:
    """A row as it would be stored: times on the wall clock of the owner, amounts with their currency."""

    file: str
    row: int
    cells: dict[str, str]


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row that would not be stored, as the file has it."""

    file: str
    row: int
    outcome: str
    reasons: tuple[str, ...]
    cells: dict[str, str]


@dataclass(frozen=True, slots=True)
class FilePreview:
    """``result`` is None where something must be settled first: see ``questions``."""

    files: tuple[FileLook, ...]
    columns: tuple[ColumnChoice, ...]
    options: tuple[OfferedOption, ...]
    questions: tuple[OpenQuestion, ...]
    result: IngestResult | None
    accepted: tuple[PreviewedRow, ...]
    refused: tuple[RefusedRow, ...]


def read_beginning(
    files: Iterable[Source], directory: Path, options: Options, known: Wanted
) -> list[RawFile]:
    """The first rows of every file. Raises DatasetProblems for the first that cannot be read."""
    return [raw for file in files for raw in read_source(file, directory, options, LIMITS, known)]


def first_headers(
    files: Iterable[Source], directory: Path, options: Options, known: Wanted
) -> tuple[str, ...]:
    """The names of the columns of the first file. Raises DatasetProblems as ``read_beginning``."""
    raws = read_beginning(files, directory, options, known)
    return raws[0].headers if raws else ()


def preview(
    files: Sequence[Source],
    kind: str,
    *,
    store: SnapshotStore,
    mapping: Mapping[str, str],
    options: Options,
    said_mapping: Collection[str] = (),
    zone: str,
) -> FilePreview:
    """What a load with these terms would do, from the first rows of the files.

    ``store`` is a trial. ``said_mapping`` names the columns of ours that were said and not of a profile.
    """
    contract = contract_of(kind)
    problems: list[Problem] = []
    reading = Options.of({name: getattr(options, name) for name in READING})
    said = read_said(reading, contract)
    try:
        said = read_said(options, contract)
    except DatasetProblems as refused:
        problems += refused.problems
    looks: list[FileLook] = []
    columns: dict[str, int] = {}
    with store.workspace() as directory:
        try:
            raws = read_beginning(files, directory, reading, wanted(contract, mapping, said.columns))
        except DatasetProblems as refused:
            raws, problems = [], [*problems, *refused.problems]
        looks = [look_at(raw) for raw in raws]
        for raw in reversed(raws):
            columns, wrong = map_columns(contract, raw, mapping, given(options, said))
            problems += wrong
    result = None
    if looks and not problems:
        try:
            result = ingest(files, kind, store=store, mapping=mapping, options=options, limits=LIMITS)
        except DatasetProblems as refused:
            problems += refused.problems
    found = {ours: looks[0].headers[index] for ours, index in columns.items()} if looks else {}
    could_be = candidates(contract, looks[0].columns if looks else (), found)
    packed = len(looks) > len(files)
    return FilePreview(
        tuple(looks),
        tuple(_choices(contract, looks, found, could_be, mapping, said_mapping, said)),
        tuple(offered_options(contract, {look.format for look in looks}, packed=packed)),
        tuple(_question(contract, problem, found, could_be) for problem in dict.fromkeys(problems)),
        result,
        tuple(_accepted(result, contract, zone)) if result else (),
        tuple(_refused(store.root / result.rejects)) if result and result.rejects else (),
    )


def _choices(
    contract: Contract,
    looks: list[FileLook],
    found: Mapping[str, str],
    could_be: Mapping[str, tuple[str, ...]],
    mapping: Mapping[str, str],
    said_mapping: Collection[str],
    said: Said,
) -> Iterable[ColumnChoice]:
    """Our columns, those that are required first, each with what it would be."""
    theirs = {column.name: column for column in looks[0].columns} if looks else {}
    for column in sorted(contract.columns, key=lambda each: not each.required):
        name = found.get(column.name, "")
        source = ""
        if name:
            source = "name"
            if mapping.get(column.name) == name:
                source = "said" if column.name in said_mapping else "profile"
        words: tuple[tuple[str, str, int], ...] = ()
        if name and column.type is Type.CATEGORY:
            meant = {**{word: word for word in column.allowed}, **dict(column.words),
                     **said.words.get(column.name, {})}  # fmt: skip
            words = tuple(
                (word, meant.get(word.lower(), meant.get(word.lower().replace(" ", "_"), "")), rows)
                for word, rows in theirs[name].words
            )
        yield ColumnChoice(
            column.name,
            column.required,
            column.description,
            column.type.value,
            column.allowed,
            name,
            source,
            said.constants.get(column.name, ""),
            theirs[name].examples if name else (),
            could_be[column.name],
            words,
        )


def _question(
    contract: Contract,
    problem: Problem,
    found: Mapping[str, str],
    could_be: Mapping[str, tuple[str, ...]],
) -> OpenQuestion:
    """The problem where it belongs: at a column of ours, at an option, or at the file."""
    place = problem.field.rpartition(": ")[2]
    ours = {theirs: ours for ours, theirs in found.items()}
    about = place if place in contract.by_name else ours.get(place, "")
    if not about and any(choice.name == place for choice in CHOICES):
        about = place
    given = replies(problem)
    told = problem if len(problem.allowed) <= MOST_ALLOWED else replace(problem, allowed=())
    if problem.code in COLUMN_CODES and (likely := could_be.get(about)):
        told = replace(told, nearest="")  # what is in the columns says more than their names
        given = (*(Reply(MAPPING, f"{about}={name}", f"{about} is “{name}”") for name in likely), *given)
    return OpenQuestion(about, problem.field, told.sentence(), problem.code, given)


def _accepted(result: IngestResult, contract: Contract, zone: str) -> Iterable[PreviewedRow]:
    for name, reading in result.read_as.items():
        for row in reading.samples:
            yield PreviewedRow(name, row.row, stored_cells(row, contract, zone))


def stored_cells(row: SampleRow, contract: Contract, zone: str) -> dict[str, str]:
    """Cells in words: local time, and amounts with the decimals of their currency."""
    currency = row.cells["currency"].read if "currency" in row.cells else ""
    shown = {}
    for name, cell in row.cells.items():
        type_ = contract.by_name[name].type
        shown[name] = shortened(cell.read)
        if cell.read and type_ is Type.TIMESTAMP:
            local = datetime.fromisoformat(cell.read).astimezone(ZoneInfo(zone))
            shown[name] = local.replace(tzinfo=None).isoformat(sep=" ", timespec="seconds")
        elif cell.read and type_ is Type.MONEY:
            shown[name] = str(Money(Decimal(cell.read), currency))
    return shown


def _refused(rejects: Path) -> Iterable[RefusedRow]:
    """The first of the rows that would be rejected or are there twice."""
    with pq.ParquetFile(rejects) as file:
        for batch in file.iter_batches(SHOWN_REJECTS):
            for row in batch.to_pylist():
                cells = {
                    name: shortened(str(text)) for name, text in json.loads(row["cells"]).items() if text
                }
                yield RefusedRow(row["file"], row["row"], row["outcome"], tuple(row["reasons"]), cells)
            return
