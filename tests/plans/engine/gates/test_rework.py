"""Changes requested, revision n + 1, and what carries over."""

import pytest

from gtm.core.errors import GuardNotMet, StaleVersion, WrongState
from gtm.core.models import ChangeLogEntry
from plans.engine.gates import rework
from plans.models import Artifact
from tests.factories import PersonFactory, do_work, gate, make_plan, round_of, seat

pytestmark = pytest.mark.usefixtures("acting")
NEW = {"budget": {"amount": "90", "currency": "USD"}}


@pytest.fixture
def ann():
    return PersonFactory(name="Ann", roles=["finance"])


@pytest.fixture
def lea():
    return PersonFactory(name="Lea", roles=["legal"])


@pytest.fixture
def two_gates(ann, lea):
    return make_plan(
        gate(seat("finance"), key="money", tolerances={"design": 0.05}),
        gate(seat("legal"), key="law", scope=["design"]),
    )


def test_a_request_for_changes_stops_the_clock_of_the_other_gate(two_gates, lea, vote, time):
    due = round_of(two_gates, "money").due_at
    vote(lea, round_of(two_gates, "law"), "request_changes")
    two_gates.refresh_from_db()
    assert (two_gates.state, round_of(two_gates, "money").state) == ("changes_requested", "frozen")
    time.pass_time(days=7)
    rework.revise(two_gates, comment="Explained.")
    assert round_of(two_gates, "money").state == "pending"
    assert (round_of(two_gates, "money").due_at - due).days == 7


def test_an_answer_in_words_opens_the_next_round_and_leaves_the_rest(two_gates, ann, lea, vote):
    vote(ann, round_of(two_gates, "money"))
    vote(lea, round_of(two_gates, "law"), "request_changes")
    rework.revise(two_gates, comment="Explained.")
    assert two_gates.revision == 2
    assert (round_of(two_gates, "law").round, round_of(two_gates, "law").state) == (2, "pending")
    assert (round_of(two_gates, "money").round, round_of(two_gates, "money").state) == (1, "approved")
    assert two_gates.tasks.get(key="work").state == "succeeded"


def test_changed_inputs_run_again_and_only_what_is_touched_asks_again(two_gates, ann, lea, vote):
    plan = make_plan(gate(seat("legal"), key="law", scope=["design"]), gate(key="money"))
    vote(lea, round_of(plan, "law"))
    vote(ann, round_of(plan, "money"), "request_changes")
    rework.revise(plan, NEW, comment="Cheaper.")
    assert plan.tasks.get(key="work").state == "ready"
    do_work(plan)
    assert (round_of(plan, "law").round, round_of(plan, "law").state) == (1, "approved")
    assert plan.tasks.get(key="law").output["carried_over"] == "its content is untouched"
    assert ChangeLogEntry.objects.filter(event="carried over").count() == 1
    assert round_of(plan, "money").round == 2
    assert [d.path for d in rework.changes_since(round_of(plan, "money"), ann)] == ["budget.amount"]
    assert vote(ann, round_of(plan, "money")).state == "approved"
    assert plan.tasks.get(key="publish").state == "ready"


def test_what_is_made_again_and_is_the_same_keeps_votes_and_clocks(vote, ann, lea, time):
    ben = PersonFactory(name="Ben", roles=["finance"])
    plan = make_plan(gate(seat("finance", 2), key="money"), gate(seat("legal"), key="law", scope=["design"]))
    vote(ann, round_of(plan, "money"))
    due = round_of(plan, "money").due_at
    vote(lea, round_of(plan, "law"), "request_changes")
    time.pass_time(days=7)
    rework.revise(plan, comment="Explained.", redo=["work"])
    assert round_of(plan, "money").state == "frozen"
    do_work(plan)
    asked = round_of(plan, "money")
    assert (asked.round, asked.state, (asked.due_at - due).days) == (1, "pending", 7)
    assert vote(ben, asked).state == "approved"
    assert round_of(plan, "law").round == 2


