"""What a file shows that would make its figures wrong without a word: each is a question with its answers.

A load that was told (an option that names the column, or ``ignore_columns``) is not asked again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from programs.datasets.contracts import Type
from programs.datasets.engines.session import one_row
from programs.datasets.loading.conversion import MISSING
from programs.datasets.loading.problems import Problem
from programs.datasets.loading.questioned import QuestionedFile
from programs.datasets.loading.said import quoted
from programs.datasets.loading.unread_columns import unread
from programs.datasets.loading.words import bare, fold

PRICE = {
    "price",
    "unitprice",
    "itemprice",
    "lineitemprice",
    "productprice",
    "priceeach",
    "unitcost",
    "priceperunit",
}
PRODUCT = {
    "sku", "product", "productid", "productname", "producttitle", "item", "itemid", "itemname", "itemsku",
    "lineitemname", "lineitemsku", "lineitemid", "stockcode", "variant", "variantid", "variantsku",
    "articleno", "article", "lineno", "linenumber", "orderline", "description",
}  # fmt: skip
ZONE_COLUMNS = {"timezone", "tz", "zeitzone", "fusohorario", "fuseauhoraire"}
COUNTS = {
    "quantity",
    "qty",
    "units",
    "items",
    "count",
    "points",
    "day",
    "week",
    "month",
    "year",
    "line",
    "pos",
}
QUANTITY = {"lineitemquantity", "itemquantity", "orderquantity"}
STATUS = {
    "status", "orderstatus", "financialstatus", "paymentstatus", "orderstate", "state", "transactionstatus",
    "chargestatus", "invoicestatus",
}  # fmt: skip
CANCELLED = {
    "cancelledat",
    "canceledat",
    "cancelleddate",
    "canceldate",
    "cancelledon",
    "voidedat",
    "deletedat",
}
NO_SALE = (
    "return|r.ckerst|erstatt|rembours|storn|annul|charged.?back|rma|quote|devol|reembols|estorn|reso$"
    "|fail|cancel|refund|void|declin|pending|abandon|expired|draft|unpaid|chargeback|charge.back|dispute|on.?hold|trash"
    "|denied|reversed|incomplete"
)
ORIGINAL = re.compile(
    r"(?:parent|orig(?:inal)?|ref(?:erenced?)?|related|linked|refunded|returned|credited|corrected)"
    r"(order|transaction|txn|invoice|sale|charge|payment|receipt|document|deal|payout|referral)?"
    r"(?:id|no|nr|number|name|ref|reference)?"
)
"""Folded names of columns in which a refund names what it changes."""
IS_NONE = (
    "refund|return|r.ckerst|erstatt|rembours|storn|annul|devol|reembols|estorn"
    "|cancel|void|reject|declin|denied|fraud|spam|invalid|charged?.?back|dispute|reversed|delet"
    "|duplicate"
)
NO_POINTS = f"{IS_NONE}|pending|fail|on.?hold|draft"
NO_STATE: Mapping[str, tuple[str, str]] = {
    "purchases": ("is a sale", NO_SALE),
    "point_ledger": ("moved points", NO_POINTS),
    "referrals": ("is a referral that stands", IS_NONE),
    "opportunities": ("is a deal that stands", IS_NONE),
}
"""Kind → what a row is, and the words of a status by which it is not. A pending referral is one."""
CENTS = {"cents", "incents", "minor", "minorunits", "pence", "subunits"}
THOUSANDS = re.compile(
    r"thousand|\b(in )?000s?\b|\bk[€$£]|[€$£]k\b|\bT(EUR|USD|CHF|GBP)\b|\btausend|\bmilliers", re.I
)
NO_SALE_SQL = "regexp_matches({cell}, $no) AND NOT starts_with({cell}, 'partial')"


def doubts(look: QuestionedFile) -> list[Problem]:
    """Every question about one file."""
    found = [*_minor_units(look), *_original(look), *_zone_beside(look), *_unknown_words(look)]
    if look.contract.kind == "purchases":
        found += _lines(look)
    if look.contract.kind in NO_STATE:
        found += [*_refunds_for_sales(look), *_status(look), *_cancelled(look)]
        asked = {problem.field for problem in found}
        found += [problem for problem in unread(look) if problem.field not in asked]
    return found


def _lines(look: QuestionedFile) -> Iterator[Problem]:
    """A price beside a quantity, or a product beside an order number that comes again."""
    if look.options.line_items or "amount" not in look.columns:
        return
    amount = look.columns["amount"]
    header = look.raw.headers[amount]
    quantity = look.columns.get("quantity")
    if bare(header) in PRICE and quantity is not None:
        example = one_row(
            look.connection,
            f"SELECT min_by(c{quantity}, row), min_by(c{amount}, row) FROM {look.view} "  # noqa: S608
            f"WHERE trim(c{quantity}) NOT IN ('', '1') AND c{amount} <> ''",
        )
        shown = f", as in {example[0]} at {example[1]}" if example[0] else ""
        yield Problem(
            look.asked("amount"),
            f"“{header}” is next to “{look.raw.headers[quantity]}”{shown}: is it the price of one, or the "
            "amount of the row, and is a row a line of an order? Set line_items.",
            allowed=("price_each", "line_total", "order_total", "none"),
            code="line_items",
        )
        return
    if not any(bare(name) in PRODUCT | QUANTITY for name in look.raw.headers):
        return
    order = look.columns.get("order_id")
    key = (
        f"c{order}"
        if order is not None
        else f"c{look.columns['member_id']} || ' on ' || c{look.columns['purchased_at']}"
    )
    row = look.connection.execute(
        f"SELECT {key} AS key, count(*) FROM {look.view} WHERE key <> '' GROUP BY key "  # noqa: S608
        "HAVING count(*) > 1 ORDER BY min(row) LIMIT 1"
    ).fetchone()
    if row:
        yield Problem(
            look.asked("amount"),
            f"The rows look like lines of orders: {row[0]} has {row[1]} of them. What is “{header}”: the "
            "price of one piece, the amount of the line, or of the whole order in each line? Set line_items.",
            allowed=("price_each", "line_total", "order_total", "none"),
            code="line_items",
        )


def _status(look: QuestionedFile) -> Iterator[Problem]:
    """Orders that failed or were taken back are no sales, pending points are nobody's yet."""
    what, words = NO_STATE[look.contract.kind]
    for index, header in look.unused():
        if bare(header) not in STATUS:
            continue
        no_sale = NO_SALE_SQL.format(cell=f"lower(trim(c{index}))")
        rows = look.connection.execute(
            f"SELECT trim(c{index}) AS status, count(*), {no_sale} "  # noqa: S608
            f"FROM {look.view} WHERE status <> '' GROUP BY ALL ORDER BY count(*) DESC, status LIMIT 50",
            {"no": words},
        ).fetchall()
        sales = [status for status, _, none in rows if not none]
        if len(sales) == len(rows):
            continue
        counted = ", ".join(f"{status} ({count:,})" for status, count, none in rows if none)
        keep = ", ".join(sales) or "…"
        partly = [status for status in sales if status.lower().startswith("partial")]
        whole = (
            f" An order that is {' or '.join(partly)} counts with all of its amount, unless a column says "
            "what was refunded (subtract_columns)."
            if partly and "refunded_amount" not in look.columns and not look.said.subtracted
            else ""
        )
        yield Problem(
            look.asked(header),
            f"Not every row {what}: “{header}” has {counted}. Set which rows to load, as "
            f"filters={header}: {keep}; or ignore_columns={header} to count them all.{whole}",
            code="status",
            answers=(
                *((("filters", f"{quoted(header)}: {', '.join(map(quoted, sales))}"),) if sales else ()),
                ("ignore_columns", quoted(header)),
            ),
        )


