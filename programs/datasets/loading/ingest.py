"""The door: files in, an immutable snapshot out, and an account of every row."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from gtm.core.canonical import digest, dumps
from programs.datasets.contracts import Contract, Type, contract_of
from programs.datasets.engines.movements import MovementAccount
from programs.datasets.engines.netting_rows import account_of
from programs.datasets.engines.session import hardened, one_row
from programs.datasets.loading.cautions import cautions
from programs.datasets.loading.examples import examples, remedy
from programs.datasets.loading.limits import Limits, Options
from programs.datasets.loading.lopsided import RowsRead, lopsided
from programs.datasets.loading.mapping import map_columns, wanted
from programs.datasets.loading.problems import DatasetProblems, Problem
from programs.datasets.loading.readings import FileReading, readings
from programs.datasets.loading.rejects import write_rejects
from programs.datasets.loading.said import Said, given, read_said
from programs.datasets.loading.sources import ask_for_sources
from programs.datasets.loading.staging import Staged, convert_all, create_tables, settle, stage
from programs.datasets.loading.words import Wanted
from programs.datasets.readers import RawFile, Source, read_source
from programs.datasets.readers.base import BATCH_ROWS
from programs.datasets.snapshots.store import Snapshot, SnapshotStore


@dataclass(frozen=True, slots=True)
class IngestResult:
    """The account of a load: ``input_rows`` = accepted + ``rejected_rows`` + ``duplicate_rows``
    + ``left_out_rows`` (by a filter or as a footer) + ``folded_rows`` (lines in the row of their order).

    ``snapshot.rows`` is the number accepted. ``identical_rows`` of them look like another row but, having no
    key, count as events of their own. ``reasons``: reason → rows with it; a row may have several.
    ``examples``: reason → where it is seen first. ``left_out``: reason → rows left out for it, and
    ``left_out_at``: reason → number of the first of them. ``is_whole``: no file was read only in part.
    ``mapping``: our column → theirs, per file. ``rejects``: path below the store's root, "" when none.
    ``movements``: what became of refunds, cancellations and adjustments, None without any.
    ``read_as``: how each file was read, with its first accepted rows.
    """

    snapshot: Snapshot
    input_rows: int
    rejected_rows: int
    duplicate_rows: int
    identical_rows: int
    reasons: dict[str, int]
    sources: tuple[dict[str, Any], ...]
    mapping: dict[str, dict[str, str]]
    rejects: str = ""
    stored_before: bool = False
    notes: tuple[str, ...] = field(default_factory=tuple)
    movements: MovementAccount | None = None
    read_as: dict[str, FileReading] = field(default_factory=dict)
    left_out_rows: int = 0
    folded_rows: int = 0
    left_out: dict[str, int] = field(default_factory=dict)
    examples: dict[str, str] = field(default_factory=dict)
    left_out_at: dict[str, int] = field(default_factory=dict)
    is_whole: bool = True


def with_movements(result: IngestResult, account: MovementAccount | None) -> IngestResult:
    """The result with what became of movements among these rows and others."""
    before = result.movements.sentences() if result.movements else []
    notes = [note for note in result.notes if note not in before]
    return replace(result, notes=(*notes, *(account.sentences() if account else ())), movements=account)


def ingest(
    sources: Iterable[Source | Path | str],
    kind: str,
    *,
    store: SnapshotStore,
    mapping: Mapping[str, str] | None = None,
    options: Options | None = None,
    limits: Limits | None = None,
) -> IngestResult:
    """Load files of one kind into one snapshot.

    ``mapping`` is our column → theirs. The same rows give the same fingerprint, whatever their order,
    format or number of files; loading them again stores nothing new.
    Raises DatasetProblems, listing every problem of every file, when nothing can be stored.
    """
    contract = contract_of(kind)
    options, limits = options or Options(), limits or Limits()
    said = read_said(options, contract)
    files = [source if isinstance(source, Source) else Source(Path(source)) for source in sources]
    with store.workspace() as directory, hardened([directory], limits) as connection:
        raws, notes = _read(files, directory, options, limits, wanted(contract, mapping or {}, said.columns))
        create_tables(connection, contract)
        staged, more = _stage(connection, raws, contract, mapping or {}, options, said)
        raws = [file.raw for file in staged]
        convert_all(connection, staged, contract, options, limits, said)
        if problems := ask_for_sources(connection, raws, contract, options):
            raise DatasetProblems(problems)
        settle(connection, contract)
        counts = _counts(connection, raws)
        reasons = _reasons(connection, raws)
        seen = examples(connection, staged, contract, reasons)
        _refuse_if_empty(contract, raws, counts, reasons, seen)
        if doubt := lopsided(connection, contract, RowsRead(counts, reasons, seen), options):
            raise DatasetProblems([replace(doubt, field=", ".join(raw.name for raw in raws))])
        rows = directory / "rows.parquet"
        snapshot = write_snapshot(connection, contract, rows)
        stored = store.put(snapshot, rows)
        rejects = ""
        if counts["rejected"] or counts["duplicate"]:
            write_rejects(connection, staged, directory / "rejects.parquet")
            rejects = store.put_rejects(
                snapshot, _load_id(raws, mapping, options), directory / "rejects.parquet"
            )
        left_out = _left_out(connection)
        identical = _identical(connection)
        odd = cautions(connection, contract, identical)
        read_as = readings(connection, staged, contract, limits.sample_rows)
    movements = account_of(store, snapshot, limits)
    return IngestResult(
        snapshot=snapshot,
        input_rows=sum(raw.rows for raw in raws),
        rejected_rows=counts["rejected"],
        duplicate_rows=counts["duplicate"],
        identical_rows=identical,
        reasons=reasons,
        sources=tuple(
            {
                "name": raw.name,
                "format": raw.format,
                "bytes": raw.bytes,
                "sha256": raw.sha256,
                "rows": raw.rows,
            }
            for raw in raws
        ),
        mapping={
            file.raw.name: {ours: file.raw.headers[index] for ours, index in file.columns.items()}
            for file in staged
        },
        rejects=rejects,
        stored_before=not stored,
        notes=(*notes, *more, *odd, *(movements.sentences() if movements else ())),
        movements=movements,
        read_as=read_as,
        left_out_rows=counts["left_out"],
        folded_rows=counts["folded"],
        left_out={reason: count for reason, count, _ in left_out},
        examples=seen,
        left_out_at={reason: row for reason, _, row in left_out},
        is_whole=not any(raw.is_cut for raw in raws),
    )


def _read(
    files: list[Source], directory: Path, options: Options, limits: Limits, known: Wanted
) -> tuple[list[RawFile], list[str]]:
    """Read every file; a file that is there twice is read once."""
    if not files:
        raise DatasetProblems([Problem("files", "No file was given.", code="no_file")])
    raws: dict[str, RawFile] = {}
    notes: list[str] = []
    problems: list[Problem] = []
    for file in files:
        try:
            found = read_source(file, directory, options, limits, known)
        except DatasetProblems as refused:
            problems += refused.problems
            continue
        for raw in found:
            if raw.sha256 in raws:
                notes.append(f"{raw.name} is the same file as {raws[raw.sha256].name} and was left out")
            else:
                raws[raw.sha256] = raw
                notes += [f"{raw.name}: {note}" for note in raw.notes]
    if problems:
        raise DatasetProblems(problems)
    return list(raws.values()), notes


def _stage(
    connection: duckdb.DuckDBPyConnection,
    raws: list[RawFile],
    contract: Contract,
    mapping: Mapping[str, str],
    options: Options,
    said: Said,
) -> tuple[list[Staged], list[str]]:
    staged: list[Staged] = []
    problems: list[Problem] = []
    notes: list[str] = []
    for number, raw in enumerate(raws):
        columns, wrong = map_columns(contract, raw, mapping, given(options, said))
        if not wrong:
            file, wrong, found = stage(connection, raw, number, contract, columns, options, said)
            staged.append(file)
            notes += found
            used = {*columns.values(), *file.further.values()}
            unused = [header for index, header in enumerate(raw.headers) if index not in used and header]
            if unused:
                notes.append(f"{raw.name}: not loaded: {', '.join(unused)}")
        problems += wrong
    if problems:
        raise DatasetProblems(problems)
    return staged, notes


def _counts(connection: duckdb.DuckDBPyConnection, raws: list[RawFile]) -> dict[str, int]:
    found = connection.execute("SELECT outcome, count(*) FROM fate GROUP BY outcome").fetchall()
    counts = {"rejected": 0, "duplicate": 0} | dict(found)
    counts["rejected"] += sum(len(raw.broken) for raw in raws)
    for table in ("left_out", "folded"):
        (counts[table],) = one_row(connection, f"SELECT count(*) FROM {table}")  # noqa: S608
    counts["accepted"] = sum(raw.rows for raw in raws) - sum(counts.values())
    return counts


def _left_out(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, int, int]]:
    """Reason, rows and the number of the first of them."""
    query = 'SELECT reason, count(*), min("row") FROM left_out GROUP BY reason ORDER BY count(*) DESC, reason'
    return connection.execute(query).fetchall()


def _reasons(connection: duckdb.DuckDBPyConnection, raws: list[RawFile]) -> dict[str, int]:
    query = "SELECT reason, count(*) FROM (SELECT unnest(reasons) AS reason FROM fate) GROUP BY reason"
    reasons = dict(connection.execute(query).fetchall())
    for raw in raws:
        for row in raw.broken:
            reasons[row.reason] = reasons.get(row.reason, 0) + 1
    return dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0])))


def _refuse_if_empty(
    contract: Contract,
    raws: list[RawFile],
    counts: dict[str, int],
    reasons: dict[str, int],
    seen: dict[str, str],
) -> None:
    if counts["accepted"] > 0:
        return
    names = ", ".join(raw.name for raw in raws)
    if not counts["rejected"]:
        message = "There is a header but no rows."
        if counts["left_out"]:
            message = f"filters and footer_rows leave out all of the {counts['left_out']:,} rows."
        raise DatasetProblems([Problem(names, message, code="no_rows")])
    problems = []
    for reason, count in reasons.items():
        example = f", such as {seen[reason]}" if reason in seen else ""
        message = f"{count:,} of {counts['rejected']:,} rows: {reason}{example}."
        advice = remedy(contract, reason, seen.get(reason, ""))
        problems.append(Problem(names, f"{message} {advice}".strip(), code="every_row_rejected"))
    raise DatasetProblems(problems, hint="No row was good; look at the mapping, the formats and the options.")


def _identical(connection: duckdb.DuckDBPyConnection) -> int:
    (count,) = one_row(
        connection, 'SELECT count(*) - count(DISTINCT digest) FROM good ANTI JOIN fate USING (file_no, "row")'
    )
    return int(count)


def write_snapshot(connection: duckdb.DuckDBPyConnection, contract: Contract, path: Path) -> Snapshot:
    """Write the accepted rows in the order of the contract, and fingerprint them: ``good`` less ``fate``."""
    connection.execute('CREATE VIEW accepted AS FROM good ANTI JOIN fate USING (file_no, "row")')
    names = ", ".join(column.name for column in contract.columns)
    order = ", ".join([*contract.order, "digest"])
    reader = connection.execute(f"SELECT {names} FROM accepted ORDER BY {order}").to_arrow_reader(BATCH_ROWS)  # noqa: S608
    rows = 0
    with pq.ParquetWriter(path, reader.schema, compression="zstd") as writer:
        for batch in reader:
            writer.write_batch(batch)
            rows += batch.num_rows
    sha256 = _fingerprint(connection, contract)
    currencies = ()
    if "currency" in contract.by_name:
        query = "SELECT DISTINCT currency FROM accepted WHERE currency IS NOT NULL ORDER BY currency"
        currencies = tuple(code for (code,) in connection.execute(query).fetchall())
    window = _window(connection, contract)
    return Snapshot(
        kind=contract.kind,
        contract_version=contract.version,
        sha256=sha256,
        rows=rows,
        path=SnapshotStore.address(contract.kind, sha256),
        currencies=currencies,
        window_start=window[0],
        window_end=window[1],
        profile=_profile(connection, contract),
    )


def _fingerprint(connection: duckdb.DuckDBPyConnection, contract: Contract) -> str:
    """SHA-256 over the contract's columns and the sorted SHA-256 of the canonical rows."""
    header = {
        "kind": contract.kind,
        "version": contract.version,
        "columns": [[column.name, column.type] for column in contract.columns],
    }
    hashed = hashlib.sha256(dumps(header))
    reader = connection.execute("SELECT digest FROM accepted ORDER BY digest").to_arrow_reader(BATCH_ROWS)
    for batch in reader:
        column = batch.column(0).cast(pa.large_string())
        start, end = column.offset, column.offset + len(column)
        offsets = memoryview(column.buffers()[1]).cast("q")
        hashed.update(memoryview(column.buffers()[2])[offsets[start] : offsets[end]])
    return hashed.hexdigest()


