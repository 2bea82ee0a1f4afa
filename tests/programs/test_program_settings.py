"""What a program's settings refuse."""

import pytest
from django.core.exceptions import ValidationError

from gtm.core.actors import Actor, acting_as
from programs.selectors import program_facts
from tests.factories import ProgramFactory


@pytest.fixture
def acting(db):
    with acting_as(Actor.system("Test")):
        yield


@pytest.mark.parametrize("told", ["coupon-site", ["coupon-site", ""], [3], {"coupon-site": True}])
def test_banned_sources_are_a_list_of_words(acting, told):
    program = ProgramFactory(banned_sources=told)
    with pytest.raises(ValidationError) as refused:
        program.full_clean()
    assert set(refused.value.message_dict) == {"banned_sources"}


def test_a_run_keeps_the_banned_sources_it_began_with(acting):
    program = ProgramFactory(banned_sources=["coupon-site"])
    program.full_clean()
    assert program_facts(program)["banned_sources"] == ["coupon-site"]