def _unknown_words(look: QuestionedFile) -> Iterator[Problem]:
    """A kind of row under a word that we do not know: rejected, it would be missing from every figure."""
    for name in ("movement", "entry", "status"):
        column = look.contract.by_name.get(name)
        if column is None or column.type is not Type.CATEGORY or name not in look.columns:
            continue
        known = {*column.allowed, *(word for word, _ in column.words), *look.said.words.get(name, ())}
        rows = look.connection.execute(
            f"SELECT trim(c{look.columns[name]}) AS word, count(*), "  # noqa: S608
            "list_contains($known, lower(word)) OR "
            "list_contains($known, regexp_replace(lower(word), '[ -]+', '_', 'g')) "
            f"FROM {look.view} WHERE word <> '' GROUP BY ALL ORDER BY count(*) DESC, word LIMIT 50",
            {"known": sorted(known)},
        ).fetchall()
        unknown = [(word, count) for word, count, is_known in rows if not is_known and word not in MISSING]
        if unknown and len(unknown) < len(rows):
            listed = ", ".join(f"“{word}” ({count:,})" for word, count in unknown)
            header, word = look.raw.headers[look.columns[name]], unknown[0][0]
            yield Problem(
                look.asked(name),
                f"“{header}” has words that we do not know: {listed}. Set what each means, as "
                f"value_map={name}: {word}=… with one of {', '.join(column.allowed)}; or leave such rows "
                f"out, as filters=!{header}: {word}.",
                code="unknown_words",
                answers=(
                    *(("value_map", f"{name}: {quoted(word)}={ours}") for ours in column.allowed),
                    ("filters", f"!{quoted(header)}: {', '.join(quoted(word) for word, _ in unknown)}"),
                ),
            )


