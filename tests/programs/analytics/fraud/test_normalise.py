import pytest
from hypothesis import given
from hypothesis import strategies as st

from programs.analytics.fraud.normalise import (
    normalise_address,
    normalise_email,
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


def test_names_and_addresses_meet_whatever_their_spelling():
    assert normalise_name("Müller, Ana") == normalise_name("ANA MULLER") == "ana muller"
    assert normalise_address("12 Main Street, Apt. 4") == normalise_address("12 main st apartment 4")


def test_the_number_of_a_mailbox_is_split_off():
    assert split_local_number("anna07@x.org") == ("anna@x.org", 7)
    assert split_local_number("anna@x.org") is None
