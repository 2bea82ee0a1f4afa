"""One taxonomy for both partners: UTM vocabulary with aliases, coverage audit, stage maps.

What cannot be mapped without guessing goes to a review list; nothing is dropped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from gtm.core.later import later
from programs.analytics.estimate import MaybeEstimate

if TYPE_CHECKING:
    from programs.analytics import rates
else:
    rates = later("programs.analytics.rates")

UTM_FIELDS = ("source", "medium", "campaign", "content", "term")
REQUIRED_FIELDS = ("source", "medium", "campaign")


@dataclass(frozen=True)
class Vocabulary:
    """Allowed values of each UTM field, and the spellings that mean them.

    ``allowed``  field → canonical values; a field without an entry takes any value
    ``aliases``  field → spelling → canonical value

    Values are compared trimmed and case-folded. Raises ValueError when an alias leads to a value
    that is not allowed, or contradicts an allowed one.
    """

    allowed: Mapping[str, frozenset[str]]
    aliases: Mapping[str, Mapping[str, str]]

    def __post_init__(self) -> None:
        for field, spellings in self.aliases.items():
            values = self.allowed.get(field)
            for spelling, value in spellings.items():
                if values is not None and value not in values:
                    raise ValueError(f"alias {spelling!r} of utm_{field} leads to unknown {value!r}")
                if values is not None and spelling in values and spelling != value:
                    raise ValueError(f"{spelling!r} of utm_{field} is both a value and an alias of {value!r}")

    def canonical(self, field: str, raw: str) -> str | None:
        """The canonical value of a raw one, or None where a person has to decide."""
        folded = {fold(spelling): value for spelling, value in self.aliases.get(field, {}).items()}
        values = self.allowed.get(field)
        key = fold(raw)
        if values is None:
            return folded.get(key, key)
        folded |= {fold(value): value for value in values}
        return folded.get(key)


@dataclass(frozen=True)
class TaggedLink:
    """One link read against a vocabulary.

    ``values``    UTM field → canonical value
    ``unknown``   UTM field → raw value that the vocabulary does not hold
    ``conflicts`` UTM fields that the link gives more than once with different values
    ``missing``   required fields that are absent or empty
    """

    url: str
    values: Mapping[str, str]
    unknown: Mapping[str, str]
    conflicts: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def covered(self) -> bool:
        """Whether every required field is present, unambiguous and in the vocabulary."""
        return not self.missing and not any(
            field in self.unknown or field in self.conflicts for field in REQUIRED_FIELDS
        )


@dataclass(frozen=True)
class ReviewItem:
    """A raw value that waits for a person: where, what, and how many rows hang on it."""

    field: str
    raw: str
    rows: int
    candidates: tuple[str, ...] = ()


@dataclass(frozen=True)
class CoverageAudit:
    """UTM coverage of a set of links: share covered with Wilson interval, and why the rest is not.

    ``missing`` and ``conflicts`` count rows by field; ``review`` lists unknown values, most rows first.
    """

    coverage: MaybeEstimate
    missing: Mapping[str, int]
    conflicts: Mapping[str, int]
    review: tuple[ReviewItem, ...]


def fold(raw: str) -> str:
    """Trimmed, case-folded, inner white space as one space: the form in which values are compared."""
    return " ".join(raw.split()).casefold()


def read_link(url: str, vocabulary: Vocabulary) -> TaggedLink:
    """Read the UTM parameters of a URL's query; parameter names are matched without case."""
    raw: dict[str, list[str]] = {}
    for name, value in parse_qsl(urlsplit(url).query, keep_blank_values=True):
        prefix, _, field = name.casefold().partition("_")
        if prefix == "utm" and field in UTM_FIELDS and value.strip():
            raw.setdefault(field, []).append(value)
    values: dict[str, str] = {}
    unknown: dict[str, str] = {}
    conflicts = []
    for field, given in raw.items():
        if len({vocabulary.canonical(field, value) or fold(value) for value in given}) > 1:
            conflicts.append(field)
            continue
        canonical = vocabulary.canonical(field, given[0])
        if canonical is None:
            unknown[field] = given[0]
        else:
            values[field] = canonical
    missing = tuple(field for field in REQUIRED_FIELDS if field not in raw)
    return TaggedLink(url, values, unknown, tuple(conflicts), missing)


def audit_coverage(links: Iterable[tuple[str, int]], vocabulary: Vocabulary) -> CoverageAudit:
    """Audit (URL, rows) pairs against the vocabulary. Unavailable coverage without rows.

    Raises ValueError for negative row counts.
    """
    covered = total = 0
    missing: Counter[str] = Counter()
    conflicts: Counter[str] = Counter()
    unknown: Counter[tuple[str, str]] = Counter()
    for url, rows in links:
        if rows < 0:
            raise ValueError("rows cannot be negative")
        link = read_link(url, vocabulary)
        total += rows
        covered += rows * link.covered
        missing.update(dict.fromkeys(link.missing, rows))
        conflicts.update(dict.fromkeys(link.conflicts, rows))
        unknown.update({(field, fold(raw)): rows for field, raw in link.unknown.items()})
    return CoverageAudit(
        coverage=rates.wilson_rate(covered, total),
        missing=dict(missing),
        conflicts=dict(conflicts),
        review=tuple(
            ReviewItem(field, raw, rows, tuple(sorted(vocabulary.allowed.get(field, ()))))
            for (field, raw), rows in unknown.most_common()
        ),
    )


@dataclass(frozen=True)
class StageMap:
    """How one partner's funnel stages read in the common ones.

    ``meanings`` lists for each of the partner's stages the common stages it may mean: one is a
    mapping, several are ambiguous and wait for a person. Raises ValueError for a stage that maps to
    nothing, or to one that is not in ``common`` (ordered, earliest first).
    """

    partner: str
    common: tuple[str, ...]
    meanings: Mapping[str, tuple[str, ...]]

    def __post_init__(self) -> None:
        for stage, targets in self.meanings.items():
            if not targets or not set(targets) <= set(self.common):
                raise ValueError(f"stage {stage!r} of {self.partner} must lead to common stages")


def map_stages(
    counts: Mapping[str, int], stage_map: StageMap
) -> tuple[dict[str, int], tuple[ReviewItem, ...]]:
    """Rows by common stage, in funnel order, and the review list of unknown and ambiguous stages.

    ``counts`` gives rows by the partner's stage. Mapped and reviewed rows together are all rows.
    """
    meanings: dict[str, set[str]] = {}
    for stage, targets in stage_map.meanings.items():
        meanings.setdefault(fold(stage), set()).update(targets)
    mapped: Counter[str] = Counter()
    review = []
    for stage, rows in counts.items():
        candidates = sorted(meanings.get(fold(stage), ()), key=stage_map.common.index)
        if len(candidates) == 1:
            mapped[candidates[0]] += rows
        else:
            review.append(ReviewItem(f"stage of {stage_map.partner}", stage, rows, tuple(candidates)))
    review.sort(key=lambda item: -item.rows)
    return {stage: mapped[stage] for stage in stage_map.common if stage in mapped}, tuple(review)