def _refunds_for_sales(look: QuestionedFile) -> Iterator[Problem]:
    """A list of refunds says so in its headers, and would replace the orders that it names."""
    if "movement" not in look.contract.by_name or {"movement"} & {*look.columns, *look.said.constants}:
        return
    for name in ("amount", "revenue", look.contract.time):
        if name not in look.columns or look.said_of(name) or look.options.sign_rule:
            continue
        header = look.raw.headers[look.columns[name]]
        if re.search(r"refund|returned|chargeback|credit.?(note|memo)|erstatt|rembours", header.lower()):
            refund = next(
                word for word in look.contract.by_name["movement"].allowed if word != look.contract.plain
            )
            yield Problem(
                look.asked(name),
                f"“{header}” sounds as if every row were a refund. If so, set constants=movement={refund}; "
                f"if they are sales, ignore_columns={header}.",
                code="refunds_for_sales",
                answers=(("constants", f"movement={refund}"), ("ignore_columns", quoted(header))),
            )
            return


def _original(look: QuestionedFile) -> Iterator[Problem]:
    """Refunds that have numbers of their own and name their order in another column."""
    if not look.contract.unkeyed or look.options.original_column:
        return
    key = look.columns.get(look.contract.key[0])
    for index, header in look.unused():
        said = ORIGINAL.fullmatch(bare(header))
        if key is None:
            continue
        # A name that says no more than “reference” must also hold numbers of other rows; any other name may,
        # where less than half of the rows have one and all of these are numbers of rows.
        known = "" if said and said[1] else f"AND trim(c{index}) IN (SELECT trim(c{key}) FROM {look.view})"  # noqa: S608
        if said is None and not _holds_keys(look, index, key):
            continue
        count, own, theirs = one_row(
            look.connection,
            f"SELECT count(*), min_by(c{key}, row), min_by(c{index}, row) FROM {look.view} "  # noqa: S608
            f"WHERE trim(c{index}) <> '' AND trim(c{index}) <> trim(c{key}) {known}",
        )
        if count:
            yield Problem(
                look.asked(header),
                f"{count:,} rows have a “{header}” that is not their own number, such as {theirs} beside "
                f"{own}. If refunds name there what they change, set original_column={header}; if not, "
                f"ignore_columns={header}.",
                code="original",
                answers=(("original_column", header), ("ignore_columns", quoted(header))),
            )


