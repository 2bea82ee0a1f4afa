"""A fair share of a long list: everything where it is short, and in the end everything where it is not."""

import pytest

from plans.engine.running.fair_share import a_share
from programs.models import Person
from tests.factories import PersonFactory

pytestmark = pytest.mark.usefixtures("acting")


@pytest.fixture
def people():
    made = {PersonFactory().pk for _ in range(7)}
    return Person.objects.filter(pk__in=made).order_by("pk")


@pytest.mark.parametrize("most", [7, 8, 500])
def test_a_short_list_comes_whole_and_in_order(people, most):
    assert a_share(people, most) == list(people)


def test_nothing_is_shared_as_nothing(db):
    assert a_share(Person.objects.none(), 5) == []


def test_of_a_long_list_every_row_comes_up_and_no_pass_takes_too_many(people):
    seen = set()
    for _ in range(200):
        share = a_share(people, 3)
        assert 1 <= len(share) <= 3
        seen |= {person.pk for person in share}
    assert seen == {person.pk for person in people}
