"""Working calendars: known holidays, both daylight-saving changes, laws, and NumPy as the oracle of days."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import holidays
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtm.core.places.calendars import ALWAYS_OPEN, UnknownCalendar, WorkingCalendar

NEW_YORK = WorkingCalendar(country="US", subdivision="NY", time_zone="America/New_York")
VIENNA = WorkingCalendar(country="AT", time_zone="Europe/Vienna", opens=time(8, 30), closes=time(16))
DUBAI = WorkingCalendar(time_zone="Asia/Dubai", weekdays=frozenset({6, 0, 1, 2, 3}))
EARLY = WorkingCalendar(
    time_zone="America/New_York", opens=time(0), closes=time(6), weekdays=frozenset(range(7))
)

PUBLIC = list(holidays.country_holidays("US", subdiv="NY", years=range(2019, 2033)))

calendars = st.sampled_from([NEW_YORK, VIENNA, DUBAI, EARLY, ALWAYS_OPEN])
days = st.dates(date(2020, 1, 1), date(2030, 12, 31))
instants = st.datetimes(datetime(2020, 1, 1), datetime(2030, 12, 31)).map(lambda at: at.replace(tzinfo=UTC))
minutes = st.integers(1, 6_000)


def new_york(*moment: int) -> datetime:
    return datetime(*moment, tzinfo=ZoneInfo("America/New_York"))


# ------------------------------------------------------------------ days


def test_ten_us_business_days_before_a_launch_skip_thanksgiving():
    us = WorkingCalendar(country="US")
    assert us.add_business_days(date(2025, 12, 10), -10) == date(2025, 11, 25)


def test_a_subdivision_has_holidays_of_its_own():
    bavaria, berlin = (WorkingCalendar(country="DE", subdivision=s) for s in ("BY", "BE"))
    epiphany = date(2026, 1, 6)
    assert (bavaria.is_business_day(epiphany), berlin.is_business_day(epiphany)) == (False, True)


def test_a_week_may_begin_on_sunday():
    friday = date(2026, 3, 6)
    assert DUBAI.next_business_day(friday) == date(2026, 3, 8)


def test_no_days_added_stay_where_they_are_even_on_a_weekend():
    assert NEW_YORK.add_business_days(date(2025, 11, 29), 0) == date(2025, 11, 29)


def test_around_the_clock_every_day_is_a_business_day():
    assert ALWAYS_OPEN.add_business_days(date(2025, 12, 24), 3) == date(2025, 12, 27)
    assert ALWAYS_OPEN.business_days_between(date(2025, 12, 24), date(2025, 12, 31)) == 7


@given(days, st.integers(1, 60))
def test_numpy_counts_the_same_days(day, count):
    expected = np.busday_offset(day, count, roll="backward", holidays=PUBLIC)
    assert NEW_YORK.add_business_days(day, count) == expected.astype(date)
    later = day + timedelta(days=count)
    assert NEW_YORK.business_days_between(day, later) == np.busday_count(day, later, holidays=PUBLIC)


@given(calendars, days, st.integers(0, 60))
def test_days_added_are_days_between_and_come_back(calendar, day, count):
    start = calendar.next_business_day(day)
    end = calendar.add_business_days(start, count)
    assert calendar.business_days_between(start, end) == count
    assert calendar.business_days_between(end, start) == -count
    assert calendar.add_business_days(end, -count) == start


# ------------------------------------------------------------------ hours


def test_hours_wait_for_monday():
    friday_at_four = new_york(2025, 6, 6, 16)
    assert NEW_YORK.add_hours(friday_at_four, 3) == new_york(2025, 6, 9, 11)


def test_hours_pass_over_a_long_weekend():
    before_thanksgiving = new_york(2025, 11, 26, 16)
    assert NEW_YORK.add_hours(before_thanksgiving, 2) == new_york(2025, 11, 28, 10)


def test_work_that_takes_the_rest_of_the_day_ends_at_its_closing():
    assert NEW_YORK.add_hours(new_york(2025, 6, 5, 9), 8) == new_york(2025, 6, 5, 17)


def test_a_request_in_another_zone_counts_in_the_calendars_zone():
    tokyo_saturday_morning = datetime(
        2025, 6, 7, 4, tzinfo=ZoneInfo("Asia/Tokyo")
    )  # Friday 15:00 in New York
    assert NEW_YORK.add_hours(tokyo_saturday_morning, 1) == new_york(2025, 6, 6, 16)


@pytest.mark.parametrize(("day", "elapsed"), [(8, 6), (9, 5)])
def test_the_night_of_spring_has_an_hour_less(day, elapsed):
    assert EARLY.hours_between(new_york(2025, 3, day), new_york(2025, 3, day, 12)) == elapsed


def test_the_night_of_autumn_has_an_hour_more():
    assert EARLY.hours_between(new_york(2025, 11, 2), new_york(2025, 11, 2, 12)) == 7
    assert EARLY.add_hours(new_york(2025, 11, 2), 7) == new_york(2025, 11, 2, 6)


def test_an_opening_keeps_its_wall_clock_through_a_change_of_time():
    friday_before, monday_after = date(2025, 3, 7), date(2025, 3, 10)
    assert NEW_YORK.opening(friday_before)[0] == datetime(2025, 3, 7, 14, tzinfo=UTC)
    assert NEW_YORK.opening(monday_after)[0] == datetime(2025, 3, 10, 13, tzinfo=UTC)


def test_around_the_clock_hours_are_plain_hours():
    start = datetime(2025, 12, 24, 22, tzinfo=UTC)
    assert ALWAYS_OPEN.add_hours(start, 36.5) == start + timedelta(hours=36.5)
    assert ALWAYS_OPEN.hours_between(start, start + timedelta(hours=36.5)) == 36.5


def test_the_next_working_moment_is_now_or_the_next_opening():
    assert NEW_YORK.next_working_moment(new_york(2025, 6, 6, 12, 30)) == new_york(2025, 6, 6, 12, 30)
    assert NEW_YORK.next_working_moment(new_york(2025, 6, 6, 17)) == new_york(2025, 6, 9, 9)
    assert NEW_YORK.is_open(new_york(2025, 6, 6, 9))
    assert not NEW_YORK.is_open(new_york(2025, 6, 6, 17))


@given(calendars, instants, minutes)
def test_hours_added_are_hours_between(calendar, start, count):
    end = calendar.add_hours(start, count / 60)
    assert calendar.hours_between(start, end) == pytest.approx(count / 60, abs=1e-9)


@given(calendars, instants, minutes, minutes)
def test_hours_added_in_two_parts_are_hours_added_at_once(calendar, start, first, second):
    in_parts = calendar.add_hours(calendar.add_hours(start, first / 4), second / 4)
    assert in_parts == calendar.add_hours(start, (first + second) / 4)


@given(calendars, instants, minutes, minutes)
def test_a_later_start_never_ends_earlier(calendar, start, shift, count):
    later = start + timedelta(minutes=shift)
    assert calendar.add_hours(later, count / 60) >= calendar.add_hours(start, count / 60)


# ------------------------------------------------------------------ refusals


@pytest.mark.parametrize(
    "place", [{"country": "XX"}, {"country": "US", "subdivision": "QQ"}, {"time_zone": "Mars/Olympus"}]
)
def test_a_place_that_does_not_exist_is_refused(place):
    with pytest.raises(UnknownCalendar, match="There is no calendar for"):
        WorkingCalendar(**place)


@pytest.mark.parametrize(
    "hours", [{"opens": time(18)}, {"weekdays": frozenset()}, {"weekdays": frozenset({7})}]
)
def test_a_calendar_that_never_opens_is_refused(hours):
    with pytest.raises(ValueError, match="closes at|Weekdays run"):
        WorkingCalendar(**hours)


@pytest.mark.parametrize("hours", [-1, float("nan")])
def test_hours_are_not_taken_back(hours):
    with pytest.raises(ValueError, match="must be 0 or more"):
        NEW_YORK.add_hours(new_york(2025, 6, 6), hours)


def test_an_instant_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="has no time zone"):
        NEW_YORK.add_hours(datetime(2025, 6, 6, 9), 1)
