"""SQL that is written once and run often: what every task of a plan reads and writes.

The ORM writes the SQL of a query anew each time it is run, which takes several times as long as the query.
Here it does so once a process; values go in and come out through the fields' own conversions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from django.db import models, transaction
from django.utils.module_loading import import_string

FEW = 8
"""More rows than this at once are left to the ORM, which knows how many values a statement may have."""


class PreparedRead:
    """A query with slots. ``build`` makes it from stand-ins, one a slot, all different from one another.

    ``build`` answers a query set whose columns are the rows: ``values_list``, or all fields of a model.
    """

    def __init__(self, build: Callable[..., models.QuerySet[Any]], **stand_ins: int | str):
        self._build, self._stand_ins = build, stand_ins
        self._known: dict[str, tuple[str, list[Any], list[Any]]] = {}

    def rows(self, **values: Any) -> list[list[Any]]:
        connection = transaction.get_connection()
        if connection.vendor not in self._known:
            self._known[connection.vendor] = self._written(connection)
        sql, slots, converters = self._known[connection.vendor]
        with _cursor(connection) as cursor:
            cursor.execute(sql, [values[slot] if is_slot else slot for is_slot, slot in slots])
            found = [list(row) for row in cursor.fetchall()]
        for row in found:
            for position, convert, expression in converters:
                for conversion in convert:
                    row[position] = conversion(row[position], expression, connection)
        return found

    def _written(self, connection: Any) -> tuple[str, list[Any], list[Any]]:
        compiler = self._build(**self._stand_ins).query.get_compiler(connection=connection)
        sql, params = compiler.as_sql()
        names = {stand_in: name for name, stand_in in self._stand_ins.items()}
        slots = [(True, names[p]) if isinstance(p, int | str) and p in names else (False, p) for p in params]
        if {name for is_slot, name in slots if is_slot} != set(self._stand_ins):
            raise ValueError(f"a slot of {sorted(self._stand_ins)} is not in the query: {sql}")
        columns = [column for column, *_ in compiler.select[: compiler.col_count]]
        converters = [(at, *found) for at, found in compiler.get_converters(columns).items()]
        return sql, slots, converters


@cache
def server_binding() -> Any:
    """Django's class of cursors that send values beside the statement."""
    return import_string("django.db.backends.postgresql.base.ServerBindingCursor")


def _cursor(connection: Any) -> Any:
    """A cursor whose values travel beside the statement where the server can keep that, parsed and planned.

    PostgreSQL does from the fifth time on; with OPTIONS["prepare_threshold"] None, behind a pooler that
    hands connections from one transaction to the next, it does not.
    """
    if connection.vendor != "postgresql":
        return connection.cursor()
    connection.ensure_connection()
    return connection._prepare_cursor(server_binding()(connection.connection))


def attnames(model: type[models.Model]) -> tuple[str, ...]:
    return tuple(field.attname for field in model._meta.concrete_fields)


def insert(rows: Sequence[models.Model]) -> None:
    """Write new rows of one model; each then has its primary key. As ``bulk_create``, without its signals."""
    model, connection = type(rows[0]), transaction.get_connection()
    if len(rows) > FEW:
        model._base_manager.bulk_create(rows)
        return
    own_key = model._meta.auto_field is not None and rows[0].pk is None
    sql, fields = _insert_sql(model, connection.vendor, own_key, len(rows))
    values = [f.get_db_prep_save(f.pre_save(row, True), connection) for row in rows for f in fields]
    with _cursor(connection) as cursor:
        cursor.execute(sql, values)
        if own_key:
            for row, (key,) in zip(rows, cursor.fetchall(), strict=True):
                row.pk = key
    for row in rows:
        row._state.adding, row._state.db = False, connection.alias


@cache
def _insert_sql(model: type[models.Model], vendor: str, own_key: bool, count: int) -> tuple[str, list[Any]]:
    quote = transaction.get_connection().ops.quote_name
    fields = [f for f in model._meta.concrete_fields if not (own_key and f.primary_key)]
    columns = ", ".join(quote(field.column) for field in fields)
    row = f"({', '.join(['%s'] * len(fields))})"
    table, values = quote(model._meta.db_table), ", ".join([row] * count)
    sql = f"INSERT INTO {table} ({columns}) VALUES {values}"  # noqa: S608 - names of our own models
    return sql + (f" RETURNING {quote(model._meta.pk.column)}" if own_key else ""), fields


def update(model: type[models.Model], where: Mapping[str, Any], values: Mapping[str, Any]) -> int:
    """Write ``values`` to the rows of which the fields are as in ``where``; how many there were."""
    connection = transaction.get_connection()
    sql, fields = _update_sql(model, connection.vendor, tuple(where), tuple(values))
    given = [*values.values(), *where.values()]
    with _cursor(connection) as cursor:
        written = [_prepared(f, value, connection) for f, value in zip(fields, given, strict=True)]
        cursor.execute(sql, written)
        return cursor.rowcount


def _prepared(field: Any, value: Any, connection: Any) -> Any:
    """As the database takes it; of an object a field links to, its key."""
    if isinstance(value, models.Model):
        value = getattr(value, field.target_field.attname)
    return field.get_db_prep_save(value, connection)


@cache
def _update_sql(
    model: type[models.Model], vendor: str, where: tuple[str, ...], values: tuple[str, ...]
) -> tuple[str, list[Any]]:
    quote = transaction.get_connection().ops.quote_name
    get_field: Callable[[str], Any] = model._meta.get_field
    asked, written = ([get_field(name) for name in names] for names in (where, values))
    sets = ", ".join(f"{quote(field.column)} = %s" for field in written)
    same = " AND ".join(f"{quote(field.column)} = %s" for field in asked)
    return f"UPDATE {quote(model._meta.db_table)} SET {sets} WHERE {same}", [*written, *asked]  # noqa: S608 - as above
