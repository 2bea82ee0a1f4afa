"""What a program's settings refuse."""

from decimal import Decimal

import pytest
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.urls import reverse

from gtm.core import money_field
from gtm.core.actors import Actor, acting_as
from gtm.core.errors import InvalidInput
from programs.currency_change import change_of_currency
from programs.models import Approver, Benefit, Program, Tier
from programs.selectors import program_facts
from programs.services import load_dataset
from tests.factories import PersonFactory, ProgramFactory, RoleFactory


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


def test_an_amount_of_yen_has_no_decimals_at_every_door(acting):
    program = ProgramFactory(currency="JPY")
    program.launch_cost = Decimal("100.50")
    with pytest.raises(ValidationError, match="JPY has no decimals"):  # the admin's form
        program.full_clean()
    with pytest.raises(InvalidInput) as refused:  # REST, and everything else that saves
        program.save()
    assert [each.message for each in refused.value.problems] == [
        "100.50 JPY cannot be paid: JPY has no decimals."
    ]
    program.launch_cost = Decimal("100.00")
    program.full_clean()
    program.save()


def test_an_amount_from_before_is_kept_while_nobody_enters_another(acting, monkeypatch):
    with monkeypatch.context() as before:
        before.setattr(money_field, "coin_problems", lambda row: {})
        program = ProgramFactory(currency="JPY", platform_cost_monthly=Decimal("12.50"))
    program.refresh_from_db()
    program.description = "Of old"
    program.save()
    program.person_day_cost = Decimal("0.5")
    assert set(money_field.coin_problems(program)) == {"person_day_cost"}


def test_a_currency_changes_while_nothing_counts_in_it(acting):
    program = ProgramFactory(currency="USD")
    program.currency = "EUR"
    program.full_clean()
    program.save()
    program.refresh_from_db()
    assert program.currency == "EUR"


@pytest.mark.parametrize(
    ("tie", "said"),
    [
        (
            lambda p: Tier(program=p, name="Gold", rank=1, threshold=100).save(),
            "1 tiers have thresholds in USD",
        ),
        (lambda p: _benefit(p), "1 benefits have costs in USD"),
        (lambda p: _set(p, platform_cost_monthly=900), "platform cost monthly is 900 in USD"),
        (lambda p: _set(p, point_face_value=Decimal("0.05")), "point face value is 0.05 in USD"),
        (lambda p: _set(p, launch_cost=Decimal(20000)), "launch cost is 20000 in USD"),
    ],
)
def test_a_currency_that_figures_are_in_stays_at_every_door(acting, tie, said):
    program = ProgramFactory(currency="USD")
    tie(program)
    program.currency = "EUR"
    with pytest.raises(ValidationError, match=said):  # the admin's form
        program.full_clean()
    with pytest.raises(InvalidInput) as refused:  # REST, and everything else that saves
        program.save()
    assert said in refused.value.problems[0].message
    program.refresh_from_db()
    assert program.currency == "USD"


@pytest.mark.parametrize(
    ("entered", "said"),
    [
        ({"lift_likely": "0.05", "lift_low": "0.06"}, "0.05 does not lie between low and high."),
        ({"enrolment_high": "0.5"}, "Enter the likely value, too."),
    ],
)
def test_assumptions_out_of_order_are_refused_at_every_door(acting, entered, said):
    program = ProgramFactory()
    for name, value in entered.items():
        setattr(program, name, Decimal(value))
    with pytest.raises(ValidationError, match=said):
        program.full_clean()
    with pytest.raises(InvalidInput) as refused:
        program.save()
    assert said in refused.value.problems[0].message
    program.refresh_from_db()
    assert program.lift_likely is None


def test_an_assumption_without_ends_stands_by_itself(acting):
    program = ProgramFactory(lift_likely=Decimal("0.05"), enrolment_likely=Decimal("0.4"))
    program.full_clean()
    assert program.spread_problems() == {}


def test_a_figure_restated_with_the_currency_ties_nothing(acting):
    program = ProgramFactory(currency="USD", platform_cost_monthly=900)
    program.currency, program.platform_cost_monthly = "EUR", Decimal(830)
    program.save()
    program.refresh_from_db()
    assert (program.currency, program.platform_cost_monthly) == ("EUR", 830)


SHOWN = (
    "thresholds in USD", "point face value is 0.05 in USD", "1 approvers have limits in USD",
    "Amounts of 1 current datasets stay in CHF and EUR",
)  # fmt: skip


@pytest.fixture
def page(acting, client, tmp_path, settings):
    """The program's page in the admin, as somebody reads it who may change everything."""
    settings.GTM_DATA_DIR = tmp_path
    client.force_login(get_user_model().objects.create_superuser("root"))
    return lambda program: client.get(
        reverse("admin:programs_program_change", args=[program.pk])
    ).content.decode()


def test_the_page_says_what_a_change_of_the_currency_does(page, tmp_path):
    program = ProgramFactory(currency="USD", slug="shop")
    assert "Nothing that counts in USD stands in its way" in page(program)
    _tier(program, threshold=100)
    _set(program, point_face_value=Decimal("0.05"))
    person, role = PersonFactory(), RoleFactory()
    Approver(person=person, role=role, limit_amount=Decimal(9), limit_currency="USD").save()
    file = tmp_path / "rows.csv"
    file.write_text("member_id,purchased_at,amount,currency\nann,2024-01-05,1,EUR\nbob,2024-01-06,2,CHF\n")
    load_dataset("purchases", [file], program=program)
    shown = page(program)
    assert [words for words in SHOWN if words not in shown] == []
    program.currency = "EUR"
    with pytest.raises(InvalidInput) as refused:
        program.save()
    said = [problem.message for problem in refused.value.problems]
    assert said == list(change_of_currency(Program.objects.get(pk=program.pk)).refused_by)


def _set(program, **fields):
    for name, value in fields.items():
        setattr(program, name, value)
    program.save()


def _tier(program, **more):
    tier = Tier(program=program, name="Base", rank=1, **more)
    tier.save()
    return tier


def _benefit(program):
    Benefit(tier=_tier(program), name="Gift", kind="perk", unit_cost=3).save()
