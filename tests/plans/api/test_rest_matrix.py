"""The matrix of REST, request by request: each caller, each method of each address, own objects and other."""

import pytest
from django.conf import settings as site_settings
from django.db import transaction
from django.test import override_settings

from plans.management import rest_matrix
from plans.management.rest_matrix import CALLERS
from tests.doors import PURCHASES
from tests.rest_requests import status
from tests.rest_world import World

OPERATIONS = tuple(rest_matrix.operations())


@pytest.fixture(scope="module")
def world(built, django_db_blocker, tmp_path_factory):
    home = tmp_path_factory.mktemp("matrix")
    (home / "purchases.csv").write_text(PURCHASES)
    with django_db_blocker.unblock(), transaction.atomic(), override_settings(GTM_BREAK_GLASS=True):
        world = World(home / "purchases.csv")
        world.data = site_settings.GTM_DATA_DIR
        with django_db_blocker.block():
            yield world
        transaction.set_rollback(True)


@pytest.mark.parametrize("caller", CALLERS, ids=lambda caller: caller.name)
def test_a_caller_gets_at_each_address_what_is_declared(site, world, caller, settings):
    settings.GTM_DATA_DIR = world.data
    found = []
    for operation in OPERATIONS:
        for own in (True, False) if operation.is_of_one else (True,):
            with transaction.atomic():
                got = status(world, operation, caller, own)
                transaction.set_rollback(True)
            if got != (declared := operation.expected(caller, own)):
                told = f"{operation.method} {operation.path} ({'own' if own else 'of another'})"
                found.append(f"{told}: {got}, declared {declared}")
    assert found == [], "\n".join(found)
