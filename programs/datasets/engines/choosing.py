"""Which engine answers, as the installation has chosen. Nothing large is loaded before one is opened."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from gtm.core.errors import InvalidInput
from gtm.core.later import later
from programs.datasets.snapshots.store import SnapshotStore
from programs.schemas.referral_rules import HOUSE_RULES

if TYPE_CHECKING:
    import clickhouse_connect

    from programs.datasets.engines import clickhouse, clickhouse_rows, duck
else:
    clickhouse_connect = later("clickhouse_connect")
    clickhouse = later("programs.datasets.engines.clickhouse")
    clickhouse_rows = later("programs.datasets.engines.clickhouse_rows")
    duck = later("programs.datasets.engines.duck")

CHOICES = ("duckdb", "clickhouse", "clickhouse,duckdb")


@dataclass(frozen=True, slots=True)
class Engines:
    """``choice`` is one of CHOICES: the second engine answers what the first is not asked. ``address`` is the
    URL of ClickHouse, with name and password, ``collection`` where it finds the snapshots."""

    choice: str = "duckdb"
    address: str = ""
    collection: str = ""

    def __post_init__(self) -> None:
        if self.choice not in CHOICES:
            raise InvalidInput(f"“{self.choice}” is no choice of engines; one of {'; '.join(CHOICES)}.")
        if self.choice != "duckdb" and not (self.address and self.collection):
            raise InvalidInput(
                "ClickHouse is to be asked, and its address or its collection of the snapshots is not said.",
                hint="Set GTM_CLICKHOUSE_URL and GTM_CLICKHOUSE_COLLECTION.",
            )

    def open(
        self,
        store: SnapshotStore,
        zone: str,
        currency: str,
        near: float = HOUSE_RULES["payout_tolerance"],
    ) -> duck.DuckDBEngine | clickhouse.ClickHouseEngine:
        if self.choice == "duckdb":
            return duck.DuckDBEngine(store, zone=zone, currency=currency, near=near)
        return clickhouse.ClickHouseEngine(
            store,
            _client(self.address, os.getpid()),
            clickhouse_rows.InObjectStore(store, self.collection),
            zone=zone,
            currency=currency,
            otherwise=duck.DuckDBEngine(store, zone=zone, currency=currency, near=near)
            if "," in self.choice
            else None,
        )


@lru_cache(maxsize=1)
def _client(address: str, process: int) -> Any:
    """One client a process: a forked one must not share connections with its parent."""
    try:
        return clickhouse_connect.get_client(dsn=address, autogenerate_session_id=False)
    except ModuleNotFoundError as missing:
        raise InvalidInput(
            "The package that asks ClickHouse is not installed.", hint="Install gtm-governance[clickhouse]."
        ) from missing
