"""Steps follow the procedures they cite: every point has a step that is there, and code that does it."""

from dataclasses import replace
from pkgutil import resolve_name

import pytest

from plans.runs import registry
from plans.schemas import skills
from plans.standard import runbooks

PARTS = [
    pytest.param(skill, by, id=f"{skill.name}: {point.key} by {by.task}")
    for skill in skills.every().values()
    for point in skill.points
    for by in point.steps
]
LINES = {line.key: line for line in runbooks.EVERY_LAUNCH}


@pytest.mark.parametrize(("skill", "by"), PARTS)
def test_a_point_is_done_by_a_step_that_cites_the_skill(skill, by):
    command = registry.get(by.command)
    steps = {step.key: step for step in command.steps}
    if by.task in steps:
        step = steps[by.task]
        assert (skill.name in step.skills, step.run) == (True, by.code)
    else:  # a task of people, from the runbook of every launch
        assert (command.stages_for != "", LINES[by.task].group, by.code) == (True, "partner", "")
    assert not by.code or callable(resolve_name(by.code))


def cites(command, *names, key="look"):
    stage = command.stages[0]
    step = replace(stage.steps[0], key=key, skills=names)
    return replace(command, stages=(replace(stage, steps=(step,)),))


def test_a_step_that_cites_no_skill_there_is_is_refused_with_the_nearest(watch_command):
    (fault,) = registry.faults(cites(watch_command, "attributoin"))
    assert (fault.field, fault.nearest) == ("stages.0.steps.0.skills", "attribution")
    assert fault.message == "look cites the skill attributoin, and there is no such procedure"


def test_a_step_of_which_the_skill_asks_nothing_does_not_cite_it(watch_command):
    (fault,) = registry.faults(cites(watch_command, "attribution"))
    assert fault.message == "look cites the skill attribution, which asks nothing of it"


def test_a_command_that_drops_a_step_of_a_procedure_is_refused():
    command = registry.get("track-source")
    stages = [
        replace(stage, steps=tuple(replace(step, skills=()) for step in stage.steps))
        for stage in command.stages
    ]
    told = {fault.message for fault in registry.faults(replace(command, stages=tuple(stages)))}
    assert told == {
        f"point {point.key} of the skill attribution is done by {by.task}, which does not cite it"
        for point, by in skills.find("attribution").points_of(command.key)
    }
