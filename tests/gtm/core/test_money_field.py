"""Columns of money: what comes back, what the log tells, and what rows that people enter refuse."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.db.migrations import AlterField, Migration
from django.db.migrations.state import ProjectState

from gtm.core import clock, money_field
from gtm.core.actors import Actor, acting_as
from gtm.core.errors import InvalidInput
from gtm.core.evidence import audit, told
from gtm.core.money import as_kept
from gtm.core.money_field import coin_problems, money_fields
from plans.cases.disputes.models import AttributionRecord
from plans.cases.fraud.models import FraudCase
from plans.models import Approval, Plan
from programs import services
from programs.api.serializers import ApproverSerializer, CampaignSerializer, TierSerializer
from programs.models import Approver, Campaign, Delegation, Program, Tier
from tests.factories import (
    DelegationFactory,
    PersonFactory,
    ProgramFactory,
    RoleFactory,
    gate,
    make_plan,
    seat,
)
from tests.migrated import OneByOne

MODELS = (Approval, Approver, AttributionRecord, Campaign, Delegation, FraudCase, Plan, Program, Tier)
CHANGES = (("programs", "0027_money_with_its_decimals"), ("plans", "0028_money_with_its_decimals"))


@pytest.fixture
def acting(db):
    with acting_as(Actor.system("Test")):
        yield


@pytest.mark.parametrize(
    ("given", "back"),
    [
        ("50000", "50000.00"),
        ("0", "0.00"),
        ("1.5", "1.50"),
        ("1.2340", "1.234"),
        ("1.2345", "1.2345"),
        ("-0.0010", "-0.001"),
        ("99999999999999.99", "99999999999999.99"),
        ("1E+3", "1000.00"),
    ],
)
def test_an_amount_comes_back_with_two_decimals_or_with_more_where_it_has_more(given, back):
    assert f"{as_kept(Decimal(given)):f}" == back


def test_an_amount_is_told_as_the_database_gives_it_back(acting):
    program = ProgramFactory(currency="KWD")
    for amount in ("12", "12.5", "12.345", "1000000.001"):
        campaign = Campaign(slug=amount, name=amount, program=program, currency="KWD", budget=Decimal(amount))
        campaign.save()
        field = Campaign._meta.get_field("budget")
        told_now = told.value_of(field, campaign.budget)
        campaign.refresh_from_db()
        assert told_now == told.value_of(field, campaign.budget) == f"{campaign.budget:f}"
        assert campaign.budget == Decimal(amount)


def test_every_amount_of_money_has_its_currency_beside_it():
    assert {model for model in MODELS if money_fields(model)} == set(MODELS)
    for model in MODELS:
        for field in money_fields(model).values():
            assert field.of, field


def test_rows_that_people_enter_are_in_coins_at_every_door(acting):
    program, person, role = ProgramFactory(currency="JPY"), PersonFactory(), RoleFactory()
    start = clock.now()
    row = {"starts_at": start, "ends_at": start + timedelta(days=9), "reason": "Away"}
    rows = [
        Campaign(slug="c", name="C", program=program, currency="JPY", budget=Decimal("0.5")),
        Approver(person=person, role=role, limit_currency="KWD", limit_amount=Decimal("0.0005")),
        Delegation(principal=person, delegate=PersonFactory(), role=role, currency="USD",
                   amount_cap=Decimal("0.125"), **row),
    ]  # fmt: skip
    for each, said in zip(rows, ("JPY has no decimals", "KWD has 3 decimals", "USD has 2"), strict=True):
        with pytest.raises(ValidationError, match=said):
            each.clean()
        with pytest.raises(InvalidInput) as refused:
            each.save()
        assert said in refused.value.problems[0].message
    tier = Tier(program=program, name="Gold", rank=2, threshold=Decimal("100.5"))
    with pytest.raises(ValidationError, match="JPY has no decimals"):
        tier.clean()


def test_a_delegation_finer_than_coins_is_refused_with_its_field(acting):
    role = RoleFactory(slug="finance")
    principal = PersonFactory(roles=["finance"])
    with pytest.raises(InvalidInput) as refused:
        services.delegate(principal=principal, to=PersonFactory(), role=role, starts_at=clock.now(),
                          ends_at=clock.now() + timedelta(days=3), reason="Away", amount_cap=Decimal("1.5"),
                          currency="JPY")  # fmt: skip
    assert [problem.field for problem in refused.value.problems] == ["amount_cap"]


def test_rest_shows_an_amount_as_before_and_takes_thousandths_of_dinars(acting):
    program, person, role = ProgramFactory(currency="KWD"), PersonFactory(), RoleFactory()
    given = {"person": person.email, "role": role.slug, "limit_currency": "KWD", "limit_amount": "1.234"}
    asked = ApproverSerializer(data=given)
    assert asked.is_valid(), asked.errors
    row = asked.save()
    row.refresh_from_db()
    assert (row.limit_amount, ApproverSerializer(row).data["limit_amount"]) == (Decimal("1.234"), "1.234")
    campaign = Campaign(slug="c", name="C", program=program, currency="KWD", budget=Decimal(500))
    assert CampaignSerializer(campaign).data["budget"] == "500.00"
    fine = TierSerializer(data={"program": program.slug, "name": "Gold", "rank": 2, "threshold": "1.2345"})
    assert not fine.is_valid()
    assert "KWD has 3 decimals" in str(fine.errors)


def test_what_stands_there_already_is_no_fault_of_who_saves_another_field(acting, monkeypatch):
    with monkeypatch.context() as before:
        before.setattr(money_field, "coin_problems", lambda row: {})
        row = Approver(person=PersonFactory(), role=RoleFactory(), limit_currency="JPY",
                       limit_amount=Decimal("12.50"))  # fmt: skip
        row.save()
    row.refresh_from_db()
    row.regions = ["EU"]
    row.save()
    row.limit_currency = "KRW"
    assert set(coin_problems(row)) == {"limit_amount"}


@pytest.mark.django_db(transaction=True)
def test_rows_from_before_keep_what_the_log_told_of_them():
    """Down to two decimals and up again: columns, log and their comparison are as when the rows were made."""
    with acting_as(Actor.system("Test")):
        program = ProgramFactory(currency="EUR", launch_cost=Decimal("1234.5"), person_day_cost=400)
        Campaign(slug="c", name="C", program=program, currency="EUR", budget=Decimal("50000")).save()
        Approver(person=PersonFactory(), role=RoleFactory(), limit_amount=Decimal("0.1")).save()
        Tier(program=program, name="Gold", rank=2, threshold=Decimal("99999999999.99")).save()
        principal = PersonFactory(roles=["legal"])
        DelegationFactory(principal=principal, delegate=PersonFactory(), amount_cap=Decimal("10.05"))
        make_plan(gate(seat("finance")), program=program, amount=Decimal("13152"))
    shown = {model: list(model.objects.order_by("pk").values_list(*money_fields(model))) for model in MODELS}
    assert audit.audit_values().breaks == ()
    # The columns of today, each as it was before, then the migrations themselves: those after them stay made.
    loader = OneByOne(connection)
    state = loader.project_state()
    for change in CHANGES:
        state = _made(_taken_back(loader, change), state)
    assert _decimals_of("plans_plan", "amount") in (2, None)
    for change in CHANGES:
        state = _made(loader.graph.nodes[change], state)
    assert _decimals_of("plans_plan", "amount") in (4, None)
    for model, rows in shown.items():
        now = list(model.objects.order_by("pk").values_list(*money_fields(model)))
        assert str(now) == str(rows), model
    assert audit.audit_values().breaks == ()


def _taken_back(loader: OneByOne, change: tuple[str, str]) -> Migration:
    before = loader.project_state(change, at_end=False).models
    back = Migration("back", change[0])
    for made in loader.graph.nodes[change].operations:
        field = before[change[0], made.model_name_lower].fields[made.name]
        back.operations.append(AlterField(made.model_name, made.name, field))
    return back


def _made(migration: Migration, state: ProjectState) -> ProjectState:
    with connection.schema_editor() as editor:
        return migration.apply(state, editor)


def _decimals_of(table: str, column: str) -> int | None:
    """Of the column itself; SQLite has none."""
    if connection.vendor == "sqlite":
        return None
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT numeric_scale FROM information_schema.columns WHERE table_name = %s AND column_name = %s",
            [table, column],
        )
        return int(cursor.fetchone()[0])
