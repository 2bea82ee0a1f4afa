"""Which of their columns is which of ours: said explicitly, else the same name, else a known alias."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping

from programs.datasets.contracts import Contract, ContractColumn
from programs.datasets.loading.problems import Problem, nearest
from programs.datasets.loading.words import Wanted, bare, fold
from programs.datasets.readers import RawFile

PLACE = re.compile(r" \(column \d+\)$")


def map_columns(
    contract: Contract, raw: RawFile, explicit: Mapping[str, str], constants: Collection[str] = ()
) -> tuple[dict[str, int], list[Problem]]:
    """Our column → position in the file, and every problem with it (empty when the file can be loaded).

    ``explicit`` is ours → theirs, "" where the file has none; ``constants`` are ours that need no column of
    theirs. Their columns that nobody asks for are left out of the snapshot.
    """
    none = {ours for ours, theirs in explicit.items() if not theirs}
    problems = _unknown_names(contract, raw, explicit)
    found: dict[str, int] = {}
    taken: set[int] = set()
    for ours, theirs in explicit.items():
        if ours in contract.by_name and theirs in raw.headers:
            found[ours] = raw.headers.index(theirs)
            taken.add(found[ours])
    for spellings in (_own_name, _aliases):
        for column in contract.columns:
            if column.name in found or column.name in constants or column.name in none:
                continue
            candidates = [
                index
                for index, header in enumerate(raw.headers)
                if index not in taken
                and bare(_name(header)) in spellings(column)
                and (column.required or header not in raw.nested)
            ]
            if len(candidates) > 1 and (column.required or _all_own(contract, column, raw, candidates)):
                problems.append(_ambiguous(column, raw, candidates))
            if candidates:
                found[column.name] = candidates[0]
                taken.update(candidates)
    asked = {problem.field for problem in problems}
    problems += [
        _missing(contract.by_name[name], raw, taken)
        for name in contract.required
        if name not in found and name not in constants and f"{raw.name}: {name}" not in asked
    ]
    problems += [
        _nested(name, raw, raw.headers[index])
        for name, index in found.items()
        if raw.headers[index] in raw.nested
    ]
    return found, problems


def wanted(contract: Contract, explicit: Mapping[str, str], named: Collection[str] = ()) -> Wanted:
    """The headers that this contract knows, and those that the person named."""
    words = [word for column in contract.columns for word in (column.name, *column.aliases)]
    return Wanted.of(words, {*filter(None, explicit.values()), *named})


def _name(header: str) -> str:
    """A header without its place, which tells two of the same name apart."""
    return PLACE.sub("", header)


def _nested(ours: str, raw: RawFile, theirs: str) -> Problem:
    inside = f" Set a path into it, such as {ours}={theirs}.0, or" if "json" in raw.format else " Set"
    return Problem(
        f"{raw.name}: {ours}",
        (
            f"The column {theirs} is {raw.nested[theirs]}, which is not one value per "
            f"row.{inside} another column."
        ),
        allowed=tuple(header for header in raw.headers if header not in raw.nested),
        code="column_type",
    )


def _own_name(column: ContractColumn) -> set[str]:
    return {fold(column.name)}


def _aliases(column: ContractColumn) -> set[str]:
    return {fold(alias) for alias in column.aliases}


def _all_own(contract: Contract, column: ContractColumn, raw: RawFile, candidates: list[int]) -> bool:
    """Whether none of the candidates could be meant for another column of the contract."""
    others = {
        fold(word)
        for other in contract.columns
        if other is not column
        for word in (other.name, *other.aliases)
    }
    return all(fold(raw.headers[index]) not in others for index in candidates)


def _unknown_names(contract: Contract, raw: RawFile, explicit: Mapping[str, str]) -> list[Problem]:
    problems = [
        Problem(
            f"{raw.name}: {ours}",
            f"The contract {contract.kind} has no column “{ours}”.",
            allowed=tuple(contract.by_name),
            nearest=nearest(ours, contract.by_name),
            code="unknown_column",
        )
        for ours in explicit
        if ours not in contract.by_name
    ]
    problems += [
        Problem(
            f"{raw.name}: {ours}",
            f"The file has no column “{theirs}”.",
            allowed=raw.headers,
            nearest=nearest(theirs, raw.headers),
            code="missing_column",
        )
        for ours, theirs in explicit.items()
        if theirs and theirs not in raw.headers
    ]
    twice = [name for name, count in Counter(filter(None, explicit.values())).items() if count > 1]
    return problems + [
        Problem(f"{raw.name}: {name}", "The column is mapped to two of our columns.", code="ambiguous_column")
        for name in twice
    ]


def _ambiguous(column: ContractColumn, raw: RawFile, candidates: list[int]) -> Problem:
    names = {_name(raw.headers[index]) for index in candidates}
    said = f"are called “{min(names)}”" if len(names) == 1 else f"could be {column.name}"
    return Problem(
        f"{raw.name}: {column.name}",
        f"{len(candidates)} columns {said}; set which one, as "
        f"{column.name}={raw.headers[candidates[0]]} in the "
        "mapping.",
        allowed=tuple(raw.headers[index] for index in candidates),
        code="ambiguous_column",
    )


def _missing(column: ContractColumn, raw: RawFile, taken: set[int]) -> Problem:
    free = tuple(header for index, header in enumerate(raw.headers) if index not in taken and header)
    message = (
        f"The required column {column.name} is missing: {column.description.rstrip('.')}. "
        f"Set which one it is, as {column.name}=… in the mapping."
    )
    if column.allowed:
        message += f" If it is the same in every row, set constants={column.name}={column.allowed[0]}."
    if len(raw.headers) == 1:
        message += (
            " The file has one column only: if its values are separated by something other than"
            " comma, semicolon, tab or bar, set the delimiter."
        )
    elif len(free) == len(raw.headers) or not all(raw.headers):
        message += " If these are not the names of the columns, set header_row."
    return Problem(
        f"{raw.name}: {column.name}",
        message,
        allowed=free,
        nearest=nearest(column.name, free),
        code="missing_column",
        answers=tuple(("constants", f"{column.name}={value}") for value in column.allowed),
    )
