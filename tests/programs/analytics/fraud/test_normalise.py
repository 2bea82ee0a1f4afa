import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from programs.analytics.fraud.normalise import (
    are_one_address,
    are_one_name,
    normalise_address,
    normalise_email,
    normalise_emails,
    normalise_name,
    split_local_number,
)


@pytest.mark.parametrize(
    ("address", "mailbox"),
    [
        ("First.Last+x@Gmail.com", "firstlast@gmail.com"),
        (" first.last@googlemail.com ", "firstlast@gmail.com"),
        ("first.last+x@outlook.com", "first.last@outlook.com"),
        ("ana-shop@yahoo.com", "ana@yahoo.com"),
        ("ana-shop@example.org", "ana-shop@example.org"),
        ("ana+1@me.com", "ana@icloud.com"),
        ("no address", ""),
        ("a@b@c.org", ""),
        ("@gmail.com", ""),
        ("...@gmail.com", ""),
    ],
)
def test_an_address_becomes_its_mailbox(address, mailbox):
    assert normalise_email(address) == mailbox


@given(st.emails())
def test_normalising_twice_changes_nothing(address):
    once = normalise_email(address)
    assert normalise_email(once) == once


@given(st.lists(st.emails() | st.text("ab.+-@\nÄ", max_size=9) | st.just("a.b@gmail.com"), max_size=6))
def test_many_addresses_are_told_as_each_is(addresses):
    told = normalise_emails(np.array([*addresses, ""], dtype=object))
    assert told.tolist() == [*map(normalise_email, addresses), ""]


def test_names_and_addresses_meet_whatever_their_spelling():
    assert normalise_name("Müller, Ana") == normalise_name("ANA MULLER") == "ana muller"
    assert normalise_address("12 Main Street, Apt. 4") == normalise_address("12 main st apartment 4")


def test_the_number_of_a_mailbox_is_split_off():
    assert split_local_number("anna07@x.org") == ("anna@x.org", 7)
    assert split_local_number("anna@x.org") is None


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ("Ana Müller", "MUELLER, Ana", True),
        ("Юлия Иванова", "Yuliya Ivanova", True),
        ("Tom Berg", "Thomas Berg", True),
        ("T. Berg", "Thomas Berg", True),
        ("Katarina Kowalski", "Katarina Kowalsky", True),
        ("Ana Maria Cruz", "Ana Cruz", True),
        ("Ana Berg", "Ben Berg", False),
        ("Ana Berg", "Ana Cruz", False),
        ("A. B.", "A. B.", False),
        ("", "", False),
    ],
)
def test_names_are_one_however_they_are_spelled(left, right, same):
    assert are_one_name(left, right) is same is are_one_name(right, left)


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ("12 Main Street, Springfield", "12 main st. Springfeld", True),
        ("Lindenstraße 12", "LINDENSTR. 12", True),
        ("12 Main Street", "13 Main Street", False),
        ("", "", False),
    ],
)
def test_addresses_are_one_however_they_are_spelled(left, right, same):
    assert are_one_address(left, right) is same
