"""The public 10,000 paths of the package mta, read once."""

import csv
import gzip
from pathlib import Path

import pytest

from programs.analytics.attribution import ConversionPaths

DATA = Path(__file__).parents[3] / "data" / "mta" / "paths.csv.gz"


@pytest.fixture(scope="session")
def public_paths() -> ConversionPaths:
    with gzip.open(DATA, "rt") as lines:
        rows = list(csv.DictReader(lines))
    return ConversionPaths.from_sequences(
        [row["path"].split(" > ") for row in rows],
        [float(row["total_conversions"]) for row in rows],
        [float(row["total_null"]) for row in rows],
        [float(row["total_conversion_value"]) for row in rows],
    )
