"""ClickHouse, in this process (chDB), gives the answers of DuckDB: values, types, nulls and order."""

from datetime import UTC, datetime, timedelta

import clickhouse_connect
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from programs.datasets import Options, SnapshotStore
from programs.datasets.engines.clickhouse import ClickHouseEngine, NotAskedOfClickHouse
from programs.datasets.engines.clickhouse_questions import ASKED, NOT_ASKED
from programs.datasets.engines.clickhouse_rows import InFiles
from programs.datasets.engines.duck import DuckDBEngine
from programs.datasets.engines.query import SQL
from programs.datasets.engines.views import LeftOut
from programs.datasets.loading.ingest import ingest
from programs.datasets.worlds.loyalty_world import build_loyalty_world
from tests.programs.datasets.engines import asked, clickhouse_sql

ZONES = ("UTC", "America/New_York", "Asia/Kathmandu", "Pacific/Kiritimati")
ODD_PURCHASES = """member_id,purchased_at,amount,region,order_id
Zoë,2023-12-31T23:59:59.999999Z,0,,1
zoe,2024-01-01T00:00:00Z,0.0001,Nord,2
"a'b\\c",2024-02-29T12:00:00Z,9999999999999.9999,,3
"a'b\\c",2024-02-29T12:00:00Z,1,,4
Ω,1971-01-04T05:00:00Z,5,,5
Ω,2024-03-31T01:30:00Z,7.25,,6
Ω,2024-03-31T00:30:00Z,7.25,,7
,2024-03-30T00:30:00Z,3,,8
"""
REFUNDED = """member_id,purchased_at,amount,order_id
1,2024-01-05,50,a
1,2024-02-05,-20,a
1,2024-02-06,30,b
2,2024-01-31,40,c
2,2024-03-01,-40,c
3,2024-03-05,-5,zz
"""
EARLY = """member_id,purchased_at,amount
1,1969-12-31T23:00:00Z,5
"""
SURVEY = """member_id,answered_at,survey,score,partner_id,tier,channel,region
1,2024-01-05T10:00Z,nps,9,p1,Gold,web,
2,2024-02-25T23:30Z,nps,7,p1,,web,Nord
3,2024-02-26T10:00Z,nps,0,,,,
3,2024-02-26T10:00Z,csat,5,,,,
4,2024-03-20T10:00Z,nps,10,p1,Gold,web,
"""
USAGE = """member_id,occurred_at,event,count
1,2024-01-05T10:00Z,login,3
1,2024-02-05T10:00Z,login,
2,2024-02-06T10:00Z,share,2
,2024-02-07T10:00Z,login,1
"""


@pytest.fixture(scope="module")
def client():
    return clickhouse_connect.get_client(dsn="chdb://memory")


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("asked")


@pytest.fixture(scope="module")
def store(home):
    return SnapshotStore(home / "store")


@pytest.fixture(scope="module")
def worlds(home, store, cdnow, cdnow_store):
    """World → its store, its snapshots by kind and the end of its data."""

    def taken(name, tables):
        found = {}
        for kind, table in tables.items():
            file = home / (f"{name}-{kind}." + ("csv" if isinstance(table, str) else "parquet"))
            if isinstance(table, str):
                file.write_text(table, encoding="utf-8")
            else:
                pq.write_table(table, file)
            options = Options(home_currency="EUR", now=datetime(2028, 1, 1, tzinfo=UTC))
            found[kind] = ingest([file], kind, store=store, options=options).snapshot
        last = max(snapshot.window_end for snapshot in found.values() if snapshot.window_end)
        return store, found, datetime(last.year, last.month, last.day, tzinfo=UTC) + timedelta(days=1)

    rows = DuckDBEngine(cdnow_store).purchase_spells(cdnow.snapshot, as_of=datetime(1998, 7, 1, tzinfo=UTC))
    some = [row for row in rows.to_pylist() if row["member_id"].endswith("77")]
    people = [row["member_id"] for row in some]
    at = [datetime(1970, 1, 1, 9, tzinfo=UTC) + timedelta(days=row["purchase"]) for row in some]
    amounts = [row["amount"] for row in some]
    bought = pa.table({"member_id": people, "purchased_at": at, "amount": amounts})
    rng = np.random.default_rng(7)
    return {
        "CDNOW": (cdnow_store, {"purchases": cdnow.snapshot}, datetime(1998, 7, 1, tzinfo=UTC)),
        "loyalty": taken("loyalty", {"purchases": bought, **build_loyalty_world(people, at, amounts, rng)}),
        "odd": taken("odd", {"purchases": ODD_PURCHASES, "usage_events": USAGE, "survey_responses": SURVEY}),
        "refunded": taken("refunded", {"purchases": REFUNDED}),
        "early": taken("early", {"purchases": EARLY}),
    }


