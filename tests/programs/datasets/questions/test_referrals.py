"""What the answers about referrals must satisfy whatever the data: sums, splits, order, duplicates."""

from datetime import timedelta

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from programs.datasets import Options, SnapshotStore
from programs.datasets.engines.duck import DuckDBEngine
from programs.datasets.loading.ingest import ingest
from programs.datasets.questions.referrals import DIMENSIONS
from programs.datasets.worlds.referral_world import build_referral_world

KINDS = ("referrals", "referral_payouts")
ASKED = ("referral_flows", "referral_payout_flows", "referral_funnel")
WINDOW = 30 * 24


def taken(store, tables, *, copies=1):
    """Snapshots of the tables, each loaded from ``copies`` files of the same content."""
    found = {}
    for kind in KINDS:
        paths = [store.root / f"{kind}-{number}.parquet" for number in range(copies)]
        for path in paths:
            pq.write_table(tables[kind], path)
        found[kind] = ingest(paths, kind, store=store, options=Options(currency="EUR")).snapshot
    return found


@pytest.fixture(scope="module")
def world():
    return build_referral_world(np.random.default_rng(11), advocates=120).tables


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return SnapshotStore(tmp_path_factory.mktemp("questions"))


@pytest.fixture(scope="module")
def ask(store, world):
    snapshots, engine = taken(store, world), DuckDBEngine(store)
    given_to = {name: [snapshots["referrals"]] for name in ASKED}
    given_to["referral_payout_flows"].append(snapshots["referral_payouts"])

    def answer(name, start, end, by=()):
        more = {"as_of": end} if name == "referral_funnel" else {}
        return getattr(engine, name)(*given_to[name], start=start, end=end, by=by, **more).to_pylist()

    answer.end = snapshots["referrals"].window_end
    return answer


def summed(rows):
    names = [name for name in (rows[0] if rows else {}) if name not in DIMENSIONS]
    return {name: sum(row[name] for row in rows) for name in names}


@pytest.mark.parametrize("name", ASKED)
@given(by=st.sets(st.sampled_from(DIMENSIONS)))
@settings(max_examples=8)
def test_every_combination_of_dimensions_adds_up_to_the_total(ask, name, by):
    span = ask.end - timedelta(hours=WINDOW), ask.end
    assert summed(ask(name, *span, sorted(by))) == summed(ask(name, *span))


@pytest.mark.parametrize("name", ["referral_flows", "referral_payout_flows"])
@given(hours=st.integers(1, WINDOW - 1))
@settings(max_examples=8)
def test_a_window_split_in_two_adds_up(ask, name, hours):
    start, end = ask.end - timedelta(hours=WINDOW), ask.end
    middle = start + timedelta(hours=hours)
    parts = [summed(ask(name, *span)) for span in ((start, middle), (middle, end))]
    # a part in which nothing happened has no rows
    added = {key: sum(part.get(key, 0) for part in parts) for key in {**parts[0], **parts[1]}}
    assert added == summed(ask(name, start, end))


def test_neither_the_order_of_rows_nor_a_file_given_twice_changes_the_data(store, world, ask):
    shuffled = {
        kind: world[kind].take(pa.array(np.random.default_rng(5).permutation(world[kind].num_rows)))
        for kind in KINDS
    }
    digests = [
        [snapshot.sha256 for snapshot in taken(store, tables, copies=copies).values()]
        for tables, copies in ((world, 1), (shuffled, 1), (world, 2))
    ]
    assert digests[0] == digests[1] == digests[2]


@pytest.mark.parametrize("by_partner", [False, True])
def test_whoever_sent_them_add_up_to_the_funnel(tmp_path, by_partner):
    snapshots = taken(
        SnapshotStore(tmp_path), build_referral_world(np.random.default_rng(3), advocates=120).tables
    )
    engine, end = DuckDBEngine(SnapshotStore(tmp_path)), snapshots["referrals"].window_end
    given = {
        "start": end - timedelta(days=60), "end": end, "as_of": end, "by": ("channel", "partner_tier"),
        "payouts": snapshots["referral_payouts"],
    }  # fmt: skip
    every = engine.referral_funnel(snapshots["referrals"], **given).to_pylist()
    one = engine.referral_audit(snapshots["referrals"], proposed=[], salt="", size=1, as_of=end).to_pylist()[
        0
    ]
    for without in ([], [one["referral_id"]]):
        funnel = engine.referral_funnel(snapshots["referrals"], **given, without=without).to_pylist()
        rows = engine.referral_clusters(
            snapshots["referrals"], **given, without=without, by_partner=by_partner
        ).to_pylist()
        for group in funnel:
            same = [row for row in rows if all(row[name] == group[name] for name in DIMENSIONS)]
            for stage in ("invites", "clicks", "referrals", "qualified", "pipeline", "won", "paid"):
                assert sum(row[stage] * row["clusters"] for row in same) == group[stage]
        assert sum(row["invites"] for row in every) - sum(row["invites"] for row in funnel) <= len(without)
