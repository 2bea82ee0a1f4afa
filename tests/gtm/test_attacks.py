"""Each attack of the list fails, and would not without its defence."""

from unittest import mock

import pytest

from tests.attacks import ATTACKS, TARGET, Place, document
from tests.doors import as_, built, plan, site

__all__ = ["as_", "built", "plan", "site"]
AREAS = {"uploads", "templates", "exports", "tokens", "partners", "sign-in"}


@pytest.fixture
def place(plan, tmp_path, settings):
    settings.GTM_SECOND_FACTOR = False
    return Place(plan, tmp_path)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.tried.__name__)
def test_an_attack_fails_with_its_defence(place, attack):
    assert not attack.tried(place)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.tried.__name__)
def test_the_same_attack_succeeds_without_it(place, attack):
    with mock.patch(attack.defence, attack.without):
        assert attack.tried(place)


def test_every_area_has_attacks_and_the_document_lists_them():
    assert {attack.area for attack in ATTACKS} == AREAS
    assert TARGET.read_text(encoding="utf-8") == document()
