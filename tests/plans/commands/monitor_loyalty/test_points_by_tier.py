"""Tiers that redeem unlike: what each owes by its own months of issue, beside the liability at one rate."""

import pytest

from plans.commands.monitor_loyalty.answer import figures_of
from plans.commands.monitor_loyalty.steps.points import Redemptions
from plans.commands.monitor_loyalty.steps.points_by_tier import PointsByTier, TierPoints, sum_of_tiers
from programs.analytics.estimate import Estimate, Unavailable
from tests.plans.commands.loyalty_program import SUMMARY, load, load_purchases, outputs, rows, run, values
from tests.plans.commands.plan_loyalty.test_points import POINTS, two_tiers

FULL, STEPS = f"{SUMMARY} --detail full", ("data-pull", "health-diagnostics")


def health_of(program, folder, gold, base):
    flows, listed = two_tiers(gold, base, more=3)
    load_purchases(program, folder)
    load(program, folder, "point_ledger", flows)
    load(program, folder, "members", listed)
    plan = run(FULL, *STEPS)
    return values(plan)["health"], outputs(plan)["points_by_tier"]


def test_each_tier_owes_what_its_own_points_come_to(loyalty, tmp_path):
    """Of the points of the last two months a fifth and a half are still to come of what will be redeemed: of
    120,000 a month 70 % in gold, of 40,000 a month 30 % in base."""
    health, table = health_of(loyalty, tmp_path, 0.7, 0.3)
    base, gold = rows(table)
    cost = float(loyalty.point_unit_cost)
    assert gold["liability"] == pytest.approx(0.7 * 0.7 * 120 * POINTS * cost, rel=0.08)
    assert base["liability"] == pytest.approx(0.7 * 0.3 * 40 * POINTS * cost, rel=0.08)
    assert (base["breakage"], gold["breakage"]) == (
        pytest.approx(0.7, abs=0.02),
        pytest.approx(0.3, abs=0.02),
    )
    assert gold["low"] < gold["rate"] < gold["high"]
    assert health["liability_by_tier"] == pytest.approx(base["liability"] + gold["liability"])
    assert health["liability_by_tier"] > 1.1 * health["liability"]
    truth = 0.7 * (0.7 * 120 + 0.3 * 40) * POINTS * cost
    assert health["liability_by_tier_low"] < health["liability_by_tier"] < health["liability_by_tier_high"]
    assert gold["liability_low"] < gold["liability"] < gold["liability_high"]
    assert health["liability_high"] < health["liability_by_tier_low"]  # beyond chance
    assert health["liability_by_tier"] == pytest.approx(truth, rel=0.08)
    assert "Tiers redeem differently: by each tier's own rate the liability is" in health["points_caveat"]
    assert "more than at one rate for all" in health["points_caveat"]


def test_tiers_that_redeem_alike_owe_together_what_one_rate_says(loyalty, tmp_path):
    health, table = health_of(loyalty, tmp_path, 0.5, 0.5)
    assert health["liability_by_tier"] == pytest.approx(health["liability"], rel=0.03)
    assert health["points_caveat"] == ""
    assert "at one rate for the points of all members" in table["note"]


def test_without_a_member_list_nothing_is_split(loyalty, tmp_path):
    load_purchases(loyalty, tmp_path)
    load(loyalty, tmp_path, "point_ledger", two_tiers(0.7, 0.3)[0])
    plan = run(FULL, *STEPS)
    assert values(plan)["health"]["liability_by_tier"] is None
    assert "points_by_tier" not in outputs(plan)


class Known(Redemptions):
    """Of which only the caveat is asked."""

    caveat = ""


class InSomeOrder(Redemptions):
    caveat = "Redemptions name no month of issue"


def of_tier(name, value, low, high, kind=Known):
    return TierPoints(name, 100, 1000.0, kind(*[Unavailable("Not asked.")] * 4), Estimate(value, low, high))


def test_a_difference_that_chance_explains_is_no_caveat():
    """The world in which the truth was 67.63: one rate 66.76 (56.9 to 76.6), the tiers' own sum 70.395."""
    rows_ = (of_tier("Gold", 45.0, 41.0, 49.0), of_tier("Basic", 25.395, 22.395, 28.395))
    owed = sum_of_tiers(rows_)
    assert (owed.low, owed.high) == (pytest.approx(65.395), pytest.approx(75.395))
    found = PointsByTier(rows_, Estimate(66.76, 56.9, 76.6), owed)
    assert found.apart > 0.05
    assert found.caveat("KWD") == ""
    beyond = PointsByTier(rows_, Estimate(60.0, 58.0, 62.0), owed)
    assert "17% more than at one rate for all, which is more than chance explains" in beyond.caveat("KWD")


def test_where_the_order_of_points_is_assumed_tiers_err_together():
    rows_ = [of_tier(name, 10.0, 7.0, 14.0, InSomeOrder) for name in ("Gold", "Basic")]
    assert (sum_of_tiers(rows_).low, sum_of_tiers(rows_).high) == (14.0, 28.0)


def test_a_sum_needs_every_tier_and_its_interval_the_ends_of_each():
    assert sum_of_tiers([TierPoints("Gold", 1, 1.0, None, Unavailable("None."))]) is None
    assert sum_of_tiers([of_tier("Gold", 1.0, None, None), of_tier("Basic", 1.0, 0.5, 2.0)]).low is None


def test_the_liability_of_the_answer_has_the_ends_of_the_metric():
    data = {"kpis": {}, "kpis_before": {}, "kpi_ends": {}, "unavailable": {}}
    health = {"liability": 66.76, "liability_low": 56.9, "liability_high": 76.6, "liability_before": None}
    names = {name: {"name": name} for name in ("active_rate", "retention", "liability")}
    found = figures_of(data, {**health, "unavailable": {}}, names, "KWD")[-1]
    assert (found.value, found.low, found.high, found.level) == (66.76, 56.9, 76.6, 0.95)
