"""A plan changed while it runs: drift from the approved baseline, review again, execution refuses."""

import pytest
from django.contrib.auth.models import Permission

from gtm.core.actors import acting_as
from gtm.core.errors import GuardNotMet, NotPermitted, WrongState
from gtm.core.fsm import perform
from gtm.core.models import ChangeLogEntry
from plans.engine.gates import rework, scope
from plans.engine.people import human_tasks
from plans.engine.running import leases
from plans.models import TaskKind
from tests.factories import PersonFactory, RoleFactory, do_work, gate, make_plan, make_task, round_of, seat
from tests.plans.engine.conftest import actor_of

pytestmark = pytest.mark.usefixtures("acting")


def budget(amount):
    return {"budget": {"amount": amount, "currency": "USD"}}


@pytest.fixture
def ann():
    return PersonFactory(name="Ann", roles=["finance"])


@pytest.fixture
def plan(ann, vote):
    """Approved within 5 % of a budget of 100; a person is about to publish."""
    plan = make_plan(gate(tolerances={"budget": 0.05}))
    vote(ann, round_of(plan))
    plan.refresh_from_db()
    return plan


def test_a_change_outside_tolerance_supersedes_asks_again_and_suspends_what_depends_on_it(plan, ann, vote):
    rework.change(plan, budget("106"), comment="Costs more.")
    assert plan.tasks.get(key="publish").state == "suspended"
    do_work(plan)
    states = plan.approvals.order_by("round").values_list("state", flat=True)
    assert (list(states), plan.revision, plan.state) == (["superseded", "pending"], 2, "running")
    vote(ann, round_of(plan))
    assert plan.tasks.get(key="publish").state == "ready"


def test_a_change_within_tolerance_keeps_the_approval_and_logs_the_drift(plan):
    rework.change(plan, budget("104"), comment="Costs a little more.")
    do_work(plan)
    assert (round_of(plan).round, round_of(plan).state) == (1, "approved")
    assert plan.tasks.get(key="publish").state == "ready"
    said = ChangeLogEntry.objects.get(event="carried over").payload.body["reason"]
    assert said == "within tolerance of what was approved; budget.amount: 100 → 104"


def test_small_changes_add_up_because_drift_is_measured_from_the_approval(plan):
    for amount in ("104", "108"):
        rework.change(plan, budget(amount), comment="A little more.")
        do_work(plan)
    assert [a.state for a in plan.approvals.order_by("round")] == ["superseded", "pending"]


def test_what_is_finished_behind_a_gate_stays_finished_unless_named(ann, vote):
    plan = make_plan()
    report = make_task(plan, 10, "report", TaskKind.HUMAN)
    report.needs.add(plan.tasks.get(key="publish"))
    rework.change(plan, comment="One task more.")
    do_work(plan)
    vote(ann, round_of(plan))
    human_tasks.complete(plan.tasks.get(key="publish"), result={}, evidence={})
    rework.change(plan, budget("300"), comment="Costs more.")
    assert [plan.tasks.get(key=k).state for k in ("publish", "report")] == ["succeeded", "suspended"]
    rework.change(plan, budget("400"), comment="Publish again.", redo=["publish"])
    assert plan.tasks.get(key="publish").state == "pending"


def test_a_round_in_progress_starts_over_with_the_new_content(ann):
    plan = make_plan()
    rework.change(plan, budget("90"), comment="Cheaper.")
    do_work(plan)
    assert [a.state for a in plan.approvals.order_by("round")] == ["cancelled", "pending"]
    assert round_of(plan).scope["budget"]["amount"] == "90"


def test_a_change_of_nothing_is_refused(plan):
    with pytest.raises(GuardNotMet, match="Nothing differs"):
        rework.change(plan, plan.inputs, comment="The same.")


def test_a_change_needs_a_comment_and_changes_nothing_without(plan):
    with pytest.raises(GuardNotMet):
        rework.change(plan, budget("200"), comment=" ")
    plan.refresh_from_db()
    assert (plan.state, plan.inputs["budget"]["amount"], plan.revision) == ("running", "100", 1)


def test_a_finished_plan_is_not_changed(plan):
    perform(plan, "cancel", comment="Over.")
    with pytest.raises(WrongState):
        rework.change(plan, budget("200"), comment="Late.")


