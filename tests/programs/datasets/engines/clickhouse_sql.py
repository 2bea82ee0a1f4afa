"""ClickHouse's SQL of our questions, made from DuckDB's: ``make clickhouse-sql``.

DuckDB's is the one written by hand. A form that ClickHouse reads in the same way stays, one that it reads
differently is rewritten here, and everything else is refused: what is not listed does not pass. The types of
an answer are those that DuckDB gives, written into the last statement. The files are committed and reviewed.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import duckdb
import sqlglot
from sqlglot import exp
from sqlglot.dialects.clickhouse import ClickHouse

from programs.datasets.contracts import CONTRACTS
from programs.datasets.engines.clickhouse_questions import ASKED
from programs.datasets.engines.earned_view import EARNED
from programs.datasets.engines.netted_views import CHANGES, empty_view, no_changes
from programs.datasets.engines.netting import NO_CHANGES

SQL = Path(str(files("programs.datasets") / "sql"))
INSTANT = "DateTime64(6, 'UTC')"
MOMENT = datetime(2024, 1, 1, tzinfo=UTC).isoformat()
PARAMETERS: Mapping[str, tuple[str, Any]] = {
    **dict.fromkeys(("as_of", "start", "middle", "end", "week", "month", "quarter"), (INSTANT, MOMENT)),
    **dict.fromkeys(("days", "width", "inactive_days", "step_days", "months", "holding_days"), ("Int64", 1)),
    **dict.fromkeys(("by_channel", "by_persona", "by_partner_tier", "by_region", "by_tier"), ("Bool", True)),
    "by_partner": ("Bool", True),
    "period": ("String", "month"),
    "threshold": ("Float64", 1.0),
}
"""Parameter → its type in ClickHouse, and a value to ask DuckDB with."""
SAME = (
    exp.Abs, exp.Add, exp.Alias, exp.And, exp.Between, exp.Boolean, exp.CTE, exp.Case, exp.Cast, exp.Coalesce,
    exp.Column, exp.Count, exp.DataType, exp.DataTypeParam, exp.Distinct, exp.EQ, exp.Filter, exp.Floor,
    exp.From, exp.GT, exp.GTE, exp.Greatest, exp.Group, exp.Identifier, exp.If, exp.In, exp.Is, exp.Join,
    exp.LT, exp.LTE, exp.Least, exp.Max, exp.Min, exp.Mul, exp.NEQ, exp.Neg, exp.Not, exp.Null, exp.Or,
    exp.Order, exp.Ordered, exp.Paren, exp.RowNumber, exp.Select, exp.Star, exp.Sub, exp.Subquery, exp.Sum,
    exp.Table, exp.TableAlias, exp.Union, exp.Var, exp.Where, exp.Window, exp.WindowSpec, exp.With,
)  # fmt: skip
"""What both engines read in the same way, under the settings of ``engines.clickhouse``."""


class NotTheSame(ValueError):
    """A form that is not known to mean the same."""


def main() -> None:
    """Write the SQL of every question that ClickHouse is asked."""
    folder = SQL / "clickhouse"
    for file in folder.glob("*.sql"):
        file.unlink()
    for name in ASKED:
        (folder / f"{name}.sql").write_text(translated(name), encoding="utf-8")
    sys.stdout.write(f"Written: {len(ASKED)} files in {folder.name}.\n")


def translated(name: str) -> str:
    """The file of a question in ClickHouse's SQL. Raises NotTheSame."""
    text = (SQL / f"{name}.sql").read_text(encoding="utf-8")
    (tree,) = parsed(text)
    for node in tree.walk():
        node.pop_comments()
        if not isinstance(node, (*SAME, *REWRITTEN)):
            raise NotTheSame(f"{name}: {type(node).__name__}: {node.sql('duckdb')}")
        if isinstance(node, exp.Order) and isinstance(node.parent, exp.AggFunc):
            raise NotTheSame(f"{name}: an aggregate in an order: {node.parent.sql('duckdb')}")
    _typed(tree, types_of(text))
    told = "".join(line + "\n" for line in text.splitlines() if line.startswith("-- "))
    made = "-- Made by make clickhouse-sql from the file of this name one folder up: change that one.\n"
    return f"{made}{told}{tree.sql(OurClickHouse, pretty=True)}\n"


def parsed(text: str) -> list[exp.Expression]:
    """The statements of a question. Its $parameters become calls: two of them could quote what is between."""
    named = re.sub(r"\$([a-z_]+)", r"param('\1')", text)
    return [tree for tree in sqlglot.parse(named, read="duckdb") if tree is not None]


