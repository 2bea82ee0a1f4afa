"""What each process holds after its start: no large library before somebody asks for what it does."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LARGE = ("scipy", "statsmodels", "pandas", "numpy", "pyarrow", "duckdb", "reportlab", "openpyxl", "apprise")
WEB = "import gtm.wsgi; from django.urls import get_resolver; get_resolver().reverse_dict"
CONTROL = (
    "from gtm.celery import app; app.loader.import_default_modules();"
    "from celery.signals import worker_init;"
    "worker_init.send(sender='control', instance=None, conf=app.conf, options={'queues': ['control']})"
)
BEAT = (
    "from gtm.celery import app; app.loader.import_default_modules();"
    "from celery.utils.imports import symbol_by_name; symbol_by_name(app.conf.beat_scheduler)"
)


def loaded_after(start: str) -> set[str]:
    """The top-level packages that a fresh process holds after ``start``."""
    code = f"{start}\nimport sys; print(*sorted(sys.modules))"
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings"}
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    return {name.split(".")[0] for name in found.stdout.split()}


@pytest.mark.parametrize("start", [WEB, CONTROL, BEAT], ids=["web", "control", "beat"])
def test_a_process_starts_without_large_libraries(start):
    assert sorted(loaded_after(start) & set(LARGE)) == []


def test_a_worker_of_steps_loads_them_before_it_forks():
    start = CONTROL.replace("['control']", "['steps']")
    assert {"numpy", "scipy", "duckdb", "pyarrow"} <= loaded_after(start)
