"""Snapshots as views of one connection: net, on the program's wall clock, in its currency."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa

from gtm.core.errors import NotFound
from gtm.core.money import minor_units
from programs.datasets.contracts import CONTRACTS
from programs.datasets.contracts.base import Type
from programs.datasets.engines.answers import fingerprint
from programs.datasets.engines.converting import (
    Conversion,
    MixedCurrencies,
    conversion_of,
    create_converted,
    days_of_rates,
    rate_table,
)
from programs.datasets.engines.earned_view import EARNED, earned_in_currencies
from programs.datasets.engines.netted_views import (
    CHANGED_AMOUNTS,
    CHANGES,
    GROSS,
    empty_view,
    netted_view,
    no_changes,
    plain_view,
)
from programs.datasets.engines.netting import NO_CHANGES, net_orders
from programs.datasets.engines.netting_rows import net_rows
from programs.datasets.engines.session import hardened
from programs.datasets.loading.limits import Limits
from programs.datasets.local_time import sql_on_wall_clock
from programs.datasets.rates import ecb_rates
from programs.datasets.snapshots.store import Snapshot, SnapshotStore
from programs.schemas.referral_rules import HOUSE_RULES

ORDER_CHANGES = {"lowered": ("purchased_at",), "refunded": ("moved_at",)}


class MissingDataset(NotFound):
    """The question needs a dataset that was not given, or the wrong kind was."""

    code = "missing_dataset"
    title = "A dataset is missing"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Whose rows questions do not see, and what was bought in these categories, in small letters."""

    members: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()


def given_datasets(
    question: str, datasets: Mapping[str, Snapshot | None], optional: Sequence[str], currency: str
) -> dict[str, Snapshot]:
    """The snapshots that a question reads by their kind. Raises MissingDataset, and MixedCurrencies where
    amounts of several do not add for want of a ``currency`` to convert them to."""
    given: dict[str, Snapshot] = {}
    for kind, snapshot in datasets.items():
        if snapshot is None and kind in optional:
            continue
        if snapshot is None or snapshot.kind != kind:
            told = f"; a dataset of kind {snapshot.kind} was given" if snapshot else ""
            raise MissingDataset(
                f"{question} needs a dataset of kind {kind}{told}.",
                hint=f"Load one with load_dataset {kind}.",
            )
        if CONTRACTS[kind].money and len(snapshot.currencies) > 1 and not currency:
            raise MixedCurrencies(
                f"The {kind} are in {', '.join(snapshot.currencies)}, which do not add up.",
                hint="Convert them to one currency, or load one dataset per currency.",
            )
        given[kind] = snapshot
    return given


