"""Rounds at a gate: votes, policies, what is final, what is void, and who comes too late."""

from datetime import timedelta
from decimal import Decimal

import pytest

from gtm.core.errors import GuardNotMet, NotPermitted, StaleVersion, WrongState
from gtm.core.models import ChangeLogEntry
from plans.engine.escalation import deadlines
from plans.engine.gates import eligibility, rounds
from tests.factories import AbsenceFactory, PersonFactory, gate, make_plan, round_of, seat
from tests.plans.engine.conftest import actor_of

pytestmark = pytest.mark.usefixtures("acting")


@pytest.fixture
def ann():
    return PersonFactory(name="Ann", roles=["finance"])


@pytest.fixture
def ben():
    return PersonFactory(name="Ben", roles=["finance"])


def test_an_approval_opens_what_is_behind_the_gate(ann, vote):
    plan = make_plan()
    approval = vote(ann, round_of(plan))
    assert approval.state == "approved"
    assert plan.tasks.get(key="sign-off").output["approved_by"] == {"finance": ["Ann"]}
    assert plan.tasks.get(key="publish").state == "ready"


def test_one_person_with_two_roles_fills_one_seat(vote):
    both = PersonFactory(name="Both", roles=["finance", "legal"])
    other = PersonFactory(name="Other", roles=["legal"])
    plan = make_plan(gate(seat("finance"), seat("legal")))
    assert vote(both, round_of(plan)).state == "pending"
    assert vote(other, round_of(plan)).state == "approved"
    assert plan.tasks.get(key="sign-off").output["approved_by"] == {"finance": ["Both"], "legal": ["Other"]}


def test_a_quorum_counts_distinct_people_and_names_them_all(ann, ben, vote):
    plan = make_plan(gate(seat("finance", 2)))
    assert vote(ann, round_of(plan)).state == "pending"
    assert vote(ann, round_of(plan)).state == "pending"
    assert vote(ben, round_of(plan)).state == "approved"
    assert plan.tasks.get(key="sign-off").output["approved_by"] == {"finance": ["Ann", "Ben"]}


def test_a_veto_ends_the_round_and_the_plan(ann, ben, vote):
    plan = make_plan(gate(seat("finance", 2)))
    assert vote(ann, round_of(plan), "reject").state == "rejected"
    plan.refresh_from_db()
    assert plan.state == "rejected"
    assert set(plan.tasks.exclude(key="work").values_list("state", flat=True)) == {"cancelled"}


def test_where_only_the_impossible_rejects_one_no_is_outvoted(ann, ben, vote):
    plan = make_plan(gate(on_reject="impossible"))
    assert vote(ann, round_of(plan), "reject").state == "pending"
    assert vote(ben, round_of(plan)).state == "approved"


@pytest.mark.parametrize("kind", ["reject", "request_changes"])
def test_a_no_needs_a_reason(ann, vote, kind):
    plan = make_plan()
    with pytest.raises(GuardNotMet, match="Say why"):
        vote(ann, round_of(plan), kind, comment=" ")
    assert round_of(plan).decisions.count() == 0


def test_a_vote_may_change_and_the_old_one_stays(ann, ben, vote):
    plan = make_plan(gate(seat("finance", 2), on_reject="impossible"))
    vote(ann, round_of(plan))
    vote(ann, round_of(plan), "recuse")
    votes = round_of(plan).decisions.order_by("pk")
    assert [(v.kind, v.superseded_at is None) for v in votes] == [("approve", False), ("recuse", True)]


def test_a_final_round_answers_409_changes_nothing_and_the_loser_is_on_record(ann, ben, vote):
    plan = make_plan()
    approval = vote(ann, round_of(plan))
    with pytest.raises(WrongState) as refused:
        vote(ben, approval, "reject")
    assert refused.value.status == 409
    assert approval.decisions.count() == 1
    row = ChangeLogEntry.objects.get(event="decision refused")
    assert (row.payload.body["actor"], row.payload.body["to"]) == (ben.accounts.get().username, "reject")


def test_content_that_changed_since_it_was_seen_is_refused(ann, vote):
    with pytest.raises(StaleVersion, match="has changed"):
        vote(ann, round_of(make_plan()), seen_digest="0" * 64)


def test_a_stale_version_is_refused(ann, vote):
    approval = round_of(make_plan())
    with pytest.raises(StaleVersion):
        vote(ann, approval, expected_version=approval.version - 1)


def test_money_and_law_take_a_password_given_just_now(ann, vote, time):
    approval = round_of(make_plan(gate(reauthenticate=True)))
    assert vote(ann, approval, reauthenticated_at=time() - timedelta(minutes=9)).state == "approved"


@pytest.mark.parametrize("minutes", [11, 10**6])
def test_money_and_law_do_not_take_an_old_password(ann, vote, time, minutes):
    approval = round_of(make_plan(gate(reauthenticate=True)))
    with pytest.raises(NotPermitted) as refused:
        vote(ann, approval, reauthenticated_at=time() - timedelta(minutes=minutes))
    assert refused.value.params == {"reauthenticate": True}


def test_money_and_law_do_not_take_a_session_alone(ann, vote):
    with pytest.raises(NotPermitted, match="password again"):
        vote(ann, round_of(make_plan(gate(reauthenticate=True))))


