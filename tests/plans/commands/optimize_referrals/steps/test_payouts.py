"""Which payouts break a rule of paying, and which are to be taken back, as the risk step says of files."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pyarrow as pa
import pytest

from plans.commands.optimize_referrals.steps.payouts import Clawbacks, clawback_table
from programs.datasets import OpenData
from programs.schemas.referral_rules import payout_tolerance
from tests.plans.commands.optimize_referrals.made_up import loaded, outputs_of

START = datetime(2026, 6, 1, tzinfo=UTC)


def day(number):
    return None if number is None else START + timedelta(days=number)


def at(days):
    return pa.array([day(number) for number in days], pa.timestamp("us", tz="UTC"))


def referral(name, *, won=2, revenue=100.0, returned=None, amount=None):
    return {"referral_id": name, "won": won, "revenue": revenue, "returned": returned, "amount": amount}


def payout(name, of, on=35, *, amount=20.0, status="paid"):
    return {"payout_id": name, "referral_id": of, "on": on, "amount": amount, "status": status}


def risk_of(home, referrals, payouts, **rules):
    rows = [*referrals, referral("last", won=None, revenue=None)]
    table = {name: [row[name] for row in rows] for name in ("referral_id", "revenue")}
    paid = {name: [row[name] for row in payouts] for name in ("payout_id", "referral_id", "amount", "status")}
    tables = {
        "referrals": pa.table({
            **table, "referrer_id": ["anna"] * len(rows), "reward": [20.0] * len(rows),
            "invited_at": at([1] * len(referrals) + [80]), "won_at": at([row["won"] for row in rows]),
            "refunded_at": at([row["returned"] for row in rows]),
            "refunded_amount": pa.array([row["amount"] for row in rows], pa.float64()),
        }),
        "referral_payouts": pa.table({
            **paid, "beneficiary_id": ["anna"] * len(payouts), "paid_at": at([row["on"] for row in payouts]),
        }),
    }  # fmt: skip
    data = loaded(SimpleNamespace(tables=tables), home)
    return outputs_of(data, ("data", "risk"), referral_rules=rules)["risk"]


def broken(risk):
    return {row["rule"]: (row["payouts"], row["amount"]) for row in risk["compliance"]}


def test_a_payout_that_is_reversed_and_repaid_is_paid_once(tmp_path):
    paid = [payout("a", "r", 34, status="reversed"), payout("b", "r", 36)]
    risk = risk_of(tmp_path, [referral("r")], paid)
    assert broken(risk) == {} and risk["clawbacks"] == 0


def test_a_payout_taken_back_by_a_row_of_its_own_and_repaid_is_paid_once(tmp_path):
    paid = [payout("a", "r", 34), payout("a", "r", 35, amount=-20.0), payout("b", "r", 36)]
    assert broken(risk_of(tmp_path, [referral("r")], paid)) == {}


def test_two_payouts_that_stand_are_paid_twice(tmp_path):
    assert broken(risk_of(tmp_path, [referral("r")], [payout("a", "r"), payout("b", "r", 40)])) == {
        "paid_twice": (2, 40.0)
    }


@pytest.mark.parametrize("returned", [20, 50])
def test_a_partial_refund_is_no_full_one(tmp_path, returned):
    risk = risk_of(tmp_path, [referral("r", returned=returned, amount=10.0)], [payout("a", "r")])
    assert broken(risk) == {} and risk["clawbacks"] == 0


def test_a_full_refund_after_the_payout_is_to_be_taken_back(tmp_path):
    orders = [referral("r", returned=50), referral("s", returned=20, amount=100.0), referral("t")]
    paid = [payout("a", "r"), payout("b", "s"), payout("c", "t")]
    risk = risk_of(tmp_path, orders, paid)
    assert broken(risk) == {"after_refund": (1, 20.0)}
    assert (risk["clawbacks"], risk["clawback_amount"]) == (2, 40.0)


def test_what_was_taken_back_in_part_is_to_be_taken_back_for_the_rest(tmp_path):
    paid = [payout("a", "r"), payout("a", "r", 52, amount=-5.0)]
    risk = risk_of(tmp_path, [referral("r", returned=50)], paid)
    assert (risk["clawbacks"], risk["clawback_amount"]) == (1, 15.0)


@pytest.mark.parametrize(("currency", "said"), [("JPY", "8,250 JPY"), ("PLN", "8,250.00 PLN")])
def test_what_is_to_be_taken_back_is_told_in_coins_of_its_currency(currency, said):
    row = {"payout_id": "a", "referral_id": "r", "paid_at": day(3), "undone_at": day(4), "amount": 8250.0}
    assert f"{said} in all" in clawback_table(Clawbacks(1, row["amount"], [row]), True, currency).note


def test_what_was_reversed_after_the_return_is_not_to_be_taken_back(tmp_path):
    risk = risk_of(tmp_path, [referral("r", returned=50)], [payout("a", "r", status="reversed")])
    assert risk["clawbacks"] == 0


def test_the_smallest_order_is_a_rule_of_paying_of_the_program(tmp_path):
    orders = [referral("small", revenue=19.99), referral("enough", revenue=20.0)]
    paid = [payout("a", "small"), payout("b", "enough")]
    assert broken(risk_of(tmp_path, orders, paid, minimum_order=20)) == {"below_minimum": (1, 20.0)}
    other = tmp_path / "other"
    other.mkdir()
    assert broken(risk_of(other, orders, paid)) == {}


def test_the_holding_period_is_the_programs(tmp_path):
    paid = [payout("a", "r", 20)]
    assert broken(risk_of(tmp_path, [referral("r")], paid)) == {"before_holding": (1, 20.0)}
    other = tmp_path / "other"
    other.mkdir()
    assert broken(risk_of(other, [referral("r")], paid, holding_days=14)) == {}


@pytest.mark.parametrize(
    ("rules", "whole"),
    [({}, "1 of them came within 5.0 %"), ({"payout_tolerance": 0}, "0 of them came within 0.0 %")],
)
def test_rewards_paid_in_another_currency_are_told_with_the_rule(tmp_path, rules, whole):
    """Twenty euro were promised and 17.1 pounds paid, when a pound was worth 1.17 euro or so."""
    start = datetime(2024, 3, 4, tzinfo=UTC)
    at_day = [start + timedelta(days=days) for days in (0, 80)]
    referrals = pa.table({
        "referral_id": ["r", "last"], "referrer_id": ["anna", "anna"], "reward": [20.0, 20.0],
        "revenue": [100.0, 100.0], "currency": ["EUR", "EUR"], "invited_at": at_day, "won_at": at_day,
    })  # fmt: skip
    payouts = pa.table({
        "payout_id": ["p"], "referral_id": ["r"], "beneficiary_id": ["anna"], "amount": [17.1],
        "currency": ["GBP"], "paid_at": [start + timedelta(days=35)],
    })  # fmt: skip
    stored = loaded(SimpleNamespace(tables={"referrals": referrals, "referral_payouts": payouts}), tmp_path)
    data = OpenData(
        tmp_path,
        stored._described,
        "UTC",
        "EUR",
        payout_tolerance=payout_tolerance({"referral_rules": rules}),
    )
    told = outputs_of(data, ("data",), referral_rules=rules)["data"]
    (note,) = (note for note in told["notes"] if "another currency" in note)
    assert note.startswith("One reward was paid in another currency than promised.") and whole in note