def _zone_beside(look: QuestionedFile) -> Iterator[Problem]:
    """A column that names the zone of each row's time: which day it is may hang on it."""
    if look.options.zone_is_said or look.contract.time not in look.columns:
        return
    for index, header in look.unused():
        if bare(header) not in ZONE_COLUMNS:
            continue
        rows = look.connection.execute(
            f"SELECT trim(c{index}) AS zone, count(*) FROM {look.view} WHERE zone <> '' "  # noqa: S608
            "GROUP BY zone ORDER BY count(*) DESC, zone LIMIT 10"
        ).fetchall()
        if rows:
            listed = ", ".join(f"{zone} ({count:,})" for zone, count in rows)
            yield Problem(
                look.asked(header),
                f"“{header}” says {listed}. Set time_zone to the place whose clocks that is, and time_column "
                f"where the time stands beside the day; or ignore_columns={header} if it is the program's.",
                code="zone_column",
                answers=(("ignore_columns", quoted(header)),),
            )


def _holds_keys(look: QuestionedFile, index: int, key: int) -> bool:
    if fold(look.raw.headers[index]) in QUANTITY | COUNTS:
        return False
    total, filled, known, longest = one_row(
        look.connection,
        f"SELECT count(*), count(nullif(trim(c{index}), '')), "  # noqa: S608
        f"count_if(trim(c{index}) <> '' AND trim(c{index}) IN (SELECT trim(c{key}) FROM {look.view})), "
        f"max(length(trim(c{index}))) FROM {look.view}",
    )
    return 0 < filled == known and 2 * filled <= total and longest > 1


def _cancelled(look: QuestionedFile) -> Iterator[Problem]:
    for index, header in look.unused():
        if bare(header) not in CANCELLED:
            continue
        count, example = one_row(
            look.connection,
            f"SELECT count(*), min(c{index}) FROM {look.view} WHERE trim(c{index}) <> ''",  # noqa: S608
        )
        if count:
            yield Problem(
                look.asked(header),
                f"{count:,} rows have a “{header}”, such as {example}. To leave them out, set "
                f'filters={header}: ""; to count them, ignore_columns={header}.',
                code="status",
                answers=(("filters", f'{quoted(header)}: ""'), ("ignore_columns", quoted(header))),
            )


def _whole_numbers(look: QuestionedFile) -> Iterator[Problem]:
    """Interfaces of payment services give 50.00 as the number 5000."""
    ours = next((name for name in ("amount", "revenue") if name in look.columns), "")
    if not ours or look.raw.format not in ("json", "jsonl") or look.said_of(ours):
        return
    index = look.columns[ours]
    header = look.raw.headers[index]
    if header not in look.raw.typed:
        return
    whole, largest, example = one_row(
        look.connection,
        f"SELECT bool_and(regexp_full_match(c{index}, '-?[0-9]+')), max(try_cast(c{index} AS BIGINT)), "  # noqa: S608
        f"any_value(c{index} ORDER BY row) FROM {look.view} WHERE trim(c{index}) <> ''",
    )
    if whole and largest >= 100:
        yield Problem(
            look.asked(ours),
            f"“{header}” has whole numbers only, such as {example}: are they cents? Set unit.",
            allowed=("minor_units", "units"),
            code="unit",
        )


def _minor_units(look: QuestionedFile) -> Iterator[Problem]:
    if look.options.unit:
        return
    yield from _whole_numbers(look)
    for ours in look.contract.money:
        if ours in look.columns and not look.said_of(ours):
            header = look.raw.headers[look.columns[ours]]
            if THOUSANDS.search(header):
                yield Problem(
                    look.asked(ours),
                    f"“{header}” sounds like thousands. Set unit.",
                    allowed=("thousands", "units"),
                    code="unit",
                )
            elif any(fold(header).endswith(word) for word in CENTS):
                example = one_row(
                    look.connection,
                    f"SELECT any_value(c{look.columns[ours]} ORDER BY row) FROM {look.view}",  # noqa: S608
                )[0]
                yield Problem(
                    look.asked(ours),
                    f"“{header}” sounds like minor units: must {example} be divided? Set unit.",
                    allowed=("minor_units", "units"),
                    code="unit",
                )
