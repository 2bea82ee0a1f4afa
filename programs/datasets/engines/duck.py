"""DuckDB answers: in memory, over the Parquet of a store, on this host.

The last statement of a question's file answers, those before it make what it reads.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

import pyarrow as pa

from programs.datasets.engines.answers import worked_out
from programs.datasets.engines.converting import Conversion, MixedCurrencies
from programs.datasets.engines.query import SQL, QueryEngine, checked
from programs.datasets.engines.views import DatasetViews, LeftOut, MissingDataset
from programs.datasets.loading.limits import Limits
from programs.datasets.snapshots.store import Snapshot, SnapshotStore
from programs.schemas.referral_rules import HOUSE_RULES

__all__ = ["DuckDBEngine", "MissingDataset", "MixedCurrencies"]

KEPT_WITH = {"left_out"}
"""Tables of ours with which answers are kept, which are counts; with others they are rows of people."""


class DuckDBEngine(QueryEngine):
    """The answers of an in-memory DuckDB over the Parquet of a store, one connection a question.

    Times are those on the wall clock of ``zone`` (see ``local_time``) and amounts in ``currency`` (see
    ``converting``), but in questions to several partners. Without a currency, amounts of several are refused.
    A payout in another currency no further than ``near`` from its promise, as a share, is all of it.
    """

    def __init__(
        self,
        store: SnapshotStore,
        limits: Limits | None = None,
        *,
        zone: str = "UTC",
        currency: str = "",
        near: float = HOUSE_RULES["payout_tolerance"],
    ):
        self.store = store
        self.views = DatasetViews(store, limits or Limits(), zone, currency, near=near)

    def without(self, left_out: LeftOut) -> DuckDBEngine:
        """An engine whose questions see nothing of these members and categories."""
        narrowed = copy.copy(self)
        narrowed.views = DatasetViews(
            self.store, self.views.limits, self.views.zone, self.views.currency, left_out, self.views.near
        )
        return narrowed

    def conversion(self, snapshot: Snapshot) -> Conversion | None:
        """What is converted when this snapshot's amounts are added; None where nothing is."""
        return self.views.conversion(snapshot)

    def _ask(
        self,
        question: str,
        datasets: dict[str, Snapshot | None],
        optional: Sequence[str] = (),
        /,
        **parameters: Any,
    ) -> pa.Table:
        return self._ask_with(question, datasets, {}, optional, **parameters)

    def _ask_with(
        self,
        question: str,
        datasets: dict[str, Snapshot | None],
        tables: Mapping[str, pa.Table],
        optional: Sequence[str] = (),
        /,
        **parameters: Any,
    ) -> pa.Table:
        parameters = checked(parameters)
        query = (SQL / f"{question}.sql").read_text(encoding="utf-8")
        key = (
            (query, self.views.identity(question, datasets, optional), repr(parameters), digest_of(tables))
            if tables.keys() <= KEPT_WITH
            else None
        )
        known = worked_out.find(key)
        if known is not None:
            return known
        with self.views.of_kinds(question, datasets, optional) as connection:
            for name, table in tables.items():
                connection.register(name, table)
            *before, last = query.split(";\n")
            for statement in before:
                connection.execute(statement, _named_in(statement, parameters))
            # A table first: an answer that is fetched while it is worked out is worked out by one thread.
            connection.execute(f"CREATE TEMP TABLE answer AS {last}", _named_in(last, parameters))
            answer = connection.execute("FROM answer").to_arrow_table()
        if key is not None:
            worked_out.keep(key, answer)
        return answer

    def _ask_partners(
        self,
        question: str,
        kind: str,
        partners: Mapping[str, Snapshot],
        *,
        tables: Mapping[str, pa.Table] | None = None,
        prelude: str = "",
        **parameters: Any,
    ) -> pa.Table:
        if not partners:
            raise MissingDataset(
                f"{question} needs a dataset of kind {kind}.", hint=f"Load one with load_dataset {kind}."
            )
        parameters = checked(parameters)
        with self.views.of_owners(kind, partners) as connection:
            for name, table in (tables or {}).items():
                connection.register(name, table)
            if prelude:
                connection.execute((SQL / f"{prelude}.sql").read_text(encoding="utf-8"))
            query = (SQL / f"{question}.sql").read_text(encoding="utf-8")
            return connection.execute(query, parameters).to_arrow_table()


def digest_of(tables: Mapping[str, pa.Table]) -> str:
    """What tells tables of ours apart by what is in them; "" for none."""
    if not tables:
        return ""
    found = sha256()
    for name, table in sorted(tables.items()):
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as stream:
            stream.write_table(table.combine_chunks())
        found.update(name.encode())
        found.update(sink.getvalue())
    return found.hexdigest()


def _named_in(statement: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters that a statement of a question names; only the last statement answers."""
    named = set(re.findall(r"\$([a-z_]+)", statement))
    return {name: value for name, value in parameters.items() if name in named}
