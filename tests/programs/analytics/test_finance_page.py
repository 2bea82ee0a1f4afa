"""The example of docs/finance.md, figure by figure, by the functions that the plan's tables use."""

from pathlib import Path

import pytest

from programs.analytics.economics import RedemptionOption, value_points
from programs.analytics.revenue import allocate_price, catch_up, recognise_points, roll_forward

PAGE = (Path(__file__).parents[3] / "docs/finance.md").read_text()
PURCHASES = (120.0, 80.0, 200.0)
SALES, POINTS_PER_UNIT = sum(PURCHASES), 10
POINTS = SALES * POINTS_PER_UNIT
VALUE = value_points([RedemptionOption("goods", 1.0, points=100, unit_cost=0.8, face_value=1.0)], 0.75)


def says(*cells):
    """Whether a row of a table of the page has these cells in this order."""
    wanted = [cell.strip() for cell in cells]
    found = [
        [cell.strip().strip("*") for cell in line.strip("|").split("|")]
        for line in PAGE.splitlines()
        if line.startswith("|")
    ]
    return any(row == wanted for row in found)


def amount(value):
    return f"{value:,.2f}".replace("-", "−")


@pytest.fixture
def parts():
    return allocate_price(SALES, SALES, POINTS * VALUE.stand_alone_selling_price)


@pytest.fixture
def schedule(parts):
    return recognise_points(parts.points, [0, 1_200, 1_800], [3_000, 3_000, 3_200])


def test_purchases_earn_the_points_of_the_page():
    assert says("Sum", amount(SALES), f"{POINTS:,.0f}")
    assert (
        f"{VALUE.cost:g}" in PAGE and f"{POINTS * VALUE.stand_alone_selling_price:,.2f} (IFRS 15.B42)" in PAGE
    )


def test_the_sale_is_split_as_the_entries_say(parts):
    assert says("Cash", amount(SALES), "")
    assert says("Revenue from goods", "", amount(parts.goods))
    assert says("Contract liability for points", "", amount(parts.points))


def test_redemptions_are_recognised_as_the_entries_say(schedule):
    second = schedule.revenue[1]
    assert says("Contract liability for points", amount(second), "")
    assert says("Cost of rewards", amount(1_200 * VALUE.cost), "")
    assert (
        f"Of it {amount(second * 0.75)} is for the points redeemed and {amount(second * 0.25)} is breakage"
        in PAGE
    )


def test_the_new_estimate_is_caught_up_as_the_page_says(parts, schedule):
    assert says("Contract liability for points", amount(schedule.revenue[2]), "")
    assert f"points is {amount(catch_up(parts.points, 1_200, 3_000, 3_200))}." in PAGE.replace("\n", " ")


def test_the_roll_forward_is_that_of_the_page(parts, schedule):
    opening = 0.0
    for quarter, recognised in enumerate(schedule.revenue, start=1):
        deferred = parts.points if quarter == 1 else 0.0
        moved = roll_forward(opening, {"deferred": deferred, "recognised": -recognised})
        out = amount(-recognised) if recognised else "0.00"
        assert says(str(quarter), amount(opening), amount(deferred), out, amount(moved.closing))
        assert moved.closing == pytest.approx(schedule.liability[quarter - 1])
        opening = moved.closing
    assert f"which cost {amount((3_200 - 1_800) * VALUE.cost)}." in PAGE
    assert f"contract liability of {amount(opening)} is" in PAGE
