"""Settings by environment: each case starts a fresh interpreter, as a deployment does."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gtm.trial import run

ROOT = Path(__file__).parents[2]
VARIABLE = re.compile(r'(?:env\.\w+|environ\.get)\(\s*"([A-Z_]+)"')
READ = "import json, gtm.settings as s; print(json.dumps([getattr(s, n) for n in {names!r}], default=str))"


def start(*names: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Import the settings under exactly this environment and print the named ones."""
    clean = {"PATH": os.environ["PATH"], "GTM_ENV_FILE": os.devnull}
    command = [sys.executable, "-c", READ.format(names=names)]
    return subprocess.run(
        command, cwd=ROOT, env=clean | environment, capture_output=True, text=True, check=False
    )


def read(*names: str, **environment: str) -> list:
    result = start(*names, **environment)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def test_production_without_a_secret_key_refuses_and_says_what_to_do():
    result = start("DEBUG")
    assert result.returncode == 1
    assert "SECRET_KEY is not set" in result.stderr
    assert "secrets.token_urlsafe(50)" in result.stderr


def test_a_trial_keeps_what_another_terminal_needs(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "VAR_DIR", tmp_path)
    for name in ("SECRET_KEY", "CELERY_BROKER_URL"):
        monkeypatch.delenv(name)
    first, second = run.make_environment(8000), run.make_environment(8001)
    assert first["SECRET_KEY"] == second["SECRET_KEY"]
    assert (tmp_path / "trial.env").stat().st_mode & 0o777 == 0o600
    names = ("SECRET_KEY", "GTM_ALLOW_IMPERSONATION", "CELERY_BROKER_URL")
    found = read(*names, GTM_ENV_FILE=str(tmp_path / "trial.env"))
    assert found == [first["SECRET_KEY"], True, first["CELERY_BROKER_URL"]]


def test_development_needs_no_key():
    assert read("DEBUG", "SECURE_SSL_REDIRECT", DEBUG="1") == [True, False]


def test_production_is_strict_by_default():
    names = ("DEBUG", "SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SECURE_SSL_REDIRECT")
    assert read(*names, SECRET_KEY="k") == [False, True, True, True]
    assert read("SECURE_HSTS_SECONDS", "GTM_ALLOW_IMPERSONATION", SECRET_KEY="k") == [31_536_000, False]


def test_sqlite_takes_the_write_lock_at_begin_and_survives_a_power_cut():
    (databases,) = read("DATABASES", SECRET_KEY="k")
    options = databases["default"]["OPTIONS"]
    assert (options["transaction_mode"], options["timeout"]) == ("IMMEDIATE", 20)
    assert "journal_mode=WAL" in options["init_command"]
    assert "synchronous=FULL" in options["init_command"]


def test_database_url_chooses_postgresql_over_a_socket():
    url = "postgres://gtm@/governance?host=/run/postgresql"
    (databases,) = read("DATABASES", SECRET_KEY="k", DATABASE_URL=url)
    database = databases["default"]
    assert (database["ENGINE"], database["NAME"]) == ("django.db.backends.postgresql", "governance")
    assert database["OPTIONS"] == {"host": "/run/postgresql", "prepare_threshold": 5}
    (databases,) = read("DATABASES", SECRET_KEY="k", DATABASE_URL=url, GTM_DATABASE_POOLED="1")
    assert databases["default"]["OPTIONS"]["prepare_threshold"] is None


@pytest.mark.parametrize(
    ("variable", "setting", "value", "expected"),
    [
        ("GTM_PLANS_DIR", "GTM_PLANS_DIR", "records", str(ROOT / "records")),
        ("GTM_DATA_DIR", "GTM_DATA_DIR", "/srv/gtm", "/srv/gtm"),
        ("CELERY_BROKER_URL", "CELERY_BROKER_URL", "redis://broker/1", "redis://broker/1"),
        ("ALLOWED_HOSTS", "ALLOWED_HOSTS", "a.example,b.example", ["a.example", "b.example"]),
        ("GTM_ALLOW_IMPERSONATION", "GTM_ALLOW_IMPERSONATION", "1", True),
        ("EMAIL_URL", "EMAIL_HOST", "smtp://mail.example:25", "mail.example"),
    ],
)
def test_a_variable_reaches_its_setting(variable, setting, value, expected):
    assert read(setting, SECRET_KEY="k", **{variable: value}) == [expected]


def test_every_variable_is_in_the_example_file():
    source = (ROOT / "gtm" / "settings.py").read_text() + (ROOT / "gtm" / "trial/run.py").read_text()
    documented = (ROOT / ".env.example").read_text()
    used = {name for name in VARIABLE.findall(source) if name != "GTM_ENV_FILE"}
    assert {name for name in used if f"# {name}=" not in documented} == set()