def test_a_gate_without_a_scope_approves_everything_before_it(ann, vote):
    plan = make_plan(gate(scope=[]))
    vote(ann, round_of(plan))
    assert set(round_of(plan).scope) == {"budget", "design"}
    rework.change(plan, budget("100.01"), comment="One cent.")
    do_work(plan)
    assert round_of(plan).round == 2


# ------------------------------------------------------------------ execution refuses


@pytest.fixture
def automated(ann, vote):
    """A task a worker would take, behind an approved gate."""
    plan = make_plan()
    scope.forget_structure(plan)  # a test before this one had a plan of the same second
    task = make_task(plan, 5, "send", TaskKind.AUTOMATED)
    task.needs.add(plan.tasks.get(key="sign-off"))
    rework.change(plan, comment="A task more.")
    do_work(plan)
    vote(ann, round_of(plan))
    return plan.tasks.get(key="send")


def edit(plan, **fields):
    """Somebody with a shell: logged, and nobody asked."""
    plan.refresh_from_db()
    for name, value in fields.items():
        setattr(plan, name, value)
    plan.save()


def test_what_was_approved_may_start(automated):
    assert leases.claim(automated, "w") is not None


def test_a_worker_does_not_start_on_content_nobody_approved_and_the_ladder_is_told_once(automated):
    edit(automated.plan, inputs=budget("900"))
    assert [leases.claim(automated, "w"), leases.claim(automated, "w")] == [None, None]
    case = automated.escalations.get()
    assert (case.trigger, case.occurrences) == ("content-differs", 1)
    assert case.detail == "budget.amount differ from what Sign-off approved."
    assert automated.attempts.count() == 0


def test_a_person_does_not_complete_what_nobody_approved(automated):
    edit(automated.plan, amount=10**6)
    with pytest.raises(GuardNotMet, match="amount"):
        human_tasks.complete(automated.plan.tasks.get(key="publish"), result={}, evidence={})


@pytest.mark.parametrize("what", ["edge", "role", "limit", "ladder"])
def test_a_structure_that_nobody_accepted_does_not_run(automated, what):
    plan = automated.plan
    plan.refresh_from_db()
    work_task = plan.tasks.get(key="work")
    automated.max_retries = 5 if what == "limit" else automated.max_retries
    automated.agent = RoleFactory(slug="intern") if what == "role" else automated.agent
    automated.save()
    automated.set_related("needs", [work_task] if what == "edge" else automated.needs.all())
    ladder = plan.declaration["ladder"][: 1 if what == "ladder" else 3]
    edit(plan, declaration=plan.declaration | {"ladder": ladder})
    assert leases.claim(automated, "w") is None
    assert automated.escalations.get().detail == "The structure of the plan differs from what was accepted."


def test_review_again_brings_the_gates_in_line_with_what_stands_there(automated, ann, vote):
    edit(automated.plan, inputs=budget("900"))
    leases.claim(automated, "w")
    rework.change(automated.plan, comment="It costs more; please look.")
    assert automated.escalations.get().state == "cancelled"
    assert (round_of(automated.plan).round, round_of(automated.plan).state) == (2, "pending")
    vote(ann, round_of(automated.plan))
    automated.refresh_from_db()
    assert leases.claim(automated, "w") is not None


def test_a_material_change_reaches_seats_that_the_new_amount_asks_for(ann, vote):
    over = seat("sponsor", field="amount", over="150", currency="USD")
    plan = make_plan(gate(seat("finance"), over))
    PersonFactory(name="Sam", roles=["sponsor"])
    vote(ann, round_of(plan))
    rework.change(plan, amount=200, comment="Twice.")
    do_work(plan)
    assert vote(ann, round_of(plan)).missing == ["sponsor"]


def test_who_changed_a_running_plan_does_not_approve_the_change(plan, ann, vote):
    ann.accounts.get().user_permissions.set(Permission.objects.filter(codename="operate_plan"))
    with acting_as(actor_of(ann)):
        rework.change(plan, budget("106"), comment="Costs more.")
    do_work(plan)
    with pytest.raises(NotPermitted, match="edited the content"):
        vote(ann, round_of(plan))
