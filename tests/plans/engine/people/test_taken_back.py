"""A task completed by mistake: undone within a minute by whoever completed it, or reopened later."""

import pytest
from django.contrib.auth.models import Permission

from gtm.core.actors import acting_as
from gtm.core.errors import GuardNotMet, NotPermitted, WrongState
from gtm.core.evidence import audit
from gtm.core.fsm import perform
from gtm.core.models import ChangeLogEntry
from plans.engine.gates import rework
from plans.engine.people import human_tasks, taken_back
from plans.engine.stopping import ripcord
from plans.models import TaskKind
from tests.factories import PersonFactory, UserFactory, do_work, gate, make_plan, make_task
from tests.plans.engine.conftest import actor_of

pytestmark = pytest.mark.usefixtures("acting")


@pytest.fixture
def ann():
    return PersonFactory(name="Ann", roles=["strategist"])


@pytest.fixture
def check(ann, finance):
    """A task of Ann's that a gate and, behind it, the publication wait for."""
    plan = make_plan(gate(scope=["design", "checked"]))
    check = make_task(plan, 0, "check", TaskKind.HUMAN, owner=ann, output_var="checked")
    plan.tasks.get(key="sign-off").needs.add(check)
    rework.change(plan, comment="A check before the sign-off.")
    do_work(plan)
    return plan.tasks.get(key="check")


def done_by(person, task, **result):
    with acting_as(actor_of(person)):
        return human_tasks.complete(task, result=result, evidence={})


def undone_by(person, task):
    with acting_as(actor_of(person)):
        return taken_back.undo(task)


def states(task):
    return dict(task.plan.tasks.order_by("pk").values_list("key", "state"))


def events_of(task):
    rows = ChangeLogEntry.objects.filter(entity="plans.task", entity_id=str(task.pk))
    return list(rows.order_by("sequence").values_list("event", flat=True))


def test_who_completed_it_takes_it_back_and_the_round_waits(check, ann, time):
    before = states(check)
    done_by(ann, check, sizes="fine")
    assert states(check) == before | {"check": "succeeded", "sign-off": "awaiting_approval"}
    time.pass_time(seconds=60)
    undone_by(ann, check)
    check.refresh_from_db()
    assert states(check) == before
    assert (check.output, check.output_sha256, check.finished_at) == (None, "", None)
    assert check.plan.approvals.latest("round").state == "frozen"
    assert events_of(check)[-2:] == ["complete", "undo"]
    assert list(audit.unexplained_states()) == []


def test_the_same_result_again_lets_the_round_go_on(check, ann):
    done_by(ann, check, sizes="fine")
    asked = check.plan.approvals.latest("round")
    undone_by(ann, check)
    done_by(ann, check, sizes="fine")
    asked.refresh_from_db()
    assert (asked.state, check.plan.approvals.latest("round")) == ("pending", asked)


def test_another_result_is_asked_about_in_a_new_round(check, ann):
    done_by(ann, check, sizes="fine")
    asked = check.plan.approvals.latest("round")
    undone_by(ann, check)
    done_by(ann, check, sizes="too small")
    asked.refresh_from_db()
    again = check.plan.approvals.latest("round")
    assert (asked.state, again.state, again.scope["checked"]) == (
        "cancelled",
        "pending",
        {"sizes": "too small"},
    )


def refused(act, error):
    with pytest.raises(error) as told:
        act()
    return told.value.detail


def test_after_a_minute_the_page_names_the_other_way(check, ann, time):
    done_by(ann, check)
    before = states(check)
    time.pass_time(seconds=61)
    assert "for one minute. Reopen the task instead" in refused(lambda: undone_by(ann, check), GuardNotMet)
    assert states(check) == before


def test_nobody_undoes_what_another_person_completed(check, ann):
    user = UserFactory()
    user.user_permissions.set(Permission.objects.filter(codename="operate_plan"))
    ops = PersonFactory(name="Ops", user=user)
    done_by(ann, check)
    assert "Only the person who completed it" in refused(lambda: undone_by(ops, check), NotPermitted)
    assert check.plan.tasks.get(key="check").state == "succeeded"


