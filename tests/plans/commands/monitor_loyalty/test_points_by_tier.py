"""Tiers that redeem unlike: what each owes by its own months of issue, beside the liability at one rate."""

from dataclasses import replace

import pytest

from plans.commands.monitor_loyalty.answer import figures_of
from plans.commands.monitor_loyalty.steps.points import Redemptions
from plans.commands.monitor_loyalty.steps.points_by_tier import PointsByTier, sum_of_tiers
from plans.commands.shared.tiers_apart import redeem_unlike
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
    return values(plan)["health"], outputs(plan)


def test_each_tier_owes_what_its_own_points_come_to(loyalty, tmp_path):
    """Of the points of the last two months a fifth and a half are still to come of what will be redeemed: of
    120,000 a month 70 % in gold, of 40,000 a month 30 % in base."""
    health, told = health_of(loyalty, tmp_path, 0.7, 0.3)
    table = told["points_by_tier"]
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
    # What the run counts with is the tiers' own sum, in every figure.
    assert health["liability_counts_by_tier"]
    assert health["liability"] == pytest.approx(health["liability_by_tier"], rel=1e-12)
    assert health["liability"] > 1.1 * health["liability_at_one_rate"]
    items = {each["key"]: each for each in told["health"]["items"]}
    assert items["liability"]["value"] == pytest.approx(base["liability"] + gold["liability"], abs=0.005)
    out = base["outstanding"] + gold["outstanding"]
    rate = items["redemption_of_outstanding"]
    assert rate["value"] / 100 * out * cost == pytest.approx(health["liability"], abs=0.005)
    assert "The sum of the tiers" in rate["definition"]
    assert told["liability_chart"]["series"][0]["values"][-1] == pytest.approx(health["liability"], abs=0.005)
    # Nine full months: base members got 40,000 points in each, gold ones too, and three times so in two.
    lost = (9 * base["breakage"] + 13 * gold["breakage"]) / 22
    assert health["breakage"] == pytest.approx(lost, abs=0.005)
    months = rows(told["vintages"])
    of_months = sum(row["breakage"] * row["issued"] for row in months) / sum(row["issued"] for row in months)
    assert of_months == pytest.approx(health["breakage"], abs=0.005)
    assert "That is the liability of the page, because tiers redeem unlike beyond chance" in table["note"]
    truth = 0.7 * (0.7 * 120 + 0.3 * 40) * POINTS * cost
    assert health["liability_by_tier_low"] < health["liability_by_tier"] < health["liability_by_tier_high"]
    assert gold["liability_low"] < gold["liability"] < gold["liability_high"]
    assert health["liability_at_one_rate"] < health["liability_low"] == health["liability_by_tier_low"]
    assert health["liability_by_tier"] == pytest.approx(truth, rel=0.08)
    assert (
        "the liability is the sum of what each tier owes by its own months of issue"
        in health["points_caveat"]
    )
    assert "At one rate for all it would be" in health["points_caveat"]


def test_tiers_that_redeem_alike_owe_together_what_one_rate_says(loyalty, tmp_path):
    health, told = health_of(loyalty, tmp_path, 0.5, 0.5)
    assert not health["liability_counts_by_tier"]
    assert health["liability"] == health["liability_at_one_rate"]
    assert health["liability_by_tier"] == pytest.approx(health["liability"], rel=0.03)
    assert health["points_caveat"] == ""
    assert (
        "at one rate for the points of all members, because chance explains" in told["points_by_tier"]["note"]
    )


def test_without_a_member_list_nothing_is_split(loyalty, tmp_path):
    load_purchases(loyalty, tmp_path)
    load(loyalty, tmp_path, "point_ledger", two_tiers(0.7, 0.3)[0])
    plan = run(FULL, *STEPS)
    assert values(plan)["health"]["liability_by_tier"] is None
    assert "points_by_tier" not in outputs(plan)


def redeemed(share, low, high, caveat=""):
    return Redemptions(Unavailable("Not asked."), Unavailable("Not asked."), Estimate(share, low, high),
                       Estimate(1 - share, 1 - high, 1 - low), caveat=caveat)  # fmt: skip


def test_a_difference_that_chance_explains_moves_no_figure():
    """The world in which the truth was 67.63: one rate 66.76 (56.9 to 76.6), the tiers' own sum 70.395."""
    owed = Estimate(70.395, 65.395, 75.395)
    assert not redeem_unlike(Unavailable("No old points."), Estimate(66.76, 56.9, 76.6), owed)
    assert redeem_unlike(Unavailable("No old points."), Estimate(60.0, 58.0, 62.0), owed)
    assert not redeem_unlike(Unavailable("No old points."), Estimate(60.0), None)
    one = redeemed(0.5, 0.4, 0.6)
    alike = PointsByTier((), Estimate(66.76, 56.9, 76.6), owed, one)
    assert alike.apart > 0.05
    assert alike.caveat("KWD") == ""
    beyond = PointsByTier((), Estimate(60.0, 58.0, 62.0), owed, replace(one, by_tier=True), differ=True)
    assert (
        "At one rate for all it would be 60.000 KWD (58.000 KWD to 62.000 KWD); the sum is 17 % more"
        in beyond.caveat("KWD")
    )
    unable = PointsByTier((), Estimate(60.0), None, one, differ=True)
    assert "yet the liability is at one rate for all, because a tier cannot tell its own" in unable.caveat(
        "KWD"
    )


def test_the_reaches_of_tiers_add_up_as_squares_and_as_they_are_where_the_order_of_points_is_assumed():
    parts = [(Estimate(0.5, 0.2, 0.9), 10.0), (Estimate(0.5, 0.1, 0.8), 10.0)]
    apart = sum_of_tiers(parts, together=False)
    assert (apart.value, apart.low, apart.high) == (0.5, pytest.approx(0.25), pytest.approx(0.75))
    along = sum_of_tiers(parts, together=True)
    assert (along.low, along.high) == (pytest.approx(0.15), pytest.approx(0.85))


def test_a_sum_needs_every_tier_and_its_interval_the_ends_of_each():
    assert sum_of_tiers([(Unavailable("None."), 1.0), (Estimate(0.5), 1.0)], together=False) is None
    assert sum_of_tiers([], together=False) is None
    assert sum_of_tiers([(Estimate(0.5), 1.0), (Estimate(0.5, 0.4, 0.6), 1.0)], together=False).low is None


def test_the_liability_of_the_answer_has_the_ends_of_the_metric():
    data = {"kpis": {}, "kpis_before": {}, "kpi_ends": {}, "unavailable": {}}
    health = {"liability": 66.76, "liability_low": 56.9, "liability_high": 76.6, "liability_before": None}
    names = {name: {"name": name} for name in ("active_rate", "retention", "liability")}
    found = figures_of(data, {**health, "unavailable": {}}, names, "KWD")[-1]
    assert (found.value, found.low, found.high, found.level) == (66.76, 56.9, 76.6, 0.95)
