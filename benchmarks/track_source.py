"""track-source on 10 million touchpoints of 1 million people over 12 channels, beside its peers.

    PYTHONPATH=. python benchmarks/track_source.py [PEOPLE]

Every eighth person converts; a person has 10 touches on average. Measured: reading the touches into journeys
(DuckDB), merging identical ones, and all models side by side with the intervals of the agreed one. The bar:
60 s and 6 GB on 2 cores; processor time tells how busy the machine was besides. Peers on the same journeys,
each where it is installed: ``mta`` (pip install mta; pure Python, on a hundredth of the journeys) and
ChannelAttribution (pip install ChannelAttribution matplotlib).
``GTM_PEER_PYTHON`` names an interpreter that has them.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

import django

django.setup()  # before the commands are imported, which read models

import numpy as np  # noqa: E402
import pyarrow as pa  # noqa: E402
import pyarrow.csv as pa_csv  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402

from plans.commands.track_source.steps.attribution import credit_of  # noqa: E402
from plans.commands.track_source.steps.journeys import encode  # noqa: E402
from programs.analytics.attribution import Attribution, ConversionPaths  # noqa: E402
from programs.analytics.estimate import Unavailable  # noqa: E402
from programs.datasets import CONTRACTS, Snapshot, SnapshotStore  # noqa: E402
from programs.datasets.engines.duck import DuckDBEngine  # noqa: E402

CHANNELS = tuple(f"channel-{n:02}" for n in range(12))
START = np.datetime64("2026-01-01T00:00:00", "us")
DAYS, CONVERTING, PEER_SHARE = 90, 8, 100
LIMIT_SECONDS, LIMIT_BYTES = 60, 6 * 2**30
PEER = """
import json, sys, time
import pandas as pd
which, path = sys.argv[1:]
data = pd.read_csv(path)
begun = time.perf_counter()
if which == "mta":
    from mta import MTA
    model = MTA(data, allow_loops=True)
    model.first_touch(); model.last_touch(); model.linear(); model.position_based(); model.time_decay()
    model.markov()
else:
    import ChannelAttribution as peer
    peer.heuristic_models(data, "path", "total_conversions", var_value="total_conversion_value", sep=">")
    peer.markov_model(data, "path", "total_conversions", var_value="total_conversion_value",
                      var_null="total_null", order=1, sep=">", ncore=2, verbose=False)
