"""What plan-loyalty concludes at the edges: no margin, free points, an entered lift, one big buyer."""

import pyarrow as pa
import pytest

from tests.factories import PersonFactory, ProgramFactory
from tests.plans.commands.loyalty_program import load, outputs, rows, run, values
from tests.plans.commands.plan_loyalty.test_money import LINE, holdout, load_shop, purchases, shop
from tests.plans.conftest import validated, work_off

ROLES = ("member-insights-analyst", "loyalty-strategist", "loyalty-ops", "exec-sponsor", "finance", "legal")


@pytest.fixture(autouse=True)
def roles(acting):  # noqa: F811
    for role in ROLES:
        PersonFactory(roles=[role])


@pytest.fixture
def program():
    return ProgramFactory(is_default=True, platform_cost_monthly=0)


def answered(budget="5000", more="", tiers="3"):
    """The run as far as people who sign it read: values, outputs, and the answer."""
    plan = run(LINE.format(budget=budget, more=more).replace("--tiers 3", f"--tiers {tiers}"))
    validated(plan)
    work_off(plan, "governance-packet")
    found = values(plan)
    return found, outputs(plan), found["packet"]["answer"]


def thresholds(told):
    return {row["kpi"]: row["threshold"] for row in rows(told["kpis"])}


@pytest.mark.parametrize("margin", ["-0.10", "0"])
def test_a_shop_without_a_margin_is_told_not_to_launch(program, tmp_path, margin):
    program.gross_margin = margin
    program.save()
    load_shop(program, tmp_path, members=600)
    found, told, answer = answered()
    assert answer["verdict"] == "do not"
    assert answer["headline"] == "Do not launch. No reward earns more than it costs, however small the pool."
    assert "None of the budget is used, because no reward earns what it costs" in answer["caveats"]
    assert answer["figures"][2]["comparison"] is None  # no lift breaks even
    assert thresholds(told)["Lift in spend against a holdout"] == "none"
    amounts = [row["amount"] for row in rows(told["year"])]
    assert amounts == [0.0] * 5
    assert not any(str(amount).startswith("-") for amount in amounts)


def test_free_points_use_no_budget_and_have_no_return_on_cost(program, tmp_path):
    program.point_unit_cost = 0
    program.save()
    load_shop(program, tmp_path, members=600)
    found, told, answer = answered()
    assert answer["headline"].startswith("Launch a program with 3 tiers and a reward pool of 0.00 ")
    free = "A redeemed point is entered to cost nothing, so rewards use none of the budget"
    assert free in answer["caveats"]
    assert "return on cost" not in answer["certainty"]["words"]
    assert found["economics"]["roi_p50"] is None
    roi = next(item for item in told["financial_model"]["items"] if item["key"] == "roi")
    assert roi["unavailable"] == "The program costs nothing in 36 months."


def test_an_entered_lift_is_the_first_caveat_and_no_plain_go(program, tmp_path):
    load_shop(program, tmp_path, members=600)
    _, told, answer = answered(more="--lift 4%/8%/12%", tiers="points-only")
    assert answer["headline"].startswith("Launch a points-only program with a reward pool of ")
    assert answer["verdict"] == "go with care"
    assert answer["caveats"][0] == (
        "The lift in spend (4.0 % to 12.0 %) is entered and not measured, so the "
        "result is an assumption (entered with this run)"
    )
    assert "chance" not in answer["headline"]
    assert "of overrunning the budget in a year below 0.1 %" in answer["certainty"]["words"]
    assert thresholds(told)["Reward cost a year"] == "≤ 20,000 USD"


def test_a_customer_who_is_half_of_revenue_is_named_as_a_risk(program, tmp_path):
    who, day, paid = shop(members=400)
    seen = day < 700
    who, day, paid = list(who[seen]), list(day[seen]), list(paid[seen])
    weekly = list(range(2, 700, 7))
    total = sum(paid)
    who += [99_999] * len(weekly)
    day += weekly
    paid += [total / len(weekly)] * len(weekly)
    load(program, tmp_path, "purchases", purchases(who, day, paid))
    found, _, answer = answered()
    assert any(said.startswith("One customer has spent 50 % of all revenue") for said in answer["caveats"])
    # Who may leave on any day is much of the uncertainty.
    base = found["economics"]["revenue_base"]
    assert base["low"] < 0.75 * base["next_twelve_months"]


