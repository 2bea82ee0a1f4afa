"""The doors of the engine's rooms: outsiders come in through a module that the room names as a door."""

import ast
import importlib
from pathlib import Path

import pytest

ENGINE = Path(__file__).parents[3] / "plans/engine"
ROOMS = sorted(path.parent.name for path in ENGINE.glob("*/__init__.py"))


def modules_of(room):
    return {path.stem for path in (ENGINE / room).glob("*.py")} - {"__init__"}


def named_in(tree):
    """Room and module of every import from the engine's rooms."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("plans.engine."):
            _, _, room, *inner = node.module.split(".")
            yield from ((room, name) for name in inner[:1] or [alias.name for alias in node.names])
        elif isinstance(node, ast.Import):
            for parts in (alias.name.split(".") for alias in node.names):
                if parts[:2] == ["plans", "engine"] and len(parts) > 3:
                    yield parts[2], parts[3]


def used_from_outside():
    found = {room: set() for room in ROOMS}
    for top in ("plans", "programs", "gtm"):
        for path in (ENGINE.parents[1] / top).rglob("*.py"):
            for room, module in named_in(ast.parse(path.read_text())):
                if room in found and ENGINE / room not in path.parents:
                    found[room].add(module)
    return found


USED = used_from_outside()


@pytest.mark.parametrize("room", ROOMS)
def test_what_is_outside_comes_in_through_the_doors_alone(room):
    door = importlib.import_module(f"plans.engine.{room}")
    assert USED[room] - set(door.DOORS) == set()
    assert set(door.DOORS) <= modules_of(room)


@pytest.mark.parametrize("room", ROOMS)
def test_a_door_that_nobody_takes_is_none(room):
    assert set(importlib.import_module(f"plans.engine.{room}").DOORS) - USED[room] == set()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("from plans.engine.gates import conflicts, rounds", [("gates", "conflicts"), ("gates", "rounds")]),
        ("from plans.engine.gates.conflicts import reasons", [("gates", "conflicts")]),
        ("import plans.engine.gates.conflicts", [("gates", "conflicts")]),
        ("from plans.engine import machines", []),
    ],
)
def test_the_check_sees_every_way_to_import(text, found):
    assert [*named_in(ast.parse(text))] == found
