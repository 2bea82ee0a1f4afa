"""What is built once and put back, in a database that is empty and in one where a chain has begun."""

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, transaction

from tests import kept

pytestmark = pytest.mark.django_db


def build() -> str:
    """Adds a row, and changes one that is there."""
    get_user_model().objects.filter(username="before").update(first_name="Changed")
    get_user_model().objects.create(username="added")
    return "built"


def test_rows_that_were_added_and_rows_that_were_changed_come_back():
    get_user_model().objects.create(username="before")
    for _ in range(2):
        with transaction.atomic():
            assert kept.once("a row added and a row changed", build) == "built"
            found = get_user_model().objects.order_by("pk").values_list("username", "first_name")
            assert list(found) == [("before", "Changed"), ("added", "")]
            transaction.set_rollback(True)


def test_what_is_written_next_is_the_newest_row():
    user = get_user_model()
    for number in (5000, 1):  # the second as a test leaves it that has committed something
        with transaction.atomic():
            if connection.vendor == "postgresql":
                ahead = "SELECT setval(pg_get_serial_sequence('auth_user', 'id'), %s)"
                connection.cursor().execute(ahead, [number])
            made = kept.once("the newest row", lambda: user.objects.create(username="kept").pk)
            assert user.objects.create(username="new").pk > made
            transaction.set_rollback(True)


def test_a_row_that_is_deleted_is_refused():
    user = get_user_model().objects.create(username="before")
    with pytest.raises(AssertionError, match="deletes no row"):
        kept.once("a row deleted", user.delete)
