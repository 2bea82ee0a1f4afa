"""Two people at the same instant: one outcome, the loser gets 409, and both are on record."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from gtm.core.actors import Actor, acting_as
from gtm.core.errors import GtmError
from gtm.core.fsm import perform
from gtm.core.models import ChangeLogEntry
from plans.engine.escalation import deadlines
from plans.engine.gates import rework, rounds
from plans.engine.running import leases, runner, steps
from plans.engine.running.sweep import sweep
from plans.engine.stopping import ripcord
from plans.models import Approval, Plan, Task, TaskAttempt, TaskKind
from plans.schemas.outputs import StepResult
from tests.factories import PersonFactory, gate, make_plan, make_run, make_task, round_of, seat
from tests.plans.engine.conftest import actor_of

ROUNDS = int(os.environ.get("GTM_RACE_ROUNDS", "8"))  # benchmarks/races.py asks for a thousand
CROWD = 50
WORKERS = 20
pytestmark = pytest.mark.django_db(transaction=True)


def together(*acts):
    """Run every act in a thread of its own, released at once. Answers "done" or the status of the refusal."""
    start = threading.Barrier(len(acts))

    def run(actor, act):
        start.wait()
        try:
            with acting_as(actor):
                act()
            return "done"
        except GtmError as refused:
            return refused.status
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as pool:
        return [future.result() for future in [pool.submit(run, *act) for act in acts]]


def decide(pk, kind):
    return rounds.decide(Approval.objects.get(pk=pk), kind, comment="x")


@pytest.fixture
def pair():
    with acting_as(Actor.system("Test")):
        yield [PersonFactory(name=name, roles=["finance"]) for name in ("Ann", "Ben")]


def test_approve_and_reject_at_once_have_one_outcome_and_both_are_on_record(pair):
    for _ in range(ROUNDS):
        pk = round_of(make_plan()).pk
        acts = [
            (actor_of(person), lambda pk=pk, kind=kind: decide(pk, kind))
            for person, kind in zip(pair, ("approve", "reject"), strict=True)
        ]
        assert sorted(together(*acts), key=str) == [409, "done"]
        approval = Approval.objects.get(pk=pk)
        assert approval.decisions.count() == 1
        late = ChangeLogEntry.objects.filter(event="decision refused", entity_id=str(pk))
        assert late.count() == 1


def test_the_same_vote_twice_at_once_is_one_live_vote(pair):
    for _ in range(ROUNDS):
        pk = round_of(make_plan()).pk
        act = (actor_of(pair[0]), lambda pk=pk: decide(pk, "approve"))
        assert sorted(together(act, act), key=str) == [409, "done"]
        assert Approval.objects.get(pk=pk).decisions.filter(superseded_at=None).count() == 1


def test_a_vote_and_a_pull_at_once_leave_one_consistent_plan(pair):
    for _ in range(ROUNDS):
        plan = make_plan()
        pk = round_of(plan).pk
        vote = (actor_of(pair[0]), lambda pk=pk: decide(pk, "approve"))
        pull = (
            Actor.system("Trigger"),
            lambda plan=plan: ripcord.pull("plan", plan=plan, reason="Fraud.", trigger="fraud-spike"),
        )
        voted, pulled = together(vote, pull)
        plan.refresh_from_db()
        assert (plan.state, pulled) == ("held", "done")
        assert (voted, Approval.objects.get(pk=pk).state) in {("done", "approved"), (409, "frozen")}


def test_fifty_approvers_at_once_are_one_outcome_and_fifty_answers_on_record():
    with acting_as(Actor.system("Test")):
        crowd = [PersonFactory(roles=["finance"]) for _ in range(CROWD)]
        for _ in range(max(ROUNDS // 8, 1)):
            pk = round_of(make_plan(gate(seat("finance", 5)))).pk
            acts = [(actor_of(person), lambda pk=pk: decide(pk, "approve")) for person in crowd]
            found = together(*acts)
            assert (found.count("done"), found.count(409)) == (5, CROWD - 5)
            approval = Approval.objects.get(pk=pk)
            late = ChangeLogEntry.objects.filter(event="decision refused", entity_id=str(pk))
            assert (approval.state, approval.decisions.count(), late.count()) == ("approved", 5, CROWD - 5)


def test_a_vote_and_the_deadline_at_once_leave_no_case_of_a_decided_round(pair):
    for _ in range(ROUNDS):
        plan = make_plan()
        approval = round_of(plan)
        approval.due_at = approval.opened_at
        approval.save()
        vote = (actor_of(pair[0]), lambda pk=approval.pk: decide(pk, "approve"))
        deadline = (
            Actor.system("Scheduler"),
            lambda at=approval.opened_at: deadlines.escalate_overdue(at),
        )
        assert together(vote, deadline) == ["done", "done"]
        open_cases = plan.escalations.exclude(state="cancelled").count()
        assert (Approval.objects.get(pk=approval.pk).state, open_cases) == ("approved", 0)


def test_a_vote_and_an_edit_at_once_never_approve_what_was_not_seen(pair):
    for _ in range(ROUNDS):
        plan = make_plan()
        pk, seen = round_of(plan).pk, round_of(plan).scope_sha256
        vote = (
            actor_of(pair[0]),
            lambda pk=pk, seen=seen: rounds.decide(Approval.objects.get(pk=pk), "approve", seen_digest=seen),
        )
        new = {"budget": {"amount": "900", "currency": "USD"}}
        edit = (
            Actor.system("Editor"),
            lambda plan=plan, new=new: rework.change(Plan.objects.get(pk=plan.pk), new, comment="More."),
        )
        voted, edited = together(vote, edit)
        assert (voted in ("done", 409), edited) == (True, "done")
        assert Plan.objects.get(pk=plan.pk).tasks.get(key="publish").state in ("pending", "suspended")
        # Frozen: it waits while what it asks about is made again.
        assert Approval.objects.get(pk=pk).state in ("approved", "cancelled", "frozen")


def ready_task():
    plan = make_plan()
    task = make_task(plan, 3, "send", TaskKind.AUTOMATED)
    perform(plan, "review_again", comment="One task more.")
    perform(plan, "accept")
    perform(plan, "begin")
    return task


def test_two_claims_at_once_are_one_attempt(pair):
    runners = [Actor.system("Runner"), Actor.system("Another")]
    for _ in range(ROUNDS):
        pk = ready_task().pk
        assert together(
            *[(actor, lambda pk=pk: leases.claim(Task.objects.get(pk=pk), "w")) for actor in runners]
        ) == ["done", "done"]
        task = Task.objects.get(pk=pk)
        assert (task.attempts.count(), task.fence, task.state) == (1, 1, "running")


def test_a_pull_and_a_commit_at_once_apply_the_result_or_keep_it(pair, monkeypatch):
    monkeypatch.setitem(steps._steps, ("p:c", "send"), (StepResult, ""))
    for _ in range(ROUNDS):
        task = ready_task()
        task.refresh_from_db()
        attempt = leases.claim(task, "w")
        commit = (
            Actor.system("Runner"),
            lambda task=task, attempt=attempt: runner.record_success(task, attempt, StepResult({"n": 1})),
        )
        pull = (Actor.system("Trigger"), lambda task=task: ripcord.pull("plan", plan=task.plan, reason="!"))
        assert together(commit, pull) == ["done", "done"]
        task, late = Task.objects.get(pk=task.pk), task.attempts.get().late_output
        assert (task.state, task.output, late) in [
            ("succeeded", {"n": 1}, None),
            ("suspended", None, {"n": 1}),
        ]


def test_twenty_workers_that_hear_one_bell_run_the_task_once(script):
    applied = []
    step = script(StepResult({"points": 7}), apply=lambda plan, values: applied.append(values))
    with acting_as(Actor.system("Test")):
        task = make_run()
    act = (Actor.system("Runner"), lambda: runner.run_task(task.pk, "worker"))
    assert together(*[act] * WORKERS) == ["done"] * WORKERS
    task.refresh_from_db()
    assert (task.state, task.fence, step.call_count, applied) == ("succeeded", 1, 1, [{"points": 7}])
    assert TaskAttempt.objects.get(task=task).outcome == "succeeded"


def test_twenty_sweeps_at_once_start_a_lost_task_again_once(script, settings):
    settings.GTM_LEASE_SECONDS = -1  # over before it begins
    with acting_as(Actor.system("Test")):
        task = make_run()
        script(lambda context: together(*[(Actor.system("Sweep"), sweep)] * WORKERS) and StepResult())
        assert runner.run_task(task.pk, "worker") == "ready"
    task.refresh_from_db()
    assert (task.restarts, task.attempts.get().outcome) == (1, "lost")


def test_a_vote_sent_twenty_times_is_one_live_vote(pair):
    pk = round_of(make_plan(gate(seat("finance", 2)))).pk
    act = (actor_of(pair[0]), lambda: decide(pk, "approve"))
    together(*[act] * WORKERS)
    approval = Approval.objects.get(pk=pk)
    assert approval.state == "pending"
    assert approval.decisions.filter(superseded_at=None).count() == 1
