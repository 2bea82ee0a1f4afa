"""Reading many rows as of one moment, without keeping anybody from writing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import transaction


@contextmanager
def one_view() -> Iterator[None]:
    """All that is read inside the block is of one moment, and nothing can be written there.

    SQLite takes its write lock where a transaction begins (``transaction_mode`` of the settings); this one
    begins without. Inside a transaction that has begun already the block is part of that one.
    """
    connection = transaction.get_connection()
    if connection.in_atomic_block:
        yield
        return
    if connection.vendor != "sqlite":
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield
        return
    usual, connection.transaction_mode = connection.transaction_mode, "DEFERRED"
    try:
        with transaction.atomic():
            _may_write(connection, False)
            yield
    finally:
        _may_write(connection, True)
        connection.transaction_mode = usual


def _may_write(connection: Any, may: bool) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA query_only = {'OFF' if may else 'ON'}")
