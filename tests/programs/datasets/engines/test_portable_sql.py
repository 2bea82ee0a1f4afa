"""The questions' SQL does without the forms that other engines lack or, worse, read differently."""

from collections.abc import Iterator

import pytest
import sqlglot
from sqlglot import exp
from sqlglot.tokens import TokenType

from tests.programs.datasets.engines.clickhouse_sql import SQL, parsed

WINDOWS = "windows and tiers come as lists of one length"
KEYS = "keys of people are DuckDB's own, and leave the question as numbers"
KNOWN = {
    ("loyalty_windows", "an index by expression"): WINDOWS,
    ("tier_moves", "an index by expression"): WINDOWS,
    ("referral_keys", "an index by expression"): "a mailbox's true domain is the one at its alias's place",
    ("referral_keys", "hash()"): KEYS,
    ("referral_rows", "hash()"): KEYS,
    ("referral_peers", "hash()"): "devices are told apart by it, and it does not leave the question",
}
"""Question and form that are there still → why."""
QUESTIONS = sorted(file.stem for file in SQL.glob("*.sql"))


def forms(text: str) -> Iterator[str]:
    for statement in parsed(text):
        for node in statement.walk():
            if isinstance(node, exp.Group) and node.args.get("all"):
                yield "GROUP BY ALL"
            if isinstance(node, exp.Order) and [one.name.lower() for one in node.expressions] == ["all"]:
                yield "ORDER BY ALL"
            if isinstance(node, exp.SetOperation) and node.args.get("by_name"):
                yield "UNION BY NAME"
            if isinstance(node, exp.Bracket) and any(not one.is_number for one in node.expressions):
                yield "an index by expression"
            if isinstance(node, exp.Func) and node.sql("duckdb").lower().startswith("hash("):
                yield "hash()"
            if isinstance(node, exp.DateDiff) and is_uneven(node):
                yield "a difference of weeks or months between moments"
    words = sqlglot.tokenize(text.replace("$", ""), read="duckdb")
    written = sum(word.token_type == TokenType.SELECT for word in words)
    read = sum(isinstance(node, exp.Select) for statement in parsed(text) for node in statement.walk())
    if read > written:
        yield "FROM first"


def is_uneven(node: exp.DateDiff) -> bool:
    """Engines count weeks and months between moments in ways of their own; between first days, in one."""
    unit = node.args["unit"]
    if unit.name.lower() in ("day", "year"):
        return False
    return any(
        side.find(exp.AtTimeZone) and not side.find(exp.TimestampTrunc)
        for side in (node.this, node.expression)
    )


@pytest.mark.parametrize("question", QUESTIONS)
def test_sql_is_portable(question):
    found = set(forms((SQL / f"{question}.sql").read_text(encoding="utf-8")))
    assert found == {form for name, form in KNOWN if name == question}


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("GROUP BY ALL", "SELECT a, count(*) FROM b GROUP BY ALL"),
        ("ORDER BY ALL", "SELECT a FROM b ORDER BY ALL"),
        ("UNION BY NAME", "SELECT a FROM b UNION ALL BY NAME SELECT a FROM c"),
        ("an index by expression", "SELECT a[b + 1] FROM c"),
        ("hash()", "SELECT hash(a) FROM b"),
        ("FROM first", "SELECT a FROM (FROM b WHERE c)"),
        (
            "a difference of weeks or months between moments",
            "SELECT date_diff($period, a AT TIME ZONE 'UTC', b AT TIME ZONE 'UTC') FROM c",
        ),
        (
            "a difference of weeks or months between moments",
            "SELECT date_diff('month', a AT TIME ZONE 'UTC', b) FROM c",
        ),
    ],
)
def test_each_form_is_found(form, text):
    assert set(forms(text)) == {form}
