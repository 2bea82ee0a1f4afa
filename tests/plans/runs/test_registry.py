"""Commands are kept by plugin and name: twins are refused, namesakes live side by side."""

from dataclasses import replace

import pytest

from gtm.core.errors import InvalidInput, NotFound
from plans.engine.running import steps
from plans.runs import registry, start
from plans.schemas.declaration import Stage, Step
from plans.schemas.outputs import StepResult


def test_a_twin_is_refused_and_the_first_one_stays(watch_command):
    with pytest.raises(registry.BadDeclaration) as refused:
        registry.register(replace(watch_command, title="Another"))
    assert str(refused.value) == (
        "/test:monitor-test: name: /test:monitor-test is registered already, "
        "and a command has one declaration."
    )
    assert registry.get("test:monitor-test") is watch_command


@pytest.fixture
def namesake(watch_command):
    """A command of the same name from another plugin."""
    return registry.register(replace(watch_command, plugin="other", title="Watch otherwise"))


def test_two_commands_of_one_name_are_found_by_their_keys(watch_command, namesake):
    assert registry.get("test:monitor-test") is watch_command
    assert registry.get("other:monitor-test") is namesake
    assert [c for c in registry.all_commands() if c.name == "monitor-test"] == [namesake, watch_command]


def test_a_name_alone_is_enough_while_one_plugin_has_it(watch_command):
    assert registry.get("monitor-test") is watch_command
    assert start.parse_usage("/monitor-test --depth full") == (watch_command, {"depth": "full"})


def test_a_name_of_several_plugins_is_refused_with_the_candidates(watch_command, namesake):
    with pytest.raises(NotFound, match="There are 2 commands monitor-test") as refused:
        registry.get("monitor-test")
    (problem,) = refused.value.problems
    assert problem.sentence() == (
        "“monitor-test” is a command of several plugins; name one of them. "
        "Allowed: /other:monitor-test, /test:monitor-test."
    )
    with pytest.raises(InvalidInput) as line:
        start.parse_usage("/monitor-test --depth full")
    assert line.value.problems == (problem,)


@pytest.mark.parametrize(
    ("asked", "nearest"),
    [("watch:monitor-test", "/test:monitor-test"), ("test:monitor-tset", "/test:monitor-test"),
     ("monitor-tset", "monitor-test")],
)  # fmt: skip
def test_what_is_unknown_names_the_nearest(watch_command, asked, nearest):
    with pytest.raises(NotFound) as refused:
        registry.get(asked)
    assert refused.value.problems[0].nearest == nearest


def computing(command, result):
    step = Step("1.1", "look", "Look", "watcher", "See", run=lambda context: StepResult({"seen": result}))
    return replace(command, stages=(Stage("1", "Look", "sequential", (step,)),))


def test_steps_of_one_key_are_each_their_commands_own_and_go_with_it(watch_command):
    one = registry.register(computing(replace(watch_command, plugin="one"), 1))
    two = registry.register(computing(replace(watch_command, plugin="two"), 2))
    seen = [steps.resolve(command.key, "look")[0](None).values for command in (one, two)]
    assert seen == [{"seen": 1}, {"seen": 2}]
    for command in (one, two):
        registry.forget(command.key)
        assert registry.find(command.key) is None
        with pytest.raises(NotFound):
            steps.resolve(command.key, "look")
