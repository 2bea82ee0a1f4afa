"""Money: an exact amount and its currency. Arithmetic across currencies is refused."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

_PATTERN = re.compile(
    r"^(?:(?P<before>[A-Za-z]{3})\s*)?(?P<number>[+-]?[\d,_ ]*\.?\d+)\s*(?P<after>[A-Za-z]{3})?$"
)


MINOR_DIGITS = {
    0: (
        "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV",
        "XAF", "XOF", "XPF",
    ),
    3: ("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"),
    4: ("CLF", "UYW"),
}  # fmt: skip
"""Digits of the minor unit where they are not two (ISO 4217)."""


def minor_units(currency: str) -> int:
    """How many decimals an amount of a currency has (ISO 4217): none of the yen, two of the euro."""
    return next((digits for digits, codes in MINOR_DIGITS.items() if currency in codes), 2)


FEW_COINS = 10
"""Below as many of the smallest coin, what is no whole number of them is a price of one of many."""
KEPT_DECIMALS = 4
"""What columns of amounts hold: as many as any currency has."""


def as_kept(amount: Decimal) -> Decimal:
    """An amount with two decimals, or with as many more as it has, up to four: 50000.00, 1.234."""
    fine = amount.quantize(Decimal(1).scaleb(-KEPT_DECIMALS))
    return next(short for n in range(2, KEPT_DECIMALS + 1) if (short := round(fine, n)) == fine)


def finer_than_coins(amount: Decimal, currency: str) -> str:
    """Why an amount is not taken: it has more decimals than its currency. Else empty."""
    digits = minor_units(currency)
    if amount == round(amount, digits):
        return ""
    has = {0: "no decimals", 1: "one decimal"}.get(digits, f"{digits} decimals")
    return f"{amount:f} {currency} cannot be paid: {currency} has {has}."


def is_currency(unit: str) -> bool:
    """Whether a unit is written like a code of ISO 4217: EUR, and neither “points” nor “%”."""
    return len(unit) == 3 and unit.isascii() and unit.isalpha() and unit.isupper()


def amount_text(amount: Decimal, currency: str = "") -> str:
    """An amount as people read it: thousands apart, with the decimals of its currency, and two without one.

    Less than ten of the smallest coin, and not a whole number of them, is a price of one of many, such as the
    cost of a point: it is written with two more decimals.
    """
    digits = minor_units(currency)
    return f"{amount:,.{digits + 2 if is_price_of_one(amount, currency) else digits}f}"


def is_price_of_one(amount: Decimal, currency: str) -> bool:
    """Whether an amount cannot be paid by itself: few of the smallest coins, and not a whole number."""
    coins = abs(amount).scaleb(minor_units(currency))
    return coins < FEW_COINS and coins != coins.to_integral_value()


def exact_text(amount: Decimal, currency: str = "") -> str:
    """All of an amount, for a program to read: at least the decimals of its currency."""
    short = amount.normalize()
    exponent = short.as_tuple().exponent
    if isinstance(exponent, int) and exponent > -minor_units(currency):
        short = short.quantize(Decimal(1).scaleb(-minor_units(currency)))
    return f"{short:f}"


def spreadsheet_format(currency: str = "") -> str:
    """How a spreadsheet is to show amounts of a currency: #,##0.00 for euros, #,##0 for yen."""
    digits = minor_units(currency)
    return "#,##0" + ("." + "0" * digits if digits else "")


@dataclass(frozen=True, slots=True)
class Money:
    amount: Decimal
    currency: str

    def __str__(self) -> str:
        return f"{amount_text(self.amount, self.currency)} {self.currency}".rstrip()

    def as_dict(self) -> dict[str, str]:
        return {"amount": format(self.amount, "f"), "currency": self.currency}

    def __add__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.amount + other.amount, self.currency)

    def __le__(self, other: Money) -> bool:
        self._same(other)
        return self.amount <= other.amount

    def _same(self, other: Money) -> None:
        if self.currency != other.currency:
            raise ValueError(f"{self.currency} and {other.currency} do not add or compare without a rate")


def parse_money(text: str, currency: str) -> Money:
    """Read "50000", "50,000.50", "EUR 50 000" or "50000 EUR"; ``currency`` is used where none is named.

    Raises ValueError with a sentence for the user.
    """
    match = _PATTERN.match(text.strip())
    if not match:
        raise ValueError(f"“{text}” is not an amount of money; write it like 50000 or 50000 {currency}.")
    try:
        amount = Decimal(re.sub(r"[,_ ]", "", match["number"]))
    except InvalidOperation as error:
        raise ValueError(f"“{text}” is not an amount of money.") from error
    return Money(amount, (match["before"] or match["after"] or currency).upper())
