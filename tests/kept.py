"""What many modules start from is built once a session; the others get its rows back.

Building an organisation takes a second or more, putting its rows back a few hundredths. A test still runs in
a savepoint on rows that nobody else sees: they are put back in the transaction around the module's tests.
What is kept belongs to the rows it was built on, all of them: a database that was flushed since, and has
other content types, builds anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, TypeVar

from django.apps import apps
from django.db import connection

Built = TypeVar("Built")
Tables = dict[str, tuple[list[str], list[tuple[Any, ...]]]]

_kept: dict[tuple[str, str], tuple[Any, Tables]] = {}


def once(name: str, build: Callable[[], Built]) -> Built:
    """What ``build()`` answers and writes. ``build`` only adds rows; which, must not depend on the module."""
    before = _tables()
    key = name, _digest(before)
    if key in _kept:
        built, added = _kept[key]
        _write(added)
        return built
    built = build()
    _kept[key] = built, _added(before, _tables())
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


def _added(before: Tables, after: Tables) -> Tables:
    found: Tables = {}
    for name, (columns, rows) in after.items():
        old, new = set(map(repr, before[name][1])), set(map(repr, rows))
        assert old <= new, f"{name}: what is kept adds rows, and changes or deletes none"
        found[name] = columns, [row for row in rows if repr(row) not in old]
    return found


def _write(tables: Tables) -> None:
    quote = connection.ops.quote_name
    with connection.cursor() as cursor:
        for name, (columns, rows) in tables.items():
            if rows:
                places = ", ".join(["%s"] * len(columns))
                into = f"{quote(name)} ({', '.join(map(quote, columns))})"
                cursor.executemany(f"INSERT INTO {into} VALUES ({places})", rows)
