"""A load looked at before it is one: the same answer in the admin, over REST and at the command line."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gtm.core import canonical
from gtm.core.bounded.work import work
from gtm.core.errors import InvalidInput, NotFound, Problem
from gtm.core.later import later
from programs.datasets import CONTRACTS, DatasetProblems, Options, SnapshotStore, Source
from programs.datasets.loading.bounds import LOOK
from programs.datasets.loading.guessing import (
    KindGuess,
    ProfileGuess,
    every_word,
    guess_kinds,
    guess_profiles,
)
from programs.datasets.loading.limits import FIRST_ROWS, READING
from programs.datasets.loading.problems import nearest
from programs.datasets.loading.terms import LoadTerms
from programs.load_profiles import known_profiles, options_of, settle_terms
from programs.models import Partner, Program
from programs.series import HOW, DataSeries, other_currencies, snapshot_of, snapshot_store, summary_of

if TYPE_CHECKING:
    from programs.datasets import FilePreview, IngestResult
    from programs.datasets.loading import answer
    from programs.datasets.snapshots import summary
    from programs.datasets.snapshots.comparison import SnapshotComparison
    from programs.datasets.snapshots.summary import SnapshotSummary
else:
    answer = later("programs.datasets.loading.answer")
    summary = later("programs.datasets.snapshots.summary")

PREVIEW = "programs.datasets.loading.preview"
FIND = "find"
"""The profile of a preview that takes the likeliest one."""


@dataclass(frozen=True, slots=True)
class PreviewGuesses:
    """What the file looks like; profiles of the kind that was said, or of any."""

    profiles: tuple[ProfileGuess, ...] = ()
    kinds: tuple[KindGuess, ...] = ()


@dataclass(frozen=True, slots=True)
class PreviewedChange:
    """What the load would do to what is current. ``choices``: "add" and "replace", each with what it does.

    ``before_dataset`` is the number of what is current, None where nothing is.
    """

    sentence: str
    choices: dict[str, str]
    before_dataset: int | None
    before: SnapshotSummary | None
    loaded: SnapshotSummary
    comparison: SnapshotComparison


def preview_dataset(
    kind: str,
    files: Sequence[Source],
    *,
    program: Program,
    partner: Partner | None = None,
    mapping: Mapping[str, str] | None = None,
    profile: str = "",
    without: Collection[str] = (),
    **options: str,
) -> dict[str, Any]:
    """What ``load_dataset`` would do with the same words, from the first rows of the files; stores nothing.

    ``kind`` may be "" and ``profile`` "find": the likeliest is taken, and ``guesses`` says why. ``questions``
    are what a load would refuse. Raises InvalidInput where the words cannot be meant at all.
    """
    said = {name: value for name, value in options.items() if value}
    guesses = _guess(files, program, kind, said)
    if kind not in CONTRACTS and kind:
        problem = Problem(
            "kind", f"“{kind}” is unknown.", tuple(CONTRACTS), nearest(kind, CONTRACTS), "unknown"
        )
        raise InvalidInput("There is no such kind of dataset.", problems=[problem])
    if profile == FIND:
        profile = guesses.profiles[0].name if guesses.profiles else ""
        kind = guesses.profiles[0].kind if guesses.profiles else kind
    if profile and not kind:
        kind = next((one.kind for one in known_profiles(program) if one.name == profile), "")
    kind = kind or _likeliest(guesses)
    terms = settle_terms(program, kind, profile, mapping or {}, said, without)
    told = options_of(program, partner, terms)
    place = DataSeries(program, partner, None, kind)
    with snapshot_store().trial() as trial:
        found = work(
            f"{PREVIEW}:preview", list(files), kind, store=trial.alone(), mapping=dict(terms.mapping),
            options=told, said_mapping={*(mapping or {})}, zone=place.zone, bounds=LOOK,
        )  # fmt: skip
        change = _change(place, found.result, trial) if found.result else None
    return canonical.plain(_answer(place, found, change, guesses, terms, told))


def _guess(files: Sequence[Source], program: Program, kind: str, said: Mapping[str, str]) -> PreviewGuesses:
    """What the columns look like; nothing where the file cannot be read, which the preview itself says."""
    profiles = known_profiles(program, kind)
    reading = Options.of({name: said[name] for name in READING if name in said})
    with snapshot_store().workspace() as directory:
        try:
            headers = work(
                f"{PREVIEW}:first_headers", list(files), directory, reading, every_word(profiles), bounds=LOOK
            )
        except DatasetProblems:
            return PreviewGuesses()
    return PreviewGuesses(tuple(guess_profiles(headers, profiles)), tuple(guess_kinds(headers)))


def _likeliest(guesses: PreviewGuesses) -> str:
    """The kind that the columns look like. Raises InvalidInput, with the kinds, where none of them does."""
    likely: list[ProfileGuess | KindGuess] = [*guesses.profiles, *guesses.kinds]
    if likely:
        return likely[0].kind
    listed = tuple(CONTRACTS)
    problem = Problem("kind", "The columns do not look like any kind that we know. Choose the kind.", listed)
    raise InvalidInput("What kind of data is this?", problems=[problem])


def _change(place: DataSeries, result: IngestResult, trial: SnapshotStore) -> PreviewedChange:
    """The rows that were read beside what is current."""
    there = place.current()
    new = result.snapshot
    rows = trial.rows_path(new)
    loaded = summary_of(rows, new, place.zone)
    if there is None:
        first = f"There are no current data: these are the first {place.words} of {place.owner}."
        alone = _compared(rows, None, place.kind, place.zone)
        return PreviewedChange(first, {}, None, None, loaded, alone)
    stored = snapshot_of(there)
    try:
        path = trial.rows_path(stored)
        before = summary_of(path, stored, place.zone)
    except NotFound:
        path, before = None, summary.without_rows(stored, place.zone)
    compared = _compared(rows, path, place.kind, place.zone)
    if result.is_whole and there.sha256 == new.sha256:
        same = f"These rows are dataset {there.pk}, which is current. Loading them again changes nothing."
        return PreviewedChange(same, {}, there.pk, before, loaded, compared)
    asked = f"Dataset {there.pk} of {place.owner} is current. Choose what to do with it."
    choices = _choices(before, loaded, compared, result)
    return PreviewedChange(asked, choices, there.pk, before, loaded, compared)


def _compared(rows: Path, before: Path | None, kind: str, zone: str) -> SnapshotComparison:
    found: SnapshotComparison = work(
        "programs.datasets.snapshots.comparison:compare", rows, before, kind, zone, bounds=LOOK
    )
    return found


def _choices(
    before: SnapshotSummary, loaded: SnapshotSummary, compared: SnapshotComparison, result: IngestResult
) -> dict[str, str]:
    """What adding and replacing would each do, in numbers as far as the rows were read."""
    key = " and ".join(compared.key)
    of_them = "" if result.is_whole else " of those read"
    more = "" if result.is_whole else " and those that were not read"
    overlap = f" {compared.same_keys:,}{of_them} have the {key} of a current row and replace it."
    added = f"the {before.rows:,} rows stay and {loaded.rows:,} new ones{more} join them."
    return {
        "add": f"{HOW['add']}: {added}{overlap if key else ''}",
        "replace": f"{HOW['replace']}: new runs read the {loaded.rows:,} new rows{more} "
        f"instead of {before.rows:,}. Nothing is deleted. You can take the choice back.",
    }


def _answer(
    place: DataSeries,
    found: FilePreview,
    change: PreviewedChange | None,
    guesses: PreviewGuesses,
    terms: LoadTerms,
    options: Options,
) -> dict[str, Any]:
    result = found.result
    owner = "partner" if place.partner else "program"
    return {
        "kind": place.kind,
        "title": CONTRACTS[place.kind].title,
        "program": place.program.slug,
        "partner": place.partner.slug if place.partner else "",
        "time_zone": place.zone,
        "currency": (place.partner or place.program).currency,
        "first_rows": FIRST_ROWS,
        "is_whole": all(not look.is_cut for look in found.files),
        "guesses": asdict(guesses),
        "terms": terms,
        "files": found.files,
        "columns": found.columns,
        "options": found.options,
        "questions": found.questions,
        "can_load": result is not None,
        "applied": answer.applied_options(result, options, terms, owner) if result else (),
        "counts": _counts(result) if result else None,
        "accepted": found.accepted,
        "refused": found.refused,
        "change": change,
        "notes": (*result.notes, *other_currencies(place.program, result.snapshot)) if result else (),
    }


def _counts(result: IngestResult) -> dict[str, Any]:
    """Rows by what would become of them, with the reasons and where each is seen first."""
    return {
        "read": result.input_rows,
        "accepted": result.snapshot.rows,
        "rejected": result.rejected_rows,
        "duplicates": result.duplicate_rows,
        "left_out": result.left_out_rows,
        "folded": result.folded_rows,
        "reasons": [
            {"reason": reason, "rows": rows, "example": result.examples.get(reason, "")}
            for reason, rows in result.reasons.items()
        ],
        "left_out_for": [
            {"reason": reason, "rows": rows, "example": f"row {result.left_out_at[reason]:,}"}
            for reason, rows in result.left_out.items()
        ],
    }
