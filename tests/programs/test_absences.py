"""An absence in words: the days on the calendar of whoever is away, not those of UTC."""

from datetime import UTC, datetime

import pytest

from programs.models import Absence, Person

WORDS = [
    ("Asia/Dubai", (2026, 12, 6, 20), (2027, 1, 1, 20), "2026-12-07 – 2027-01-01"),
    ("America/Sao_Paulo", (2026, 12, 7, 3), (2026, 12, 8, 3), "2026-12-07 – 2026-12-07"),
    ("UTC", (2026, 12, 7, 9), (2026, 12, 7, 17), "2026-12-07 – 2026-12-07"),
]


@pytest.mark.parametrize(("zone", "first", "end", "days"), WORDS)
def test_an_absence_is_told_by_its_first_and_its_last_day_where_the_person_is(zone, first, end, days):
    person = Person(name="Osman Bey", email="osman@example.com", time_zone=zone)
    absence = Absence(
        person=person, starts_at=datetime(*first, tzinfo=UTC), ends_at=datetime(*end, tzinfo=UTC)
    )
    assert str(absence) == f"Osman Bey away {days}"