def test_what_is_made_again_and_is_another_asks_again(vote, ann, lea):
    PersonFactory(name="Ben", roles=["finance"])
    plan = make_plan(gate(seat("finance", 2), key="money"), gate(seat("legal"), key="law", scope=["design"]))
    vote(ann, round_of(plan, "money"))
    vote(lea, round_of(plan, "law"), "request_changes")
    rework.revise(plan, NEW, comment="Cheaper.")
    do_work(plan)
    first, second = plan.approvals.filter(gate="money").order_by("round")
    assert (first.state, second.state, second.decisions.count()) == ("cancelled", "pending", 0)


@pytest.mark.parametrize(("points", "standing", "rounds"), [("104", "approved", 1), ("106", "superseded", 2)])
def test_drift_is_kept_within_tolerance_and_superseded_beyond(
    two_gates, ann, lea, vote, points, standing, rounds
):
    vote(ann, round_of(two_gates, "money"))
    vote(lea, round_of(two_gates, "law"), "request_changes")
    rework.revise(two_gates, comment="Done again.", redo=["work"])
    do_work(two_gates, {"points": points})
    money = two_gates.approvals.filter(gate="money").order_by("round")
    assert (money.first().state, money.count()) == (standing, rounds)


def test_drift_is_measured_from_the_approved_baseline_through_every_revision(two_gates, ann, lea, vote):
    vote(ann, round_of(two_gates, "money"))
    for points in ("104", "108"):
        vote(lea, round_of(two_gates, "law"), "request_changes")
        rework.revise(two_gates, comment="Done again.", redo=["work"])
        do_work(two_gates, {"points": points})
    states = two_gates.approvals.filter(gate="money").order_by("round").values_list("state", flat=True)
    assert list(states) == ["superseded", "pending"]


def test_a_changed_amount_is_never_carried_over(two_gates, ann, lea, vote):
    vote(ann, round_of(two_gates, "money"))
    vote(lea, round_of(two_gates, "law"), "request_changes")
    rework.revise(two_gates, comment="More.", amount=10**6)
    do_work(two_gates)
    assert round_of(two_gates, "money").state == "pending"


def test_earlier_outputs_are_kept_and_marked(ann, vote):
    plan = make_plan()
    work = plan.tasks.get(key="work")
    row = {
        "plan": plan,
        "task": work,
        "key": "k",
        "title": "t",
        "kind": "table",
        "payload": {},
        "sha256": "x",
    }
    Artifact(**row).save()
    vote(ann, round_of(plan), "request_changes")
    rework.revise(plan, NEW, comment="Cheaper.")
    Artifact(**row).save()
    assert work.artifacts.filter(superseded_at=None).count() == 1
    assert work.artifacts.count() == 2


def test_a_worker_still_at_it_loses_its_fence(ann, vote):
    plan = make_plan()
    fence = plan.tasks.get(key="work").fence
    vote(ann, round_of(plan), "request_changes")
    rework.revise(plan, NEW, comment="Cheaper.")
    assert plan.tasks.get(key="work").fence == fence + 1


def test_an_old_vote_on_new_content_is_refused(ann, vote):
    plan = make_plan()
    seen = round_of(plan).scope_sha256
    vote(ann, round_of(plan), "request_changes")
    rework.revise(plan, NEW, comment="Cheaper.")
    do_work(plan)
    with pytest.raises(StaleVersion):
        vote(ann, round_of(plan), seen_digest=seen)


def test_the_fourth_round_goes_to_the_ladder(ann, vote):
    plan = make_plan()
    for _ in range(3):
        assert plan.escalations.count() == 0
        vote(ann, round_of(plan), "request_changes")
        rework.revise(plan, comment="Explained.")
    assert (round_of(plan).round, plan.escalations.get().trigger) == (4, "rework-rounds")


def test_a_revision_needs_a_request_and_a_comment(ann, vote):
    plan = make_plan()
    with pytest.raises(WrongState):
        rework.revise(plan, NEW, comment="Unasked.")
    vote(ann, round_of(plan), "request_changes")
    with pytest.raises(GuardNotMet):
        rework.revise(plan, NEW, comment=" ")
