"""While a plan is paused or stopped its clocks stand; afterwards each has the working time it had left."""

import pytest
from django.contrib.auth.models import Permission

from gtm.core.actors import acting_as
from gtm.core.errors import WrongState
from gtm.core.fsm import perform
from plans.engine.escalation import deadlines, ladder
from plans.engine.notices import table
from plans.engine.stopping import ripcord
from plans.models import Escalation, Notice
from tests.factories import PersonFactory, gate, make_plan, round_of, seat
from tests.plans.engine.conftest import actor_of

pytestmark = pytest.mark.usefixtures("acting")


@pytest.fixture
def people():
    return {
        role: PersonFactory(name=role, roles=[role]) for role in ("finance", "strategist", "legal", "sponsor")
    }


@pytest.fixture
def releasers():
    found = [PersonFactory(name=name) for name in ("Rex", "Rita")]
    for person in found:
        person.accounts.get().user_permissions.add(Permission.objects.get(codename="release_ripcord"))
    return found


def release(people, plan=None, **scope):
    for person in people:
        with acting_as(actor_of(person)):
            ripcord.release(plan, remediation="Fixed.", **scope)


def pause(plan):
    perform(plan, "pause", comment="The vendor is away.")


def resume(plan):
    perform(plan, "resume", comment="The vendor is back.")


def due(plan):
    return f"{round_of(plan).due_at:%a %H:%M}"


def swept(time):
    """What a sweep does to clocks: rungs, cases of late rounds, reminders."""
    return ladder.fire_due(time()), deadlines.escalate_overdue(time()), deadlines.remind(time())


def test_a_paused_plan_reminds_nobody_and_climbs_no_ladder_however_long(people, time):
    plan = make_plan()
    case = ladder.open_case(plan, "t", "s")
    pause(plan)
    time.pass_time(days=60)
    assert swept(time) == (0, 0, 0)
    case.refresh_from_db()
    assert (case.state, case.rung, round_of(plan).state) == ("paused", 1, "frozen")


def test_a_resumed_plan_has_the_working_time_it_had_left(people, time):
    plan = make_plan()  # Monday 10:00 and 16 working hours: Wednesday 10:00
    case = ladder.open_case(plan, "t", "s")  # 8 working hours to the next rung
    assert due(plan) == "Wed 10:00"
    time.pass_time(hours=3)
    pause(plan)  # 13 and 5 hours are left
    time.pass_time(days=4)  # Friday 13:00
    resume(plan)
    case.refresh_from_db()
    assert (round_of(plan).state, due(plan)) == ("pending", "Tue 10:00")
    assert (case.state, f"{case.due_at:%a %H:%M}") == ("notified", "Mon 10:00")
    assert round_of(plan).frozen_at is None


def test_a_pause_over_a_weekend_costs_no_working_time(people, time):
    time.pass_time(days=4)  # Friday 10:00
    plan = make_plan()
    before = round_of(plan).due_at
    time.pass_time(hours=7)  # closing time
    pause(plan)
    time.pass_time(days=2, hours=16)  # Monday 9:00
    resume(plan)
    assert round_of(plan).due_at == before


def test_pauses_add_up(people, time):
    plan = make_plan()
    for _ in range(3):
        time.pass_time(hours=1)
        pause(plan)
        time.pass_time(hours=1)
        resume(plan)
    assert due(plan) == "Wed 13:00"


def test_a_trigger_that_counts_on_a_paused_case_takes_none_of_its_time(people, time):
    plan = make_plan()
    case = ladder.open_case(plan, "t", "s")
    pause(plan)
    time.pass_time(hours=2)
    ladder.open_case(plan, "t", "s")
    time.pass_time(hours=2)
    resume(plan)
    case.refresh_from_db()
    assert (case.occurrences, f"{case.due_at:%a %H:%M}") == (2, "Tue 14:00")


def test_a_case_opened_while_paused_tells_its_first_rung_on_resuming(people, time):
    plan = make_plan()
    pause(plan)
    case = ladder.open_case(plan, "t", "s")
    assert (case.state, case.rung) == ("paused", 0)
    time.pass_time(days=1)
    resume(plan)
    ladder.fire_due(time())
    case.refresh_from_db()
    assert (case.state, case.rung) == ("notified", 1)


def test_nobody_votes_on_a_paused_plan_and_votes_cast_before_count_after(people, vote, time):
    plan = make_plan(gate(seat("finance"), seat("legal")))
    vote(people["finance"], round_of(plan))
    pause(plan)
    with pytest.raises(WrongState):
        vote(people["legal"], round_of(plan))
    resume(plan)
    assert vote(people["legal"], round_of(plan)).state == "approved"


def test_who_left_during_the_pause_is_missed_at_its_end(people, time):
    plan = make_plan()
    pause(plan)
    people["finance"].is_active = False
    people["finance"].save()
    resume(plan)
    assert round_of(plan).state == "unsatisfiable"
    assert Escalation.objects.get(plan=plan).trigger == ladder.UNSATISFIABLE


@pytest.mark.parametrize("scope", ["plan", "program", "installation"])
def test_a_stop_of_any_scope_stops_the_clocks_and_gives_back_what_was_left(people, releasers, time, scope):
    plan = make_plan()
    about = {"plan": {"plan": plan}, "program": {"program": plan.program}, "installation": {}}[scope]
    time.pass_time(hours=3)
    ripcord.pull(scope, reason="Fraud.", **about)
    time.pass_time(days=4)
    assert swept(time) == (0, 0, 0)
    release(releasers, scope=scope, **about)
    assert due(plan) == "Tue 10:00"


def test_a_paused_plan_that_was_stopped_and_released_is_still_paused_and_still(people, releasers, time):
    plan = make_plan()
    pause(plan)
    ripcord.pull("plan", plan=plan, reason="Fraud.")
    release(releasers, plan)
    plan.refresh_from_db()
    assert (plan.state, round_of(plan).state) == ("paused", "frozen")
    time.pass_time(days=1)
    resume(plan)
    assert (round_of(plan).state, due(plan)) == ("pending", "Thu 10:00")


def test_a_plan_resumed_under_a_stopped_program_stands_still_until_its_release(people, releasers, time):
    plan = make_plan()
    pause(plan)
    ripcord.pull("program", program=plan.program, reason="Breach.")
    resume(plan)
    assert round_of(plan).state == "frozen"
    time.pass_time(days=1)
    release(releasers, scope="program", program=plan.program)
    assert (round_of(plan).state, due(plan)) == ("pending", "Thu 10:00")


def test_a_task_of_people_is_due_in_working_hours_and_is_not_late_while_paused(people, vote, time):
    plan = make_plan(due_hours={"9": 10})
    vote(people["finance"], round_of(plan))
    publish = plan.tasks.get(key="publish")
    assert f"{publish.due_at:%a %H:%M}" == "Tue 12:00"
    time.pass_time(hours=4)
    pause(plan)
    time.pass_time(days=10)
    assert table.tell_overdue(time()) == 0
    resume(plan)  # Thursday 14:00, six hours are left
    publish.refresh_from_db()
    assert f"{publish.due_at:%a %H:%M}" == "Fri 12:00"
    time.pass_time(days=1)
    assert table.tell_overdue(time()) == 1
    assert Notice.objects.get(kind="overdue").entity_id == str(publish.pk)
