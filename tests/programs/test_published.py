"""Nothing that a plan has published differs from it unmarked (invariant I13)."""

import pytest
from django.db import connection

from gtm.core.actors import ADMIN, Actor, acting_as
from programs.models import Benefit, LifecycleTrigger, Tier
from programs.published import unmarked_departures
from programs.services import publish_loyalty_blueprint
from tests.factories import ProgramFactory, UserFactory
from tests.plans.engine.conftest import acting, time  # noqa: F401 - fixtures
from tests.programs.test_blueprint import blueprint


@pytest.fixture
def program(acting):  # noqa: F811
    found = ProgramFactory()
    publish_loyalty_blueprint(found, blueprint(0, 100), from_plan="plan-1")
    return found


def by_a_person(row, **values):
    with acting_as(Actor.of_user(UserFactory(), ADMIN, interactive=True)):
        for name, value in values.items():
            setattr(row, name, value)
        row.save()


CHANGES = {
    "tier": lambda: (Tier.objects.get(rank=2), {"threshold": 5}),
    "benefit": lambda: (Benefit.objects.order_by("pk").first(), {"unit_cost": 9}),
    "trigger": lambda: (LifecycleTrigger.objects.get(), {"channel": "sms"}),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_departure_by_two_people_is_marked_and_one_around_them_is_found(program, change):
    assert list(unmarked_departures()) == []
    row, values = change()
    by_a_person(row, **values)  # nobody could agree: made single-handed
    row.refresh_from_db()
    assert row.departs
    assert list(unmarked_departures()) == []
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {row._meta.db_table} SET departs = %s WHERE id = %s", [False, row.pk])
    (found,) = unmarked_departures()
    assert f"{row._meta.label_lower} {row.pk}: a person changed it after plan-1" in found.reason
    assert list(unmarked_departures("plan-2")) == []


def test_another_publication_ends_the_departure(program):
    by_a_person(Tier.objects.get(rank=2), threshold=5)
    publish_loyalty_blueprint(program, blueprint(0, 200), from_plan="plan-2")
    assert not Tier.objects.filter(departs=True).exists()
    assert list(unmarked_departures()) == []


def test_what_stood_there_before_a_plan_published_is_no_departure(acting):  # noqa: F811
    found = ProgramFactory()
    with acting_as(Actor.of_user(UserFactory(), ADMIN)):
        Tier(program=found, name="Old", rank=1).save()
    publish_loyalty_blueprint(found, blueprint(0), from_plan="plan-1")
    assert list(unmarked_departures()) == []