def _window(connection: duckdb.DuckDBPyConnection, contract: Contract) -> tuple[Any, Any]:
    if not contract.time:
        return None, None
    query = f"SELECT min({contract.time}), max({contract.time}) FROM accepted"  # noqa: S608
    (row,) = connection.execute(query).to_arrow_table().to_pylist()
    return tuple(row.values())


def _profile(connection: duckdb.DuckDBPyConnection, contract: Contract) -> dict[str, dict[str, Any]]:
    parts = []
    for column in contract.columns:
        bounds = "NULL, NULL"
        if not column.personal and column.type is not Type.BOOLEAN:
            bounds = f"min({column.name})::VARCHAR, max({column.name})::VARCHAR"
        parts.append(
            f"[count({column.name})::VARCHAR, approx_count_distinct({column.name})::VARCHAR, {bounds}]"
        )
    found = one_row(connection, f"SELECT {', '.join(parts)} FROM accepted")  # noqa: S608
    return {
        column.name: {"filled": int(filled), "distinct": int(distinct), "minimum": low, "maximum": high}
        for column, (filled, distinct, low, high) in zip(contract.columns, found, strict=True)
        if int(filled)
    }


def _load_id(raws: list[RawFile], mapping: Mapping[str, str] | None, options: Options) -> str:
    said = {name: value for name, value in asdict(options).items() if name != "now"}
    return digest([sorted(raw.sha256 for raw in raws), dict(mapping or {}), said])[:16]
