"""Fixtures of the tests of plans: the engine's clock and actors, and a small command to start."""

import pytest

from plans.commands import registry
from plans.schemas.declaration import Command, Rung, Stage, Step
from plans.schemas.inputs import Choice
from tests.plans.engine.conftest import acting, time  # noqa: F401 - fixtures of all tests of plans


@pytest.fixture
def watch_command(monkeypatch):
    """A command of one human step, registered for the test only."""
    monkeypatch.setattr(registry, "_commands", dict(registry._commands))
    return registry.register(
        Command(
            plugin="test",
            name="monitor-test",
            title="Watch",
            summary="Watches.",
            program_kind="loyalty",
            inputs=(Choice("depth", "How deep", options=("light", "full"), default="light"),),
            stages=(Stage("1", "Look", "sequential", (Step("1.1", "look", "Look", "watcher", "See"),)),),
            strategy="sequential",
            strategy_rationale="One step.",
            ladder=(Rung(("watcher",)), Rung(("watcher",)), Rung(("watcher",))),
            objective=lambda inputs, program: f"Watch {program.name}",
        )
    )
