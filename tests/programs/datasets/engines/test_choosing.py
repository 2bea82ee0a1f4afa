"""The choice of an installation: who answers, and where ClickHouse finds the rows."""

import clickhouse_connect
import pytest

from gtm.core.errors import InvalidInput
from gtm.core.places import objects
from programs.datasets.engines import choosing
from programs.datasets.engines.choosing import Engines
from programs.datasets.engines.clickhouse import NotAskedOfClickHouse
from programs.datasets.engines.clickhouse_rows import InObjectStore
from programs.datasets.engines.duck import DuckDBEngine
from programs.datasets.loading.ingest import ingest
from programs.datasets.snapshots.opened import OpenData
from programs.datasets.snapshots.store import SnapshotStore
from programs.series import query_engines
from tests import object_stores

ROWS = "member_id,purchased_at,amount\n1,2024-01-31T23:30Z,5\n2,2024-02-03,7.5\n"
REFUND = "member_id,purchased_at,amount\n1,2024-01-31,5\n1,2024-02-03,-5\n1,2024-02-04,8\n"


@pytest.fixture
def cluster(s3_server, settings, monkeypatch):
    """chDB as a cluster that reads the bucket by a collection of its own."""
    bucket = object_stores.use(s3_server, settings, monkeypatch)
    client = clickhouse_connect.get_client(dsn="chdb://memory")
    client.command("DROP NAMED COLLECTION IF EXISTS gtm_snapshots")
    client.command(
        f"CREATE NAMED COLLECTION gtm_snapshots AS url = '{s3_server}/{bucket}/house/data/datasets/', "
        f"access_key_id = '{object_stores.KEYS['AWS_ACCESS_KEY_ID']}', "
        f"secret_access_key = '{object_stores.KEYS['AWS_SECRET_ACCESS_KEY']}'"
    )
    choosing._client.cache_clear()
    yield Engines("clickhouse", "chdb://memory", "gtm_snapshots")
    client.close()  # the collection is there for as long as somebody is connected


@pytest.fixture
def shared(tmp_path):
    def store(name):
        return SnapshotStore(tmp_path / name, objects=objects.BelowFolder(objects.data, "datasets"))

    return store


def test_the_cluster_reads_what_this_host_has_not(cluster, shared, write, options):
    loaded = ingest([write("rows.csv", ROWS)], "purchases", store=shared("one"), options=options).snapshot
    store = shared("two")
    described = [{"kind": "purchases", "sha256": loaded.sha256, "partner": ""}]
    data = OpenData(store, described, "Europe/Berlin", "USD", cluster)
    answer = data.engine.revenue_by_period(data.snapshot("purchases"))
    assert not list(store.root.rglob("rows.parquet"))
    other = OpenData(shared("one"), described, "Europe/Berlin", "USD")
    assert answer.equals(other.engine.revenue_by_period(other.snapshot("purchases")))
    assert answer["period"].to_pylist()[0].isoformat() == "2024-02-01"


def test_refunds_are_for_duckdb(cluster, shared, write, options):
    store = shared("one")
    loaded = ingest([write("rows.csv", REFUND)], "purchases", store=store, options=options).snapshot
    with pytest.raises(NotAskedOfClickHouse, match="the purchases have refunds"):
        cluster.open(store, "UTC", "USD").revenue_by_period(loaded)
    both = Engines("clickhouse,duckdb", cluster.address, cluster.collection).open(store, "UTC", "USD")
    assert both.revenue_by_period(loaded).equals(
        DuckDBEngine(store, currency="USD").revenue_by_period(loaded)
    )


def test_amounts_of_another_currency_are_for_duckdb(cluster, shared, write, options):
    store = shared("one")
    loaded = ingest([write("rows.csv", ROWS)], "purchases", store=store, options=options).snapshot
    with pytest.raises(NotAskedOfClickHouse, match="currencies"):
        cluster.open(store, "UTC", "EUR").revenue_by_period(loaded)


def test_the_installation_chooses(settings, tmp_path):
    assert isinstance(query_engines().open(SnapshotStore(tmp_path), "UTC", ""), DuckDBEngine)
    settings.GTM_QUERY_ENGINE = "clickhouse"
    with pytest.raises(InvalidInput, match="its address or its collection") as refused:
        query_engines()
    assert "GTM_CLICKHOUSE_URL" in refused.value.hint
    settings.GTM_CLICKHOUSE_URL, settings.GTM_CLICKHOUSE_COLLECTION = "chdb://memory", "gtm_snapshots"
    with pytest.raises(InvalidInput, match="keeps them in folders"):
        query_engines().open(SnapshotStore(tmp_path), "UTC", "")
    with pytest.raises(InvalidInput, match="no name of a collection"):
        InObjectStore(SnapshotStore(tmp_path), "x, url = 'http://elsewhere'")
    settings.GTM_QUERY_ENGINE = "spark"
    with pytest.raises(InvalidInput, match="no choice of engines"):
        query_engines()
