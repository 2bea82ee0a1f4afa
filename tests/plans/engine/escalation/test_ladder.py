"""Ladders, reminders and overdue rounds on a working calendar."""

from datetime import UTC, datetime, timedelta

import pytest

from gtm.core.actors import acting_as
from gtm.core.errors import GuardNotMet, InvalidInput, NotPermitted
from plans.engine.escalation import deadlines, ladder
from plans.engine.notices import addressing
from plans.engine.people import inbox
from plans.models import Notice
from tests.factories import AbsenceFactory, PersonFactory, ProgramFactory, gate, make_plan, round_of, seat
from tests.plans.engine.conftest import actor_of

pytestmark = pytest.mark.usefixtures("acting")


@pytest.fixture
def people():
    return {
        slug: PersonFactory(name=slug, roles=[slug]) for slug in ("finance", "strategist", "legal", "sponsor")
    }


@pytest.fixture
def case(people):
    return ladder.open_case(make_plan(), "negative-roi", "The return is negative")


def rungs(case):
    return list(case.firings.order_by("rung").values_list("rung", flat=True))


def test_a_case_tells_the_first_rung_at_once_and_stores_who_was_told(case):
    assert (case.state, rungs(case)) == ("notified", [1])
    assert [who["name"] for who in case.firings.get().notified] == ["strategist"]
    assert case.due_at == datetime(2026, 3, 3, 10, tzinfo=UTC)


def test_the_same_trigger_on_the_same_subject_counts_on_the_open_case(case):
    again = ladder.open_case(case.plan, "negative-roi", "Again", evidence=[{"period": "Q2"}])
    assert (again.pk, again.occurrences, again.evidence) == (case.pk, 2, [{"period": "Q2"}])


def test_each_rung_fires_once_however_often_the_sweep_comes(case, time):
    assert ladder.fire_due(time()) == 0
    time.pass_time(days=1)
    assert [ladder.fire_due(time()), ladder.fire_due(time())] == [1, 0]
    assert rungs(case) == [1, 2]


def test_after_a_month_of_outage_only_the_next_rung_fires_and_its_wait_counts_from_now(case, time):
    time.pass_time(days=30)  # Wednesday 1 April, 10:00
    assert ladder.fire_due(time()) == 1
    case.refresh_from_db()
    assert (rungs(case), case.due_at) == ([1, 2], datetime(2026, 4, 2, 10, tzinfo=UTC))


@pytest.mark.parametrize(
    ("zone", "country", "opened", "due"),
    [
        ("UTC", "US", datetime(2026, 3, 6, 16, tzinfo=UTC), datetime(2026, 3, 9, 16, tzinfo=UTC)),
        ("UTC", "US", datetime(2026, 7, 2, 16, tzinfo=UTC), datetime(2026, 7, 6, 16, tzinfo=UTC)),
        (
            "America/New_York",
            "US",
            datetime(2026, 3, 6, 21, tzinfo=UTC),
            datetime(2026, 3, 9, 20, tzinfo=UTC),
        ),
    ],
    ids=["weekend", "holiday", "daylight saving"],
)
def test_a_rung_waits_in_working_hours(people, time, zone, country, opened, due):
    time.now = opened
    plan = make_plan(program=ProgramFactory(time_zone=zone, country=country))
    assert ladder.open_case(plan, "t", "s").due_at == due


@pytest.mark.parametrize(
    ("place", "due"),
    [  # opened on Thursday, 4 June 2026, 12:00 UTC: Corpus Christi in a part of Germany, not in another
        ({"country": "DE", "subdivision": "BE"}, datetime(2026, 6, 5, 12, tzinfo=UTC)),
        ({"country": "DE", "subdivision": "BY"}, datetime(2026, 6, 5, 17, tzinfo=UTC)),
        ({"country": "SA"}, datetime(2026, 6, 7, 12, tzinfo=UTC)),  # where Friday and Saturday are free
        ({"country": "US", "working_week": "60123"}, datetime(2026, 6, 7, 12, tzinfo=UTC)),
        ({"country": "US", "working_week": "0123456"}, datetime(2026, 6, 5, 12, tzinfo=UTC)),
    ],
)
def test_a_ladder_keeps_the_working_week_and_the_holidays_of_the_programs_place(people, time, place, due):
    time.now = datetime(2026, 6, 4, 12, tzinfo=UTC)
    program = ProgramFactory(**place)
    assert ladder.open_case(make_plan(program=program), "negative-roi", "Negative").due_at == due


def test_an_empty_rung_is_on_record_and_skipped_at_once(people):
    AbsenceFactory(person=people["strategist"])
    case = ladder.open_case(make_plan(), "t", "s")
    assert [f.skipped_reason for f in case.firings.order_by("rung")] == [
        "Nobody holds a role of this rung today.",
        "",
    ]
    assert case.rung == 2


