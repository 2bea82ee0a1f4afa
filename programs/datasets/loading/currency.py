"""Which currency a row is in, and the refusal of files that do not say."""

from __future__ import annotations

import duckdb

from programs.datasets.contracts import Contract
from programs.datasets.loading.conversion import money_currency
from programs.datasets.loading.currencies import CODES, SIGNS
from programs.datasets.loading.limits import Options
from programs.datasets.loading.problems import Problem, nearest


def currency_of_load(
    connection: duckdb.DuckDBPyConnection,
    view: str,
    name: str,
    contract: Contract,
    columns: dict[str, int],
    options: Options,
) -> tuple[str, list[Problem]]:
    """The currency of rows that do not name one ("" where every row does), and the problems with it.

    One currency written in the amounts themselves is enough; several need a currency column.
    """
    amounts = [name for name in contract.money if name in columns]
    if options.currency and options.currency.upper() not in CODES:
        problem = Problem(
            "currency",
            f"“{options.currency}” is not an ISO 4217 currency code.",
            nearest=nearest(options.currency.upper(), CODES),
            code="unknown_currency",
        )
        return "", [problem]
    if options.currency or not amounts or "currency" in columns:
        return options.currency.upper(), []
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
    where = f"{name}: {', '.join(amounts)}"
    if len(written) > 1:
        listed = ", ".join(f"{key} {count:,}" for key, count in sorted(written.items()))
        return "", [
            Problem(
                where,
                f"The amounts are in several currencies ({listed}) and no column says which; "
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
            f"{meaning}: say currency=… or add a currency column.",
            allowed=allowed,
            code="no_currency",
        )
    ]


def currency_conversion(
    contract: Contract, columns: dict[str, int], declared: str
) -> tuple[str, list[tuple[str, str]]]:
    """(SQL of the row's currency, reasons) given the SQL columns ``currency__text`` and the cells."""
    stated = "upper(currency__text)" if "currency" in columns else "CAST(NULL AS VARCHAR)"
    amounts = [name for name in contract.money if name in columns]
    letters = {name: money_currency(f"c{columns[name]}") for name in amounts}
    meant = " ".join(f"WHEN '{sign}' THEN '{known[0]}'" for sign, known in SIGNS.items() if len(known) == 1)
    written = [f"coalesce({code}, CASE {sign} {meant} END)" for code, sign in letters.values()]
    fallback = f"'{declared}'" if declared else "CAST(NULL AS VARCHAR)"
    present = " OR ".join(f"c{columns[name]} IS NOT NULL" for name in amounts) or "false"
    currency = f"CASE WHEN {present} THEN coalesce({', '.join([stated, *written, fallback])}) END"
    reasons = [(f"({present}) AND ({currency}) IS NULL", "currency: missing")]
    for name, (code, sign) in letters.items():
        reasons.append((f"({code}) <> ({currency})", f"{name}: written in another currency than the row's"))
        meanings = " ".join(
            f"WHEN '{mark}' THEN NOT list_contains({list(known)}, {currency})"
            for mark, known in SIGNS.items()
        )
        reasons.append(
            (f"CASE {sign} {meanings} END", f"{name}: its sign is of another currency than the row's")
        )
    return currency, reasons
