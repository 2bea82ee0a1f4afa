"""The benchmarks of large data still run: they call the steps as the engine does, on few rows here."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize(
    ("name", "sizes", "said"),
    [
        ("monitor_loyalty", "20000", "same revenue: True"),
        ("optimize_referrals", "20000 300", "referrals screened"),
        ("track_source", "20000", "8 models"),
    ],
)
def test_a_benchmark_runs_on_few_rows(name, sizes, said):
    call = [sys.executable, f"benchmarks/{name}.py", *sizes.split()]
    home = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(call, cwd=ROOT, env=home, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert said in done.stdout