@pytest.mark.parametrize("question", ASKED)
def test_clickhouse_answers_as_duckdb_does(client, worlds, question):
    answered = 0
    for world, (store, kinds, end) in worlds.items():
        for zone in {"CDNOW": ZONES[:1], "early": ()}.get(world, ZONES):
            engines = (
                DuckDBEngine(store, zone=zone),
                ClickHouseEngine(store, client, InFiles(store), zone=zone),
            )
            for ask in asked.askings(question, kinds, end):
                one, other = (ask(engine) for engine in engines)
                assert other.schema.equals(one.schema), (world, zone)
                assert other.equals(one) or other.to_pylist() == one.to_pylist(), (world, zone)
                answered += one.num_rows
    assert answered


def test_members_who_are_left_out_are_seen_by_neither(client, worlds):
    store, kinds, _ = worlds["odd"]
    engines = DuckDBEngine(store), ClickHouseEngine(store, client, InFiles(store))
    left_out = LeftOut(members=("a'b\\c", "Ω"))
    one, other = (engine.without(left_out).revenue_by_period(kinds["purchases"]) for engine in engines)
    assert other.equals(one) and 0 < one.num_rows < engines[0].revenue_by_period(kinds["purchases"]).num_rows


def test_times_that_are_counted_otherwise_are_refused(client, worlds):
    store, kinds, _ = worlds["early"]
    assert DuckDBEngine(store).cohort_matrix(kinds["purchases"], period="week").num_rows == 1
    with pytest.raises(NotAskedOfClickHouse, match="times before 1970"):
        ClickHouseEngine(store, client, InFiles(store)).cohort_matrix(kinds["purchases"], period="week")


def test_every_question_is_asked_or_refused_with_a_reason(client, worlds):
    written = {path.name.removesuffix(".sql") for path in SQL.iterdir() if path.name.endswith(".sql")}
    assert set(ASKED) | NOT_ASKED.keys() == written
    assert not set(ASKED) & NOT_ASKED.keys()
    store, kinds, end = worlds["CDNOW"]
    engine = ClickHouseEngine(store, client, InFiles(store))
    with pytest.raises(NotAskedOfClickHouse, match="goal_figures cannot be asked of ClickHouse") as refused:
        engine.goal_figures(kinds["purchases"], as_of=end)
    assert "clickhouse,duckdb" in refused.value.hint
    duck = DuckDBEngine(store)
    both = ClickHouseEngine(store, client, InFiles(store), otherwise=duck)
    asked_of = {"purchases": kinds["purchases"], "as_of": end}
    assert both.goal_figures(**asked_of).equals(duck.goal_figures(**asked_of))


def test_the_sql_is_the_one_that_is_made():
    for name in ASKED:
        kept = (SQL / "clickhouse" / f"{name}.sql").read_text(encoding="utf-8")
        assert kept == clickhouse_sql.translated(name), f"python -m {clickhouse_sql.__name__}"
    assert {path.name for path in (SQL / "clickhouse").iterdir()} == {f"{name}.sql" for name in ASKED}
