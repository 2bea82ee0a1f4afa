"""The files of ``tests/data/cases`` whose figures mislead where they are read wrong, from file to figure."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pyarrow.csv as pa_csv
import pytest
from django.core.management import call_command

from programs.analytics.fx import convert
from programs.datasets.rates import ecb_rates
from tests.factories import PersonFactory
from tests.plans.commands.loyalty_program import outputs, rows, run, values

CASES = Path(__file__).parents[2] / "data" / "cases"
PLAN = "/loyalty-lifecycle-orchestration:plan-loyalty --goal retention --tiers 3 --budget 2000"
MONITOR = "/loyalty-lifecycle-orchestration:monitor-loyalty --detail full"


@pytest.fixture(autouse=True)
def later(loyalty, time):
    """After the last row of every file; with the roles that plan-loyalty names, too."""
    time.now = datetime(2026, 6, 1, 9, tzinfo=UTC)
    for role in ("loyalty-ops", "finance", "legal"):
        PersonFactory(roles=[role])


def load(program, name, kind="purchases", *how):
    told = StringIO()
    call_command("load_dataset", kind, str(CASES / name), f"--program={program.slug}", *how, stdout=told)
    return told.getvalue()


def signals(program, name):
    """What plan-loyalty says of the orders of a file, and all that it says of movements."""
    told = load(program, name, "purchases", "--replace")
    plan = run(PLAN, "signal-review")
    found = dict(values(plan)["signals"])
    movements = rows(outputs(plan)["movements"]) if "movements" in outputs(plan) else []
    for name_ in ("movements", "seed"):
        found.pop(name_, None)
    return found, movements, told


def test_a_shop_with_refunds_has_the_figures_of_the_net_one(loyalty):
    net, _, _ = signals(loyalty, "shop_net.csv.gz")
    refunded, movements, told = signals(loyalty, "shop_refunds.csv.gz")
    gross, _, _ = signals(loyalty, "shop_base.csv.gz")
    assert refunded == net
    assert (net["members"], net["repeat_rate"]) == (400, 0.375)
    assert net["average_order_value"] == pytest.approx(65, abs=0.6)
    assert gross["repeat_rate"] < net["repeat_rate"]
    assert [(m["movement"], m["rows"]) for m in movements] == [("refund", 200)]
    assert "Orders are net of 200 refunds of 13,506.67 USD" in told


def test_one_refund_of_an_older_order_is_unplaced_counted_and_shown_and_stops_nothing(loyalty):
    net, _, _ = signals(loyalty, "shop_net.csv.gz")
    found, movements, told = signals(loyalty, "refund_only.csv.gz")
    assert found == net
    assert "Unplaced, for want of an order in these data, and in no figure: 1 refund of 49.90 USD" in told
    assert [(m["rows"], m["amount"], m["placing"]) for m in movements] == [
        (1, 49.9, "unplaced: fits no order, in no figure")
    ]


def test_the_window_ends_with_the_files_last_day_in_the_programs_zone(loyalty):
    loyalty.time_zone = "Europe/Berlin"
    loyalty.save()
    told = load(loyalty, "tz_dates_berlin.csv")
    assert "Accepted: 161 rows, 2026-01-01 to 2026-04-30" in told
    plan = run(MONITOR, "data-pull", "health-diagnostics")
    window = values(plan)["data"]["window"]
    assert (window["label"], window["end"]) == ("2026-04-01 to 2026-04-30", "2026-05-01T00:00:00+02:00")
    assert plan.tasks.get(key="health-diagnostics").state == "succeeded"


def test_euros_in_a_dollar_program_are_converted_at_the_rate_of_their_day(loyalty):
    told = load(loyalty, "eur_in_usd.csv.gz")
    assert "Amounts in EUR keep their currency in the data" in told
    assert "currency: USD (the program's)" not in told  # of rows that name none, and every row names one
    plan = run(MONITOR, "data-pull")
    table = pa_csv.read_csv(CASES / "eur_in_usd.csv.gz").to_pylist()
    last = max(row["purchased_at"] for row in table)
    wanted = sum(
        convert(row["amount"], "EUR", "USD", row["purchased_at"], ecb_rates()).amount
        for row in map(exact, table)
        if row["purchased_at"] > last - timedelta(days=30)
    )
    data = values(plan)["data"]
    assert (data["currency"], data["flows"]["revenue"]) == ("USD", pytest.approx(float(wanted)))
    assert "converted to USD, each at the rate of its own day" in outputs(plan)["kpis"]["note"]


def exact(row):
    return row | {"amount": Decimal(str(row["amount"]))}


def test_liability_stands_on_the_first_age_with_redemptions(loyalty):
    load(loyalty, "shop_net.csv.gz")
    load(loyalty, "ledger_holding.csv.gz", "point_ledger")
    health = values(run(MONITOR, "data-pull", "health-diagnostics"))["health"]
    assert set(health["unavailable"]) <= {"churn_risk"}
    assert health["liability"] > 0
    assert 0 < health["breakage"] < 1


def test_a_split_of_ninety_to_ten_that_nobody_planned_is_said_to_be_none(loyalty):
    load(loyalty, "shop_net.csv.gz")
    load(loyalty, "exp_9010.csv.gz", "experiments")
    plan = run(f"{MONITOR} --experiments Tenper", "data-pull", "experiment-review")
    (test,) = values(plan)["experiments"]["experiments"]
    assert test["verdict"] == "blocked"
    assert "no split was planned" in test["why"]
    assert "does not fit" not in test["why"]
