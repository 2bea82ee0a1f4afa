"""Assumptions on a usage line: one value, or low, likely and high."""

from decimal import Decimal

import pytest

from plans.schemas.inputs import Amount, InputError
from plans.schemas.spreads import MONEY, ShareLimit, Spread

SHARE = Spread("lift", "Lift", minimum=Decimal(-1))
COST = Spread("launch_cost", "Cost", unit=MONEY, maximum=Decimal(10) ** 13)
USD = {"currency": "USD"}


@pytest.mark.parametrize(
    ("raw", "wanted", "written"),
    [
        ("0.05", ("0.05", "0.05", "0.05"), "0.05"),
        ("5%", ("0.05", "0.05", "0.05"), "0.05"),
        ("2%/5 %/9%", ("0.02", "0.05", "0.09"), "0.02/0.05/0.09"),
        ("-1%/0/3%", ("-0.01", "0", "0.03"), "-0.01/0/0.03"),
        ({"low": "0.02", "likely": 0.05, "high": "9%"}, ("0.02", "0.05", "0.09"), "0.02/0.05/0.09"),
    ],
)
def test_what_is_read_is_written_so_that_it_reads_the_same(raw, wanted, written):
    read = SHARE.read(raw, USD)
    assert tuple(read.values()) == wanted
    assert SHARE.write(read) == written
    assert SHARE.read(written, USD) == read


def test_amounts_are_in_the_currency_of_the_program():
    assert COST.read("8,000/10000 USD/15000", USD)["likely"] == "10000"
    with pytest.raises(InputError, match="runs in USD, but the amount is in EUR"):
        COST.read("5 EUR", USD)


@pytest.mark.parametrize(
    ("currency", "taken", "refused"),
    [
        ("JPY", "12500", "12500.5"),
        ("KWD", "100.125", "100.1255"),
        ("OMR", "0.005", "0.0005"),
        ("USD", "100.12", "100.125"),
    ],
)
def test_amounts_have_the_decimals_of_their_currency(currency, taken, refused):
    facts, budget = {"currency": currency}, Amount("budget", "Budget")
    assert COST.read(taken, facts)["likely"] == taken
    assert budget.read(taken, facts)["amount"] == taken
    for each in (COST, budget):
        with pytest.raises(InputError, match=f"{currency} has (no|\\d) decimals"):
            each.read(refused, facts)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ("5%/2%/9%", "does not rise"),
        ("1%/2%", "neither one value nor low/likely/high"),
        ("much", "no number"),
        ("nan", "no number"),
        ("140%", "not between"),
        ({"low": "1%"}, "neither one value"),
    ],
)
def test_what_is_wrong_is_said(raw, said):
    with pytest.raises(InputError, match=said):
        SHARE.read(raw, USD)


def test_the_schema_takes_a_number_a_text_or_three_parts():
    number, text, record = SHARE.json_schema()["anyOf"]
    assert (number["type"], text["type"], record["required"]) == (
        "number",
        "string",
        ["low", "likely", "high"],
    )


def test_a_limit_is_one_share():
    limit = ShareLimit("tolerated_loss", "Limit")
    assert [limit.read(raw, {}) for raw in ("10%", 0.1, "0")] == ["0.1", "0.1", "0"]
    assert limit.write("0.1") == "0.1"
    for wrong in ("1%/2%/3%", "120%", "much"):
        with pytest.raises(InputError):
            limit.read(wrong, {})