class DatasetViews:
    """Opens snapshots of a store; times are those on the wall clock of ``zone``, amounts in ``currency``.

    A payout in another currency no further than ``near`` from its promise, as a share, is all of it.
    """

    def __init__(
        self,
        store: SnapshotStore,
        limits: Limits,
        zone: str,
        currency: str,
        left_out: LeftOut | None = None,
        near: float = HOUSE_RULES["payout_tolerance"],
    ):
        self.near = near
        self.store = store
        self.limits = limits
        self.zone = zone
        self.currency = currency
        self.left_out = left_out
        self._rates: dict[tuple[Conversion, date, date], pa.Table] = {}
        self._checked: set[tuple[str, str]] = set()

    def conversion(self, snapshot: Snapshot) -> Conversion | None:
        """What is converted when this snapshot's amounts are added; None where nothing is."""
        return conversion_of(snapshot, CONTRACTS[snapshot.kind], self.currency, ecb_rates())

    def identity(
        self, question: str, datasets: Mapping[str, Snapshot | None], optional: Sequence[str]
    ) -> Hashable:
        """All that rows seen by a question depend on, the files themselves included."""
        given = given_datasets(question, datasets, optional, self.currency)
        kinds = sorted(given)
        return (
            tuple((kind, given[kind].sha256, self.conversion(given[kind])) for kind in kinds),
            tuple(sorted(datasets)),
            fingerprint(self.store.rows_path(given[kind]) for kind in kinds),
            (self.zone, self.currency, self.limits, self.left_out, self.near),
        )

    @contextmanager
    def of_kinds(
        self, question: str, datasets: Mapping[str, Snapshot | None], optional: Sequence[str]
    ) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection in which each dataset is a view named after its kind, with ``CHANGES`` beside it."""
        given = given_datasets(question, datasets, optional, self.currency)
        netted = {
            kind: (net_orders if kind == "purchases" else net_rows)(self.store, snapshot, self.limits)
            for kind, snapshot in given.items()
        }
        with hardened([self.store.rows_path(s).parent for s in given.values()], self.limits) as connection:
            if self.left_out:
                for name, listed in (
                    ("member_id", self.left_out.members),
                    ("category", self.left_out.categories),
                ):
                    table = pa.table({name: pa.array(listed, pa.string())})
                    connection.register(f"left_out_by_{name}", table)
            for kind, snapshot in given.items():
                conversion = self.conversion(snapshot)
                for name, relation in self._relations(connection, snapshot, netted[kind]):
                    made = self._narrowed(name, relation)
                    kept = f"{name}_kept" if conversion else name
                    connection.execute(f"CREATE TEMP VIEW {kept} AS {made}")
                    if conversion:
                        self._convert(connection, name, kept, snapshot, conversion)
            for kind in datasets.keys() - given.keys():
                connection.execute(f"CREATE TEMP VIEW {kind} AS {empty_view(kind)}")
            for kind in datasets.keys() & CHANGES.keys():
                if kind not in given or netted[kind] is None:
                    nothing = NO_CHANGES if kind == "purchases" else no_changes(kind)
                    connection.execute(f"CREATE TEMP VIEW {CHANGES[kind]} AS {nothing}")
            if {"referrals", "referral_payouts"} <= datasets.keys():
                converted = any(self.conversion(snapshot) for snapshot in given.values())
                connection.execute(
                    earned_in_currencies(minor_units(self.currency), self.near) if converted else EARNED
                )
            yield connection

    @contextmanager
    def of_owners(self, kind: str, owners: Mapping[str, Snapshot]) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection with one view of all owners' rows side by side, each with its ``owner``."""
        found = list(owners.values())
        netted = [net_rows(self.store, snapshot, self.limits) for snapshot in found]
        paths = [self.store.rows_path(snapshot) for snapshot in found]
        with hardened([path.parent for path in paths], self.limits) as connection:
            # Slugs come in as rows of a table: text of others never becomes SQL.
            connection.register(
                "owners", pa.table({"number": list(range(len(paths))), "owner": list(owners)})
            )
            for number, (path, changes) in enumerate(zip(paths, netted, strict=True)):
                made = self._read(connection, f"stored_{number}", path, numbered=changes is not None)
                connection.execute(f"CREATE TEMP VIEW stored_{number} AS {made}")
                made = f"FROM stored_{number}"
                if changes:
                    effects = self._read(connection, f"effects_{number}", changes.effects)
                    connection.execute(f"CREATE TEMP VIEW effects_{number} AS {effects}")
                    columns = connection.view(f"stored_{number}").columns
                    made = netted_view(kind, f"stored_{number}", f"effects_{number}", columns)
                elif kind in GROSS:
                    made = plain_view(kind, f"stored_{number}")
                connection.execute(f"CREATE TEMP VIEW rows_{number} AS {made}")
            each = (
                f"SELECT rows_{n}.*, owners.owner FROM rows_{n}, owners WHERE number = {n}"  # noqa: S608
                for n in range(len(paths))
            )
            connection.execute(f"CREATE TEMP VIEW {kind} AS {' UNION ALL BY NAME '.join(each)}")
            yield connection

    def _relations(
        self, connection: duckdb.DuckDBPyConnection, snapshot: Snapshot, netted: object
    ) -> Iterator[tuple[str, str]]:
        """Names of views with their SQL, in the currencies of the rows."""
        kind, rows = snapshot.kind, self.store.rows_path(snapshot)
        orders, changes = getattr(netted, "orders", None), getattr(netted, "changes", None)
        effects = getattr(netted, "effects", None)
        if changes:
            yield CHANGES[kind], self._read(connection, CHANGES[kind], changes)
        stored = self._read(connection, f"{kind}_stored", orders or rows, numbered=bool(effects))
        if effects:
            columns = connection.read_parquet(str(rows.resolve())).columns
            taken = self._read(connection, f"{kind}_effects", effects)
            yield kind, netted_view(kind, f"({stored})", f"({taken})", columns)
        else:
            yield kind, plain_view(kind, f"({stored})") if kind in GROSS else stored

    def _narrowed(self, name: str, relation: str) -> str:
        """The rows of a kind without members and categories that are left out; a row of nobody stays."""
        if self.left_out is None or name not in CONTRACTS or "member_id" not in CONTRACTS[name].by_name:
            return relation
        wanted = "coalesce(member_id, '') NOT IN (SELECT member_id FROM left_out_by_member_id)"
        if name == "purchases":
            wanted += " AND lower(coalesce(category, '')) NOT IN (SELECT category FROM left_out_by_category)"
        return f"SELECT * FROM ({relation}) WHERE {wanted}"  # noqa: S608

    def _read(
        self, connection: duckdb.DuckDBPyConnection, name: str, path: Path, *, numbered: bool = False
    ) -> str:
        """SQL of the rows of a file with their times on the wall clock."""
        rows = connection.read_parquet(str(path.resolve()), file_row_number=numbered)
        rows.create_view(f"{name}_as_loaded")
        times = [
            column
            for column, type_ in zip(rows.columns, rows.types, strict=True)
            if str(type_) == "TIMESTAMP WITH TIME ZONE"
        ]
        if self.zone == "UTC" or not times:
            return f"FROM {name}_as_loaded"
        shown = ", ".join(sql_on_wall_clock(column, self.zone) for column in times)
        return f"SELECT * REPLACE ({shown}) FROM {name}_as_loaded"  # noqa: S608

    def _convert(
        self,
        connection: duckdb.DuckDBPyConnection,
        name: str,
        kept: str,
        snapshot: Snapshot,
        conversion: Conversion,
    ) -> None:
        book, contract = ecb_rates(), CONTRACTS[snapshot.kind]
        span = (conversion, *days_of_rates(conversion, snapshot, book))
        if span not in self._rates:
            self._rates[span] = rate_table(*span, book)
        amounts: dict[str, tuple[str, ...]]
        if name == CHANGES.get(snapshot.kind):
            amounts = dict(ORDER_CHANGES if snapshot.kind == "purchases" else CHANGED_AMOUNTS)
        else:
            amounts = {c.name: (*c.dated_by, contract.time) for c in contract.columns if c.type is Type.MONEY}
            amounts |= {f"gross_{column}": amounts[column] for column in GROSS.get(snapshot.kind, ())}
        stored = connection.view(kept).columns
        amounts = {column: days for column, days in amounts.items() if column in stored}
        rates = f"{name}_rates"
        connection.register(rates, self._rates[span])
        looked = (name, snapshot.sha256)
        create_converted(
            connection, name, kept, amounts, conversion, rates, looked_at=looked in self._checked
        )
        self._checked.add(looked)
