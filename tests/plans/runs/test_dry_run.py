"""A dry run says what would start, and neither stores anything nor keeps anybody from storing."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from gtm.core.actors import Actor, acting_as
from plans.admin.page import DryRun
from plans.engine.gates import future_rounds
from plans.export import document, rules
from plans.runs import registry, start
from tests.doors import USAGE, manage, user

WRITES = ("INSERT", "UPDATE", "DELETE", "SAVEPOINT", "BEGIN IMMEDIATE")
SAMPLE = ("monitor-loyalty", "launch-program")
"""Commands whose example starts on the data of the sample organisation."""
MADE_ANEW = (
    "plan_id",
    "created_at",
    "updated_at",
    "context_passing",
    "review_checklist",
    "change_log",
    "integrity",
)


@pytest.fixture
def draft(organisation):
    with acting_as(Actor.of_user(user("ops"), "command line")):
        yield start.draft(*start.parse_usage(USAGE), None)


@pytest.mark.parametrize("usage", [USAGE, *(registry.get(name).example for name in SAMPLE)])
def test_a_dry_run_is_what_the_plan_is_when_it_has_been_stored(organisation, usage):
    with acting_as(Actor.of_user(user("ops"), "command line")):
        draft = start.draft(*start.parse_usage(usage), None)
        proposed, said = start.dry_run(draft)
        preview = DryRun.of(draft)
        plan = start.build(draft)
        stored = document.build(plan)
        benches = [future_rounds.who_must_approve(plan, gate) for gate in plan.rules.gates]
    assert (proposed.pk, said["change_log"], said["integrity"]["length"]) == (None, [], 0)
    assert {key: said[key] for key in said if key not in MADE_ANEW} == {
        key: stored[key] for key in stored if key not in MADE_ANEW
    }
    assert [problem.field for problem in rules.problems(said)] == ["change_log"]  # nothing has happened yet
    assert [gate["bench"] for gate in preview.gates] == benches


def test_neither_preview_nor_command_line_sends_a_write_to_the_database(draft):
    with CaptureQueriesContext(connection) as queries:
        DryRun.of(draft)
        assert manage("gtm", USAGE, "--as", "ops", "--dry-run")[0] == 0
    assert [query["sql"] for query in queries if query["sql"].lstrip().startswith(WRITES)] == []
