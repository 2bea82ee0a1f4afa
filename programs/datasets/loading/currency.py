"""Which currency a row is in, and the refusal of files that do not say."""

from __future__ import annotations

import re
from dataclasses import dataclass

import duckdb

from programs.datasets.contracts import Contract
from programs.datasets.loading.conversion import money_currency
from programs.datasets.loading.currencies import CODES, NAMES, SIGNS
from programs.datasets.loading.limits import Options
from programs.datasets.loading.problems import Problem, nearest
from programs.datasets.loading.said import Said
from programs.datasets.loading.words import fold
from programs.datasets.readers import RawFile

# fmt: off
COMMON = frozenset((
    "USD", "EUR", "GBP", "CHF", "JPY", "CNY", "CAD", "AUD", "NZD", "SEK", "NOK", "DKK", "PLN", "CZK", "HUF",
    "BRL", "MXN", "INR", "SGD", "HKD", "KRW", "TWD", "THB", "ZAR", "AED", "ILS", "CLP", "ARS", "IDR", "MYR",
    "PHP", "VND", "RUB", "UAH", "BGN", "RON", "TND", "KWD", "BHD",
))
# fmt: on
"""Codes that are no other word, so that a header says them without brackets."""
ROW = "currency__row"
IN_HEADER = re.compile(r"[(\[]([A-Za-z]{3})[)\]]\s*$")


def currency_of_load(
    connection: duckdb.DuckDBPyConnection,
    view: str,
    raw: RawFile,
    contract: Contract,
    columns: dict[str, int],
    options: Options,
    said: Said,
) -> tuple[str, list[Problem]]:
    """The currency of rows that do not name one ("" where every row does), and the problems with it.

    One currency written in the amounts or in their headers is enough; several need a currency column.
    A cell left empty beside others that name a currency is asked about: it is not the program's by itself.
    """
    name = raw.name
    amounts = [name for name in contract.money if name in columns]
    if options.currency and options.currency.upper() not in CODES:
        problem = Problem(
            "currency",
            f"“{options.currency}” is not an ISO 4217 currency code.",
            nearest=nearest(options.currency.upper(), CODES),
            code="unknown_currency",
        )
        return "", [problem]
    if not amounts:
        return options.currency.upper(), []
    home = options.home_currency.upper()
    if "currency" in columns or "currency" in said.constants:
        asked = (
            []
            if "currency" in said.constants
            else _unclear_codes(connection, view, name, columns, options, said)
        )
        return options.currency.upper() or home, asked
    if options.currency:
        return options.currency.upper(), _other_in_header(raw, amounts, columns, options.currency.upper())
    named = {code for amount in amounts if (code := _code_in(raw.headers[columns[amount]]))}
    if len(named) == 1:
        return named.pop(), []
    for amount in amounts:
        sign = _sign_in(raw.headers[columns[amount]])
        if sign and home not in SIGNS[sign]:
            return "", [
                Problem(
                    f"{name}: {amount}",
                    f"“{raw.headers[columns[amount]]}” names {sign}, and the amounts would be {home}. "
                    "Set currency.",
                    allowed=SIGNS[sign],
                    code="no_currency",
                )
            ]
    if asked := _unread_column(raw, columns, said):
        return "", asked
    written: dict[str, int] = {}
    for amount in amounts:
        letters, sign = money_currency(f"c{columns[amount]}")
        query = f"SELECT {letters}, {sign}, count(*) FROM {view} GROUP BY ALL"  # noqa: S608
        for code, mark, count in connection.execute(query).fetchall():
            meant = (code,) if code else SIGNS.get(mark, ())
            if meant:
                key = meant[0] if len(meant) == 1 else mark
                written[key] = written.get(key, 0) + count
    if len(written) == 1 and (only := next(iter(written))) in CODES:
        return only, []
    if home and (len(written) != 1 or home in SIGNS.get(next(iter(written)), (home,))):
        return home, []
    where = f"{name}: {', '.join(amounts)}"
    if len(written) > 1:
        listed = ", ".join(f"{key} {count:,}" for key, count in sorted(written.items()))
        return "", [
            Problem(
                where,
                f"The amounts are in several currencies ({listed}) and no column says which one; "
                "add a currency column or load one file per currency.",
                code="several_currencies",
            )
        ]
    sign = next(iter(written), "")
    allowed = SIGNS.get(sign, ("USD", "EUR", "GBP", "any other ISO 4217 code"))
    meaning = f"“{sign}” may be one of several currencies" if sign else "No currency is stated"
    return "", [
        Problem(
            where,
            f"{meaning}: set currency=… or add a currency column.",
            allowed=allowed,
            code="no_currency",
        )
    ]