def types_of(text: str) -> dict[str, str]:
    """Column of the answer → DuckDB's type, of a question to data without rows."""
    with duckdb.connect(":memory:") as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for kind in CONTRACTS:
            connection.execute(f"CREATE VIEW {kind} AS {empty_view(kind)}")
            if kind in CHANGES:
                changes = NO_CHANGES if kind == "purchases" else no_changes(kind)
                connection.execute(f"CREATE VIEW {CHANGES[kind]} AS {changes}")
        connection.execute(EARNED.replace("CREATE TEMP", "CREATE"))
        given = {name: PARAMETERS[name][1] for name in re.findall(r"\$([a-z_]+)", text)}
        answer = connection.execute(text, given)
        return {column[0]: str(column[1]) for column in answer.description or ()}


def _typed(tree: exp.Expression, types: Mapping[str, str]) -> None:
    """Give the columns of the answer the types that DuckDB gives them."""
    assert isinstance(tree, exp.Select)
    if tree.named_selects != list(types):
        raise NotTheSame(f"the columns {tree.named_selects} are not named one by one")
    typed = [
        exp.alias_(exp.cast(column.unalias(), exp.DataType.build(type_, dialect="duckdb")), name)
        for column, (name, type_) in zip(tree.expressions, types.items(), strict=True)
    ]
    tree.set("expressions", typed)
    # A name to order by is a column of the answer in DuckDB, and one of what is read in ClickHouse.
    places = {name: exp.Literal.number(number) for number, name in enumerate(types, 1)}
    for ordered in tree.args["order"].expressions if tree.args.get("order") else ():
        if isinstance(ordered.this, exp.Column) and not ordered.this.table and ordered.this.name in places:
            ordered.set("this", places[ordered.this.name].copy())


def _parameter(generator: Any, node: exp.Anonymous) -> str:
    if node.name != "param":
        raise NotTheSame(f"function {node.name}")
    name = node.expressions[0].name
    return f"{{{name}:{PARAMETERS[name][0]}}}"


def _in_utc(generator: Any, node: exp.AtTimeZone) -> str:
    """A time is one in UTC throughout: its local time is itself."""
    if node.args["zone"].name != "UTC":
        raise NotTheSame(node.sql("duckdb"))
    return str(generator.sql(node, "this"))


def _unit(generator: Any, node: exp.Expression) -> str:
    unit = node.args["unit"]
    return str(generator.sql(unit)) if isinstance(unit, exp.Anonymous) else f"'{unit.name.lower()}'"


def _truncated(generator: Any, node: exp.Expression) -> str:
    return f"dateTrunc({_unit(generator, node)}, {generator.sql(node, 'this')})"


def _difference(generator: Any, node: exp.DateDiff) -> str:
    """Boundaries of the unit that are crossed, in both. sqlglot has the later time first."""
    from_, to = generator.sql(node, "expression"), generator.sql(node, "this")
    return f"dateDiff({_unit(generator, node)}, {from_}, {to})"


def _quotient(generator: Any, node: exp.Div) -> str:
    """DuckDB divides doubles, whatever it is given; ClickHouse would keep the scale of a decimal."""
    left, right = (f"toFloat64({generator.sql(node, side)})" for side in ("this", "expression"))
    return f"{left} / {right}"


def _literal(generator: Any, node: exp.Literal) -> str:
    """1.5 is a decimal in DuckDB and a double in ClickHouse."""
    if node.is_string or "." not in node.name:
        return str(generator.literal_sql(node))
    whole, part = node.name.split(".")
    return f"CAST('{node.name}' AS Decimal({len(whole) + len(part)}, {len(part)}))"


def _following(generator: Any, node: exp.Lead) -> str:
    """Of a column that is never null ClickHouse answers 0 after the last row."""
    if set(node.args) - {"this"} and any(node.args[name] for name in set(node.args) - {"this"}):
        raise NotTheSame(node.sql("duckdb"))
    return f"lead(toNullable({generator.sql(node, 'this')}))"


REWRITTEN: Mapping[type[exp.Expression], Any] = {
    exp.Anonymous: _parameter,
    exp.AnyValue: lambda generator, node: f"any({generator.sql(node, 'this')})",
    exp.AtTimeZone: _in_utc,
    exp.DateDiff: _difference,
    exp.Div: _quotient,
    exp.IgnoreNulls: lambda generator, node: str(generator.sql(node, "this")),
    exp.Lead: _following,
    exp.Literal: _literal,
    exp.LogicalOr: lambda generator, node: f"max({generator.sql(node, 'this')})",
    exp.TimestampTrunc: _truncated,
    exp.ToDays: lambda generator, node: f"toIntervalDay({generator.sql(node, 'this')})",
}
"""Form of DuckDB → what says the same in ClickHouse."""


class OurClickHouse(ClickHouse):
    class Generator(ClickHouse.Generator):
        TRANSFORMS = {**ClickHouse.Generator.TRANSFORMS, **REWRITTEN}
        TYPE_MAPPING = {
            **ClickHouse.Generator.TYPE_MAPPING,
            exp.DataType.Type.DATE: "Date32",
            exp.DataType.Type.TIMESTAMPTZ: INSTANT,
        }


if __name__ == "__main__":
    main()
