"""An assumption on a usage line: one value, or low/likely/high, with its unit checked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from gtm.core.money import finer_than_coins, parse_money
from plans.schemas.inputs import Input, InputError

PARTS = ("low", "likely", "high")
SHARE, MONEY = "share", "money"


@dataclass(frozen=True, slots=True)
class Spread(Input):
    """``0.05``, ``5%`` or ``2%/5%/9%``; of money, ``10000`` or ``8000/10000/15000`` in the program's
    currency.

    Read as {"low", "likely", "high"} of exact texts, three alike where one was given. ``minimum`` and
    ``maximum`` bound each. The likely value lies between the others.
    """

    unit: str = SHARE
    minimum: Decimal = Decimal(0)
    maximum: Decimal = Decimal(1)

    def read(self, raw: Any, facts: Mapping[str, Any]) -> dict[str, str]:
        given = [raw.get(part) for part in PARTS] if isinstance(raw, Mapping) else str(raw).split("/")
        if len(given) == 1:
            given = given * 3
        if len(given) != 3 or any(part is None for part in given):
            raise InputError(f"“{raw}” is neither one value nor low/likely/high.", ("0.05", "2%/5%/9%"))
        values = [self._one(str(part), facts) for part in given]
        if sorted(values) != values:
            raise InputError(f"“{raw}” does not rise from low over likely to high.")
        return {part: format(value, "f") for part, value in zip(PARTS, values, strict=True)}

    def _one(self, text: str, facts: Mapping[str, Any]) -> Decimal:
        if self.unit == MONEY:
            value = self._money(text, facts)
        else:
            number = re.sub(r"\s*%$", "", text.strip())
            try:
                value = Decimal(number)
            except InvalidOperation as error:
                raise InputError(f"“{text}” is no number; write 0.05 or 5%.") from error
            if not value.is_finite():
                raise InputError(f"“{text}” is no number; write 0.05 or 5%.")
            value = value / 100 if text.strip().endswith("%") else value
        if not self.minimum <= value <= self.maximum:
            raise InputError(f"{value} is not between {self.minimum} and {self.maximum}.")
        return value

    def _money(self, text: str, facts: Mapping[str, Any]) -> Decimal:
        try:
            money = parse_money(text, facts.get("currency", "USD"))
        except ValueError as error:
            raise InputError(str(error)) from error
        expected = facts.get("currency")
        if expected and money.currency != expected:
            raise InputError(
                f"the program runs in {expected}, but the amount is in {money.currency}.", (expected,)
            )
        if wrong := finer_than_coins(money.amount, money.currency):
            raise InputError(wrong)
        return money.amount

    def json_schema(self) -> dict[str, Any]:
        part = {"anyOf": [{"type": "string"}, {"type": "number"}]}
        record = {"type": "object", "properties": dict.fromkeys(PARTS, part), "required": list(PARTS)}
        return {"anyOf": [{"type": "number"}, {"type": "string"}, record]}

    def write(self, value: Any) -> str:
        parts = [value[part] for part in PARTS]
        return parts[0] if len(set(parts)) == 1 else "/".join(parts)


@dataclass(frozen=True, slots=True)
class ShareLimit(Spread):
    """One share, ``10%`` or ``0.1``, read as its exact text."""

    def read(self, raw: Any, facts: Mapping[str, Any]) -> str:  # type: ignore[override]
        return format(self._one(str(raw), facts), "f")

    def json_schema(self) -> dict[str, Any]:
        return {"anyOf": [{"type": "number"}, {"type": "string"}]}

    def write(self, value: Any) -> str:
        return str(value)