def test_listed_actions_are_what_deciding_allows(ann, ben):
    approval = round_of(make_plan(requester=ben.accounts.first()))
    assert all(action.allowed for action in rounds.available(approval, actor_of(ann)))
    refused = rounds.available(approval, actor_of(ben))
    assert {a.reasons for a in refused} == {("Ben asked for this run: nobody approves their own request.",)}


def test_nobody_left_to_decide_escalates_at_once_and_a_new_round_asks_people_who_came(ann, vote):
    plan = make_plan(gate(seat("finance")))
    vote(ann, round_of(plan), "recuse")
    assert round_of(plan).state == "unsatisfiable"
    assert plan.escalations.get().trigger == "approval-unsatisfiable"
    cid = PersonFactory(name="Cid", roles=["finance"])
    deadlines.reweigh()
    assert round_of(plan).state == "unsatisfiable"
    with pytest.raises(NotPermitted, match="Cid holds this authority only since after this round"):
        vote(cid, round_of(plan))
    following = rounds.ask_again(round_of(plan), reason="Cid is in finance now.")
    assert (following.round, following.state, plan.escalations.get().state) == (2, "pending", "cancelled")
    assert plan.approvals.get(round=1).state == "cancelled"
    assert vote(cid, following).state == "approved"


def test_a_round_that_can_be_decided_is_not_asked_again(ann):
    plan = make_plan()
    with pytest.raises(WrongState, match="This is possible only from exhausted, unsatisfiable"):
        rounds.ask_again(round_of(plan), reason="Faster.")
    assert plan.approvals.get().state == "pending"


def test_a_limit_raised_counts_in_the_next_round_and_one_lowered_at_once(ann, vote):
    holding, plan = ann.approverships.get(), make_plan(amount=Decimal(100))
    holding.limit_amount = Decimal(99)
    holding.save()
    with pytest.raises(NotPermitted, match="may sign up to 99"):
        vote(ann, round_of(plan))
    later = make_plan(amount=Decimal(100))
    holding.limit_amount = None
    holding.save()
    with pytest.raises(NotPermitted, match="only since after this round was opened"):
        vote(ann, round_of(later))
    assert vote(ann, round_of(plan)).state == "approved"


def test_a_round_whose_only_person_lost_the_account_is_nobodys_within_a_sweep(ann):
    plan, user = make_plan(), ann.accounts.get()
    user.is_active = False
    user.save()
    deadlines.reweigh()
    assert round_of(plan).state == "unsatisfiable"
    assert eligibility.bench_of(round_of(plan)).why_not(ann.pk) == "has no account that is open"


def test_a_round_with_every_seat_validly_voted_again_is_approved_within_a_sweep(ann, ben, vote):
    PersonFactory(name="Cid", roles=["finance"])
    plan, user = make_plan(gate(seat("finance", 2))), ann.accounts.get()
    vote(ann, round_of(plan))
    user.is_active = False
    user.save()
    assert vote(ben, round_of(plan)).state == "pending"
    deadlines.reweigh()
    assert round_of(plan).state == "pending"
    user.is_active = True
    user.save()
    assert deadlines.reweigh() == 1
    assert round_of(plan).state == "approved"
    assert round_of(plan).decisions.get(person=ann).void_reason == ""


def test_a_round_that_could_be_filled_again_by_its_votes_is_approved_within_a_sweep(ann, ben, vote):
    plan, user = make_plan(gate(seat("finance", 2))), ann.accounts.get()
    vote(ann, round_of(plan))
    user.is_active = False
    user.save()
    assert vote(ben, round_of(plan)).state == "unsatisfiable"
    user.is_active = True
    user.save()
    deadlines.reweigh()
    assert (round_of(plan).state, plan.escalations.get().state) == ("approved", "cancelled")


@pytest.mark.parametrize("way", ["account", "role", "person"])
def test_at_finalisation_a_vote_whose_voter_lost_the_right_is_void_and_visible(ann, ben, vote, way):
    PersonFactory(name="Cid", roles=["finance"])
    plan = make_plan(gate(seat("finance", 2)))
    vote(ann, round_of(plan))
    user, holding = ann.accounts.get(), ann.approverships.get()
    user.is_active, ann.is_active = way != "account", way != "person"
    user.save()
    ann.save()
    holding.valid_until = holding.created_at if way == "role" else None
    holding.save()
    assert vote(ben, round_of(plan)).state == "pending"
    assert "Ann" in round_of(plan).decisions.get(person=ann).void_reason


def test_a_vote_cast_stands_when_its_voter_goes_on_holiday(ann, ben, vote):
    plan = make_plan(gate(seat("finance", 2)))
    vote(ann, round_of(plan))
    AbsenceFactory(person=ann)
    assert vote(ben, round_of(plan)).state == "approved"


def test_the_time_to_decide_is_working_time(ann):
    assert round_of(make_plan()).due_at.isoformat() == "2026-03-04T10:00:00+00:00"


def test_an_amount_in_another_currency_asks_for_the_seat_above_the_limit(ann):
    over = seat("sponsor", field="amount", over="50", currency="EUR")
    plan = make_plan(gate(seat("finance"), over), amount=Decimal(1))
    assert round_of(plan).state == "unsatisfiable"
