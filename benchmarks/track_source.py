"""track-source's attribution on 10 million touchpoints of 1 million people over 12 channels, beside its peers.

    python benchmarks/track_source.py [PEOPLE]

Every eighth person converts; a person has 10 touches on average. Measured: reading the touches into journeys
(DuckDB), merging identical ones, and all models side by side with the intervals of the agreed one. The bar:
60 s and 6 GB on 2 cores. Peers on the same journeys, each where it is installed: ``mta`` (pip install mta; pure
Python, on a hundredth of the people) and ChannelAttribution (pip install ChannelAttribution matplotlib).
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
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

import django

django.setup()

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from plans.commands.track_source.journeys import read_journeys
from programs.analytics.attribution import (
    MODELS,
    Attribution,
    ConversionPaths,
    attribute,
    bootstrap_attribution,
)
from programs.datasets import DuckDBEngine, Options, SnapshotStore, ingest

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
    peer.markov_model(data, "path", "total_conversions", var_value="total_conversion_value", var_null="total_null",
                      order=1, sep=">", ncore=2, flg_adv=False, verbose=False)
print(json.dumps(time.perf_counter() - begun))
"""
