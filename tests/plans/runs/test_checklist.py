"""What the shared review checklist says of a run's goal and tools."""

from dataclasses import replace

import pytest

from gtm.core.errors import GuardNotMet
from plans.models import Plan
from plans.runs import checklist, registry, start
from tests.plans.conftest import BLUEPRINT

pytestmark = pytest.mark.usefixtures("organisation")


@pytest.fixture
def draft():
    return start.draft(*start.parse_usage(BLUEPRINT), None)


def told(draft, key):
    item = next(one for one in draft.checklist if one["key"] == key)
    return item["result"], item["evidence"]


def again(draft, key, **changed):
    """What the item says of the same run of a command that is otherwise."""
    item = next(one for one in checklist.STANDARD if one.key == key)
    return item.check(replace(draft, command=replace(draft.command, **changed)))


def test_the_goal_stands_beside_what_it_is_held_to(draft):
    result, evidence = told(draft, "goal")
    assert result == "passed"
    assert "retention, tiers 3, 50,000 USD a quarter. Held to " in evidence
    assert all(metric.label in evidence for metric in draft.command.success_metrics)


@pytest.mark.parametrize("goal", ["retention", "expansion", "engagement", "advocacy"])
def test_every_goal_can_be_started(goal):
    found = start.draft(*start.parse_usage(BLUEPRINT.replace("retention", goal)), None)
    assert (told(found, "goal")[0], goal in told(found, "goal")[1]) == ("passed", True)


def test_a_criterion_that_nothing_can_be_held_against_does_not_match(draft):
    bare = [replace(metric, aim="") for metric in draft.command.success_metrics[:1]]
    passed, evidence = again(draft, "goal", success_metrics=bare)
    assert not passed
    assert evidence.endswith(f"Nothing can be held against {bare[0].label}.")


def test_code_that_is_not_installed_is_named(draft):
    result, evidence = told(draft, "tools")
    assert (result, "results and the plan file can be written" in evidence) == ("passed", True)
    stage = draft.command.stages[0]
    gone = replace(stage.steps[0], run="plans.commands.nowhere.steps.signals:review")
    passed, evidence = again(draft, "tools", stages=(replace(stage, steps=(gone,)),))
    assert (passed, evidence.startswith("The code of task 1.1 is not installed.")) == (False, True)


def test_a_browser_is_spoken_of_where_a_tool_is_one(draft):
    assert "Browser: browsers are switched off (GTM_BROWSER)." in told(draft, "tools")[1]
    assert "Browser" not in again(draft, "tools", tool_hooks=())[1]


def test_every_command_of_the_documents_is_reviewed_by_all_of_it():
    keys = {item.key for item in checklist.STANDARD}
    assert {"goal", "tools", "agents", "approvals", "dependencies", "deliverables"} <= keys
    for command in registry.all_commands():
        if command.plugin != "plans":
            assert keys <= {item.key for item in command.checklist} or command.name == "follow-up"


def test_a_run_with_an_open_item_says_each_once_and_names_no_plan(draft):
    opened = {"goal": "Nothing can be held against it.", "agents": "Nobody holds legal."}
    for item in draft.checklist:
        if item["key"] in opened:
            item |= {"result": "failed", "evidence": opened[item["key"]], "blocking": True}
    with pytest.raises(GuardNotMet) as refused:
        start.start(draft)
    error = refused.value
    assert error.detail.startswith(f"{draft.command.path} was not started: its review checklist has 2 open")
    assert [(p.field, p.message.count(opened[p.field.partition(".")[2]])) for p in error.problems] == [
        ("review_checklist.goal", 1),
        ("review_checklist.agents", 1),
    ]
    assert not Plan.objects.exists()
