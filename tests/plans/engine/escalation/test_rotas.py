"""Rotas on rungs: whose turn it is where the program is, who is passed over, and what a case does with it."""

from datetime import UTC, date, datetime, timedelta

import pytest

from gtm.core.actors import acting_as
from gtm.core.errors import NotPermitted
from plans.engine.escalation import ladder, rotas
from plans.engine.notices import addressing
from plans.engine.people import inbox
from plans.engine.people.directory import Directory
from plans.models import Notice
from plans.schemas.declaration import Rota
from tests.factories import LADDER, AbsenceFactory, PersonFactory, ProgramFactory, make_plan
from tests.plans.engine.conftest import actor_of

pytestmark = pytest.mark.usefixtures("acting")

DESK = {"name": "Desk", "turn": "week", "since": "2026-03-02", "people": ["a@x.com", "b@x.com", "c@x.com"]}


@pytest.fixture
def desk():
    PersonFactory(roles=["finance"])  # whom the gate of the plan asks
    return {name: PersonFactory(name=name, email=f"{name}@x.com") for name in "abc"}


def open_case(rung, program=None):
    """A case of a plan whose first rung is this one."""
    declared = [{"rung": 1, "hours": 8, "effect": "notify", **rung}, *LADDER[1:]]
    return ladder.open_case(make_plan(program=program or ProgramFactory(), ladder=declared), "t", "s")


def told(case):
    return [who["name"] for who in case.firings.get(rung=1).notified]


def waits_for(person):
    return [case.pk for case in inbox.waiting_for(person.accounts.get()).escalations]


@pytest.mark.parametrize(
    ("turn", "day", "asked"),
    [
        ("week", date(2026, 3, 1), ""),
        ("week", date(2026, 3, 2), "abc"),
        ("week", date(2026, 3, 8), "abc"),
        ("week", date(2026, 3, 9), "bca"),
        ("week", date(2026, 3, 23), "abc"),
        ("day", date(2026, 3, 3), "bca"),
        ("day", date(2026, 3, 5), "abc"),
    ],
)
def test_people_take_turns_from_the_first_day_on_and_none_before_it(turn, day, asked):
    found = rotas.turns(Rota("Desk", turn, "2026-03-02", ("a", "b", "c")), day)
    assert "".join(found) == asked


def test_a_turn_begins_at_midnight_where_the_program_is(desk, time):
    rota, directory = Rota("Desk", "day", "2026-03-02", DESK["people"]), Directory.today
    time.now = datetime(2026, 3, 3, 7, tzinfo=UTC)  # still the 2nd in Los Angeles
    names = {
        zone: rotas.on_call(rota, ProgramFactory(time_zone=zone), directory()).person.name
        for zone in ("America/Los_Angeles", "UTC", "Asia/Tokyo")
    }
    assert names == {"America/Los_Angeles": "a", "UTC": "b", "Asia/Tokyo": "b"}


def test_a_rung_with_a_rota_alone_tells_who_is_on_call_and_nobody_else(desk):
    case = open_case({"roles": [], "rota": DESK})
    assert (told(case), case.rung, case.firings.get().role) == (["a"], 1, "rota Desk")
    notice = Notice.objects.get(kind="rung")
    assert [person.name for person in addressing.recipients(notice, case)] == ["a"]
    assert "Rung 1 of 3 (rota Desk)" in addressing.worded(notice, case).body
    assert (waits_for(desk["a"]), waits_for(desk["b"])) == ([case.pk], [])


def test_a_rota_stands_beside_the_roles_of_its_rung(desk):
    PersonFactory(name="strategist", roles=["strategist"])
    assert told(open_case({"roles": ["strategist"], "rota": DESK})) == ["a", "strategist"]


def test_who_is_away_is_passed_over_for_the_next_and_it_is_on_record(desk):
    AbsenceFactory(person=desk["a"])
    desk["b"].accounts.update(is_active=False)
    case = open_case({"roles": [], "rota": DESK})
    assert told(case) == ["c"]
    said = case.history.latest().history_change_reason
    assert "a is away until" in said and "b has left, or has no account that is open" in said


def test_a_turn_is_swapped_with_whom_the_absent_named_if_they_are_on_the_rota(desk):
    AbsenceFactory(person=desk["a"], substitute=desk["c"])
    assert told(open_case({"roles": [], "rota": DESK})) == ["c"]
    AbsenceFactory(person=desk["c"], substitute=PersonFactory(name="outsider"))
    assert told(open_case({"roles": [], "rota": DESK})) == ["b"]


def test_a_rota_with_nobody_here_is_a_gap_and_the_next_rung_is_told_at_once(desk):
    PersonFactory(name="legal", roles=["legal"])
    for person in desk.values():
        AbsenceFactory(person=person)
    case = open_case({"roles": [], "rota": DESK})
    assert (case.rung, case.firings.get(rung=1).skipped_reason.startswith("Nobody stands on this rung")) == (
        2,
        True,
    )


def test_with_the_turn_the_open_case_moves_to_the_next_inbox_and_all_on_the_rota_may_answer(desk, time):
    case = open_case({"roles": [], "rota": {**DESK, "turn": "day"}})
    case.refresh_from_db()
    time.pass_time(days=1)
    assert (waits_for(desk["a"]), waits_for(desk["b"])) == ([], [case.pk])
    assert {person.name for person in ladder.able_to_take(case)} == {"a", "b", "c"}
    with acting_as(actor_of(PersonFactory(name="stranger"))), pytest.raises(NotPermitted):
        ladder.acknowledge(case)
    with acting_as(actor_of(desk["b"])):
        ladder.acknowledge(case)
    assert case.acknowledged_by == desk["b"]


def test_at_the_turn_the_next_is_told_once_unless_somebody_has_the_case_in_hand(desk, time):
    case = open_case({"roles": [], "hours": 999, "rota": {**DESK, "turn": "day"}})
    assert ladder.tell_turns(time()) == 0
    time.pass_time(days=1)
    assert [ladder.tell_turns(time()), ladder.tell_turns(time())] == [1, 0]
    notice = Notice.objects.filter(kind="rung").latest("pk")
    assert [person.name for person in addressing.recipients(notice, case)] == ["b"]
    assert "You are on call now. Rung 1 of 3 (rota Desk)" in addressing.worded(notice, case).body
    assert told(case) == ["a", "b"]
    with acting_as(actor_of(desk["b"])):
        ladder.acknowledge(case)
    time.pass_time(days=1)
    assert ladder.tell_turns(time()) == 0


def test_who_left_the_directory_is_passed_over(desk, time):
    directory, program = Directory.today(), ProgramFactory()
    gone = Rota("Desk", "week", "2026-03-02", ("gone@x.com", "b@x.com"))
    found = rotas.on_call(gone, program, directory)
    assert (found.person, found.passed) == (desk["b"], ("gone@x.com is in the directory no more",))
    later = Rota("Desk", "week", f"{time().date() + timedelta(days=1)}", ("b@x.com",))
    assert rotas.on_call(later, program, directory).in_words.startswith(
        "nobody is on call today; Desk begins"
    )
