"""The published numbers of scheduling come out of the whole command, on runbooks kept as data."""

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError

from gtm.core.errors import InvalidInput
from programs.models import LaunchProfile, Role, Runbook, RunbookTask
from tests.plans.commands.launch_program.test_program import LINE
from tests.plans.conftest import output_of, start, work_off

pytestmark = pytest.mark.usefixtures("organisation")

# Three-point estimates with the published 19.51 days, critical path a-c-e-g.
NETWORK = {
    "a": ((2, 4, 6), ()),
    "b": ((3, 5, 9), ()),
    "c": ((4, 5, 7), ("a",)),
    "d": ((4, 6, 10), ("a",)),
    "e": ((4, 5, 7), ("b", "c")),
    "f": ((3, 4, 8), ("d",)),
    "g": ((3, 5, 8), ("e",)),
}


def task(runbook, key, days, needs=(), **more):
    ops = Role.objects.get(slug="lifecycle-ops")
    names = ("optimistic_days", "likely_days", "pessimistic_days")
    given = {
        "name": key.upper(),
        "phase": "tooling",
        "group": "tooling",
        "responsible": ops,
        "accountable": ops,
    }
    estimates = dict(zip(names, map(Decimal, days), strict=True))
    return RunbookTask(runbook=runbook, key=key, needs=list(needs), **(given | estimates | more))


@pytest.fixture
def runbook():
    """The runbook of every launch, emptied; channels add nothing."""
    for row in RunbookTask.objects.all():
        row.delete()
    return Runbook.objects.get(channel="")


def schedule_of(plan):
    found = output_of(work_off(plan, "checklist"), "checklist")
    table = plan.artifacts.get(key="runbook").payload
    columns = [column["key"] for column in table["columns"]]
    return found, {row[0]: dict(zip(columns, row, strict=True)) for row in table["rows"]}


def test_the_published_three_point_network(runbook):
    for key, (days, needs) in NETWORK.items():
        task(runbook, key, days, needs).save()
    found, rows = schedule_of(start(LINE.replace("2025-12-10", "2026-06-10")))
    assert found["working_days"] == pytest.approx(19.51, abs=0.015)
    assert found["critical_path"] == ["a", "c", "e", "g"]
    slack = {name: row["slack"] for name, row in rows.items()}
    # The source adds up rounded parts.
    published = {"A": 0, "B": 3.84, "C": 0, "D": 4.68, "E": 0, "F": 4.68, "G": 0}
    assert slack == pytest.approx(published, abs=0.015)
    assert [name for name, row in rows.items() if row["critical"]] == ["A", "C", "E", "G"]


def test_ten_us_business_days_before_2025_12_10_is_2025_11_25(runbook):
    task(runbook, "work", (10, 10, 10)).save()
    found, rows = schedule_of(start(LINE))
    assert (rows["WORK"]["begin"], rows["WORK"]["due"]) == ("2025-11-25", "2025-12-09")
    assert (found["days_past"], found["on_time"]) == (82, 0)


def test_each_owner_works_on_their_own_calendar(runbook):
    """1 May 2026, a Friday, is a holiday in France and none in the US."""
    creative = Role.objects.get(slug="creative")
    task(runbook, "here", (1, 1, 1)).save()
    task(runbook, "there", (1, 1, 1), responsible=creative).save()
    profile = LaunchProfile.objects.get()
    profile.buffer_days = 0
    profile.save()
    _, rows = schedule_of(start(LINE.replace("2025-12-10", "2026-05-04")))
    assert {name: row["due"] for name, row in rows.items()} == {"HERE": "2026-05-01", "THERE": "2026-04-30"}


def test_what_compression_buys_is_said(runbook):
    task(runbook, "slow", (1, 10, 19)).save()
    found, _ = schedule_of(start(LINE.replace("2025-12-10", "2026-03-10")))  # six business days are left
    told = found["headline"][0]["value"]
    assert "late by 4 business days" in told
    assert "Doing SLOW in their optimistic time holds the date" in told


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"likely_days": Decimal(9)}, "likely_days"),
        ({"consulted": ["nobody"]}, "consulted"),
        ({"needs": "a,b"}, "needs"),
        ({"needs": ["work"]}, "needs"),
        ({"days_after_launch": 1}, "days_after_launch"),
        ({"phase": "day-of"}, "days_after_launch"),
    ],
)
def test_a_task_that_makes_no_sense_is_refused(runbook, changed, field):
    row = task(runbook, "work", (1, 2, 3))
    for name, value in changed.items():
        setattr(row, name, value)
    with pytest.raises(ValidationError) as refused:
        row.full_clean()
    assert field in refused.value.message_dict


def test_an_approval_of_the_runbooks_own_is_a_gate_and_none_may_be_called_as_a_step(runbook):
    approval = task(runbook, "ceo-approval", (1, 1, 1), phase="approval")
    approval.save()
    plan = start(LINE)
    gate = plan.tasks.get(key="ceo-approval")
    assert gate.kind == "gate" and plan.tasks.get(key="readiness").needs.filter(pk=gate.pk).exists()
    approval.key = "go-live"
    approval.save()
    with pytest.raises(InvalidInput):
        start(LINE)
