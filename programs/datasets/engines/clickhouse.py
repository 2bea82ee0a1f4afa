"""ClickHouse answers: a cluster that reads the snapshots itself, so that only answers come here.

It is asked what ``clickhouse_questions`` lists, in SQL made from DuckDB's, and only of rows that it sees as
DuckDB does (``clickhouse_tables``). Everything else is refused by name, never answered differently; with an
engine to ask ``otherwise``, that one is asked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from gtm.core.errors import InvalidInput
from programs.datasets.contracts import CONTRACTS
from programs.datasets.engines.answers import worked_out
from programs.datasets.engines.clickhouse_questions import ASKED, NOT_ASKED
from programs.datasets.engines.clickhouse_rows import RowsOf
from programs.datasets.engines.clickhouse_tables import ClickHouseTables
from programs.datasets.engines.converting import Conversion, conversion_of
from programs.datasets.engines.duck import DuckDBEngine
from programs.datasets.engines.query import SQL, QueryEngine, checked
from programs.datasets.engines.views import LeftOut, given_datasets
from programs.datasets.rates import ecb_rates
from programs.datasets.snapshots.store import Snapshot, SnapshotStore

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

SETTINGS = {
    "join_use_nulls": 1,
    "joined_subquery_requires_alias": 0,
    "aggregate_functions_null_for_empty": 1,
    "prefer_column_name_to_alias": 1,
    "cast_keep_nullable": 1,
    "count_distinct_implementation": "uniqExact",
    "least_greatest_legacy_null_behavior": 0,
    "transform_null_in": 0,
    "session_timezone": "UTC",
    "enable_extended_results_for_datetime_functions": 1,
    "date_time_overflow_behavior": "throw",
    "schema_inference_make_columns_nullable": 1,
}
"""With these ClickHouse reads SQL as DuckDB does: nulls, names, days before 1970."""


class NotAskedOfClickHouse(InvalidInput):
    """The question, or these data, are not for ClickHouse."""

    code = "not_asked_of_clickhouse"


class ClickHouseEngine(QueryEngine):
    """The answers of ClickHouse, through ``client``, over the rows that ``rows_of`` tells it to read.

    Times are those on the wall clock of ``zone``. Amounts that must be converted to ``currency`` are for
    DuckDB, ``otherwise``, if it may be asked; else the question is refused.
    """

    def __init__(
        self,
        store: SnapshotStore,
        client: Client,
        rows_of: RowsOf,
        *,
        zone: str = "UTC",
        currency: str = "",
        otherwise: DuckDBEngine | None = None,
        left_out: LeftOut | None = None,
    ):
        self.store, self._client, self._rows_of = store, client, rows_of
        self._currency, self._otherwise = currency, otherwise
        self._tables = ClickHouseTables(store, client, rows_of, zone, left_out or LeftOut())

    def without(self, left_out: LeftOut) -> ClickHouseEngine:
        """An engine whose questions see nothing of these members and categories."""
        return ClickHouseEngine(
            self.store,
            self._client,
            self._rows_of,
            zone=self._tables.zone,
            currency=self._currency,
            otherwise=self._otherwise.without(left_out) if self._otherwise else None,
            left_out=left_out,
        )

    def conversion(self, snapshot: Snapshot) -> Conversion | None:
        """What is converted when this snapshot's amounts are added; None where nothing is."""
        return conversion_of(snapshot, CONTRACTS[snapshot.kind], self._currency, ecb_rates())

    def _ask(
        self,
        question: str,
        datasets: dict[str, Snapshot | None],
        optional: Sequence[str] = (),
        /,
        **parameters: Any,
    ) -> pa.Table:
        given = given_datasets(question, datasets, optional, self._currency)
        reason = self._reason_against(question, given)
        if reason:
            return self._other(question, reason)._ask(question, datasets, optional, **parameters)
        parameters = checked(parameters)
        text = (SQL / "clickhouse" / f"{question}.sql").read_text(encoding="utf-8")
        key = (
            "clickhouse", text, repr(parameters), tuple((k, s.sha256) for k, s in sorted(given.items())),
            tuple(sorted(datasets)), self.store.root, self._tables.zone, self._tables.left_out,
        )  # fmt: skip
        known = worked_out.find(key)
        if known is not None:
            return known
        for name in set(re.findall(r"\{(\w+):DateTime64", text)):
            parameters[name] = datetime.fromisoformat(parameters[name]).astimezone(UTC)
        parameters["left_out_members"] = list(self._tables.left_out.members)
        tables = [table for kind in sorted(datasets) for table in self._tables.of(kind, given.get(kind))]
        answer = self._client.query_arrow(
            _after(tables, text), parameters=parameters, settings=SETTINGS, use_strings=True
        )
        worked_out.keep(key, answer)
        return answer

    def _ask_with(
        self,
        question: str,
        datasets: dict[str, Snapshot | None],
        tables: Mapping[str, pa.Table],
        optional: Sequence[str] = (),
        /,
        **parameters: Any,
    ) -> pa.Table:
        other = self._other(question, NOT_ASKED[question])
        return other._ask_with(question, datasets, tables, optional, **parameters)

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
        other = self._other(question, NOT_ASKED[question])
        return other._ask_partners(question, kind, partners, tables=tables, prelude=prelude, **parameters)

    def _reason_against(self, question: str, given: Mapping[str, Snapshot]) -> str:
        if question not in ASKED:
            return NOT_ASKED[question]
        for snapshot in given.values():
            if self.conversion(snapshot):
                return f"the {snapshot.kind} are in several currencies, and DuckDB converts them"
            if reason := self._tables.reason_against(snapshot):
                return reason
        return ""

    def _other(self, question: str, reason: str) -> DuckDBEngine:
        """Who is asked instead. Raises NotAskedOfClickHouse."""
        if self._otherwise:
            return self._otherwise
        raise NotAskedOfClickHouse(
            f"The question {question} cannot be asked of ClickHouse: {reason}.",
            hint="Set GTM_QUERY_ENGINE to clickhouse,duckdb: then DuckDB answers it, on the worker's host.",
        )


def _after(tables: Sequence[tuple[str, str]], text: str) -> str:
    """The statement of a question after the queries that it reads."""
    body = "\n".join(line for line in text.splitlines() if not line.startswith("--"))
    named = ",\n".join(f"{name} AS (\n{sql}\n)" for name, sql in tables)
    return f"WITH {named}, {body[5:]}" if body.startswith("WITH ") else f"WITH {named}\n{body}"
