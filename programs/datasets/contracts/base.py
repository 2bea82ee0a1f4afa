"""What a contract is: the columns a kind of dataset has, declared as data.

A change of meaning is a new ``version``; a snapshot remembers the version it was loaded under.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Type(StrEnum):
    """How a cell is read and how it is stored (``sql``)."""

    TEXT = "text"
    INTEGER = "integer"
    DECIMAL = "decimal"
    MONEY = "money"
    TIMESTAMP = "timestamp"
    DATE = "date"
    BOOLEAN = "boolean"
    CATEGORY = "category"
    CURRENCY = "currency"

    @property
    def sql(self) -> str:
        return SQL_TYPES[self]


SQL_TYPES = {
    Type.TEXT: "VARCHAR",
    Type.INTEGER: "BIGINT",
    Type.DECIMAL: "DECIMAL(18,4)",
    Type.MONEY: "DECIMAL(18,4)",
    Type.TIMESTAMP: "TIMESTAMPTZ",
    Type.DATE: "DATE",
    Type.BOOLEAN: "BOOLEAN",
    Type.CATEGORY: "VARCHAR",
    Type.CURRENCY: "VARCHAR",
}


@dataclass(frozen=True, slots=True)
class ContractColumn:
    """One column of ours.

    ``aliases`` are headers that mean the same, compared without case, spaces and punctuation.
    ``minimum``/``maximum`` bound numbers inclusively. ``past`` refuses times after the load.
    ``several``: a cell may name more than one, as “51;77”.
    ``personal`` marks data about a person: masked in previews, left out of exports unless asked for.
    ``dated_by`` of money: the columns whose day its rate of exchange is of, before the contract's ``time``.
    ``words`` of a category are other words for its ``allowed`` ones: ("return", "refund").
    """

    name: str
    type: Type
    description: str
    required: bool = False
    aliases: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()
    unit: str = ""
    personal: bool = False
    minimum: int | None = None
    maximum: int | None = None
    past: bool = False
    words: tuple[tuple[str, str], ...] = ()
    dated_by: tuple[str, ...] = ()
    several: bool = False


@dataclass(frozen=True, slots=True)
class RowRule:
    """A condition across the columns of a row: rows for which ``broken`` (SQL) holds are rejected."""

    column: str
    reason: str
    broken: str


@dataclass(frozen=True, slots=True)
class Contract:
    """The columns of a kind of dataset and what makes two of its rows the same.

    ``key`` is the natural key. Rows with a full key: identical ones are kept once; different ones under
    one key are a conflict, settled by the latest ``latest_by`` where there is such a column and otherwise
    rejected, all of them, because none can be believed over the other.
    Rows without a full key: what one file shows twice happened twice; what several files show is one
    event, as often as the file that shows it most often.
    Rows for which ``unkeyed`` (SQL) holds have no key of their own: a refund names the order it lowers.
    ``derived`` columns (name → SQL over the row as it was written) are filled in for every accepted row.
    ``time`` is the column that gives the dataset its window.
    """

    kind: str
    version: int
    title: str
    description: str
    columns: tuple[ContractColumn, ...]
    time: str = ""
    key: tuple[str, ...] = ()
    latest_by: str = ""
    order: tuple[str, ...] = ()
    rules: tuple[RowRule, ...] = ()
    unkeyed: str = ""
    derived: tuple[tuple[str, str], ...] = ()
    by_name: dict[str, ContractColumn] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {column.name: column for column in self.columns})
        named = {*self.key, *self.order, *(rule.column for rule in self.rules), *dict(self.derived)}
        named |= {*filter(None, (self.time, self.latest_by))}
        if unknown := named - self.by_name.keys():
            raise ValueError(f"contract {self.kind} refers to columns it has not: {sorted(unknown)}")
        if len(self.by_name) != len(self.columns):
            raise ValueError(f"contract {self.kind} names a column twice")

    @property
    def plain(self) -> str:
        """The word for a row that changes no other one: "sale", "payout"; "" where no row does."""
        return self.unkeyed.partition("'")[2].partition("'")[0]

    @property
    def has_key(self) -> str:
        """SQL of whether a row has a full natural key."""
        filled = " AND ".join(f"{name} IS NOT NULL" for name in self.key) or "false"
        return f"({filled}) AND NOT coalesce({self.unkeyed}, false)" if self.unkeyed else filled

    @property
    def required(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns if column.required)

    @property
    def money(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns if column.type is Type.MONEY)

    @property
    def personal(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns if column.personal)


CURRENCY = ContractColumn(
    "currency",
    Type.CURRENCY,
    "ISO 4217 code of every amount in the row. Without it the currency of the load applies.",
    aliases=(
        "currency code",
        "iso currency",
        "currency iso code",
        "ccy",
        "amount currency",
        "order currency",
        "presentment currency",
        "transaction currency",
        "deal currency",
        "currency iso",
    ),  # fmt: skip
)


def member(name: str = "member_id", *, required: bool = True) -> ContractColumn:
    return ContractColumn(
        name,
        Type.TEXT,
        "The customer's own identifier of the member, as text; leading zeros count.",
        required=required,
        aliases=(
            "member",
            "customer",
            "customer id",
            "client id",
            "user id",
            "contact id",
            "account id",
            "customer user",
            "customer email",
        ),  # fmt: skip
        personal=True,
    )


def identifier(name: str, description: str, *aliases: str, required: bool = False) -> ContractColumn:
    return ContractColumn(name, Type.TEXT, description, required=required, aliases=aliases)


def instant(
    name: str, description: str, *aliases: str, required: bool = False, past: bool = True
) -> ContractColumn:
    return ContractColumn(name, Type.TIMESTAMP, description, required=required, aliases=aliases, past=past)


def money(
    name: str, description: str, *aliases: str, required: bool = False, dated_by: tuple[str, ...] = ()
) -> ContractColumn:
    return ContractColumn(
        name, Type.MONEY, description, required=required, aliases=aliases, unit="currency", dated_by=dated_by
    )


MOVEMENTS = ("sale", "refund", "cancellation", "adjustment")
MOVEMENT_WORDS = (
    ("purchase", "sale"), ("order", "sale"), ("charge", "sale"), ("payment", "sale"), ("invoice", "sale"),
    ("return", "refund"), ("credit_note", "refund"), ("credit", "refund"), ("chargeback", "refund"),
    ("cancelled", "cancellation"), ("canceled", "cancellation"), ("cancel", "cancellation"),
    ("void", "cancellation"), ("voided", "cancellation"),
    ("adjust", "adjustment"), ("correction", "adjustment"),
)  # fmt: skip


def movement(description: str, *words: tuple[str, str]) -> ContractColumn:
    """What a row does; without it the sign of its amount says so."""
    return ContractColumn(
        "movement",
        Type.CATEGORY,
        description,
        allowed=MOVEMENTS,
        aliases=("movement kind", "movement type"),
        words=(*words, *MOVEMENT_WORDS),
    )


def taken_back(name: str, description: str, *aliases: str, dated_by: tuple[str, ...] = ()) -> ContractColumn:
    """What was given back, said beside the row and not in a row of its own."""
    return money(name, description, *aliases, dated_by=dated_by)


def dimension(name: str, description: str, *aliases: str) -> ContractColumn:
    return ContractColumn(name, Type.TEXT, description, aliases=aliases)


def personal(name: str, description: str, *aliases: str) -> ContractColumn:
    return ContractColumn(name, Type.TEXT, description, aliases=aliases, personal=True)
