"""The file of a plan keeps up with what is committed."""

import json
from unittest.mock import Mock

import pytest

from gtm.core.actors import Actor, acting_as
from gtm.core.evidence import anchors
from plans.export import files
from tests.factories import make_run


def last_anchor(plan):
    return json.loads(files.path_of(plan).read_bytes())["integrity"]["anchors"][-1]["number"]


@pytest.mark.django_db(transaction=True)
def test_a_file_follows_its_anchor_and_the_sweep_brings_it_where_that_failed(monkeypatch):
    with acting_as(Actor.system("Test")):
        plan = make_run().plan
        made = anchors.anchor()
        assert last_anchor(plan) == made.number
        assert files.write_behind() == 0
        plan.objective = "Another objective"
        plan.save()
        with monkeypatch.context() as crash:
            crash.setattr(files, "write", Mock(side_effect=OSError))
            made = anchors.anchor()
        with monkeypatch.context() as full:
            full.setattr(files, "_replace", Mock(side_effect=OSError("No space left on device")))
            assert files.write_behind() == 0  # said in the log; the sweep goes on with its other duties
        assert files.write_behind() == 1
    assert last_anchor(plan) == made.number
