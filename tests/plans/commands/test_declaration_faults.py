"""What the registry refuses in a ladder, each with its reason."""

from dataclasses import replace

import pytest

from plans.commands import registry
from plans.models import MOST_RUNGS


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
