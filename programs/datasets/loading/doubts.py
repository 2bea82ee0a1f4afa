"""What a file shows that would make its figures wrong without a word: each is a question with its answers.

A load that was told (an option that names the column, or ``ignore_columns``) is not asked again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import duckdb

from programs.datasets.contracts import Contract
from programs.datasets.engines.session import one_row
from programs.datasets.loading.limits import Options
from programs.datasets.loading.problems import Problem
from programs.datasets.loading.said import Said, quoted
from programs.datasets.loading.words import bare, fold
from programs.datasets.readers import RawFile

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
    "fail|cancel|refund|void|declin|pending|abandon|expired|draft|unpaid|chargeback|charge.back|dispute|on.?hold|trash"
    "|denied|reversed|incomplete"
)
ORIGINAL = re.compile(
    r"(?:parent|orig(?:inal)?|ref(?:erenced?)?|related|linked|refunded|returned|credited|corrected)"
    r"(order|transaction|txn|invoice|sale|charge|payment|receipt|document|deal|payout|referral)?"
    r"(?:id|no|nr|number|name|ref|reference)?"
)
"""Folded names of columns in which a refund names what it changes."""
IS_NONE = (
    "refund|cancel|void|reject|declin|denied|fraud|spam|invalid|chargeback|charge.back|dispute|reversed|delet"
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
NO_SALE_SQL = "regexp_matches({cell}, $no) AND NOT starts_with({cell}, 'partial')"


@dataclass(frozen=True, slots=True)
class QuestionedFile:
    """A file with its columns found, as the questions see it."""

    connection: duckdb.DuckDBPyConnection
    view: str
    raw: RawFile
    contract: Contract
    columns: dict[str, int]
    options: Options
    said: Said

    def asked(self, ours: str) -> str:
        return f"{self.raw.name}: {ours}"

    def unused(self) -> Iterator[tuple[int, str]]:
        """Columns of theirs about which nothing was said and that are none of ours."""
        told = {fold(name) for name in (*self.said.columns, *self.said.ignored)}
        for index, header in enumerate(self.raw.headers):
            if header and index not in self.columns.values() and fold(header) not in told:
                yield index, header

    def said_of(self, ours: str) -> bool:
        header = self.raw.headers[self.columns[ours]]
        return fold(header) in {fold(name) for name in self.said.ignored}


def doubts(look: QuestionedFile) -> list[Problem]:
    """Every question about one file."""
    found = [*_minor_units(look), *_original(look)]
    if look.contract.kind == "purchases":
        found += [*_lines(look), *_refunded(look)]
    if look.contract.kind in NO_STATE:
        found += [*_status(look), *_cancelled(look)]
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


def _original(look: QuestionedFile) -> Iterator[Problem]:
    """Refunds that have numbers of their own and name their order in another column."""
    if not look.contract.unkeyed or look.options.original_column:
        return
    key = look.columns.get(look.contract.key[0])
    for index, header in look.unused():
        said = ORIGINAL.fullmatch(bare(header))
        if key is None or said is None:
            continue
        # A name that says no more than “reference” must also hold numbers of other rows.
        known = "" if said[1] else f"AND trim(c{index}) IN (SELECT trim(c{key}) FROM {look.view})"  # noqa: S608
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


def _refunded(look: QuestionedFile) -> Iterator[Problem]:
    """What was given back stands in a column of its own."""
    for index, header in look.unused():
        name = bare(header)
        if "refund" not in name or "amount" not in name and "total" not in name and name != "refunded":
            continue
        count, example = one_row(
            look.connection,
            f"SELECT count(*), any_value(c{index} ORDER BY row) FROM {look.view} "  # noqa: S608
            f"WHERE regexp_matches(c{index}, '[1-9]')",
        )
        if count:
            yield Problem(
                look.asked(header),
                f"{count:,} rows have a “{header}”, such as {example}, that the amount may still "
                "include. Set "
                f"subtract_columns={header} to subtract it; or ignore_columns={header}.",
                code="refunded",
                answers=(("subtract_columns", quoted(header)), ("ignore_columns", quoted(header))),
            )


def _minor_units(look: QuestionedFile) -> Iterator[Problem]:
    if look.options.unit:
        return
    for ours in look.contract.money:
        if ours in look.columns and not look.said_of(ours):
            header = look.raw.headers[look.columns[ours]]
            if any(fold(header).endswith(word) for word in CENTS):
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
