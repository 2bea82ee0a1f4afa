"""Races between people and the clock: ROUNDS of each, on SQLite or PostgreSQL (GTM_TEST_DATABASE).

    GTM_RACE_ROUNDS=1000 GTM_TEST_DATABASE=postgres python benchmarks/races.py

Runs the races of the suite, which check every round: one outcome, every decision on record, nothing but the
expected refusals. Prints seconds a race.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent

if __name__ == "__main__":
    environment = os.environ | {"GTM_RACE_ROUNDS": os.environ.get("GTM_RACE_ROUNDS", "1000")}
    command = [sys.executable, "-m", "pytest", "tests/plans/engine/test_races.py", "-q", "-p", "no:randomly"]
    command += ["--durations=0", "--show-capture=no", *sys.argv[1:]]
    sys.exit(subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode)
