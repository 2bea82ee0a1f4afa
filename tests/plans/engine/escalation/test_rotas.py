"""Rotas on rungs: whose turn it is where the program is, who is passed over, and what a case does with it."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time

import pytest

from gtm.core.actors import acting_as
from gtm.core.errors import InvalidInput, NotPermitted
from plans.engine.escalation import ladder, rota_texts, rotas, rotations, shifts
from plans.engine.notices import addressing
from plans.engine.people import inbox
from plans.engine.people.directory import Directory
from plans.models import Notice
from plans.schemas.declaration import Layer, Rota
from programs.models import GuardedChange, RotaOverride
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
        ("2 weeks", date(2026, 3, 15), "abc"),
        ("2 weeks", date(2026, 3, 16), "bca"),
        ("4 weeks", date(2026, 3, 30), "bca"),
    ],
)
def test_people_take_turns_from_the_first_day_on_and_none_before_it(turn, day, asked):
    layer = Layer(turn, "2026-03-02", ("a", "b", "c"))
    for at in (clock_time(), clock_time(23, 59)):
        assert "".join(rotations.turns(layer, datetime.combine(day, at))) == asked


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


# ------------------------------------------------------------------ layers


@pytest.mark.parametrize(
    ("days", "hours", "on", "off"),
    [
        ("", "", ["2026-03-02 00:00", "2026-03-08 23:59"], ["2026-03-01 23:59"]),
        ("mon-fri", "", ["2026-03-06 23:59"], ["2026-03-07 00:00", "2026-03-08 12:00"]),
        ("sat, sun", "", ["2026-03-07 00:00"], ["2026-03-09 00:00"]),
        ("fri-mon", "", ["2026-03-06 08:00", "2026-03-09 08:00"], ["2026-03-10 00:00"]),
        ("", "09:00-17:00", ["2026-03-02 09:00", "2026-03-02 16:59"],
         ["2026-03-02 08:59", "2026-03-02 17:00"]),
        ("fri", "18:00-08:00", ["2026-03-06 18:00", "2026-03-07 07:59"],
         ["2026-03-06 07:59", "2026-03-06 17:59", "2026-03-07 08:00", "2026-03-07 18:00"]),
    ],
)  # fmt: skip
def test_a_layer_is_on_at_its_days_and_hours_and_a_night_belongs_to_the_day_it_begins_on(
    days, hours, on, off
):
    layer = Layer("week", "2026-03-02", ("a",), days, hours)
    assert all(rotations.is_on(layer, datetime.fromisoformat(at)) for at in on)
    assert not any(rotations.is_on(layer, datetime.fromisoformat(at)) for at in off)


def test_a_turn_is_handed_over_at_the_time_of_day_the_rota_began_at():
    layer = Layer("day", "2026-03-02 09:00", ("a", "b"))
    told = [
        rotations.turns(layer, datetime(2026, 3, day, hour)) for day, hour in ((2, 8), (2, 9), (3, 8), (3, 9))
    ]
    assert told == [(), ("a", "b"), ("a", "b"), ("b", "a")]


NIGHTS = Layer("day", "2026-03-02 18:00", ("b@x.com", "c@x.com"), "mon-fri", "18:00-08:00")
LAYERED = Rota("Desk", "week", "2026-03-02", ("a@x.com",), layers=(NIGHTS,))


def who(rota, at, program=None):
    directory = replace(Directory.today(), now=at)
    return rotas.on_call(rota, program or ProgramFactory(time_zone="UTC"), directory)


def test_a_later_layer_covers_an_earlier_one_while_it_is_on(desk):
    found = [
        who(LAYERED, datetime(2026, 3, day, hour, tzinfo=UTC))
        for day, hour in ((2, 12), (2, 20), (3, 20), (7, 20))
    ]
    assert [one.person.name for one in found] == ["a", "b", "c", "a"]
    assert [one.by for one in found] == ["by layer 1", "by layer 2", "by layer 2", "by layer 1"]


def test_where_all_of_a_layer_are_away_the_layer_below_is_asked_and_it_is_told(desk):
    for name in "bc":
        AbsenceFactory(person=desk[name])
    found = who(LAYERED, datetime(2026, 3, 2, 20, tzinfo=UTC))
    assert (found.person, found.by) == (desk["a"], "by layer 1")
    assert [said.split(" is away")[0] for said in found.passed] == ["b", "c"]


def test_hours_that_no_layer_is_on_are_a_gap_that_is_named(desk):
    found = who(
        Rota("Desk", "week", "2026-03-02", ("a@x.com",), hours="09:00-17:00"),
        datetime(2026, 3, 2, 20, tzinfo=UTC),
    )
    assert (found.person, found.passed) == (None, ("no layer of Desk is on at this time",))


def test_the_rungs_of_a_plan_ask_the_layers(desk, time):
    rota = {
        **DESK,
        "people": ["a@x.com"],
        "layers": [{"turn": "day", "since": "2026-03-02", "people": ["b@x.com"]}],
    }
    case = open_case({"roles": [], "rota": rota})
    assert told(case) == ["b"]
    assert {person.name for person in ladder.able_to_take(case)} == {"a", "b"}


@pytest.mark.parametrize(
    ("wrong", "at"),
    [
        ({"days": "friday"}, "days"), ({"hours": "9-17"}, "hours"), ({"hours": "09:00-09:00"}, "hours"),
        ({"hours": "25:00-09:00"}, "hours"), ({"since": "2026-03-02 9"}, "since"),
        ({"layers": [{**DESK}]}, "layers.0.name"), ({"layers": ["b"]}, "layers.0"),
        ({"layers": [{k: DESK[k] for k in ("turn", "since", "people")}] * 4}, "layers"),
        ({"layers": [{"turn": "hour", "since": "2026-03-02", "people": ["a@x.com"]}]}, "layers.0.turn"),
    ],
)  # fmt: skip
def test_a_layer_that_could_not_be_read_is_refused_by_its_path(desk, wrong, at):
    assert [problem.field for problem in rota_texts.faults("rota", {**DESK, **wrong})] == [f"rota.{at}"]


# ------------------------------------------------------------------ overrides


@pytest.fixture
def any_rota(monkeypatch):
    """The rota of these tests stands on the ladder of no command."""
    monkeypatch.setattr(RotaOverride, "checks", [])


def override(person, start, end, **more):
    row = RotaOverride(
        rota="Desk", person=person, starts_at=start, ends_at=end, **{"reason": "a sits an exam", **more}
    )
    row.save()
    return row


def test_an_override_covers_all_layers_from_its_start_to_its_end(desk, time, any_rota):
    outsider, start = PersonFactory(name="outsider"), time() + timedelta(days=1)
    override(outsider, start, start + timedelta(days=1))
    moments = [start - timedelta(minutes=1), start, start + timedelta(hours=23), start + timedelta(days=1)]
    found = [who(Rota(**DESK), at).person.name for at in moments]
    assert found == ["a", "outsider", "outsider", "a"]
    AbsenceFactory(person=outsider, ends_at=time() + timedelta(days=9))
    told = who(Rota(**DESK), start)
    assert (told.person.name, told.passed[0].startswith("outsider, by an override, is away")) == ("a", True)


def test_whoever_an_override_names_is_told_has_the_case_in_the_inbox_and_may_answer(desk, time, any_rota):
    case = open_case({"roles": [], "hours": 999, "rota": DESK})
    outsider = PersonFactory(name="outsider")
    override(outsider, time() + timedelta(hours=1), time() + timedelta(hours=5))
    assert (ladder.tell_turns(time()), waits_for(outsider)) == (0, [])
    time.pass_time(hours=2)
    assert ladder.tell_turns(time()) == 1
    assert (waits_for(outsider), waits_for(desk["a"])) == ([case.pk], [])
    with acting_as(actor_of(outsider)):
        ladder.acknowledge(case)
    assert case.acknowledged_by == outsider
    later = open_case({"roles": [], "hours": 999, "rota": DESK})
    assert told(later) == ["outsider"]
    time.pass_time(hours=5)
    with acting_as(actor_of(outsider)), pytest.raises(NotPermitted):
        ladder.acknowledge(later)


def test_nobody_puts_themselves_on_call_and_overrides_do_not_overlap(desk, time, any_rota):
    start, end = time() + timedelta(days=1), time() + timedelta(days=2)
    with acting_as(actor_of(desk["b"])), pytest.raises(NotPermitted, match="cannot put themselves on call"):
        override(desk["b"], start, end)
    override(desk["b"], start, end)
    with pytest.raises(InvalidInput, match="overlaps|not overridden") as refused:
        override(desk["c"], end - timedelta(hours=1), end + timedelta(days=1))
    assert "overlaps with it" in refused.value.problems[0].message
    override(desk["c"], end, end + timedelta(days=1))
    with pytest.raises(InvalidInput):
        override(desk["c"], time() - timedelta(days=2), time() - timedelta(days=1))
    with pytest.raises(InvalidInput):
        override(desk["c"], end + timedelta(days=2), end + timedelta(days=3), reason=" ")
    assert not GuardedChange.objects.exists()  # the tests act as the engine


# ------------------------------------------------------------------ the schedule


def spans(found):
    return [
        (f"{one.starts_at:%d %H:%M}", one.on_call.person.name if one.on_call.person else "-") for one in found
    ]


def test_the_schedule_says_what_on_call_says_and_shows_gaps(desk, time, any_rota):
    start = datetime(2026, 3, 2, tzinfo=UTC)
    time.now = start
    days = Rota("Desk", "day", "2026-03-02", ("a@x.com", "b@x.com"), "mon-fri", "09:00-17:00", (NIGHTS,))
    outsider = PersonFactory(name="outsider")
    override(outsider, start + timedelta(hours=10), start + timedelta(hours=11))
    AbsenceFactory(
        person=desk["b"], starts_at=start + timedelta(hours=19), ends_at=start + timedelta(hours=20)
    )
    program = ProgramFactory(time_zone="UTC")
    found = shifts.shifts(days, program, start, start + timedelta(days=2))
    assert spans(found) == [
        ("02 00:00", "-"), ("02 09:00", "a"), ("02 10:00", "outsider"), ("02 11:00", "a"), ("02 17:00", "-"),
        ("02 18:00", "b"), ("02 19:00", "c"), ("02 20:00", "b"), ("03 08:00", "-"), ("03 09:00", "b"),
        ("03 17:00", "-"), ("03 18:00", "c"),
    ]  # fmt: skip
    assert [one.ends_at for one in found] == [
        *(one.starts_at for one in found[1:]),
        start + timedelta(days=2),
    ]
    assert len(shifts.gaps(found)) == 4


@pytest.mark.parametrize("changes", [datetime(2026, 3, 7, tzinfo=UTC), datetime(2026, 10, 31, tzinfo=UTC)])
def test_where_the_clock_is_set_the_schedule_says_what_is_true_at_every_minute(desk, changes):
    """In New York 02:00 becomes 03:00, and later 02:00 becomes 01:00."""
    night = Layer("day", "2026-03-02 02:30", ("b@x.com", "c@x.com"), hours="01:30-02:30")
    rota, program = (
        Rota("Desk", "week", "2026-03-02", ("a@x.com",), layers=(night,)),
        ProgramFactory(time_zone="America/New_York"),
    )
    found, named = (
        shifts.shifts(rota, program, changes, changes + timedelta(days=3)),
        rotas.named_by(rota, Directory.today()),
    )
    for minute in range(0, 3 * 24 * 60, 5):
        at = changes + timedelta(minutes=minute)
        shown = next(one for one in found if one.starts_at <= at < one.ends_at)
        assert shown.on_call == rotas.on_call(rota, program, replace(Directory.today(), now=at), named), at
