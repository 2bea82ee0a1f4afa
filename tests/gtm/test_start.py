"""What each process holds after its start: no large library before somebody asks for what it does."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LARGE = (
    "scipy",
    "numpy",
    "pyarrow",
    "duckdb",
    "clickhouse_connect",
    "typst",
    "openpyxl",
    "apprise",
    "mcp",
    "pydantic",
    "altair",
    "vl_convert",
)
WEB = "import gtm.wsgi; from django.urls import get_resolver; get_resolver().reverse_dict"
WORKER = """
from celery.signals import worker_ready
from gtm.celery import app

@worker_ready.connect
def stop(sender, **_):
    sender.stop()

options = "--without-gossip --without-mingle -P solo -l ERROR -Q"
app.worker_main(["worker", *options.split(), "{queue}"])
"""
CONTROL, STEPS = WORKER.format(queue="control"), WORKER.format(queue="steps")
BEAT = (
    "from gtm.celery import app; app.loader.import_default_modules();"
    "from celery.utils.imports import symbol_by_name; symbol_by_name(app.conf.beat_scheduler)"
)


def loaded_after(start: str, tmp_path: Path) -> set[str]:
    """The top-level packages that a fresh process holds at its end, when ``start`` has run."""
    written = tmp_path / "modules"
    script = tmp_path / "start.py"
    script.write_text(
        "import atexit, sys\nfrom pathlib import Path\n"
        f"atexit.register(lambda: Path({str(written)!r}).write_text(' '.join(sys.modules)))\n{start}"
    )
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings", "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, str(script)], cwd=ROOT, env=environment, check=True, timeout=120)
    return {name.split(".")[0] for name in written.read_text().split()}


@pytest.mark.parametrize("start", [WEB, CONTROL, BEAT], ids=["web", "control", "beat"])
def test_a_process_starts_without_large_libraries(start, tmp_path):
    loaded = loaded_after(start, tmp_path)
    assert {"django", "plans", "programs"} <= loaded
    assert sorted(loaded & set(LARGE)) == []


def test_a_worker_of_steps_loads_them_before_it_forks(tmp_path):
    assert {"numpy", "scipy", "duckdb", "pyarrow"} <= loaded_after(STEPS, tmp_path)
