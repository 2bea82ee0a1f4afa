"""A crontab line on a wall clock, in UTC, over both changes of the clocks."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plans.schemas import cron

BERLIN = "Europe/Berlin"


def due(line, zone, after, until):
    return [f"{at:%m-%d %H:%M}" for at in cron.occurrences(line, zone, after, until)]


@pytest.mark.parametrize(
    ("line", "after", "until", "expected"),
    [
        (
            "0 6 * * *",
            (2026, 3, 27),
            (2026, 3, 31),
            ["03-27 05:00", "03-28 05:00", "03-29 04:00", "03-30 04:00"],
        ),
        ("30 2 * * *", (2026, 3, 28), (2026, 3, 30), ["03-28 01:30", "03-29 01:00"]),
        ("30 2 * * *", (2026, 10, 24), (2026, 10, 27), ["10-24 00:30", "10-25 00:30", "10-26 01:30"]),
        ("0 2,3 * * *", (2026, 3, 29), (2026, 3, 29, 12), ["03-29 01:00"]),
    ],
    ids=["six o'clock stays six", "skipped half hour", "half hour twice", "two lines that meet are one"],
)
def test_a_line_keeps_to_the_wall_clock_over_daylight_saving(line, after, until, expected):
    assert due(line, BERLIN, datetime(*after, tzinfo=UTC), datetime(*until, tzinfo=UTC)) == expected


def test_the_interval_is_open_at_its_beginning_and_closed_at_its_end():
    six, seven = datetime(2026, 3, 2, 6, tzinfo=UTC), datetime(2026, 3, 2, 7, tzinfo=UTC)
    assert due("0 * * * *", "UTC", six, seven) == ["03-02 07:00"]


def test_day_of_week_counts_from_sunday_and_where_both_days_are_given_either_counts():
    start = datetime(2026, 2, 1, tzinfo=UTC)
    assert due("0 0 * * 0", "UTC", start, start + timedelta(days=8)) == ["02-08 00:00"]
    assert due("0 6 1 * 1", "UTC", start, start + timedelta(days=29)) == [
        "02-01 06:00", "02-02 06:00", "02-09 06:00", "02-16 06:00", "02-23 06:00", "03-01 06:00",
    ]  # fmt: skip


def test_a_leap_day_is_found_and_a_day_that_does_not_come_in_years_is_not():
    after = datetime(2026, 1, 1, tzinfo=UTC)
    assert cron.next_after("0 0 29 2 *", "UTC", after) == datetime(2028, 2, 29, tzinfo=UTC)
    assert cron.next_after("0 0 29 2 */8", "UTC", after) == datetime(2032, 2, 29, tzinfo=UTC)


@pytest.mark.parametrize("line", ["", "* * * *", "0 25 * * *", "0 0 30 2 *", "x 6 * * *", "0 6 * * *; rm"])
def test_what_is_no_line_is_refused_with_a_sentence(line):
    with pytest.raises(ValueError, match="Five fields|is not a crontab line"):
        cron.check(line)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("0 6 * * 1", "At 06:00 on Monday"),
        ("0 6 1 * 1", "At 06:00 on the first day of month and on Monday"),
        ("", ""),
    ],
)
def test_a_line_is_said_in_words(line, words):
    assert cron.explain(line).casefold() == words.casefold()


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),
    st.integers(0, 23),
    st.integers(0, 59),
    st.sampled_from([BERLIN, "America/New_York", "Australia/Lord_Howe", "UTC", "Pacific/Apia"]),
)
def test_a_daily_line_is_due_once_a_day_of_its_place_and_splitting_the_time_loses_nothing(
    at, hour, minute, zone
):
    line, end = f"{minute} {hour} * * *", at + timedelta(days=5)
    whole = list(cron.occurrences(line, zone, at, end))
    middle = at + timedelta(days=2, hours=7)
    parts = [*cron.occurrences(line, zone, at, middle), *cron.occurrences(line, zone, middle, end)]
    assert parts == whole == sorted(set(whole))
    assert 4 <= len(whole) <= 6
