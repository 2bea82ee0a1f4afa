"""Tiers that redeem unlike: what each owes by its own months of issue, beside the liability at one rate."""

import pytest

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
