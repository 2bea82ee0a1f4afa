"""The benchmarks of large data still run: they call the steps as the engine does, on few rows here."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("monitor_loyalty", "same revenue: True"),
        ("optimize_referrals", "referrals screened"),
        ("track_source", "8 models"),
    ],
)
def test_a_benchmark_runs_on_few_rows(name, said):
    call = [sys.executable, f"benchmarks/{name}.py", "20000"]
    done = subprocess.run(
        call, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert said in done.stdout
