"""Churn model and exact attribution beside the libraries that analysts use, in one run.

    GTM_PEER_PYTHON=/a/python/with/the/peers python benchmarks/analytics.py

BG/NBD on 100,000 customers: ``lifetimes`` (pip install lifetimes). Markov on some 325,000 distinct paths of
12 channels, encoded already and from text: ``ChannelAttribution``, which simulates (pip install
ChannelAttribution matplotlib). Each side runs in a process of its own with one thread for linear algebra, as
our workers do, and the best of three counts. Both must find the same. Goals: 5, 10 and 5 times as fast.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from programs.analytics.attribution.models import attribute
from programs.analytics.attribution.paths import ConversionPaths
from programs.analytics.estimate import Unavailable
from programs.analytics.lifetime import PurchaseHistories, fit_bg_nbd

CUSTOMERS, PATHS, CHANNELS, ROUNDS = 100_000, 330_000, 12, 3
TRUTH = {"r": 0.25, "alpha": 31.5, "a": 0.8, "b": 2.5}
GOALS = {"bg-nbd": 5, "markov": 10, "markov from text": 5}
NEAR_FIT, NEAR_SIMULATION = 1e-3, 0.1
PEER = """
import json, sys, time
import numpy as np, pandas as pd
which, path = sys.argv[1:]
if which == "bg-nbd":
    from lifetimes import BetaGeoFitter
    data = np.load(path)
    begun = time.perf_counter()
    fitter = BetaGeoFitter()
    fitter.fit(data["frequency"], data["recency"], data["age"])
    spent = time.perf_counter() - begun
    found = {name: float(value) for name, value in fitter.params_.items()}
else:
    import ChannelAttribution as peer
    data = pd.read_csv(path)
    begun = time.perf_counter()
    table = peer.markov_model(data, "path", "conversions", var_value="revenue", var_null="nulls", order=1,
                              sep=">", ncore=1, verbose=False)
    spent = time.perf_counter() - begun
    found = dict(zip(table["channel_name"], map(float, table["total_conversions"])))
print(json.dumps([spent, found]))
"""


def histories(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Customers as the model says they buy, in whole days."""
    age = rng.integers(200, 730, CUSTOMERS).astype(float)
    rate = rng.gamma(TRUTH["r"], 1 / TRUTH["alpha"], CUSTOMERS)
    leaves = rng.beta(TRUTH["a"], TRUTH["b"], CUSTOMERS)
    frequency, recency = np.zeros(CUSTOMERS), np.zeros(CUSTOMERS)
    now, buying = np.zeros(CUSTOMERS), np.arange(CUSTOMERS)
    while buying.size:
        now[buying] += rng.exponential(1 / np.maximum(rate[buying], 1e-12))
        buying = buying[np.ceil(now[buying]) <= age[buying]]
        day = np.ceil(now[buying])
        frequency[buying] += day > recency[buying]
        recency[buying] = day
        buying = buying[rng.random(buying.size) >= leaves[buying]]
    return {"frequency": frequency, "recency": recency, "age": age}


def journeys(rng: np.random.Generator) -> ConversionPaths:
    """Distinct paths, 10 touches on average, of which every eighth converts."""
    lengths = 1 + rng.poisson(9, PATHS)
    use = rng.dirichlet(np.full(CHANNELS, 3.0))
    converted = (rng.random(PATHS) < 1 / 8).astype(float)
    return ConversionPaths(
        tuple(f"channel-{n:02}" for n in range(CHANNELS)),
        rng.choice(CHANNELS, int(lengths.sum()), p=use).astype(np.int64),
        np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        converted,
        1 - converted,
        converted * rng.gamma(2.0, 500.0, PATHS),
    ).aggregated()


def best(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of the quickest round, and what it found."""
    spent = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        found = work()
        spent.append(time.perf_counter() - begun)
    if isinstance(found, Unavailable):
        raise SystemExit(found.reason)
    return min(spent), found


def peer(which: str, path: Path) -> tuple[float, dict[str, float]] | None:
    """The same of the peer, or None with the reason on the screen."""
    python = os.environ.get("GTM_PEER_PYTHON", sys.executable)
    told = []
    for _ in range(ROUNDS):
        done = subprocess.run(  # noqa: S603 - our own words
            [python, "-c", PEER, which, str(path)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            print(f"  the peer of {which} did not run: {done.stderr.strip().splitlines()[-1]}")
            return None
        told.append(json.loads(done.stdout.strip().splitlines()[-1]))
    return min(seconds for seconds, _ in told), told[-1][1]


def compare(what: str, ours: float, theirs: tuple[float, dict[str, float]] | None) -> bool:
    """Print both, and answer whether the goal holds; without a peer there is none."""
    if theirs is None:
        print(f"  {what}: {ours:.3f} s")
        return True
    ratio = theirs[0] / ours
    print(f"  {what}: {ours:.3f} s, peer {theirs[0]:.3f} s: {ratio:.1f} times as fast (goal {GOALS[what]})")
    return ratio >= GOALS[what]


def same(ours: dict[str, float], theirs: tuple[float, dict[str, float]] | None, near: float) -> None:
    """End the run where the peer found something else, relative to the largest value."""
    if theirs is not None:
        largest = max(abs(value) for value in ours.values())
        apart = max(abs(ours[name] - theirs[1][name]) for name in ours) / largest
        print(f"  farthest from the peer: {apart:.2g} of the largest value")
        if apart > near:
            raise SystemExit(f"The peer found something else: {ours} and {theirs[1]}.")


def main() -> bool:
    rng = np.random.default_rng(7)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = histories(rng)
        np.savez(folder / "histories.npz", **data)
        seconds, fit = best(lambda: fit_bg_nbd(PurchaseHistories.aggregate(**data)))
        theirs = peer("bg-nbd", folder / "histories.npz")
        kept = [compare("bg-nbd", seconds, theirs)]
        same({part: getattr(fit.model, part) for part in TRUTH}, theirs, NEAR_FIT)

        paths = journeys(rng)
        names = pa.array(paths.channels)
        listed = pa.ListArray.from_arrays(
            pa.array(paths.offsets, pa.int32()), names.take(pa.array(paths.touches))
        )
        text = pc.binary_join(listed, ">")
        columns = {"conversions": paths.conversions, "nulls": paths.nulls, "revenue": paths.revenue}
        pa_csv.write_csv(pa.table({"path": text, **columns}), folder / "paths.csv")
        print(f"  {len(paths.lengths):,} distinct paths")
        seconds, credit = best(lambda: attribute(paths, "markov"))
        theirs = peer("markov", folder / "paths.csv")
        kept.append(compare("markov", seconds, theirs))
        same(dict(zip(credit.channels, credit.conversions.tolist(), strict=True)), theirs, NEAR_SIMULATION)

        def from_text() -> Any:
            split = pc.split_pattern(text, ">")
            return attribute(ConversionPaths.from_sequences(split, **columns), "markov")

        seconds, again = best(from_text)
        kept.append(compare("markov from text", seconds, theirs))
        assert np.array_equal(again.conversions, credit.conversions)
    return all(kept)


if __name__ == "__main__":
    if os.environ.get("OPENBLAS_NUM_THREADS") != "1":  # read once, when numpy is loaded
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, "OPENBLAS_NUM_THREADS": "1"})  # noqa: S606 - this very file
    sys.exit(0 if main() else "A goal is missed.")