print(json.dumps(time.perf_counter() - begun))
"""


def touches(people: int, rng: np.random.Generator) -> tuple[pa.Table, pa.Table]:
    """Touches of ``people`` persons, 10 on average, and the deals of those that convert."""
    count = 1 + rng.poisson(9, people)
    person = np.repeat(np.arange(people), count)
    use = rng.dirichlet(np.full(len(CHANNELS), 3.0))
    moment = START + rng.integers(0, DAYS * 86_400, len(person)).astype("timedelta64[s]")
    table = pa.table(
        {
            "person_id": pa.array(person).cast(pa.string()),
            "occurred_at": pa.array(moment, pa.timestamp("us", tz="UTC")),
            "channel": pa.array(CHANNELS).take(pa.array(rng.choice(len(CHANNELS), len(person), p=use))),
        }
    )
    for name in sorted(
        {column.name for column in CONTRACTS["touchpoints"].columns} - set(table.column_names)
    ):
        table = table.append_column(name, pa.nulls(len(table), pa.string()))
    buyers = np.arange(0, people, CONVERTING)
    until = np.full(len(buyers), START + np.timedelta64(DAYS, "D"))
    deals = pa.table(
        {
            "deal": pa.array(np.arange(len(buyers)), pa.int32()),
            "person": pa.array([f":{n}" for n in buyers], pa.string()),
            "since_at": pa.array(np.full(len(buyers), START), pa.timestamp("us", tz="UTC")),
            "until_at": pa.array(until, pa.timestamp("us", tz="UTC")),
        }
    )
    return table, deals


@contextmanager
def timed(what: str, spent: dict[str, float]) -> Iterator[None]:
    begun, worked = time.perf_counter(), time.process_time()
    yield
    spent[what] = time.perf_counter() - begun
    print(f"  {what:38} {spent[what]:8.1f} s, {time.process_time() - worked:.1f} s of processors", flush=True)


def measure(folder: Path, people: int) -> tuple[ConversionPaths, bool]:
    """Run the measured part; answers the journeys, and whether the bar holds."""
    rng = np.random.default_rng(7)
    table, deals = touches(people, rng)
    pq.write_table(table, folder / "touches.parquet")
    store, rows = SnapshotStore(folder / "store"), len(table)
    snapshot = Snapshot("touchpoints", 1, "0" * 64, rows, SnapshotStore.address("touchpoints", "0" * 64))
    store.put(snapshot, folder / "touches.parquet")
    spent: dict[str, float] = {}
    del table
    taxonomy = pa.table({"owner": [""] * 12, "channel": CHANNELS, "campaign": [""] * 12, "tags": [""] * 12,
                         "source": CHANNELS})  # fmt: skip
    nobody = pa.table({name: pa.array([], pa.string()) for name in ("owner", "person_id", "person")})
    end = (START + np.timedelta64(DAYS + 1, "D")).astype(object)
    with timed("journeys (DuckDB)", spent):
        found = DuckDBEngine(store).journeys(
            {"": snapshot}, taxonomy=taxonomy, people=nobody, deals=deals, dealers=deals.select(["person"]),
            start=START.astype(object).replace(tzinfo=UTC), as_of=end.replace(tzinfo=UTC),
        )  # fmt: skip
    worth = dict(enumerate(rng.gamma(2.0, 500.0, len(deals)).tolist()))
    with timed("encode, merge identical journeys", spent):
        journeys = encode(found, set(worth), worth, [])
        del found
    with timed("8 models, 200 resamples of the agreed", spent):
        credit = credit_of(journeys, "markov", rng)
    if isinstance(credit, Unavailable):
        raise SystemExit(credit.reason)
    for model in credit.models.values():
        if not isinstance(model, Attribution) or not np.isclose(model.conversions.sum(), len(deals)):
            raise SystemExit(f"{model} does not credit {len(deals)} deals")
    seconds, peak = sum(spent.values()), 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"  {rows:,} touches, {people:,} people: {seconds:.1f} s, peak {peak / 2**30:.2f} GB")
    return journeys.paths, seconds <= LIMIT_SECONDS and peak <= LIMIT_BYTES


def peers(folder: Path, paths: ConversionPaths) -> None:
    """The same merged journeys in the peers' format; mta reads a hundredth, it is pure Python."""
    python = os.environ.get("GTM_PEER_PYTHON", sys.executable)
    lengths, names = paths.lengths, np.array(paths.channels)
    for peer, every, separator in (("ChannelAttribution", 1, ">"), ("mta", PEER_SHARE, " > ")):
        chosen = np.arange(0, len(lengths), every)
        text = [separator.join(names[paths.touches[slice(*paths.offsets[i : i + 2])]]) for i in chosen]
        columns = {
            "path": text,
            "total_conversions": paths.conversions[chosen],
            "total_conversion_value": paths.revenue[chosen],
            "total_null": paths.nulls[chosen],
        }
        pa_csv.write_csv(pa.table(columns), folder / "peer.csv")
        told = subprocess.run(  # noqa: S603 - our own words
            [python, "-c", PEER, peer, str(folder / "peer.csv")], capture_output=True, text=True, check=False
        )
        if told.returncode:
            print(f"  {peer}: did not run: {told.stderr.strip().splitlines()[-1]}")
            continue
        seconds = json.loads(told.stdout.strip().splitlines()[-1])
        print(f"  {peer}: {seconds:.1f} s on {len(chosen):,} of {len(lengths):,} distinct journeys")


if __name__ == "__main__":
    people = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as name:
        paths, holds = measure(Path(name), people)
        peers(Path(name), paths)
    sys.exit(0 if holds else f"The bar is {LIMIT_SECONDS} s and {LIMIT_BYTES / 2**30:.0f} GB.")