def test_the_last_rung_unanswered_holds_and_never_approves(people, time):
    plan = make_plan()
    case = ladder.open_case(plan, "t", "s", approval=round_of(plan))
    for _ in range(3):
        time.pass_time(days=7)
        ladder.fire_due(time())
    case.refresh_from_db()
    assert (case.state, case.due_at, round_of(plan).state) == ("exhausted", None, "pending")


def test_acknowledging_stops_the_climb_is_renewed_once_and_goes_on_from_the_next_rung(case, people, time):
    with acting_as(actor_of(people["strategist"])):
        ladder.acknowledge(case)
        assert (case.state, case.acknowledged_by) == ("acknowledged", people["strategist"])
        time.pass_time(hours=1)
        ladder.acknowledge(case)
        with pytest.raises(GuardNotMet, match="renewed only once"):
            ladder.acknowledge(case)
    time.pass_time(days=2)
    ladder.fire_due(time())
    assert rungs(case) == [1, 2]


def test_only_people_on_a_rung_reached_answer(case, people):
    with acting_as(actor_of(people["legal"])), pytest.raises(NotPermitted):
        ladder.acknowledge(case)


def test_who_stands_in_for_somebody_away_stands_on_the_rung_too(case, people, time):
    cover = PersonFactory(name="Cover")
    AbsenceFactory(person=people["legal"], substitute=cover)
    assert case.pk not in [c.pk for c in inbox.waiting_for(cover.accounts.first()).escalations]
    time.pass_time(days=1)
    ladder.fire_due(time())
    assert [person["name"] for person in case.firings.last().notified] == ["Cover"]
    assert [c.pk for c in inbox.waiting_for(cover.accounts.first()).escalations] == [case.pk]
    with acting_as(actor_of(cover)):
        assert ladder.acknowledge(case).acknowledged_by == cover


def test_a_case_is_handed_to_somebody_else_on_its_rung_and_the_clock_goes_on(case, people):
    other = PersonFactory(name="Other", roles=["strategist"])
    due = case.due_at
    with acting_as(actor_of(people["strategist"])):
        with pytest.raises(InvalidInput) as refused:
            ladder.hand_over(case, owner=people["legal"], comment="She knows it.")
        assert "stands on no rung that was reached" in refused.value.problems[0].message
        ladder.hand_over(case, owner=other, comment="She knows the partner.")
    case.refresh_from_db()
    assert (case.state, case.owner, case.due_at) == ("notified", other, due)
    assert [c.pk for c in inbox.waiting_for(other.accounts.first()).escalations] == [case.pk]
    assert inbox.waiting_for(people["strategist"].accounts.first()).escalations == []
    told = Notice.objects.get(facts__has_key="person_id")
    assert addressing.recipients(told, case) == [other]
    assert "It was handed to you." in addressing.worded(told, case).body


def test_the_next_rung_has_a_case_that_somebody_before_had(case, people, time):
    other = PersonFactory(name="Other", roles=["strategist"])
    with acting_as(actor_of(people["strategist"])):
        ladder.hand_over(case, owner=other, comment="She knows the partner.")
    time.pass_time(days=1)
    ladder.fire_due(time())
    case.refresh_from_db()
    assert case.owner is None
    assert [c.pk for c in inbox.waiting_for(people["legal"].accounts.first()).escalations] == [case.pk]


def test_a_case_waits_until_a_time_and_climbs_then_by_itself(case, people, time):
    until = time() + timedelta(days=5)
    with acting_as(actor_of(people["strategist"])):
        for never in (time(), time() + timedelta(days=15)):
            with pytest.raises(InvalidInput, match="does not wait"):
                ladder.wait(case, until=never, comment="Later.")
        ladder.wait(case, until=until, comment="The partner is away.")
        assert (case.state, case.due_at) == ("acknowledged", until)
        ladder.wait(case, until=until, comment="Still away.")
        with pytest.raises(GuardNotMet, match="renewed only once"):
            ladder.wait(case, until=until + timedelta(days=1), comment="And again.")
    assert ladder.fire_due(until - timedelta(minutes=1)) == 0
    assert ladder.fire_due(until) == 1
    assert rungs(case) == [1, 2]


def test_a_case_is_escalated_now_by_who_has_it_with_a_reason(case, people):
    with acting_as(actor_of(people["legal"])), pytest.raises(NotPermitted):
        ladder.escalate_now(case, comment="Now.")
    with acting_as(actor_of(people["strategist"])):
        with pytest.raises(GuardNotMet):
            ladder.escalate_now(case, comment=" ")
        ladder.escalate_now(case, comment="This is beyond me.")
    case.refresh_from_db()
    assert (case.state, case.rung, rungs(case)) == ("notified", 2, [1, 2])
    assert case.due_at == datetime(2026, 3, 3, 10, tzinfo=UTC)


