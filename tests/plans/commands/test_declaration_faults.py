"""What the registry refuses in gates and ladders, each with its reason."""

from dataclasses import replace

import pytest

from plans.models import LADDER, MOST_RUNGS
from plans.runs import registry
from plans.schemas.declaration import Gate, Seat, Stage, Step


@pytest.mark.parametrize(
    ("rungs", "told"),
    [
        (2, ["a ladder has three rungs, this one 2"]),
        (3, []),
        (MOST_RUNGS, []),
        (MOST_RUNGS + 1, [f"a ladder has at most {MOST_RUNGS} rungs, this one {MOST_RUNGS + 1}"]),
    ],
)
def test_a_ladder_has_three_to_nine_rungs(watch_command, rungs, told):
    ladder = (watch_command.ladder[0],) * rungs
    assert list(registry.faults(replace(watch_command, ladder=ladder))) == told


def test_no_gate_is_called_as_policies_call_the_ladder(watch_command):
    gate = Gate(key=LADDER, title="Sign-off", question="Go?", seats=(Seat("finance"),))
    step = Step("9.1", LADDER, "Sign-off", "finance", "Somebody signs.", gate=gate)
    stages = (*watch_command.stages, Stage("9", "Sign", "sequential", (step,)))
    told = list(registry.faults(replace(watch_command, stages=stages)))
    assert told == ["gate ladder has the name by which policies call the ladder"]
