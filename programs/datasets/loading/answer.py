"""The answer of a load: all that a person needs to see whether the right thing was read. Plain data.

It is kept with the dataset and shown by REST, at the command line and in the admin from the same JSON. What
is personal is masked in it: the answer stays when the rows are gone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from programs.datasets.contracts import Contract, Type, contract_of
from programs.datasets.loading.ingest import IngestResult
from programs.datasets.loading.limits import CHOICES, Options
from programs.datasets.loading.readings import SampleCell, SampleRow
from programs.datasets.loading.terms import LoadTerms
from programs.datasets.snapshots.summary import SnapshotSummary

SHOWN_OF_PERSONAL = 2


@dataclass(frozen=True, slots=True)
class AppliedOption:
    """An option as it was applied; ``source``: "said", "profile", "program", "partner" or "file"."""

    name: str
    value: str
    source: str
    column: str = ""


@dataclass(frozen=True, slots=True)
class LoadedFile:
    """A file: its columns as ours → theirs, those nobody asked for, and its first rows as read."""

    name: str
    format: str
    rows: int
    sha256: str
    columns: dict[str, str]
    samples: tuple[SampleRow, ...]


@dataclass(frozen=True, slots=True)
class RejectsOfLoad:
    """``reasons``: reason → rows with it, ``examples``: reason → where it is seen first.

    ``left_out``: reason → rows that the options leave out. ``file``: where the rows to correct are, below the
    store.
    """

    rejected: int
    duplicates: int
    reasons: dict[str, int]
    examples: dict[str, str]
    left_out: dict[str, int]
    folded: int
    file: str


@dataclass(frozen=True, slots=True)
class SeriesChange:
    """What the load did to what is current.

    ``how``: "first" where nothing was current, "add", "replace", or "nothing" where these rows are current.
    ``dataset`` and ``before_dataset`` are numbers of datasets. The counts are of rows, and of "add" only.
    """

    how: str
    sentence: str
    dataset: int
    after: SnapshotSummary
    before_dataset: int | None
    before: SnapshotSummary | None
    added: int = 0
    same: int = 0
    replaced: int = 0
    outdated: int = 0


@dataclass(frozen=True, slots=True)
class LoadAnswer:
    kind: str
    program: str
    partner: str
    input_rows: int
    files: tuple[LoadedFile, ...]
    applied: tuple[AppliedOption, ...]
    loaded: SnapshotSummary
    rejects: RejectsOfLoad
    change: SeriesChange
    terms: LoadTerms
    notes: tuple[str, ...]


def answer_of(
    result: IngestResult,
    *,
    program: str,
    partner: str,
    options: Options,
    terms: LoadTerms,
    loaded: SnapshotSummary,
    change: SeriesChange,
) -> LoadAnswer:
    """``options`` are those of ``terms`` and, where they say nothing, of the owner of the data."""
    contract = contract_of(result.snapshot.kind)
    owner = "partner" if partner else "program"
    return LoadAnswer(
        kind=contract.kind,
        program=program,
        partner=partner,
        input_rows=result.input_rows,
        files=tuple(_files(result, contract, options.home_zone or options.time_zone)),
        applied=applied_options(result, options, terms, owner),
        loaded=loaded,
        rejects=RejectsOfLoad(
            result.rejected_rows,
            result.duplicate_rows,
            dict(result.reasons),
            _shown_examples(result, contract),
            dict(result.left_out),
            result.folded_rows,
            result.rejects,
        ),
        change=change,
        terms=terms,
        notes=result.notes,
    )


def applied_options(
    result: IngestResult, options: Options, terms: LoadTerms, owner: str
) -> tuple[AppliedOption, ...]:
    """Every option as it was applied, and what the loader found; ``owner``: "program" or "partner"."""
    return (*_given(options, terms, owner), *_found(result, options, owner))


def _files(result: IngestResult, contract: Contract, zone: str) -> Iterable[LoadedFile]:
    for source in result.sources:
        name = source["name"]
        reading = result.read_as.get(name)
        samples = reading.samples if reading else ()
        yield LoadedFile(
            name,
            source["format"],
            source["rows"],
            source["sha256"],
            result.mapping.get(name, {}),
            tuple(_shown(row, contract, zone) for row in samples),
        )


def _shown(row: SampleRow, contract: Contract, zone: str) -> SampleRow:
    """The row with times in the zone whose days are counted, and nothing personal in it."""
    cells = {}
    for name, cell in row.cells.items():
        column = contract.by_name[name]
        if column.personal:
            cells[name] = SampleCell(masked(cell.written), masked(cell.read))
        elif column.type is Type.TIMESTAMP and cell.read:
            local = datetime.fromisoformat(cell.read).astimezone(ZoneInfo(zone))
            cells[name] = replace(cell, read=local.isoformat(sep=" "))
        else:
            cells[name] = cell
    return replace(row, cells=cells)


def masked(value: str) -> str:
    """The first letters and the length: enough to see which column it is, not who."""
    if not value:
        return ""
    shown = value[:SHOWN_OF_PERSONAL] if len(value) > 2 * SHOWN_OF_PERSONAL else ""
    return f"{shown}… ({len(value)} characters)"


def _shown_examples(result: IngestResult, contract: Contract) -> dict[str, str]:
    """Where a reason is seen, without the value where that is personal."""
    found = {}
    for reason, example in result.examples.items():
        column = contract.by_name.get(reason.partition(":")[0])
        value, separator, where = example.partition("” in ")
        found[reason] = where if separator and (column is None or column.personal) else example
    return found


def _given(options: Options, terms: LoadTerms, owner: str) -> Iterable[AppliedOption]:
    for choice in CHOICES:
        if value := getattr(options, choice.name):
            source = "said" if choice.name in terms.said else "profile"
            yield AppliedOption(choice.name, value, source if choice.name in terms.options else owner)


def _found(result: IngestResult, options: Options, owner: str) -> Iterable[AppliedOption]:
    """What the loader found in a file's columns."""
    contract = contract_of(result.snapshot.kind)
    for name, reading in result.read_as.items():
        if reading.currency in result.snapshot.currencies and not options.currency:
            source = owner if reading.currency == options.home_currency else "file"
            yield AppliedOption("currency", reading.currency, source, name)
        for column, how in reading.conventions.items():
            shown = _convention_of(contract.by_name[column].type)
            if shown and shown in how:
                yield AppliedOption(shown, str(how[shown]), "file", f"{name}: {column}")


def _convention_of(type_: Type) -> str:
    if type_ in (Type.TIMESTAMP, Type.DATE):
        return "date_order"
    return "decimal" if type_ in (Type.MONEY, Type.DECIMAL, Type.INTEGER) else ""
