"""Whoever knows one command finds the way in each: the same files, holding the same things."""

from pathlib import Path
from pkgutil import resolve_name

import pytest

from plans import apps, commands
from plans.runs import registry

FILES = {"__init__.py", "answer.py", "command.py", "facts.py", "kpis.py", "report.py", "records.py", "steps"}
LEFT_OUT = {
    ("launch_program", "kpis.py"): "a launch has a readiness and alerts of its runbook, and no KPI",
    ("track_source", "kpis.py"): "its one measure, the confidence of the attribution, is a result of a step",
    ("monitor_loyalty", "records.py"): "it looks and reports: it writes no rows of its own",
}
ADDED = {
    ("plan_loyalty", "entered.py"): "the assumptions that a run may enter are inputs enough for a file",
}
ROOT = Path(commands.__file__).parent
COMMANDS = sorted(found.name for found in ROOT.iterdir() if found.is_dir() and found.name[0] not in "_.")
COMMANDS.remove("shared")


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_has_the_files_every_command_has(name):
    found = {file.name for file in (ROOT / name).iterdir()} - {"__pycache__"}
    added = {file for command, file in ADDED if command == name}
    assert found == FILES - {file for command, file in LEFT_OUT if command == name} | added


def test_a_command_is_one_folder_and_one_line():
    assert sorted(apps.COMMANDS) == [f"{commands.__name__}.{name}" for name in COMMANDS]
    declared = {resolve_name(f"{path}.command").__name__.split(".")[2] for path in apps.COMMANDS}
    assert {command.name.replace("-", "_") for command in registry.all_commands()} >= declared
    assert {command for command, _ in LEFT_OUT} <= declared


def room_of(command, addressed):
    """The file or folder of the command's package in which the function is."""
    function = resolve_name(addressed) if isinstance(addressed, str) else addressed
    package = f"{commands.__name__}.{command.name.replace('-', '_')}."
    assert function.__module__.startswith(package), f"{command.path} takes {addressed} from elsewhere"
    return function.__module__.removeprefix(package).split(".")[0]


@pytest.mark.parametrize("path", apps.COMMANDS)
def test_each_file_holds_what_its_name_says(path):
    command = registry.get(path.rpartition(".")[2].replace("_", "-"))
    assert room_of(command, command.objective) == "command"
    assert room_of(command, command.context) == "facts"
    computed = [room_of(command, step.run) for step in command.steps if step.run]
    assert set(computed) <= {"steps", "report"}
    assert computed.count("report") <= 1, "one step writes the report, the others compute"
    effects = [effect for step in command.steps for effect in (step.apply, step.compensate) if effect]
    assert {room_of(command, effect) for effect in effects} <= {"records"}
    assert bool(effects) == ((command.name.replace("-", "_"), "records.py") not in LEFT_OUT)
    told = [told for told in (command.standing, *(step.hold for step in command.steps)) if told]
    assert {room_of(command, each) for each in told} <= {"report"}
