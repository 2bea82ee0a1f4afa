"""Refunds through the public doors: files loaded with load_dataset, commands that read them."""

from datetime import date, timedelta
from io import StringIO

import pytest
from django.core.management import call_command

from tests.factories import PersonFactory
from tests.plans.commands.loyalty_program import outputs, rows, run, values

PLAN = "/loyalty-lifecycle-orchestration:plan-loyalty --goal retention --tiers 3 --budget 2000"
MONITOR = "/loyalty-lifecycle-orchestration:monitor-loyalty --detail full"
HEADER = "member_id,purchased_at,amount,order_id"
START = date(2025, 1, 1)


def shop():
    """Orders of members who stay, the single orders of others, and full refunds of those ten days later."""
    kept, gone, refunds = [], [], []
    for n in range(60):
        for k in range(1 + n % 5 // 2 * 2):
            day = START + timedelta(days=3 * n % 200 + 40 * k)
            kept.append(f"m{n:03d},{day},{20 + n * 7 % 90}.50,o{n}-{k}")
    for n in range(60, 80):
        day = START + timedelta(days=5 * n % 250)
        gone.append(f"m{n:03d},{day},{30 + n % 40},o{n}")
        refunds.append(f"m{n:03d},{day + timedelta(days=10)},-{30 + n % 40},r{n}")
    kept.append(f"m000,{START + timedelta(days=380)},50,last")
    return kept, gone, refunds


def load(program, folder, lines, *how, header=HEADER):
    file = folder / "orders.csv"
    file.write_text("\n".join([header, *lines]) + "\n")
    told = StringIO()
    call_command("load_dataset", "purchases", str(file), f"--program={program.slug}", *how, stdout=told)
    return told.getvalue()


@pytest.fixture(autouse=True)
def roles(acting):  # noqa: F811
    """The roles that plan-loyalty names beside those of monitor-loyalty."""
    for role in ("loyalty-ops", "finance", "legal"):
        PersonFactory(roles=[role])


@pytest.fixture
def ways():
    kept, gone, refunds = shop()
    return kept, [*kept, *gone, *refunds]


def figures(line, *keys):
    """What a run says, without how it was come by."""
    plan = run(line, *keys)
    assert not plan.tasks.filter(key__in=keys).exclude(state__in=("succeeded", "awaiting_approval")).exists()
    found = values(plan)
    for output in found.values():
        output.pop("movements", None)
        output.pop("notes", None)
        output.pop("sha256", None)
        for flow in ("gross", "refunded"):
            output.get("flows", {}).pop(flow, None)
            output.get("flows", {}).pop(f"{flow}_before", None)
        for name in ("seed", "definition_changes", "evidence"):
            output.pop(name, None)
    return found


def test_a_shop_with_refunds_is_planned_like_the_net_one(loyalty, tmp_path, ways):
    steps = ("signal-review",)
    netted, refunded = ways
    load(loyalty, tmp_path, netted)
    wanted = figures(PLAN, *steps)
    told = load(loyalty, tmp_path, refunded, "--replace")
    assert "Orders are net of 20 refunds" in told
    assert "Brought to zero and no purchases: 20 of" in told
    assert figures(PLAN, *steps) == wanted


def test_a_shop_with_refunds_is_monitored_like_the_net_one(loyalty, tmp_path, ways):
    steps = ("data-pull", "health-diagnostics")
    netted, refunded = ways
    load(loyalty, tmp_path, netted)
    wanted = figures(MONITOR, *steps)
    load(loyalty, tmp_path, refunded, "--replace")
    found = figures(MONITOR, *steps)
    for name, output in wanted.items():
        assert found[name] == output, [k for k in output if found[name].get(k) != output[k]]


def test_refunds_that_come_later_lower_the_orders_that_were_there(loyalty, tmp_path):
    kept, gone, refunds = shop()
    load(loyalty, tmp_path, kept)
    wanted = figures(PLAN, "signal-review")
    load(loyalty, tmp_path, [*kept, *gone], "--replace")
    told = load(loyalty, tmp_path, refunds, "--add")
    assert "Orders are net of 20 refunds" in told
    assert "Unplaced" not in told
    assert figures(PLAN, "signal-review") == wanted


def test_what_was_netted_stands_in_the_results_of_the_run(loyalty, tmp_path, ways):
    load(loyalty, tmp_path, ways[1])
    plan = run(MONITOR, "data-pull")
    (movement,) = rows(outputs(plan)["movements"])
    assert (movement["movement"], movement["rows"]) == ("refund", 20)
    assert values(plan)["data"]["movements"]["counts"][0]["rows"] == 20
    flows = {row["flow"]: row["current"] for row in rows(outputs(plan)["window_comparison"])}
    gross, taken = flows["Gross sales"], flows["Refunded, by day of refund"]
    assert flows["Revenue as cash, by day of refund"] == gross - taken


def test_one_refund_of_an_older_order_stops_nothing_and_is_shown(loyalty, tmp_path, ways):
    told = load(loyalty, tmp_path, [*ways[0], "zz01,2025-03-02,-49.90,r-old-1"])
    assert "Unplaced, for want of an order in these data, and in no figure: 1 refund of 49.90 USD" in told
    plan = run(PLAN, "signal-review", "tier-design")
    assert {t.key: t.state for t in plan.tasks.filter(key__in=["signal-review", "tier-design"])} == {
        "signal-review": "succeeded",
        "tier-design": "succeeded",
    }
    assert values(plan)["signals"]["members"] == 60
    assert "1 refund of 49.90 USD" in outputs(plan)["signals"]["note"]
    (movement,) = rows(outputs(plan)["movements"])
    assert (movement["placing"], movement["amount"]) == ("unplaced: fits no order, in no figure", 49.9)
