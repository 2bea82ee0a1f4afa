"""What operators install: compose file, proxy, dashboard and alerts say what is there, and nothing else."""

import json
import re
import shlex
import tomllib

import pytest
import yaml
from celery.bin.celery import celery as celery_command
from django.conf import settings
from django.core.management import get_commands
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from gtm.trial import lanes
from tests.conftest import ROOT

OPS = ROOT / "ops"
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
OWN = ("web", "worker", "control", "beat", "migrate")
ENVIRONMENT = (ROOT / ".env.example").read_text()


@pytest.fixture
def given(db) -> dict[str, set[frozenset[tuple[str, str]]]]:
    """Every metric of /metrics with the labels it has."""
    text = Client().get("/metrics").content.decode()
    return {
        family.name: {frozenset(sample.labels.items()) for sample in family.samples}
        for family in text_string_to_metric_families(text)
    }


def expressions() -> list[str]:
    rules = [r for g in yaml.safe_load((OPS / "alerts.yml").read_text())["groups"] for r in g["rules"]]
    panels = json.loads((OPS / "dashboard.json").read_text())["panels"]
    return [r["expr"] for r in rules] + [t["expr"] for p in panels for t in p["targets"]]


def test_dashboard_and_alerts_name_only_what_metrics_gives(given):
    named = set()
    for expression in expressions():
        for name, said in re.findall(r"\b(gtm_\w+|up)(?:\{([^}]*)\})?", expression):
            if name == "up":
                continue
            named.add(name)
            wanted = set(re.findall(r'(\w+)="([^"]*)"', said))
            assert any(wanted <= labels for labels in given[name]), expression
    assert named == {name for name in given if name.startswith("gtm_")}, "each is on the dashboard or watched"


def test_every_alert_says_what_is_wrong_and_what_to_do():
    for group in yaml.safe_load((OPS / "alerts.yml").read_text())["groups"]:
        for rule in group["rules"]:
            assert rule["annotations"]["summary"] and rule["annotations"]["do"]
            assert rule["labels"]["severity"] in ("page", "ticket")


@pytest.mark.parametrize("name", OWN)
def test_a_service_can_start_and_write_nowhere_but_where_it_may(name):
    service = COMPOSE["services"][name]
    assert service["read_only"] and service["cap_drop"] == ["ALL"] and service["tmpfs"] == ["/tmp"]
    command = service.get("command") or ["gunicorn"]
    if command[0] == "celery":
        what = next(word for word in command if word in ("worker", "beat"))
        known = {
            name
            for one in (celery_command, celery_command.commands[what])
            for parameter in one.params
            for name in parameter.opts
        }
        assert {word.split("=")[0] for word in command[1:] if word.startswith("-")} <= known
        if what == "worker":
            assert {queue.name for queue in settings.CELERY_TASK_QUEUES} >= {command[command.index("-Q") + 1]}
    elif command[0] == "python":
        assert command[1] == "manage.py" and command[2] in get_commands()


def test_every_variable_of_the_services_is_documented():
    said = set(COMPOSE["services"]["web"]["environment"])
    assert {name for name in said if not re.search(rf"^# {name}=|\b{name}\b", ENVIRONMENT, re.M)} == set()
    asked = set(re.findall(r"\$\{(\w+)", (ROOT / "compose.yaml").read_text()))
    example = set(re.findall(r"^(\w+)=", (OPS / "compose.env.example").read_text(), re.M))
    assert asked == example


def test_the_image_installs_what_the_lock_holds_and_runs_as_nobody():
    text = (ROOT / "Dockerfile").read_text()
    lock, project = (ROOT / "requirements.lock").read_text(), ROOT / "pyproject.toml"
    told = tomllib.loads(project.read_text())["project"]
    part = lanes.part_of(lock, lanes.names_of(told, "image"))
    assert "\ndjango-storages[s3]==" in f"\n{part}" or "\ndjango-storages==" in f"\n{part}"
    assert "\npytest==" not in part
    assert "--require-hashes" in text and re.search(r"^USER gtm$", text, re.M)
    assert not re.search(r"^ADD |:latest|curl ", text, re.M)
    assert all(":" in line.split()[1] for line in text.splitlines() if line.startswith("FROM "))
    for line in text.splitlines():
        if line.startswith("COPY ") and "--from" not in line:
            assert all((ROOT / path).exists() for path in shlex.split(line)[1:-1])
