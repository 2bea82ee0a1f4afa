"""The answer of a plan: what to do, for how much money, how surely, and what would change it.

One object, made by a computing step and kept with its outputs. It fills the plan page, the approval page,
messages, report, workbook, REST and the plan JSON, so that nobody reads two versions of a result.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, ClassVar

from gtm.core.money import amount_text, is_currency, minor_units
from programs.analytics.chances import chance_in_words

GO, WITH_CARE, DO_NOT, CANNOT_TELL = "go", "go with care", "do not", "cannot tell"
VERDICTS = (GO, WITH_CARE, DO_NOT, CANNOT_TELL)
MOST_FIGURES = 3
WHOLE_FROM = 100


@dataclass(frozen=True, slots=True)
class Worth:
    """The money of an answer: ``amount`` in ``currency``, with its interval at ``level`` if there is one."""

    label: str
    amount: float | None
    currency: str
    low: float | None = None
    high: float | None = None
    level: float | None = None


@dataclass(frozen=True, slots=True)
class Certainty:
    """How surely, in words and as a number: ``chance``, from 0 to 1, is that of ``of``."""

    words: str
    chance: float | None = None
    of: str = ""


@dataclass(frozen=True, slots=True)
class AnswerFigure:
    """A figure of an answer; ``unit`` as of ``outputs.Figure``. ``comparison`` is a value in the same unit,
    and ``compared_with`` says what it is.
    """

    label: str
    value: float | int | str | None
    unit: str = ""
    low: float | None = None
    high: float | None = None
    level: float | None = None
    comparison: float | int | str | None = None
    compared_with: str = ""
    definition: str = ""
    unavailable: str = ""


@dataclass(frozen=True, slots=True)
class Alternative:
    """A better choice that was found, or why there is none; ``inputs`` that make it, as people type them."""

    words: str
    inputs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """``chart`` and ``table`` are keys of the outputs that say most about it, ``columns`` those of the table
    to show. The first caveat decides most.

    Raises ValueError for an unknown verdict, no headline, or more figures than people read at once.
    """

    kind: ClassVar[str] = "answer"
    key: str = "answer"
    title: str = "Answer"
    headline: str = ""
    verdict: str = CANNOT_TELL
    money: Worth | None = None
    certainty: Certainty = Certainty("")
    figures: Sequence[AnswerFigure] = ()
    caveats: Sequence[str] = ()
    alternative: Alternative | None = None
    next: str = ""
    chart: str = ""
    table: str = ""
    columns: Sequence[str] = ()

    def __post_init__(self) -> None:
        if self.verdict not in VERDICTS:
            raise ValueError(f"“{self.verdict}” is no verdict. Use one of: {', '.join(VERDICTS)}.")
        if not self.headline.strip():
            raise ValueError("An answer needs a headline: one sentence that says what to do.")
        if len(self.figures) > MOST_FIGURES:
            raise ValueError(f"An answer has {len(self.figures)} figures; {MOST_FIGURES} is the most.")


def rows_of(answer: Mapping[str, Any]) -> list[tuple[str, Any, str]]:
    """A stored answer as rows for a table: what, its value, its unit."""
    rows: list[tuple[str, Any, str]] = [
        ("What to do", answer["headline"], ""),
        ("Verdict", answer["verdict"], ""),
    ]
    if worth := answer["money"]:
        rows += [
            (f"{worth['label']}{end}", worth[name], worth["currency"])
            for name, end in (("amount", ""), ("low", ", low"), ("high", ", high"))
            if worth[name] is not None
        ]
    rows.append(("How sure", answer["certainty"]["words"], ""))
    for one in answer["figures"]:
        rows.append((one["label"], one["unavailable"] if one["value"] is None else one["value"], one["unit"]))
        rows += [
            (f"{one['label']}, {end}", one[end], one["unit"])
            for end in ("low", "high")
            if one[end] is not None
        ]
        if one["comparison"] is not None:
            rows.append((f"{one['label']}, {one['compared_with']}", one["comparison"], one["unit"]))
    rows += [("Know before you decide", caveat, "") for caveat in answer["caveats"]]
    if answer["alternative"]:
        rows.append(("Alternative", answer["alternative"]["words"], ""))
    return [*rows, ("Next", answer["next"], "")]


def rounding_note(answer: Mapping[str, Any]) -> str:
    """How a stored answer writes amounts, where its tables have more of them; else empty."""
    units = [(answer["money"] or {}).get("currency", ""), *(one["unit"] for one in answer["figures"])]
    currency = next((unit for unit in units if is_currency(unit) and minor_units(unit) > 0), "")
    return (
        f"Amounts from {WHOLE_FROM} {currency} on are rounded to whole units here; the tables have them with "
        "their decimals."
        if currency
        else ""
    )


def amount_in_words(worth: Mapping[str, Any]) -> str:
    """A stored amount with its interval, as a message has it: whole units."""
    ends = [worth["low"], worth["high"]]
    within = "" if None in ends else f", {ends[0]:,.0f} to {ends[1]:,.0f}"
    amount = worth["amount"]
    told = (
        f"{amount:,.0f}"
        if abs(amount) >= WHOLE_FROM
        else amount_text(Decimal(str(amount)), worth["currency"])
    )
    return f"{told} {worth['currency']}{within}"


def of_item(item: Mapping[str, Any], currency: str) -> Answer:
    """The answer of a follow-up: an item of a backlog, as the run valued it that proposed it."""
    value = item.get("expected_value")
    low, high = item.get("expected_low"), item.get("expected_high")
    chance = item.get("chance_to_win")
    worth = Worth("Expected value when it was proposed", value, currency, low, high)
    words = "" if chance is None else f"Chance that it brings what it is meant to: {chance_in_words(chance)}."
    return Answer(
        headline=f"{item['title']}.",
        verdict=CANNOT_TELL if value is None else GO if value > 0 else DO_NOT,
        money=None if value is None else worth,
        certainty=Certainty(words, chance, "bringing what it is meant to"),
        caveats=[text for text in (item.get("why"), item.get("proof")) if text],
        next=f"{item['owner']} carries it out by {item['eta']}." if item.get("owner") else "",
    )
