"""The Python client and the tour with curl run against a site, and ask only for what REST has."""

import ast
import os
import re
import shutil
import subprocess
import sys
from importlib import resources, util

import pytest
import yaml

from gtm.core import access_tokens
from gtm.core.actors import Actor, acting_as
from plans.demo import organisation
from plans.models import Plan, WebhookSubscription
from programs.services import load_dataset
from tests.conftest import ROOT
from tests.doors import user

CLIENT = ROOT / "integrations/python/gtm_client.py"
TOUR = ROOT / "docs/curl-tour.md"
LINE = "/loyalty-lifecycle-orchestration:plan-loyalty --goal retention --tiers 3 --budget 50000"


def module():
    found = util.spec_from_file_location("gtm_client", CLIENT)
    loaded = util.module_from_spec(found)
    found.loader.exec_module(loaded)
    return loaded


@pytest.fixture
def token(transactional_db):
    with acting_as(Actor.system("Test")):
        loyalty = organisation.establish()
        with resources.as_file(resources.files("programs.datasets") / "samples" / organisation.CDNOW) as file:
            load_dataset("purchases", [file], program=loyalty, currency="USD")
        return access_tokens.make(user("ops"), name="Tour", scopes=list(access_tokens.SCOPES))[1]


def test_the_client_starts_one_run_reads_it_loads_a_file_and_is_told_what_is_wrong(
    token, live_server, tmp_path
):
    gtm = module()
    site = gtm.Client(live_server.url, token)
    assert "plan-loyalty" in {command["name"] for command in site.commands()}
    plan, again = site.start(LINE, key="one"), site.start(LINE, key="one")
    assert plan["plan_id"] == again["plan_id"] == Plan.objects.get().plan_id
    assert site.wait(plan["plan_id"], seconds=0)["state"] == "running"
    assert [row["plan_id"] for row in site.plans(state="running")] == [plan["plan_id"]]
    assert {task["state"] for task in site.tasks(plan__plan_id=plan["plan_id"])} >= {"ready", "pending"}
    keys = [task["key"] for task in site.tasks(plan__plan_id=plan["plan_id"], page_size="2", fields="key")]
    assert sorted(keys) == sorted(Plan.objects.get().tasks.values_list("key", flat=True))
    assert plan["plan_id"].encode() in site.export(plan["plan_id"])
    rows = tmp_path / "orders.csv"
    rows.write_text("member_id,purchased_at,amount\nA,2026-01-05,12.50\n")
    told = {"kind": "purchases", "program": "cdnow", "currency": "USD", "series": "replace", "key": "load"}
    loaded = [site.load(rows, **told) for _ in range(2)]
    assert loaded[0] == loaded[1]
    assert loaded[0]["rows"] == 1
    assert site.subscribe("crm", "https://crm.example.com/", events=["gtm.plan.ended"])["secret"]
    with pytest.raises(gtm.Refused) as refused:
        site.start("/loyalty-lifecycle-orchestration:plan-loyalty --goal retentoin", key="two")
    assert (refused.value.status, refused.value.errors[0]["field"]) == (400, "goal")
    with pytest.raises(gtm.Refused, match="401"):
        gtm.Client(live_server.url, "gtm_wrong").plan(plan["plan_id"])
    with pytest.raises(ValueError, match="is not of"):
        site.raw("GET", "https://elsewhere.example.com/")


def test_the_tour_runs_as_it_stands(token, live_server, tmp_path):
    assert shutil.which("curl"), "curl is not on this machine; the tour needs it."
    script = "set -euo pipefail\n" + "\n".join(re.findall(r"```bash\n(.*?)```", TOUR.read_text(), re.S))
    environment = os.environ | {"HOST": live_server.url, "TOKEN": token}
    ran = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    plan = Plan.objects.get()
    assert f"{plan.plan_id} is one plan\n304\n" in ran.stdout
    assert "Did you mean" in ran.stdout or '"nearest":"retention"' in ran.stdout
    assert (plan.state, WebhookSubscription.objects.get().name) == ("held", "tour")
    verify = [sys.executable, str(ROOT / "plans/export/verify_plan.py"), str(tmp_path / "plan.json")]
    assert subprocess.run(verify, capture_output=True, check=False).returncode == 0


def test_every_call_of_the_client_is_in_the_openapi_document():
    document = yaml.safe_load((ROOT / "docs/openapi.yaml").read_text())
    known = {
        (verb.upper(), re.sub(r"\{[^}]*\}", "{}", path))
        for path, verbs in document["paths"].items()
        for verb in verbs
    }
    asked = set()
    for node in ast.walk(ast.parse(CLIENT.read_text())):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        name, texts = node.func.attr, [_text(argument) for argument in node.args]
        if name in ("call", "raw") and len(texts) > 1 and texts[0] in ("GET", "POST") and texts[1]:
            asked.add((texts[0], f"/api/v1/{texts[1]}"))
        elif name == "pages" and texts and texts[0]:
            asked.add(("GET", f"/api/v1/{texts[0]}"))
    assert len(asked) >= 8
    assert asked - known == set()


def _text(node):
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
    return ""
