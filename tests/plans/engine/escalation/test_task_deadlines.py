"""Tasks of people have reminders and the ladder, as approvals do."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from gtm.core.actors import acting_as
from gtm.core.errors import GuardNotMet
from plans.engine.escalation import clocks, deadlines, ladder
from plans.engine.notices import delivery
from plans.engine.people import human_tasks
from plans.engine.stopping import ripcord
from plans.models import Notification
from tests.factories import PersonFactory, make_plan, round_of
from tests.plans.engine.conftest import actor_of

pytestmark = pytest.mark.usefixtures("acting")


@pytest.fixture
def people():
    return {
        slug: PersonFactory(name=slug, roles=[slug]) for slug in ("finance", "strategist", "legal", "sponsor")
    }


@pytest.fixture
def task(people, vote):
    """Ready on Monday at ten and due in 16 working hours, on Wednesday at ten."""
    plan = make_plan(owner=people["strategist"], due_hours={"9": 16})
    vote(people["finance"], round_of(plan))
    found = plan.tasks.get(key="publish")
    assert (found.due_at, found.reminded) == (datetime(2026, 3, 4, 10, tzinfo=UTC), 0)
    return found


def reminders():
    return list(Notification.objects.filter(notice__kind="task-reminder").values_list("subject", flat=True))


def test_reminders_come_at_half_and_four_fifths_of_working_time_once_each(task, time):
    sent = []
    for hour, minute in [(9, 59), (10, 0), (10, 1), (14, 47), (14, 49), (16, 59)]:
        time.now = datetime(2026, 3, 3, hour, minute, tzinfo=UTC)
        sent.append(deadlines.remind_tasks(time()))
        delivery.work_off()
        task.refresh_from_db()
        sent[-1] = (sent[-1], task.reminded)
    assert sent == [(0, 0), (1, 50), (0, 50), (0, 50), (1, 80), (0, 80)]
    assert reminders() == ["80 % of the time is over: publish", "50 % of the time is over: publish"]


def test_after_an_outage_only_the_latest_reminder_goes_out(task, time):
    time.pass_time(days=1, hours=6)
    assert (deadlines.remind_tasks(time()), deadlines.remind_tasks(time())) == (1, 0)
    task.refresh_from_db()
    assert (task.reminded, task.remind_at) == (80, None)


def test_a_late_task_takes_the_first_rung_once_and_climbs_a_rung_at_a_time(task, time):
    time.pass_time(days=30)  # an outage: every rung would be over by now
    assert [deadlines.escalate_overdue_tasks(time()) for _ in range(2)] == [1, 0]
    case = task.escalations.get()
    assert (case.trigger, case.rung, case.subject) == ("task-overdue", 1, "9 publish is overdue")
    assert ladder.fire_due(time()) == 0
    time.pass_time(days=3)
    assert [ladder.fire_due(time()), ladder.fire_due(time())] == [1, 0]
    case.refresh_from_db()
    assert case.rung == 2


def test_the_case_ends_with_the_work_not_with_a_sentence(task, people, time):
    time.pass_time(days=3)
    deadlines.escalate_overdue_tasks(time())
    case = task.escalations.get()
    with acting_as(actor_of(people["strategist"])):
        with pytest.raises(GuardNotMet, match="9 publish is not done yet"):
            ladder.resolve(case, remediation="I called.")
        human_tasks.complete(task, result={}, evidence={})
    case.refresh_from_db()
    assert case.state == "cancelled"


def test_more_time_ends_the_case_and_starts_the_reminders_again(task, time):
    time.pass_time(days=3)  # Thursday, ten
    deadlines.escalate_overdue_tasks(time())
    task.refresh_from_db()
    clocks.move_due(task, time() + timedelta(days=1))
    assert (task.reminded, task.remind_at) == (0, datetime(2026, 3, 5, 14, tzinfo=UTC))
    assert [deadlines.settle_tasks(time()), deadlines.settle_tasks(time())] == [1, 0]
    assert task.escalations.get().state == "cancelled"


def test_under_a_rip_cord_nothing_is_late(task, time):
    ripcord.pull("plan", plan=task.plan, reason="Odd figures")
    time.pass_time(days=30)
    assert (deadlines.remind_tasks(time()), deadlines.escalate_overdue_tasks(time())) == (0, 0)


def test_the_sweep_asks_as_much_whether_one_task_is_late_or_five(people, vote, time):
    counts = []
    for number in (1, 4):
        for _ in range(number):
            plan = make_plan(owner=people["strategist"], due_hours={"9": 8})
            vote(people["finance"], round_of(plan))
        time.pass_time(days=3)
        deadlines.escalate_overdue_tasks(time())
        with CaptureQueriesContext(connection) as queries:
            for duty in (deadlines.settle_tasks, deadlines.remind_tasks, deadlines.escalate_overdue_tasks):
                assert duty(time()) == 0
        counts.append(len(queries))
    assert counts[0] == counts[1]
