"""What many modules start from is built once a session; the others get its rows back.

Building an organisation takes a second or more, putting its rows back a few hundredths. A test still runs in
a savepoint on rows that nobody else sees: they are put back in the transaction around the module's tests.
What is kept belongs to the rows it was built on, all of them: a database that was flushed since, and has
other content types, builds anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from django.apps import apps
from django.db import connection

Built = TypeVar("Built")
Tables = dict[str, tuple[list[str], list[tuple[Any, ...]]]]

_kept: dict[tuple[str, str], tuple[Any, Difference]] = {}


@dataclass(frozen=True, slots=True)
class Difference:
    """What a build does to the rows that were there."""

    added: Tables
    #: Whole rows, as they stand afterwards: the head of a chain that had begun before moves on, for one.
    changed: Tables


def once(name: str, build: Callable[[], Built]) -> Built:
    """What ``build()`` answers and writes. It deletes no row, and does the same in every module."""
    before = _tables()
    key = name, _digest(before)
    if key in _kept:
        built, difference = _kept[key]
        _write(difference)
        return built
    built = build()
    _kept[key] = built, _difference(before, _tables())
    return built


def _tables() -> Tables:
    """Every row of every table, in the order of the database."""
    found: Tables = {}
    with connection.cursor() as cursor:
        for model in apps.get_models(include_auto_created=True):
            if model._meta.managed and not model._meta.proxy:
                cursor.execute(f"SELECT * FROM {connection.ops.quote_name(model._meta.db_table)}")
                found[model._meta.db_table] = [column[0] for column in cursor.description], cursor.fetchall()
    return found


def _digest(tables: Tables) -> str:
    told = repr([(name, sorted(map(repr, rows))) for name, (_, rows) in sorted(tables.items())])
    return hashlib.sha256(told.encode()).hexdigest()


def _difference(before: Tables, after: Tables) -> Difference:
    added: Tables = {}
    changed: Tables = {}
    for name, (columns, rows) in after.items():
        key = columns.index(_keys()[name])
        old = {row[key]: row for row in before[name][1]}
        gone = old.keys() - {row[key] for row in rows}
        assert not gone, f"{name}: what is kept deletes no row; {sorted(gone, key=repr)} are gone"
        added[name] = columns, [row for row in rows if row[key] not in old]
        changed[name] = columns, [row for row in rows if row[key] in old and row != old[row[key]]]
    return Difference(added, changed)


def _keys() -> dict[str, str]:
    """The column of the primary key, by table."""
    models = apps.get_models(include_auto_created=True)
    return {model._meta.db_table: str(model._meta.pk.column) for model in models}


def _write(difference: Difference) -> None:
    quote = connection.ops.quote_name
    with connection.cursor() as cursor:
        for name, (columns, rows) in difference.added.items():
            if rows:
                places = ", ".join(["%s"] * len(columns))
                into = f"{quote(name)} ({', '.join(map(quote, columns))})"
                cursor.executemany(f"INSERT INTO {into} VALUES ({places})", rows)
                _count_on(name, max(row[columns.index(_keys()[name])] for row in rows))
        for name, (columns, rows) in difference.changed.items():
            if rows:
                key = _keys()[name]
                cells = ", ".join(f"{quote(column)} = %s" for column in columns)
                to = f"UPDATE {quote(name)} SET {cells} WHERE {quote(key)} = %s"
                cursor.executemany(to, [(*row, row[columns.index(key)]) for row in rows])


def _count_on(table: str, number: Any) -> None:
    """What is written next gets a higher number than what was kept, as it would have after the build.

    SQLite sees to that by itself. The sequences of PostgreSQL do not see rows that bring a number, and are
    set back whenever a test has committed something: without this the newest row is not the last.
    """
    if connection.vendor != "postgresql" or not isinstance(number, int):
        return
    with connection.cursor() as cursor:
        quoted = connection.ops.quote_name(table)
        cursor.execute("SELECT pg_get_serial_sequence(%s, %s)", [quoted, _keys()[table]])
        ((sequence,),) = cursor.fetchall()
        if sequence:
            cursor.execute(f"SELECT setval(%s, greatest(last_value, %s)) FROM {sequence}", [sequence, number])
