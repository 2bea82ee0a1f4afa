"""What people wrote, counted by plain words: themes with how many answers name them, and an example of each.

An answer is in every theme one of whose words it has, and in none where it has none: nothing is guessed.
Words that are in no theme are counted too, so that what nobody thought of is seen.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

THEMES: Mapping[str, tuple[str, ...]] = {
    "Delivery": ("deliver", "shipping", "shipped", "parcel", "arriv", "courier", "late"),
    "Price": ("price", "expensive", "cheap", "cost", "overpriced", "discount"),
    "Service": ("service", "support", "staff", "helpful", "rude", "friendly", "answered"),
    "Quality": ("quality", "broken", "defect", "damaged", "faulty", "durable"),
    "Points and rewards": ("point", "reward", "redeem", "tier", "voucher", "loyalty", "expire"),
    "Website and app": ("website", "app", "login", "checkout", "password", "crash"),
    "Choice": ("selection", "choice", "range", "stock", "variety", "available"),
    "Returns": ("return", "refund", "exchange", "cancel"),
}
"""Theme → beginnings of words that name it."""
WHOLE = frozenset({"app", "late", "range", "tier"})
"""Words that are meant as they stand: “apple” is no app."""
LOW = {"nps": 6, "csat": 2}
"""Survey → the highest score of an answer that is not content."""
COMMON = frozenset((
    "about", "after", "again", "also", "always", "because", "been", "before", "could", "dont", "even",
    "every", "from", "good", "great", "have", "having", "into", "just", "like", "made", "make", "many",
    "more", "most", "much", "need", "nice", "only", "other", "over", "really", "some", "still", "than",
    "that", "them", "then", "there", "they", "thing", "things", "this", "very", "want", "well", "were",
    "what", "when", "which", "will", "with", "would", "your", "bought", "order", "product", "products",
))  # fmt: skip
LEAST_ANSWERS, MOST_WORDS, LONGEST_EXAMPLE = 3, 10, 160
PRIVATE = re.compile(r"\S+@\S+|\+?\d[\d ()/-]{5,}\d")


@dataclass(frozen=True, slots=True)
class WrittenAnswer:
    """The words of an answer, with the survey and its score."""

    survey: str
    score: int
    text: str

    @property
    def is_low(self) -> bool:
        return self.score <= LOW.get(self.survey, -1)


@dataclass(frozen=True, slots=True)
class ThemeCount:
    """Answers that name a theme, those of them that were not content, and the newest as an example."""

    theme: str
    answers: int
    low: int
    example: str
    words: tuple[tuple[str, int], ...]
    """The words by which it was named, and how many answers have each."""


def count_themes(answers: Sequence[WrittenAnswer]) -> list[ThemeCount]:
    """Themes that are named at all, the most frequent first."""
    found = []
    for theme, beginnings in THEMES.items():
        named = [
            answer for answer in answers if any(_names(word, beginnings) for word in _words(answer.text))
        ]
        if named:
            example = next((answer for answer in named if answer.is_low), named[0])
            low = sum(answer.is_low for answer in named)
            counts = Counter(
                word for each in named for word in {*_words(each.text)} if _names(word, beginnings)
            )
            words = tuple(sorted(counts.items(), key=lambda one: (-one[1], one[0]))[:MOST_WORDS])
            found.append(ThemeCount(theme, len(named), low, without_traces(example.text), words))
    return sorted(found, key=lambda each: (-each.answers, each.theme))


def other_words(answers: Sequence[WrittenAnswer]) -> list[tuple[str, int]]:
    """Words of no theme and how many answers have them, from three answers on."""
    counts: Counter[str] = Counter()
    every = tuple(word for beginnings in THEMES.values() for word in beginnings)
    for answer in answers:
        counts.update(
            {w for w in _words(answer.text) if len(w) > 3 and w not in COMMON and not _names(w, every)}
        )
    named = [(word, count) for word, count in counts.items() if count >= LEAST_ANSWERS]
    return sorted(named, key=lambda each: (-each[1], each[0]))[:MOST_WORDS]


def without_traces(text: str) -> str:
    """The words without addresses and numbers that name a person, and not at any length."""
    short = PRIVATE.sub("…", " ".join(text.split()))
    return short if len(short) <= LONGEST_EXAMPLE else f"{short[: LONGEST_EXAMPLE - 1]}…"


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", text.casefold().replace("’", "").replace("'", ""))


def _names(word: str, beginnings: Sequence[str]) -> bool:
    return any(word == each if each in WHOLE else word.startswith(each) for each in beginnings)
