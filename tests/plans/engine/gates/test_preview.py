"""The bench: who must approve and why, and another policy over past plans, with nothing stored."""

import json
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command

from gtm.core.models import ChangeLogEntry
from plans.engine.gates import preview
from plans.models import Approval
from tests.factories import PersonFactory, gate, make_plan, round_of, seat

pytestmark = pytest.mark.usefixtures("acting")


@pytest.fixture
def ann():
    return PersonFactory(name="Ann", roles=["finance"])


@pytest.fixture
def sam():
    return PersonFactory(name="Sam", roles=["sponsor"])


def test_each_seat_says_why_and_each_person_as_what(ann, sam):
    over = seat("sponsor", field="amount", over="50", currency="USD")
    plan = make_plan(gate(seat("finance"), over), amount=Decimal(80), requester=sam.accounts.get())
    before = ChangeLogEntry.objects.count(), Approval.objects.count()
    (asked,) = [found.as_dict() for found in preview.who_must_approve(plan)]
    assert [(s["role"], s["why"]) for s in asked["seats"]] == [
        ("finance", "always asked"),
        ("sponsor", "asked when amount is over 50 USD a year"),
    ]
    assert [p["person"] for p in asked["people"]] == ["Ann"]
    assert asked["people"][0]["as"] == [{"role": "finance", "by": "", "authority_of": "Ann"}]
    reason = "asked for this run: nobody approves their own request"
    assert asked["passed_over"] == [{"person": "Sam", "why": reason}]
    assert asked["missing"] == ["sponsor"]
    assert (ChangeLogEntry.objects.count(), Approval.objects.count()) == before


@pytest.mark.parametrize(
    ("seats", "would_be", "missing", "differs"),
    [
        ([seat("finance")], "approved", (), False),
        ([seat("finance", 2)], "unsatisfiable", ("finance",), True),
        ([seat("finance"), seat("sponsor")], "unsatisfiable", ("sponsor",), True),
        (
            [seat("finance"), seat("sponsor", field="amount", over="1000", currency="USD")],
            "approved",
            (),
            False,
        ),
    ],
    ids=["the same", "a quorum of two", "one more role", "a condition that did not hold"],
)
def test_a_proposed_policy_is_held_against_the_votes_of_a_past_round(
    ann, sam, vote, seats, would_be, missing, differs
):
    vote(ann, round_of(make_plan(amount=Decimal(80))))
    (row,) = preview.replay_policy(seats, preview.past_rounds("p:c", "sign-off"))
    assert (row.was, row.would_be, row.missing, row.differs) == ("approved", would_be, missing, differs)


def test_one_no_vetoes_or_is_outvoted_as_the_proposal_says(ann, vote):
    ben = PersonFactory(name="Ben", roles=["finance"])
    plan = make_plan(gate(seat("finance"), on_reject="impossible"))
    vote(ann, round_of(plan), "reject")
    vote(ben, round_of(plan))
    past = list(preview.past_rounds("p:c", "sign-off"))
    assert preview.replay_policy([seat("finance")], past, on_reject="impossible")[0].would_be == "approved"
    assert preview.replay_policy([seat("finance")], past)[0].would_be == "rejected"


def test_the_command_prints_what_would_have_gone_otherwise(ann, vote, tmp_path, capsys):
    plan = make_plan()
    vote(ann, round_of(plan))
    file = tmp_path / "seats.json"
    file.write_text(json.dumps([seat("finance", 2)]))
    call_command("replay_policy", "p:c", "sign-off", str(file))
    printed = capsys.readouterr().out
    assert f"! {plan.plan_id} round 1: approved → unsatisfiable; not asked: finance" in printed
    assert "1 past rounds, 1 with another result" in printed


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "[3]",
        '[{"role": "nobody"}]',
        '[{"role": "finance", "minimum": 0}]',
        '[{"role": "finance", "minimum": true}]',
        '[{"role": "finance", "when": "always"}]',
        '[{"role": "finance", "condition": {"field": "amount"}}]',
        '[{"role": "finance", "condition": {"field": "amount", "over": "much"}}]',
        '[{"role": "finance", "condition": {"field": "amount", "over": "1", "equals": 2}}]',
        '[{"role": "finance", "condition": {"field": "region", "among": "EMEA"}}]',
    ],
)
def test_seats_that_are_none_are_refused(ann, tmp_path, text):
    file = tmp_path / "seats.json"
    file.write_text(text)
    with pytest.raises(CommandError):
        call_command("replay_policy", "p:c", "sign-off", str(file))


def test_seats_are_read_with_what_they_leave_out(ann):
    asked = {"field": "region", "among": ["EMEA"]}
    assert preview.read_seats(
        [{"role": "finance"}, {"role": "finance", "minimum": 2, "condition": asked}]
    ) == [
        seat("finance"),
        {"role": "finance", "minimum": 2, "condition": asked, "why": ""},
    ]