def test_resolving_needs_what_was_done(case, people):
    with acting_as(actor_of(people["strategist"])):
        with pytest.raises(GuardNotMet):
            ladder.resolve(case, remediation=" ")
        assert ladder.resolve(case, remediation="Cut the reward.").state == "resolved"


def test_a_case_about_a_round_ends_with_its_decision_not_with_a_sentence(people, vote, time):
    plan = make_plan()
    time.pass_time(days=2)
    deadlines.escalate_overdue(time())
    case = plan.escalations.get()
    with acting_as(actor_of(people["strategist"])):
        with pytest.raises(GuardNotMet, match="Sign-off is not decided yet"):
            ladder.resolve(case, remediation="Called finance.")
        ladder.acknowledge(case, comment="Calling finance.")
    vote(people["finance"], round_of(plan))
    case.refresh_from_db()
    assert (case.state, case.remediation) == ("cancelled", "")


def test_a_decision_cancels_the_rungs_that_were_to_come(people, vote, time):
    plan = make_plan()
    case = ladder.open_case(plan, "t", "s", approval=round_of(plan))
    vote(people["finance"], round_of(plan))
    time.pass_time(days=30)
    assert ladder.fire_due(time()) == 0
    case.refresh_from_db()
    assert case.state == "cancelled"


def test_a_rung_that_gives_authority_lets_its_people_decide(people, vote, time):
    plan = make_plan(gate(seat("treasurer")))
    assert round_of(plan).state == "unsatisfiable"
    for _ in range(2):
        time.pass_time(days=2)
        ladder.fire_due(time())
    assert deadlines.reweigh() == 1
    approval = vote(people["sponsor"], round_of(plan))
    assert approval.state == "approved"
    assert approval.decisions.get().evidence == {"authority": "rung 3 of the ladder"}
    assert plan.escalations.get().state == "cancelled"


# ------------------------------------------------------------------ service levels


def test_reminders_come_at_half_and_four_fifths_of_working_time_once_each(people, time):
    plan = make_plan()
    sent = []
    for hour, minute in [(9, 59), (10, 0), (10, 1), (14, 47), (14, 49), (16, 59)]:
        time.now = datetime(2026, 3, 3, hour, minute, tzinfo=UTC)
        sent.append((deadlines.remind(time()), round_of(plan).reminded))
    assert sent == [(0, 0), (1, 50), (0, 50), (0, 50), (1, 80), (0, 80)]


def test_after_an_outage_only_the_latest_reminder_goes_out(people, time):
    plan = make_plan()
    time.pass_time(days=1, hours=6)
    assert (deadlines.remind(time()), deadlines.remind(time()), round_of(plan).reminded) == (
        1,
        0,
        80,
    )


def test_an_overdue_round_takes_the_first_rung_once(people, time):
    plan = make_plan()
    time.pass_time(days=2)
    assert [deadlines.escalate_overdue(time()), deadlines.escalate_overdue(time())] == [1, 0]
    assert (plan.escalations.get().trigger, rungs(plan.escalations.get())) == ("approval-overdue", [1])


def test_a_frozen_round_is_not_overdue(people, vote, time):
    plan = make_plan(gate(), gate(seat("legal"), key="law"))
    vote(people["legal"], round_of(plan, "law"), "request_changes")
    time.pass_time(days=30)
    assert deadlines.escalate_overdue(time()) == 0


def test_people_who_leave_turn_an_open_round_to_the_ladder(people):
    plan = make_plan()
    people["finance"].is_active = False
    people["finance"].save()
    assert deadlines.reweigh() == 1
    assert round_of(plan).state == "unsatisfiable"


# ------------------------------------------------------------------ exhausted is a state of its own


def let_the_ladder_run_out(plan, time):
    for _ in range(5):
        time.pass_time(days=4)
        deadlines.escalate_overdue(time())
        ladder.fire_due(time())
    return round_of(plan)


def test_a_round_nobody_on_the_ladder_answered_is_exhausted_and_holds(people, time):
    plan = make_plan()
    assert let_the_ladder_run_out(plan, time).state == "exhausted"
    plan.refresh_from_db()
    assert (plan.state, plan.tasks.get(key="publish").state) == ("running", "pending")


def test_an_exhausted_round_is_decided_by_a_late_vote_only(people, vote, time):
    plan = make_plan()
    late = let_the_ladder_run_out(plan, time)
    deadlines.reweigh()
    late.refresh_from_db()
    assert late.state == "exhausted"
    assert vote(people["finance"], late).state == "approved"
    assert plan.escalations.get().state == "cancelled"


def test_half_the_votes_leave_an_exhausted_round_exhausted(people, vote, time):
    PersonFactory(name="second", roles=["finance"])
    plan = make_plan(gate(seat("finance", 2)))
    assert vote(people["finance"], let_the_ladder_run_out(plan, time)).state == "exhausted"