def _unclear_codes(
    connection: duckdb.DuckDBPyConnection,
    view: str,
    name: str,
    columns: dict[str, int],
    options: Options,
    said: Said,
) -> list[Problem]:
    """Names where codes belong, and cells left empty: one question with an answer ready to be copied."""
    cell = f"c{columns['currency']}"
    found = connection.execute(
        f"SELECT coalesce(trim({cell}), '') AS said, count(*), min(row) "  # noqa: S608
        f"FROM {view} GROUP BY said ORDER BY min(row)"
    ).fetchall()
    known = said.words.get("currency", {})
    stated = {known.get(word.lower(), word).upper() for word, _, _ in found if word} & CODES
    names = [
        (word, count, row)
        for word, count, row in found
        if word.lower() in NAMES and word.lower() not in known
    ]
    empty = [(count, row) for word, count, row in found if not word]
    others = bool(names) or bool(stated - {options.home_currency.upper()})
    open_ = bool(empty) and not options.currency and others
    if not names and not open_:
        return []
    shown = [f"“{word}” in row {row:,}" for word, _, row in names]
    shown += [f"nothing in row {row:,}" for _, row in empty if open_]
    answers = []
    if names:
        pairs = ", ".join(f"{word}={NAMES[word.lower()]}" for word, _, _ in names)
        answers.append(f"value_map=currency: {pairs}")
    if open_:
        answers.append(f"currency={options.home_currency or 'USD'} for those that name none")
    return [
        Problem(
            f"{name}: currency",
            f"Not every row names its currency by an ISO 4217 code: {', '.join(shown)}. "
            f"Set {' and '.join(answers)}.",
            code="currency_names",
        )
    ]


def _code_in(header: str) -> str:
    """The code that a header says: “Total (EUR)”, “total_usd”, “Revenue (US$)”."""
    found = IN_HEADER.search(header)
    if found and found[1].upper() in CODES:
        return found[1].upper()
    words = {word.upper() for word in re.split(r"[^A-Za-z$]+", header)}
    named = sorted(words & COMMON)
    if named:
        return named[0]
    if words & {"US$"}:
        return "USD"
    signs = {known[0] for sign, known in SIGNS.items() if sign in header and len(known) == 1}
    return signs.pop() if len(signs) == 1 else ""


def _sign_in(header: str) -> str:
    """A sign in a header that may be one of several currencies: “Amount £”."""
    return next((sign for sign, known in SIGNS.items() if sign in header and len(known) > 1), "")


def _other_in_header(raw: RawFile, amounts: list[str], columns: dict[str, int], said: str) -> list[Problem]:
    return [
        Problem(
            f"{raw.name}: {amount}",
            f"“{header}” names {code}, and currency says {said}: amounts are never relabelled.",
            allowed=(code,),
            code="other_currency",
        )
        for amount in amounts
        if (code := _code_in(header := raw.headers[columns[amount]])) and code != said
    ]


def _unread_column(raw: RawFile, columns: dict[str, int], said: Said) -> list[Problem]:
    """A column that sounds like the currency of the amounts and that nobody has spoken of."""
    ignored = {fold(name) for name in said.ignored}
    sounding = tuple(
        header
        for index, header in enumerate(raw.headers)
        if index not in columns.values()
        and any(
            word in fold(header) for word in ("currency", "ccy", "iso4217", "wahrung", "währung", "devise")
        )
        and fold(header) not in ignored
    )
    if not sounding:
        return []
    return [
        Problem(
            f"{raw.name}: currency",
            f"“{sounding[0]}” sounds like the currency of the amounts. Set currency={sounding[0]} in the "
            "mapping; or one currency for all rows.",
            allowed=sounding,
            code="currency_column",
        )
    ]


@dataclass(frozen=True, slots=True)
class CurrencyConversion:
    """``steps``: columns to compute first, each on those before it; ``value``: the currency of the row."""

    value: str
    reasons: tuple[tuple[str, str], ...]
    steps: tuple[tuple[tuple[str, str], ...], ...]


def currency_conversion(
    contract: Contract, columns: dict[str, int], declared: str, *, named: bool
) -> CurrencyConversion:
    """The currency of each row, where ``named`` given the SQL column ``currency__text``.

    What is written in the amounts, and what follows for the row, are columns of their own. Every reason asks
    for them: written out in each of them, they make a statement that takes seconds to plan for a few rows.
    """
    stated = "upper(currency__text)" if named else "CAST(NULL AS VARCHAR)"
    amounts = [name for name in contract.money if name in columns]
    found = {name: money_currency(f"c{columns[name]}") for name in amounts}
    in_amounts = tuple(
        (f"{name}__{what}", expression)
        for name, pair in found.items()
        for what, expression in zip(("code", "sign"), pair, strict=True)
    )
    meant = " ".join(f"WHEN '{sign}' THEN '{known[0]}'" for sign, known in SIGNS.items() if len(known) == 1)
    written = [f"coalesce({name}__code, CASE {name}__sign {meant} END)" for name in amounts]
    fallback = f"'{declared}'" if declared else "CAST(NULL AS VARCHAR)"
    present = " OR ".join(f"c{columns[name]} IS NOT NULL" for name in amounts) or "false"
    currency = f"CASE WHEN {present} THEN coalesce({', '.join([stated, *written, fallback])}) END"
    reasons = [(f"({present}) AND {ROW} IS NULL", "currency: missing")]
    for name in amounts:
        reasons.append((f"{name}__code <> {ROW}", f"{name}: written in another currency than the row's"))
        meanings = " ".join(
            f"WHEN '{mark}' THEN NOT list_contains({list(known)}, {ROW})" for mark, known in SIGNS.items()
        )
        reasons.append(
            (
                f"CASE {name}__sign {meanings} END",
                f"{name}: its sign is of another currency than the row's, which a currency column would name",
            )
        )
    steps = (in_amounts, ((ROW, currency),))
    return CurrencyConversion(ROW, tuple(reasons), tuple(step for step in steps if step))
