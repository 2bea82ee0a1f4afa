"""The smallest command of the contributors' page as it stands there: registered, run, and forgotten."""

import re
import shlex
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from gtm.core.actors import Actor, acting_as
from plans import apps, commands
from plans.models import Plan
from plans.runs import registry
from tests.doors import manage
from tests.plans.commands.test_same_files import FILES
from tests.plans.conftest import decide, work_off

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/contributors.md").read_text()
BLOCKS = re.findall(r"^`(count_members/[\w/]+\.py)`\n\n```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
(LINE,) = re.findall(r'`"(plans\.commands\.\w+)",`', PAGE)
(CALL,) = re.findall(r"^\$ python manage\.py (gtm .*)$", PAGE, re.MULTILINE)
KEY = "loyalty-lifecycle-orchestration:count-members"


@pytest.fixture
def package(tmp_path, monkeypatch):
    """The folder of the page, where the commands are found."""
    for name, text in BLOCKS:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.setattr(commands, "__path__", [*commands.__path__, str(tmp_path)])
    yield tmp_path / LINE.rpartition(".")[2]
    for name in [name for name in sys.modules if name.startswith(LINE)]:
        del sys.modules[name]
    vars(commands).pop(LINE.rpartition(".")[2], None)


@pytest.fixture
def registered(organisation, package):
    """Registered as ``plans.apps`` does it."""
    import_module(f"{LINE}.command")
    yield registry.get(KEY)
    if registry.find(KEY):
        registry.forget(KEY)


def test_its_files_are_those_every_command_may_have_and_pass_the_linter(package):
    assert {file.name for file in package.iterdir()} == FILES - {
        "answer.py",
        "kpis.py",
        "report.py",
        "records.py",
    }
    assert LINE not in apps.COMMANDS
    for name, text in BLOCKS:
        for check in (
            ["check", "--ignore", "I001"],
            ["format", "--check"],
        ):  # a package that is not there sorts otherwise
            told = subprocess.run(
                [sys.executable, "-m", "ruff", *check, "--stdin-filename", f"plans/commands/{name}", "-"],
                input=text, capture_output=True, text=True, check=False, cwd=ROOT,
            )  # fmt: skip
            assert told.returncode == 0, told.stdout + told.stderr


def test_its_usage_line_runs_to_the_end_and_then_it_is_forgotten(registered):
    words = [word for word in shlex.split(CALL) if word != "--wait"]  # the test works it off itself
    code, said = manage(*words)
    assert code == 0, said
    plan = Plan.objects.get()
    with acting_as(Actor.system("Engine")):
        work_off(plan)
        decide(plan, "count-approval", "strategist")
        plan = work_off(plan)
    assert (plan.command_key, plan.state) == (KEY, "succeeded")
    assert plan.usage == registered.example
    assert all(item["result"] == "passed" for item in plan.checklist)
    (artifact,) = plan.artifacts.all()
    assert artifact.is_deliverable
    assert [(item["key"], item["value"]) for item in artifact.payload["items"]] == [
        ("members", 23570), ("came_back", 6887),
    ]  # fmt: skip
    assert manage("replay", plan.plan_id)[0] == 0
    registry.forget(KEY)
    code, said = manage(*words)
    assert (code, Plan.objects.count()) == (2, 1)
    assert f"There is no command /{KEY}" in said
    code, said = manage("replay", plan.plan_id)
    assert "has no step “count”" in said