def test_exhausted_may_reject_where_the_gate_says_so_and_never_approves(people, time):
    plan = make_plan(gate(on_exhausted="reject"))
    assert let_the_ladder_run_out(plan, time).state == "rejected"
    plan.refresh_from_db()
    assert plan.state == "rejected"
    assert plan.escalations.get().state == "cancelled"


# ------------------------------------------------------------------ three rungs through the calendar


def climb_to_the_end(case, time):
    """Sweep every five minutes of two weeks would be slow: go from due time to due time."""
    fired = [case.created_at]
    while case.due_at is not None:
        time.now = case.due_at
        ladder.fire_due(time())
        case.refresh_from_db()
        fired.append(time())
    return [f"{at:%a %d %H:%M}" for at in fired]


@pytest.mark.parametrize(
    ("zone", "country", "opened", "told"),
    [
        # 8, 8 and 16 working hours, 9 to 17.
        (
            "UTC",
            "US",
            datetime(2026, 3, 6, 12, tzinfo=UTC),
            ["Fri 06 12:00", "Mon 09 12:00", "Tue 10 12:00", "Thu 12 12:00"],
        ),
        # Friday 3 July 2026 is the observed Independence Day.
        (
            "UTC",
            "US",
            datetime(2026, 7, 2, 12, tzinfo=UTC),
            ["Thu 02 12:00", "Mon 06 12:00", "Tue 07 12:00", "Thu 09 12:00"],
        ),
        # New York leaves standard time on 8 March: nine o'clock is 14:00 UTC before and 13:00 after.
        (
            "America/New_York",
            "US",
            datetime(2026, 3, 6, 17, tzinfo=UTC),
            ["Fri 06 17:00", "Mon 09 16:00", "Tue 10 16:00", "Thu 12 16:00"],
        ),
        # Berlin leaves summer time on 25 October.
        (
            "Europe/Berlin",
            "DE",
            datetime(2026, 10, 23, 10, tzinfo=UTC),
            ["Fri 23 10:00", "Mon 26 11:00", "Tue 27 11:00", "Thu 29 11:00"],
        ),
    ],
    ids=["weekend", "holiday", "into daylight saving", "out of daylight saving"],
)
def test_three_rungs_climb_in_working_hours(people, time, zone, country, opened, told):
    time.now = opened
    plan = make_plan(program=ProgramFactory(time_zone=zone, country=country))
    case = ladder.open_case(plan, "t", "s")
    assert climb_to_the_end(case, time) == told
    assert (case.state, rungs(case)) == ("exhausted", [1, 2, 3])


def test_a_month_of_outage_costs_a_month_and_no_storm(people, time):
    cases = [ladder.open_case(make_plan(), "t", f"s{n}") for n in range(3)]
    time.pass_time(days=31)
    assert [ladder.fire_due(time()), ladder.fire_due(time())] == [3, 0]
    assert [rungs(case) for case in cases] == [[1, 2]] * 3


def test_an_acknowledgement_that_runs_out_goes_on_from_the_next_rung(case, people, time):
    with acting_as(actor_of(people["strategist"])):
        ladder.acknowledge(case)
    time.pass_time(days=1)
    ladder.fire_due(time())
    case.refresh_from_db()
    assert (case.state, rungs(case), case.renewals) == ("notified", [1, 2], 0)


def test_a_ladder_that_repeats_starts_over_so_often_and_each_rung_fires_once_a_cycle(people, time):
    plan = make_plan()
    plan.declaration = plan.declaration | {"ladder_repeats": 1}
    plan.save()
    case = ladder.open_case(plan, "t", "s")
    climb_to_the_end(case, time)
    fired = list(case.firings.order_by("cycle", "rung").values_list("cycle", "rung"))
    assert (case.state, fired) == ("exhausted", [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (2, 3)])


def test_a_ladder_of_empty_rungs_repeats_no_further_than_it_may(acting):
    plan = make_plan()
    plan.declaration = plan.declaration | {"ladder_repeats": 2}
    plan.save()
    case = ladder.open_case(plan, "t", "s")
    assert (case.state, case.cycle, case.firings.exclude(skipped_reason="").count()) == ("exhausted", 3, 9)


def test_authority_that_a_rung_gave_stays_in_the_next_cycle(people, vote, time):
    plan = make_plan(gate(seat("treasurer")))
    plan.declaration = plan.declaration | {"ladder_repeats": 1}
    plan.save()
    for _ in range(4):
        time.pass_time(days=3)
        ladder.fire_due(time())
    assert plan.escalations.get().cycle == 2
    deadlines.reweigh()
    assert vote(people["sponsor"], round_of(plan)).state == "approved"