def test_another_account_of_the_same_person_may(check, ann):
    done_by(ann, check)
    other = UserFactory()
    ann.accounts.add(other)
    with acting_as(actor_of(ann).of_user(other, "admin", interactive=True)):
        taken_back.undo(check)
    assert check.state == "ready"


def test_what_somebody_has_decided_on_stays(check, ann, finance, vote):
    done_by(ann, check)
    vote(finance, check.plan.approvals.latest("round"))
    before = states(check)
    assert "finance has decided at Sign-off." in refused(lambda: undone_by(ann, check), GuardNotMet)
    assert states(check) == before


def test_under_a_rip_cord_nothing_is_taken_back(check, ann):
    done_by(ann, check)
    ripcord.pull("plan", plan=check.plan, reason="Fraud.")
    before = states(check)
    with pytest.raises((GuardNotMet, WrongState)):
        undone_by(ann, check)
    assert states(check) == before


def test_it_is_reopened_later_with_a_reason_and_decided_again(check, ann, finance, vote, time):
    done_by(ann, check, sizes="fine")
    vote(finance, check.plan.approvals.latest("round"))
    assert states(check)["publish"] == "ready"
    time.pass_time(hours=2)
    with acting_as(actor_of(ann)):
        taken_back.reopen(check, comment="I read last month's list.")
    assert states(check) | {"work": ""} == {
        "work": "",
        "sign-off": "pending",
        "publish": "suspended",
        "check": "ready",
    }
    check.plan.refresh_from_db()
    assert (check.plan.state, check.plan.revision) == ("running", 3)
    assert [event for event in events_of(check) if event != "changed"][-2:] == ["do_again", "make_ready"]
    done_by(ann, check.plan.tasks.get(key="check"), sizes="too small")
    first, second = list(check.plan.approvals.order_by("round"))[-2:]
    assert (first.state, second.state) == ("superseded", "pending")
    assert states(check)["publish"] == "suspended"
    assert list(audit.unexplained_states()) == []


def test_an_unchanged_result_keeps_the_approval(check, ann, finance, vote):
    done_by(ann, check, sizes="fine")
    vote(finance, check.plan.approvals.latest("round"))
    with acting_as(actor_of(ann)):
        taken_back.reopen(check, comment="To be sure.")
        human_tasks.complete(check.plan.tasks.get(key="check"), result={"sizes": "fine"}, evidence={})
    assert states(check) | {"work": ""} == {
        "work": "",
        "sign-off": "succeeded",
        "publish": "ready",
        "check": "succeeded",
    }


def test_a_reopening_needs_a_reason_a_person_and_a_plan_that_goes_on(check, ann, finance):
    done_by(ann, check)
    before = states(check)

    def reopened_by(person, why):
        with acting_as(actor_of(person)):
            taken_back.reopen(check, comment=why)

    assert "Say why" in refused(lambda: reopened_by(ann, ""), GuardNotMet)
    assert "can work on this task" in refused(lambda: reopened_by(finance, "No."), NotPermitted)
    assert "Only people reopen" in refused(lambda: taken_back.reopen(check, comment="No."), NotPermitted)
    perform(check.plan, "cancel", comment="Stop.")
    assert "The plan has ended" in refused(lambda: reopened_by(ann, "Late."), GuardNotMet)
    assert states(check)["check"] == before["check"]


def test_what_the_engine_computed_is_not_reopened_by_hand(check, ann):
    work = check.plan.tasks.get(key="work")
    user = UserFactory()
    user.user_permissions.set(Permission.objects.filter(codename="operate_plan"))
    with acting_as(actor_of(PersonFactory(user=user))):
        told = refused(lambda: taken_back.reopen(work, comment="Again."), GuardNotMet)
    assert "The engine did this task" in told
