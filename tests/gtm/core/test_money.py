"""Amounts as people, programs and spreadsheets read them: with the decimals of their currency."""

from decimal import Decimal

import pytest

from gtm.core.money import Money, amount_text, exact_text, is_currency, spreadsheet_format


@pytest.mark.parametrize(
    ("amount", "currency", "shown", "exact"),
    [
        ("1.7", "EUR", "1.70", "1.70"),
        ("1234567.891", "EUR", "1,234,567.89", "1234567.891"),
        ("1.7", "", "1.70", "1.70"),
        ("1200", "JPY", "1,200", "1200"),
        ("1200.4", "JPY", "1,200", "1200.4"),
        ("1.7", "KWD", "1.700", "1.700"),
        ("-0.5", "USD", "-0.50", "-0.50"),
        ("0", "USD", "0.00", "0.00"),
        ("0.05", "USD", "0.05", "0.05"),
        ("0.008", "USD", "0.0080", "0.008"),
        ("0.8", "JPY", "0.80", "0.8"),
        ("1E+3", "EUR", "1,000.00", "1000.00"),
    ],
)
def test_an_amount_has_the_decimals_of_its_currency(amount, currency, shown, exact):
    assert (amount_text(Decimal(amount), currency), exact_text(Decimal(amount), currency)) == (shown, exact)
    assert str(Money(Decimal(amount), currency)) == f"{shown} {currency}".rstrip()


@pytest.mark.parametrize(
    ("currency", "shown"), [("EUR", "#,##0.00"), ("JPY", "#,##0"), ("KWD", "#,##0.000"), ("", "#,##0.00")]
)
def test_a_spreadsheet_is_told_the_decimals_of_a_currency(currency, shown):
    assert spreadsheet_format(currency) == shown


@pytest.mark.parametrize(
    ("unit", "answer"), [("EUR", True), ("eur", False), ("%", False), ("points", False), ("", False)]
)
def test_a_unit_is_a_currency_where_it_is_written_like_one(unit, answer):
    assert is_currency(unit) is answer