def test_a_loss_over_the_horizon_is_no_contradiction_of_a_year_that_earns(program, tmp_path):
    load_shop(program, tmp_path, members=600)
    found, _, answer = answered(more="--lift 1%/4%/9% --launch_cost 1000000")
    assert found["economics"]["net_year"] > 0
    said = "Do not launch. Over 36 months, the launch included, a loss is expected at every pool"
    assert answer["headline"].startswith(said)
    assert "the chance that the program earns is below 1 %" in answer["headline"]
    assert not any("loss is expected" in caveat for caveat in answer["caveats"]), "said once"
    assert "it would earn from a lift of " in answer["next"]
    # What is spent on the launch does not come back: the return that the page names says the same.
    assert found["economics"]["roi_p95"] < 0
    assert "median return on cost over 36 months −" in answer["certainty"]["words"].replace("-", "−")


def test_a_test_of_something_within_the_program_is_not_its_lift(program, tmp_path):
    """Its name speaks of rewards, and both its arms had them."""
    load_shop(program, tmp_path, members=600)
    table = holdout(0.30)
    names = pa.array(["Rewards banner colour"] * table.num_rows)
    arms = pa.array(["blue" if n % 2 else "red" for n in range(table.num_rows)])
    load(
        program,
        tmp_path,
        "experiments",
        table.set_column(0, "experiment", names).set_column(2, "variant", arms),
    )
    found, _, answer = answered()
    assert found["economics"]["lift"]["is_assumed"]
    assert answer["caveats"][0].startswith("The lift in spend is assumed")
    assert any(said.startswith("The test “Rewards banner colour” is not read") for said in answer["caveats"])
    asked = answered(more='--lift_test "Rewards banner colour"')[0]["economics"]["lift"]
    assert asked["source"].startswith("measured by the test “Rewards banner colour”")


def test_a_measured_lift_is_named_and_one_beyond_the_tested_reward_is_an_assumption(program, tmp_path):
    load_shop(program, tmp_path, members=600)
    load(program, tmp_path, "experiments", holdout(0.15))
    found, _, answer = answered()
    lift = found["economics"]["lift"]
    assert 0 < lift["low"] <= 0.15 <= lift["high"]
    assert (
        "measured by the test “Loyalty holdout”, spend, 4,000 members" in answer["figures"][2]["definition"]
    )
    assert found["design"]["value_rate"] > 0.0125  # more than the tested 1 %
    assert answer["verdict"] == "go with care"
    assert any(
        said.startswith("The lift is measured at a reward of 1.0 % of spend") for said in answer["caveats"]
    )
    # At the reward that was tested, nothing has to be assumed.
    found, _, answer = answered(budget="100")
    assert found["design"]["value_rate"] <= 0.0125
    assert answer["verdict"] == "go"
    assert not any("is an assumption" in said and "The lift" in said for said in answer["caveats"])


def test_a_holdout_that_shows_no_lift_says_so(program, tmp_path):
    load_shop(program, tmp_path, members=600)
    load(program, tmp_path, "experiments", holdout(0.015))
    found, _, answer = answered()
    assert found["economics"]["lift"]["low"] < 0
    assert answer["verdict"] != "go"
    assert answer["caveats"][0].startswith(
        "The test does not show that spend rises: the lift that it measures is "
    )


def test_a_chance_has_no_interval_of_the_draws(program, tmp_path):
    """How many draws were made says nothing of how sure a chance is; the assumptions make it what it is."""
    load_shop(program, tmp_path, members=600)
    told = answered(more="--lift 3%/5%/8%")[1]
    figures = {each["key"]: each for output in told.values() for each in output.get("items", ())}
    loss, worth = figures["loss"], figures["npv"]
    assert (loss.get("low"), loss.get("high")) == (None, None)
    assert "over all assumptions" in loss["definition"]
    assert worth["low"] < worth["value"] < worth["high"] and worth["level"] == 0.9
