"""Places and money are codes of the world wherever they are entered, and the nearest right one is named."""

import pytest
from django.core.exceptions import ValidationError

from gtm.core.admin.resources import resource_of
from gtm.core.places import world
from plans.schemas.inputs import Amount, InputError
from programs.admin.people import DelegateForm
from programs.api.serializers import CampaignSerializer, PartnerSerializer, ProgramSerializer
from programs.models import Approver, Campaign, Delegation, Partner, Person, Program

WRONG = [
    ("currency", "eur", "EUR"),
    ("currency", "Euro", "EUR"),
    ("currency", "US dollars", "USD"),
    ("country", "Germany", "DE"),
    ("country", "USA", "US"),
    ("country", "UK", "GB"),
    ("time_zone", "Berlin", "Europe/Berlin"),
    ("time_zone", "europe/berlin", "Europe/Berlin"),
    ("time_zone", "Los Angeles", "America/Los_Angeles"),
]
MODELS = {
    "currency": [(Program, "currency"), (Partner, "currency"), (Campaign, "currency"),
                 (Approver, "limit_currency"), (Delegation, "currency")],
    "country": [(Program, "country"), (Partner, "country"), (Person, "country")],
    "time_zone": [(Program, "time_zone"), (Partner, "time_zone"), (Person, "time_zone")],
}  # fmt: skip


@pytest.mark.parametrize(("kind", "value", "near"), WRONG)
def test_every_column_and_form_names_the_nearest_right_value(kind, value, near):
    for model, name in MODELS[kind]:
        field = model._meta.get_field(name)
        for door in (field.run_validators, field.formfield().clean):
            with pytest.raises(ValidationError, match=f"Did you mean {near}?"):
                door(value)
        assert field.formfield().clean(near) == near


def test_a_part_is_one_of_its_country():
    assert world.wrong_subdivision("DE", "BY") == ""
    assert world.wrong_subdivision("DE", "Bayern").endswith("Did you mean BY?")
    with pytest.raises(ValidationError, match="Did you mean BY"):
        Program(slug="p", name="P", kind="loyalty", country="DE", subdivision="Bayern").clean()


@pytest.mark.parametrize(
    ("serializer", "given"),
    [
        (ProgramSerializer, {"slug": "p", "name": "P", "kind": "loyalty", "currency": "eur"}),
        (PartnerSerializer, {"slug": "p", "name": "P", "currency": "eur", "country": "de"}),
        (CampaignSerializer, {"slug": "p", "name": "P", "currency": "eur"}),
    ],
)
@pytest.mark.django_db
def test_rest_refuses_and_names_it(serializer, given):
    asked = serializer(data=given)
    assert not asked.is_valid()
    assert "Did you mean EUR?" in str(asked.errors["currency"])


@pytest.mark.django_db
def test_a_row_of_a_file_is_refused_and_names_it():
    resource = resource_of(Partner)()
    row = Partner(slug="p", name="P", country="DE", currency="eur", time_zone="Berlin")
    with pytest.raises(ValidationError) as refused:
        resource.validate_instance(row)
    assert "Did you mean EUR?" in str(refused.value)
    assert "Did you mean Europe/Berlin?" in str(refused.value)


def test_an_amount_in_what_is_no_currency_is_refused():
    with pytest.raises(InputError, match="no currency"):
        Amount("budget", "Budget").read("50000 XYZ", {})


@pytest.mark.django_db
def test_a_delegation_is_capped_in_a_currency(admin_user):
    form = DelegateForm(admin_user, {"currency": "usd"})
    assert "Did you mean USD?" in str(form.errors["currency"])


def test_what_a_country_sets():
    assert (world.currency_of("DE"), world.zones_of("DE")[0]) == ("EUR", "Europe/Berlin")
    assert (world.currency_of("US"), world.zones_of("US")[0]) == ("USD", "America/New_York")
    assert "America/Los_Angeles" in world.zones_of("US")
    for country in world.countries():
        if found := world.currency_of(country):
            assert world.wrong_currency(found) == ""
        assert all(world.wrong_zone(zone) == "" for zone in world.zones_of(country))
