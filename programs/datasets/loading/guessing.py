"""Guesses for somebody who does not know our columns: what kind of data, which profile, which column.

A guess is offered with its reason and never applied by a load.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz

from programs.datasets.contracts import CONTRACTS, Contract, ContractColumn, Type
from programs.datasets.loading.limits import Options
from programs.datasets.loading.look import FoundColumn
from programs.datasets.loading.problems import DatasetProblems
from programs.datasets.loading.said import read_said
from programs.datasets.loading.words import Wanted, bare, fold

MOST_CANDIDATES = 4
MOST_KINDS = 3
FEWEST = 3
"""Columns that a preset must name to be guessed; the program's own profile is meant for its files."""
ALIKE = 72
"""Of 100: below it two names are not alike."""
NUMBER = re.compile(r"^[^\w]*([A-Z]{2,3}\W*)?[-+(−]?[\d.,' ]*\d[\d.,']*\)?-?\W*([A-Z]{3})?$")
DATE = re.compile(
    r"^(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/. ](\d{1,2}|[A-Za-z]{3,9})[-/. ]\d{2,4})([ T,].*)?$"
)
CODE = re.compile(r"^[A-Z]{3}$")
SHAPES = {
    Type.MONEY: NUMBER,
    Type.DECIMAL: NUMBER,
    Type.INTEGER: NUMBER,
    Type.TIMESTAMP: DATE,
    Type.DATE: DATE,
    Type.CURRENCY: CODE,
}


@dataclass(frozen=True, slots=True)
class KnownProfile:
    """A load profile or preset as a guess sees it; ``origin``: "profile" of the program or "preset"."""

    name: str
    title: str
    kind: str
    origin: str
    mapping: Mapping[str, str]
    options: Mapping[str, str]

    def named(self) -> tuple[str, ...]:
        """The columns of theirs that it expects; none where its options cannot be read."""
        try:
            said = read_said(Options.of(self.options), CONTRACTS[self.kind])
        except DatasetProblems:
            return ()
        return tuple(dict.fromkeys([*filter(None, self.mapping.values()), *said.columns]))


@dataclass(frozen=True, slots=True)
class ProfileGuess:
    name: str
    title: str
    kind: str
    origin: str
    why: str


@dataclass(frozen=True, slots=True)
class KindGuess:
    kind: str
    title: str
    why: str


def every_word(profiles: Iterable[KnownProfile]) -> Wanted:
    """The headers that any contract or profile knows: a header is found whatever the kind is."""
    columns = [column for contract in CONTRACTS.values() for column in contract.columns]
    words = [word for column in columns for word in (column.name, *column.aliases)]
    return Wanted.of([*words, *(name for profile in profiles for name in profile.named())])


def guess_profiles(headers: Sequence[str], profiles: Iterable[KnownProfile]) -> list[ProfileGuess]:
    """Profiles all of whose columns are in the file, those that expect the most first."""
    there = {fold(header) for header in headers}
    found = []
    for profile in profiles:
        named = profile.named()
        fewest = 1 if profile.origin == "profile" else FEWEST
        if len(named) >= fewest and all(fold(name) in there for name in named):
            why = f"All {len(named)} columns that it reads are in the file: {', '.join(named)}."
            guess = ProfileGuess(profile.name, profile.title, profile.kind, profile.origin, why)
            found.append((len(named), profile.origin == "profile", guess))
    return [guess for _, _, guess in sorted(found, key=lambda each: each[:2], reverse=True)]


def guess_kinds(headers: Sequence[str]) -> list[KindGuess]:
    """Kinds of data whose columns are in the file by name, the likeliest first."""
    there = {bare(header) for header in headers if header}
    found = []
    for contract in CONTRACTS.values():
        known = [column for column in contract.columns if _spellings(column) & there]
        required = [column for column in known if column.required]
        if required:
            share = len(required) / len(contract.required)
            names = ", ".join(column.name for column in known)
            counted = f"{len(required)} of the {len(contract.required)} columns it needs"
            why = f"{counted} are in the file by name; known: {names}."
            guess = KindGuess(contract.kind, contract.title, why)
            found.append(((share == 1, len(required), len(known)), guess))
    return [guess for _, guess in sorted(found, key=lambda each: each[0], reverse=True)][:MOST_KINDS]


def candidates(
    contract: Contract, columns: Sequence[FoundColumn], mapping: Mapping[str, str]
) -> dict[str, tuple[str, ...]]:
    """Our column → columns of theirs that it could be, by their name and by what is in them."""
    free = [column for column in columns if column.name and column.name not in mapping.values()]
    found = {}
    for ours in contract.columns:
        scores = {theirs.name: score for theirs in free if (score := _likeness(ours, theirs))}
        best = sorted(scores, key=lambda name: -scores[name])
        found[ours.name] = tuple(best[:MOST_CANDIDATES])
    return found


def _likeness(ours: ContractColumn, theirs: FoundColumn) -> float:
    """0 where it cannot be, else how alike the names are and whether the values have the right shape."""
    words = (ours.name.replace("_", " "), *ours.aliases)
    alike = max(fuzz.token_sort_ratio(word.lower(), theirs.name.lower().replace("_", " ")) for word in words)
    shape = SHAPES.get(ours.type)
    if shape is not None:
        if not theirs.examples or not all(shape.match(value) for value in theirs.examples):
            return 0
        return alike if ours.required or alike >= ALIKE else 0
    if ours.type is Type.CATEGORY:
        meant = {*ours.allowed, *(word for word, _ in ours.words)}
        fits = any(word.lower() in meant for word, _ in theirs.words)
        return alike + 50 if fits else alike if alike >= ALIKE else 0
    if ours.personal and ours.required and any("@" in value for value in theirs.examples):
        return alike + 50
    return alike if alike >= ALIKE else 0


def _spellings(column: ContractColumn) -> set[str]:
    return {fold(column.name), *(fold(alias) for alias in column.aliases)}
