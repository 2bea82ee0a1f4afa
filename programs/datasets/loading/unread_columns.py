"""Columns that nobody has spoken of and that change what a row means: refunds, tests, shops, kinds of rows.

Each is a question: a figure that counts a refund as a sale is wrong without a word. A column that the person
has named, or told us to ignore, is not asked about.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from programs.datasets.engines.session import one_row
from programs.datasets.loading.problems import Problem
from programs.datasets.loading.questioned import QuestionedFile
from programs.datasets.loading.said import quoted
from programs.datasets.loading.words import bare

LOOKED_AT = 100_000
"""Rows in which we count the words of a column; one with many words is no list of kinds."""
MOST_WORDS, MOST_LISTED = 40, 6
TAKEN_BACK = (
    r"^(refund|returns?\b|returned|credit ?(note|memo)|gutschrift|storn|r.ckerstatt|erstatt|rembours|avoir\b"
    r"|retour|reso\b|rimbors|nota (di|de) cr|devol|reembols|estorn|charged?.?back|revers|void|cancel|annul"
    r"|exchange|umtausch|rma\b|cn$|test( order)?$|quote$|fraud|disput|credit(factuur|nota|invoice)|terugbet"
    r"|kredit|zwrot|korekta|vr.cen|dobropis|palautus|hyvitys|returer|iade|возврат|сторно|返品|返金|取消|退货|退貨|退款"
    r"|반품|환불|취소)"
)
"""Words of a kind of row that is no sale, in the languages that exports come in."""
KINDS = {
    "type", "kind", "doctype", "documenttype", "rowtype", "recordtype", "entrytype", "ordertype", "salestype",
    "saletype", "linetype", "transaction", "art", "typ", "belegart", "belegtyp", "buchungsart", "vorgangsart",
    "soort", "documentsoort", "tipo", "tipodoc", "tipodocumento", "tipodedocumento", "tipooperacion", "genre",
    "typedepiece", "typededocument", "rodzaj", "rodzajdokumentu", "typdokumentu", "dc", "debitcredit",
    "creditdebit", "debetcredit", "sollhaben", "sh", "sign", "direction", "区分", "種別", "取引区分", "类型",
    "類型", "交易类型", "тип", "вид", "구분", "유형",
}  # fmt: skip
"""Folded headers of a column that says what kind of row a row is: asked about whatever its words are."""
MINUS = r"[-−(]|(?i:CR)\s*$"
FREE_TEXT = re.compile(
    r"name|mail|note|comment|description|address|title|tags?$|product|item|sku|variant|article|url|phone|subject"
)
NO_SALE_NAME = re.compile(
    r"refund|return|chargeback|charge.?back|credit|void|cancel|delet|storn|erstatt|rembours|retour|reembols|devol"
    r"|dispute|fraud|^(is)?test(order|mode)?$"
)
OTHER_NAME = re.compile(
    r"creditcard|creditlimit|creditscore|storecredit|creditused|creditapplied|returning|policy|by$|reason|note"
    r"|currency|email"
)
COUNTED = re.compile(r"qty|quantity|count|units|items|pieces")
PAID = {"paid", "paidamount", "amountpaid", "totalpaid"}
SHOPS = {
    "shop", "shopname", "shopid", "store", "storename", "storeid", "site", "branch", "filiale", "outlet",
    "marketplace", "tenant", "brand", "merchant", "merchantid", "location", "locationid",
}  # fmt: skip
NOTHING = "('', '0', '0.0', '0.00', '0,00', 'false', 'no', 'n', 'f', '-', 'none', 'null', 'nan', 'n/a', '[]')"
NUMERIC = r"^[-+(]?[^0-9a-z]*[0-9][0-9.,' ]*\)?[^0-9a-z]*([a-z]{3})?$"
DATED = r"^\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}|^\d{4}-\d{2}-\d{2}T|^[a-z]{3,9} \d{1,2},? \d{4}"
WORTH = ("total", "amount", "total_price", "value", "price", "subtotal")


def unread(look: QuestionedFile) -> Iterator[Problem]:
    """Every question about columns that are none of ours."""
    for index, header in look.unused():
        found = (
            _in_lists(look, index, header)
            or _kinds_of_rows(look, index, header)
            or _taken_back(look, index, header)
            or _unpaid(look, index, header)
            or _shops(look, index, header)
        )
        if found:
            yield found
    yield from _kinds_among_dimensions(look)


def _kinds_among_dimensions(look: QuestionedFile) -> Iterator[Problem]:
    """“Refund” is no category of products."""
    for name in ("category", "channel"):
        if name in look.columns and not look.said_of(name):
            index = look.columns[name]
            if found := _kinds_of_rows(look, index, look.raw.headers[index]):
                yield found


def _kinds_of_rows(look: QuestionedFile, index: int, header: str) -> Problem | None:
    """A column of few words, some of which say that the row is no sale."""
    if FREE_TEXT.search(bare(header)) or "movement" in look.columns or "movement" in look.said.constants:
        return None
    beginning = f"(SELECT trim(c{index}) AS word FROM {look.view} WHERE row <= {LOOKED_AT})"  # noqa: S608
    (several,) = one_row(look.connection, f"SELECT count(DISTINCT word) FROM {beginning}")  # noqa: S608
    if several > MOST_WORDS:
        return None
    plus = f"NOT regexp_matches(c{amount}, $minus)" if (amount := _amount(look)) is not None else "true"
    rows = look.connection.execute(
        f"SELECT trim(c{index}) AS word, count(*), "  # noqa: S608
        f"regexp_matches(lower(word), $words) AND bool_or({plus}), bool_and({plus}) "
        f"FROM {look.view} WHERE word <> '' GROUP BY word ORDER BY count(*) DESC, word LIMIT {MOST_WORDS}",
        {"words": TAKEN_BACK, **({"minus": MINUS} if amount is not None else {})},
    ).fetchall()
    back = [(word, count) for word, count, is_back, _ in rows if is_back]
    # Where some amounts are below zero, their sign says what a row is.
    has_no_minus = look.contract.unkeyed and all(is_plus for _, _, _, is_plus in rows)
    if not back and bare(header) in KINDS and len(rows) > 1 and has_no_minus:
        return _unclear_kinds(look, header, [(word, count) for word, count, _, _ in rows])
    if not back:
        return None
    counted = ", ".join(f"{word} ({count:,})" for word, count in back)
    kept = [word for word, _, is_back, _ in rows if not is_back]
    only = f"filters={header}: {', '.join(kept)}" if kept else f"filters=!{header}: {back[0][0]}"
    return Problem(
        look.asked(header),
        f"“{header}” says that not every row is a sale: {counted}. If it says what each row is, set "
        f"movement={header} in the mapping; or set which rows to load, as {only}; or "
        f"ignore_columns={header} to count them all.",
        code="kinds_of_rows",
        answers=(
            *((("mapping", f"movement={header}"),) if "movement" in look.contract.by_name else ()),
            *((("filters", f"{quoted(header)}: {', '.join(map(quoted, kept))}"),) if kept else ()),
            ("ignore_columns", quoted(header)),
        ),
    )


def _amount(look: QuestionedFile) -> int | None:
    return next((look.columns[name] for name in ("amount", "revenue") if name in look.columns), None)


def _unclear_kinds(look: QuestionedFile, header: str, words: list[tuple[str, int]]) -> Problem:
    listed = ", ".join(f"{word} ({count:,})" for word, count in words[:MOST_LISTED])
    return Problem(
        look.asked(header),
        f"“{header}” says of what kind a row is: {listed}. If some are no sales, set movement={header} in "
        f"the mapping; or set which rows to load, as filters={header}: {words[0][0]}; or "
        f"ignore_columns={header} if all are.",
        code="kinds_of_rows",
        answers=(
            *((("mapping", f"movement={header}"),) if "movement" in look.contract.by_name else ()),
            ("ignore_columns", quoted(header)),
        ),
    )


def _taken_back(look: QuestionedFile, index: int, header: str) -> Problem | None:
    """What was given back, or is no sale, stands in a column of its own: an amount, a day or a mark."""
    name = bare(header)
    if header in look.raw.nested:
        return None
    if not NO_SALE_NAME.search(name) or OTHER_NAME.search(name):
        return None
    cell = f"trim(c{index})"
    count, example, numbers, days = one_row(
        look.connection,
        f"SELECT count(*), any_value({cell} ORDER BY row), "  # noqa: S608
        f"bool_and(regexp_matches(lower({cell}), $numeric)), bool_and(regexp_matches(lower({cell}), $dated)) "
        f"FROM {look.view} WHERE lower({cell}) NOT IN {NOTHING} "
        f"AND regexp_matches(lower({cell}), '[1-9a-z]')",
        {"numeric": NUMERIC, "dated": DATED.lower()},
    )
    is_amount = numbers and not days and not COUNTED.search(name)
    # The day of a refund says nothing more where its amount is read.
    if not count or (_refunds_are_read(look) and not is_amount and re.search("refund|return", name)):
        return None
    said = f"{count:,} rows have a “{header}”, such as {example}"
    if is_amount:
        return Problem(
            look.asked(header),
            f"{said}, that the amount may still include. Set subtract_columns={header} to subtract it; or "
            f"ignore_columns={header}.",
            code="refunded",
            answers=(("subtract_columns", quoted(header)), ("ignore_columns", quoted(header))),
        )
    values = look.connection.execute(
        f"SELECT DISTINCT {cell} AS value FROM {look.view} WHERE lower(value) IN {NOTHING} "  # noqa: S608
        "ORDER BY value LIMIT 5"
    ).fetchall()
    left = ", ".join(quoted(value) if value else '""' for (value,) in values) or '""'
    return Problem(
        look.asked(header),
        f"{said}: are they sales? To leave them out, set filters={header}: {left}; to count them, "
        f"ignore_columns={header}.",
        code="status",
        answers=(("filters", f"{quoted(header)}: {left}"), ("ignore_columns", quoted(header))),
    )


def _refunds_are_read(look: QuestionedFile) -> bool:
    read = {*look.columns, *look.said.constants}
    return bool(look.said.subtracted) or bool(read & {"movement", "refunded_amount", "clawed_back_amount"})


def _unpaid(look: QuestionedFile, index: int, header: str) -> Problem | None:
    if bare(header) not in PAID or look.contract.kind != "purchases":
        return None
    cell = f"lower(trim(c{index}))"
    values = look.connection.execute(
        f"SELECT {cell} AS value, count(*) FROM {look.view} "  # noqa: S608
        f"WHERE value IN {NOTHING} AND value <> '' GROUP BY value ORDER BY value"
    ).fetchall()
    if not values:
        return None
    listed = ", ".join(value for value, _ in values)
    return Problem(
        look.asked(header),
        f"{sum(count for _, count in values):,} rows have a “{header}” of {values[0][0]}: are they sales? To "
        f"leave them out, set filters=!{header}: {listed}; to count them, ignore_columns={header}.",
        code="status",
        answers=(("filters", f"!{quoted(header)}: {listed}"), ("ignore_columns", quoted(header))),
    )


def _shops(look: QuestionedFile, index: int, header: str) -> Problem | None:
    """One order number in two shops is two orders."""
    if bare(header) not in SHOPS or look.options.source or len(look.contract.key) != 1:
        return None
    key = look.columns.get(look.contract.key[0])
    if key is None:
        return None
    found = look.connection.execute(
        f"SELECT trim(c{key}) AS number, min(trim(c{index})), max(trim(c{index})) FROM {look.view} "  # noqa: S608
        f"WHERE number <> '' AND trim(c{index}) <> '' GROUP BY number "
        f"HAVING min(trim(c{index})) <> max(trim(c{index})) ORDER BY number LIMIT 1"
    ).fetchone()
    if found is None:
        return None
    number, one, other = found
    return Problem(
        look.asked(header),
        f"{look.contract.key[0]} {number} is of {one} and of {other}. If each “{header}” has numbers of its "
        f"own, set source={header}; if they are the same, ignore_columns={header}.",
        code="several_sources",
        answers=(("source", header), ("ignore_columns", quoted(header))),
    )


def _in_lists(look: QuestionedFile, index: int, header: str) -> Problem | None:
    """Refunds of an order in a list inside it, as interfaces answer them."""
    if header not in look.raw.nested or not NO_SALE_NAME.search(bare(header)):
        return None
    if any(name.startswith(f"{header}[].") for name in look.said.columns):
        return None
    count, example = one_row(
        look.connection,
        f"SELECT count(*), any_value(c{index} ORDER BY row) FROM {look.view} "  # noqa: S608
        f"WHERE trim(c{index}) NOT IN {NOTHING}",
    )
    if not count:
        return None
    path = _worth(json.loads(example)) if example.lstrip().startswith("[") else ""
    column = f"{header}[].{path}" if path else ""
    subtract = f"Set subtract_columns={column} to subtract their sum; or" if column else "Set"
    answers = (("subtract_columns", quoted(column)),) if column else ()
    return Problem(
        look.asked(header),
        f"{count:,} rows have a list of “{header}” that the amount may still include. {subtract} "
        f"ignore_columns={header}.",
        code="refunded",
        answers=(*answers, ("ignore_columns", quoted(header))),
    )


def _worth(found: list[Any]) -> str:
    """The path to the amount in a list of objects: total, or transactions[].amount; "" without any."""
    objects = [each for each in found if isinstance(each, dict)]
    for name in WORTH:
        if any(_is_number(each.get(name)) for each in objects):
            return name
    for each in objects:
        for name, inner in each.items():
            if isinstance(inner, list) and (path := _worth(inner)):
                return f"{name}[].{path}"
    return ""


def _is_number(value: Any) -> bool:
    text = str(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else ""
    return bool(re.fullmatch(r"-?\d+(\.\d+)?", text))
