"""Inputs of a command: how each is read, checked, described to machines and written back as usage.

``read`` turns what a person typed (or JSON) into a plain JSON value and raises ``InputError``
with a sentence; ``json_schema`` is what REST publishes; forms take ``choices`` and ``help``.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from gtm.core.errors import Problem
from gtm.core.money import finer_than_coins, parse_money
from gtm.core.places import world

MAX_TEXT = 2000
PERIODS_A_YEAR: Mapping[str, int] = {"year": 1, "quarter": 4, "month": 12}


class InputError(ValueError):
    def __init__(self, message: str, allowed: Sequence[str] = (), nearest: str = ""):
        super().__init__(message)
        self.message, self.allowed, self.nearest = message, tuple(allowed), nearest


def refuse_unprintable(text: str) -> str:
    """Answer ``text``; raise InputError for what a database or a terminal cannot take."""
    if any(unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\t" for c in text):
        raise InputError("it contains a character that cannot be printed, such as NUL.")
    return text


def nearest(word: str, vocabulary: Sequence[str]) -> str:
    """The closest known word, or "" where none is close."""
    return next(iter(difflib.get_close_matches(str(word).lower(), vocabulary, n=1, cutoff=0.6)), "")


@dataclass(frozen=True, slots=True)
class Input:
    """Base of all kinds. ``default`` is in the same form a person would type.

    ``flag`` is how the documents write the name on a usage line, where that differs. ``row`` is the row of
    the command's table of assumptions that it sets, in the same unit.
    """

    name: str
    help: str
    required: bool = False
    default: Any = None
    flag: str = field(default="", kw_only=True)
    row: str = field(default="", kw_only=True)

    def read(self, raw: Any, facts: Mapping[str, Any]) -> Any:
        raise TypeError(f"{type(self).__name__} does not say how it is read")

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string"}

    def schema(self) -> dict[str, Any]:
        described = {**self.json_schema(), "title": self.name, "description": self.help}
        if self.default is not None:
            described["default"] = self.default
        return described

    def write(self, value: Any) -> str:
        """The value as it stands on a usage line."""
        return ",".join(value) if isinstance(value, list) else str(value)

    @property
    def choices(self) -> tuple[str, ...]:
        return ()


@dataclass(frozen=True, slots=True)
class Text(Input):
    max_length: int = MAX_TEXT

    def read(self, raw: Any, facts: Mapping[str, Any]) -> str:
        if not isinstance(raw, str):
            raise InputError(f"a text is expected, not {type(raw).__name__}.")
        text = raw.strip()
        if not text:
            raise InputError("it is empty.")
        if len(text) > self.max_length:
            raise InputError(f"at most {self.max_length} characters, these are {len(text)}.")
        return refuse_unprintable(text)

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "minLength": 1, "maxLength": self.max_length}


@dataclass(frozen=True, slots=True)
class Known(Text):
    """The name or the slug of something the program has; read as its name.

    ``among`` names the fact that maps slug → {"name": …}; where it is not known, any text is read.
    """

    among: str = ""

    def read(self, raw: Any, facts: Mapping[str, Any]) -> str:
        text = Text.read(self, raw, facts)
        if self.among not in facts:
            return text
        spelled = {
            spelling.casefold(): told["name"]
            for slug, told in facts[self.among].items()
            for spelling in (slug, told["name"])
        }
        if text.casefold() not in spelled:
            names = sorted(told["name"] for told in facts[self.among].values())
            close = nearest(text, list(spelled))
            raise InputError(
                f"“{text}” is not one of the program's {self.among}.", names, spelled.get(close, "")
            )
        return spelled[text.casefold()]


@dataclass(frozen=True, slots=True)
class Choice(Input):
    options: tuple[str, ...] = ()

    def read(self, raw: Any, facts: Mapping[str, Any]) -> str:
        word = str(raw).strip().lower()
        if word not in self.options:
            raise InputError(f"“{raw}” is not known.", self.options, nearest(word, self.options))
        return word

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "enum": list(self.options)}

    @property
    def choices(self) -> tuple[str, ...]:
        return self.options


@dataclass(frozen=True, slots=True)
class CountOrKind(Input):
    """A whole number in a range, or one of a few kinds: ``--tiers 3``, ``--tiers hybrid``."""

    minimum: int = 1
    maximum: int = 10
    kinds: tuple[str, ...] = ()

    def read(self, raw: Any, facts: Mapping[str, Any]) -> int | str:
        word = str(raw).strip().lower()
        allowed = (f"{self.minimum} to {self.maximum}", *self.kinds)
        if re.fullmatch(r"[+-]?\d{1,9}", word):
            if not self.minimum <= int(word) <= self.maximum:
                raise InputError(f"{word} is out of range.", allowed)
            return int(word)
        if word not in self.kinds:
            raise InputError(
                f"“{raw}” is neither a number nor a known kind.", allowed, nearest(word, self.kinds)
            )
        return word

    def json_schema(self) -> dict[str, Any]:
        number = {"type": "integer", "minimum": self.minimum, "maximum": self.maximum}
        return {"anyOf": [number, {"type": "string", "enum": list(self.kinds)}]}


@dataclass(frozen=True, slots=True)
class Count(Input):
    """A whole number in a range."""

    minimum: int = 0
    maximum: int = 10

    def read(self, raw: Any, facts: Mapping[str, Any]) -> int:
        word = str(raw).strip()
        allowed = (f"{self.minimum} to {self.maximum}",)
        if isinstance(raw, bool) or not re.fullmatch(r"[+-]?\d{1,9}", word):
            raise InputError(f"“{raw}” is no whole number.", allowed)
        if not self.minimum <= int(word) <= self.maximum:
            raise InputError(f"{word} is out of range.", allowed)
        return int(word)

    def json_schema(self) -> dict[str, Any]:
        return {"type": "integer", "minimum": self.minimum, "maximum": self.maximum}


@dataclass(frozen=True, slots=True)
class Amount(Input):
    """Money in the program's currency; read as {"amount", "currency"}. Must be positive.

    ``periods`` allows a period after a slash, e.g. 50000/quarter; the first is the default.
    """

    periods: tuple[str, ...] = ()

    def read(self, raw: Any, facts: Mapping[str, Any]) -> dict[str, str]:
        if isinstance(raw, Mapping):
            raw = f"{raw.get('amount', '')} {raw.get('currency', '')}".strip() + (
                f"/{raw['period']}" if raw.get("period") else ""
            )
        text, _, period = str(raw).partition("/")
        period = period.strip().lower() or next(iter(self.periods), "")
        if self.periods and period not in self.periods:
            raise InputError(f"“{period}” is not a period.", self.periods, nearest(period, self.periods))
        try:
            money = parse_money(text, facts.get("currency", "USD"))
        except ValueError as error:
            raise InputError(str(error)) from error
        if wrong := world.wrong_currency(money.currency):
            raise InputError(wrong)
        if money.amount <= 0:
            raise InputError(f"{money.amount} is not a positive amount.")
        expected = facts.get("currency")
        if expected and money.currency != expected:
            raise InputError(
                f"the program runs in {expected}, but the amount is in {money.currency}.", (expected,)
            )
        if wrong := finer_than_coins(money.amount, money.currency):
            raise InputError(wrong)
        read = {"amount": format(money.amount, "f"), "currency": money.currency}
        read |= {"period": period} if self.periods else {}
        if a_year(read) >= Decimal(10) ** 13:
            raise InputError("the amount a year is larger than the largest possible (10,000,000,000,000).")
        return read

    def json_schema(self) -> dict[str, Any]:
        fields: dict[str, Any] = {"amount": {"type": "string"}, "currency": {"type": "string"}}
        if self.periods:
            fields["period"] = {"type": "string", "enum": list(self.periods)}
        record = {"type": "object", "properties": fields, "required": ["amount"]}
        return {"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"type": "string"}, record]}

    def write(self, value: Any) -> str:
        period = value.get("period", "")
        suffix = f"/{period}" if period and period != self.periods[0] else ""
        return f"{value['amount']}{suffix}"


def a_year(money: Mapping[str, str]) -> Decimal:
    """What ``Amount`` read, as a sum a year: 50000/month is 600000; without a period it is spent once."""
    return Decimal(money["amount"]) * PERIODS_A_YEAR[money.get("period") or "year"]


@dataclass(frozen=True, slots=True)
class TextList(Input):
    """Comma-separated words; ``options`` restricts them. Order is kept, repeats are refused."""

    options: tuple[str, ...] = ()
    lower: bool = True

    def read(self, raw: Any, facts: Mapping[str, Any]) -> list[str]:
        parts = raw if isinstance(raw, list) else str(raw).split(",")
        words = [str(p).strip() for p in parts]
        words = [w.lower() for w in words] if self.lower else words
        if not all(words):
            raise InputError("there is an empty entry between the commas.", self.options)
        for word in words:
            refuse_unprintable(word)
            if self.options and word not in self.options:
                raise InputError(f"“{word}” is not known.", self.options, nearest(word, self.options))
            if len(word) > 120:
                raise InputError("an entry is longer than 120 characters.")
        if len(set(words)) != len(words):
            raise InputError("an entry is named twice.")
        return words

    def json_schema(self) -> dict[str, Any]:
        item: dict[str, Any] = {"type": "string"}
        if self.options:
            item["enum"] = list(self.options)
        return {"anyOf": [{"type": "array", "items": item, "uniqueItems": True}, {"type": "string"}]}


@dataclass(frozen=True, slots=True)
class KnownList(TextList):
    """Several of what the fact ``among`` maps slug → {"name": …}, by name or slug; read as their slugs.

    Where that fact is not there, any words are read.
    """

    among: str = ""

    def read(self, raw: Any, facts: Mapping[str, Any]) -> list[str]:
        words = TextList.read(self, raw, facts)
        if self.among not in facts:
            return words
        known = facts[self.among]
        spelled = {
            spelling.casefold(): slug for slug, told in known.items() for spelling in (slug, told["name"])
        }
        for word in words:
            if word.casefold() not in spelled:
                close = nearest(word, list(spelled))
                raise InputError(
                    f"“{word}” is not one of the {self.among}.", sorted(known), spelled.get(close, "")
                )
        found = [spelled[word.casefold()] for word in words]
        if len(set(found)) != len(found):
            raise InputError("an entry is named twice.")
        return found


@dataclass(frozen=True, slots=True)
class Window(Input):
    """A time range: a number of days ("30d") or a named range such as quarter.

    ``spelled``: other words for a named range, word → name; a plan keeps the name.
    """

    named: tuple[str, ...] = ()
    max_days: int = 1096
    spelled: Mapping[str, str] = field(default_factory=dict)

    def read(self, raw: Any, facts: Mapping[str, Any]) -> str:
        word = " ".join(str(raw).lower().split())
        word = self.spelled.get(word, word)
        if word in self.named:
            return word
        match = re.fullmatch(r"([1-9]\d{0,4})d", word)
        allowed = ("7d", "30d", "90d", *self.named)
        if not match:
            raise InputError(f"“{raw}” is not a time range.", allowed, nearest(word, allowed))
        if int(match[1]) > self.max_days:
            raise InputError(f"at most {self.max_days}d.", allowed)
        return word

    def json_schema(self) -> dict[str, Any]:
        return {
            "type": "string",
            "pattern": "^([1-9][0-9]{0,4}d" + "".join(f"|{n}" for n in (*self.named, *self.spelled)) + ")$",
        }


@dataclass(frozen=True, slots=True)
class Day(Input):
    """A calendar date, YYYY-MM-DD. A date in the past is read: the plan says how late it is."""

    def read(self, raw: Any, facts: Mapping[str, Any]) -> str:
        try:
            return date.fromisoformat(str(raw).strip()).isoformat()
        except ValueError as error:
            raise InputError(f"“{raw}” is not a date; write it like 2026-12-10.") from error

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string", "format": "date"}


PIPELINE, DIAMOND = "pipeline", "diamond"
PATTERN = Choice(
    "pattern",
    "Tasks one after the other, or side by side up to a merge gate. Empty: as the command has it",
    options=(PIPELINE, DIAMOND),
)
"""The input by which a run chooses its pattern; ``plans.runs.patterns`` makes the graph of it."""


def read_inputs(
    declared: Sequence[Input], given: Mapping[str, Any], facts: Mapping[str, Any]
) -> tuple[dict[str, Any], list[Problem]]:
    """Read all inputs; answers the values after defaults, and every problem at once."""
    problems: list[Problem] = []
    names = [i.name for i in declared]
    values: dict[str, Any] = {}
    for name in given:
        if name not in names:
            problems.append(
                Problem(name, "there is no such input.", tuple(names), nearest(name, names), "unknown")
            )
    for spec in declared:
        raw = given.get(spec.name)
        if raw is None or raw == "" or raw == []:
            if spec.required:
                problems.append(
                    Problem(spec.name, f"is required: {spec.help}", spec.choices, code="required")
                )
                continue
            if spec.default is None:
                continue
            raw = spec.default
        try:
            values[spec.name] = spec.read(raw, facts)
        except InputError as error:
            problems.append(Problem(spec.name, error.message, error.allowed, error.nearest))
    return values, problems
