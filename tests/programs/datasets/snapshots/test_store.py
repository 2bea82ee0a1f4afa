"""Snapshots on two hosts: in one folder that both have, or on disks of their own with an object store."""

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pytest

from gtm.core.errors import NotFound
from gtm.core.places import objects
from programs.datasets.loading.ingest import ingest
from programs.datasets.snapshots.opened import OpenData
from programs.datasets.snapshots.store import SnapshotStore
from tests import object_stores

ROWS = """member_id,purchased_at,amount,currency,units
ann,2024-01-02,10,USD,1
ben,2024-01-03,5,USD,1
ben,x,1,USD,1
"""
FOLDER = "datasets"


@pytest.fixture
def hosts(files_in, tmp_path) -> list[SnapshotStore]:
    if files_in == "folder":
        return [SnapshotStore(tmp_path / "shared")] * 2
    shared = objects.BelowFolder(objects.data, FOLDER)
    return [SnapshotStore(tmp_path / name, objects=shared) for name in ("one", "two")]


def load(store, write, options, text=ROWS):
    return ingest([write("orders.csv", text)], "purchases", store=store, options=options)


def keys(bucket, address):
    listed = object_stores.client(address).list_objects_v2(Bucket=bucket, Prefix=f"house/data/{FOLDER}/")
    return {Path(one["Key"]).name: one["Key"] for one in listed.get("Contents", ())}


def spied(store, monkeypatch):
    """What this store fetches from now on."""
    fetched = []
    fetch = store.shared.fetch
    monkeypatch.setattr(store.shared, "fetch", lambda name, to: (fetched.append(name), fetch(name, to))[1])
    return fetched


def test_what_one_host_loads_another_reads(hosts, write, options):
    here, there = hosts
    result = load(here, write, options)
    snapshot = there.get("purchases", result.snapshot.sha256)
    assert snapshot.rows == result.snapshot.rows == 2 and snapshot.window_end == result.snapshot.window_end
    rows = there.rows_path(snapshot)
    assert duckdb.sql(f"SELECT sum(amount)::INT FROM read_parquet('{rows}')").fetchone() == (15,)
    assert rows.read_bytes() == here.rows_path(snapshot).read_bytes()
    data = OpenData(there, [{"kind": "purchases", "sha256": snapshot.sha256, "partner": ""}])
    assert data.movements() is None and data.snapshot("purchases").rows == 2
    assert there.rejects_path(result.rejects).read_bytes() == here.rejects_path(result.rejects).read_bytes()


def test_a_trial_that_is_taken_over_is_there_for_the_other_host_and_one_that_is_not_is_nowhere(
    hosts, write, options
):
    here, there = hosts
    with here.trial() as trial:
        kept = load(trial, write, options).snapshot
        dropped = load(trial, write, options, ROWS.replace("ann", "cy")).snapshot
        assert here.take_over(trial, kept)
    assert there.rows_path(there.get("purchases", kept.sha256)).is_file()
    with pytest.raises(NotFound):
        there.rows_path(dropped)
    with here.trial() as trial:
        load(trial, write, options)
        assert not here.take_over(trial, kept)


def test_the_same_rows_are_stored_once_and_what_is_gone_is_told(hosts, write, options):
    here, there = hosts
    assert not load(here, write, options).stored_before
    assert load(here, write, options).stored_before
    assert load(there, write, options).stored_before or there.shared
    with pytest.raises(NotFound, match="a" * 64):
        there.get("purchases", "a" * 64)
    with pytest.raises(NotFound, match="names no rejected rows"):
        there.rejects_path("../../etc/passwd")


@pytest.fixture
def apart(s3_server, settings, monkeypatch, tmp_path):
    bucket = object_stores.use(s3_server, settings, monkeypatch)
    shared = objects.BelowFolder(objects.data, FOLDER)
    return bucket, *(SnapshotStore(tmp_path / name, objects=shared) for name in ("one", "two"))


def test_a_host_fetches_once_and_checks_what_it_has(apart, write, options, monkeypatch):
    _, here, there = apart
    snapshot = load(here, write, options).snapshot
    fetched = spied(there, monkeypatch)
    rows = there.rows_path(snapshot)
    assert there.rows_path(snapshot) == rows and len(fetched) == 1
    for damage in (truncate, flip, delete_digest, delete_rows):
        damage(rows)
        assert there.rows_path(snapshot).read_bytes() == here.rows_path(snapshot).read_bytes(), damage
    assert len(fetched) == 5
    shutil.rmtree(there.root)
    assert there.rows_path(snapshot).is_file()


def truncate(rows):
    rows.chmod(0o644)
    rows.write_bytes(rows.read_bytes()[:-1])


def flip(rows):
    rows.chmod(0o644)
    content = bytearray(rows.read_bytes())
    content[len(content) // 2] ^= 1
    state = rows.stat()
    rows.write_bytes(content)
    os.utime(rows, ns=(state.st_atime_ns, state.st_mtime_ns + 1))


def delete_digest(rows):
    rows.with_name("rows.sha256").unlink()


def delete_rows(rows):
    rows.unlink()


def test_a_damaged_or_missing_object_is_named_and_a_load_again_mends_it(apart, s3_server, write, options):
    bucket, here, there = apart
    snapshot = load(here, write, options).snapshot
    store, found = object_stores.client(s3_server), keys(bucket, s3_server)
    (rows,) = (name for name in found if name.startswith("rows-"))
    store.put_object(Bucket=bucket, Key=found[rows], Body=b"other rows")
    with pytest.raises(NotFound, match=f"{rows}” in the store of datasets is not what was kept") as refused:
        there.rows_path(snapshot)
    assert "load the file" in refused.value.hint
    assert not list(there.root.glob("purchases/*"))
    store.delete_object(Bucket=bucket, Key=found[rows])
    with pytest.raises(NotFound, match=f"{rows}” is not in the object store"):
        there.rows_path(snapshot)
    assert here.rows_path(snapshot).is_file()  # it has what it needs
    load(here, write, options)
    assert there.rows_path(snapshot).read_bytes() == here.rows_path(snapshot).read_bytes()
    store.put_object(Bucket=bucket, Key=found["snapshot.json"], Body=b'{"kind": "purchases"}')
    shutil.rmtree(there.root)
    with pytest.raises(NotFound, match="snapshot.json” in the store of datasets"):
        there.rows_path(snapshot)


def test_many_at_once_fetch_and_store_the_same_rows(apart, write, options):
    _, here, there = apart
    snapshot = load(here, write, options).snapshot
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: there.rows_path(snapshot).read_bytes(), range(16)))
    assert set(found) == {here.rows_path(snapshot).read_bytes()}
    assert not list((there.root / ".incoming").iterdir())
