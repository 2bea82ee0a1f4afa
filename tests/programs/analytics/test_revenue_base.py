"""The revenue base in shops whose future is known: bias and coverage."""

from dataclasses import replace

import numpy as np
import pytest

from gtm.core.percents import percent_text
from programs.analytics.estimate import Unavailable
from programs.analytics.hold_out import hold_out_days
from programs.analytics.revenue_base import back_test, project_revenue
from programs.analytics.run_off import Customers

NONE = Unavailable("not tested here")
HISTORY, YEAR = 730, 365
HOLDOUT = hold_out_days(HISTORY)


def regular_shop(rng, members=900, regularity=3.0, stay=500.0, growth=0.0):
    """As ``shop``, but the days between two orders of a member scatter less than by chance: gamma, of shape
    ``regularity``; 1 is chance."""
    total = HISTORY + YEAR
    weight = np.exp(growth * np.arange(total) / YEAR)
    first = rng.choice(total, members, p=weight / weight.sum())
    gap = 40 / rng.gamma(1.5, 1 / 1.5, members)
    since = np.cumsum(rng.gamma(regularity, 1 / regularity, (members, 400)) * gap[:, None], axis=1)
    who, which = np.nonzero(since < rng.exponential(stay, members)[:, None])
    value = 30 * rng.gamma(6, 1 / 6, members)
    day = np.concatenate([first, np.floor(first[who] + since[who, which])])
    who = np.concatenate([np.arange(members), who])
    paid = value[who] * rng.gamma(4, 1 / 4, who.size)
    order = day < total
    return who[order], day[order].astype(int), paid[order]


def shop(rng, members=900, growth=0.0, refunds=0.0, years=1, goes_on=False):
    """Orders (member, day, net value) of two years and the ``years`` after. A member joins on a day whose
    chance grows or falls in the two years, and stays at that of the last quarter after them or ``goes_on``,
    buys with a gamma rate and stays a while: by the calendar, which is not how the model thinks customers
    leave."""
    total = HISTORY + years * YEAR
    weight = np.exp(growth * np.arange(total) / YEAR)
    if not goes_on:
        weight[HISTORY:] = weight[HISTORY - 91 : HISTORY].mean()
    size = round(members * weight.sum() / weight[:HISTORY].sum())
    first = rng.choice(total, size, p=weight / weight.sum())
    rate, stays = rng.gamma(1.5, 0.02, size), rng.exponential(240, size)
    value = 30 * rng.gamma(6, 1 / 6, size)
    later = rng.poisson(rate * stays)
    who = np.repeat(np.arange(size), later)
    day = np.concatenate([first, np.floor(first[who] + rng.random(who.size) * stays[who])])
    who = np.concatenate([np.arange(size), who])
    paid = value[who] * rng.gamma(4, 1 / 4, who.size) * (rng.random(who.size) >= refunds)
    order = day < total
    return who[order], day[order].astype(int), paid[order]


def customers_at(who, day, paid, end):
    seen = day < end
    who, day, paid = who[seen], day[seen], paid[seen]
    # What was refunded is no purchase.
    who, day, paid = who[paid > 0], day[paid > 0], paid[paid > 0]
    ids, row = np.unique(who, return_inverse=True)
    first, last = np.full(ids.size, end), np.zeros(ids.size)
    np.minimum.at(first, row, day)
    np.maximum.at(last, row, day)
    days = np.unique(np.stack([row, day]), axis=1)[0]
    return ids, Customers.of(np.bincount(days) - 1, last - first, end - 1 - first, np.bincount(row, paid))


def project(who, day, paid, history=HISTORY):
    hold_out = hold_out_days(history)
    ids, now = customers_at(who, day, paid, history)
    then, before = customers_at(who, day, paid, history - hold_out)
    place = np.searchsorted(ids, then)
    tested = back_test(
        before, now.spend[place] - before.spend, now.spend.sum() - now.spend[place].sum(), hold_out
    )
    return project_revenue(
        now,
        last_twelve_months=paid[(day < history) & (day >= history - YEAR)].sum(),
        recent_revenue=paid[(day < history) & (day >= history - 91)].sum(),
        tested=tested,
        spend_by_age=spend_by_age(who, day, paid, history),
    )


def spend_by_age(who, day, paid, history=HISTORY):
    seen = (day < history) & (paid > 0)
    who, day, paid = who[seen], day[seen], paid[seen]
    first = np.full(who.max() + 1, history)
    np.minimum.at(first, who, day)
    return np.bincount(day - first[who], paid, history)


@pytest.mark.parametrize(
    ("growth", "refunds", "lean"),
    # Whether a trend goes on is not in the data: where a fall stops at once the base lies too low, and where
    # a rise does too high.
    [(0.0, 0.3, 0.0), (0.8, 0.0, 0.25), (-1.5, 0.3, -0.14)],
)
def test_the_year_to_come_lies_in_the_interval_as_often_as_said(growth, refunds, lean):
    inside, ratios = [], []
    for seed in range(8):
        who, day, paid = shop(np.random.default_rng(seed), growth=growth, refunds=refunds)
        base = project(who, day, paid).next_twelve_months
        actual = paid[day >= HISTORY].sum()
        inside.append(base.low <= actual <= base.high)
        ratios.append(base.value / actual)
    assert sum(inside) >= 7
    assert np.mean(ratios) == pytest.approx(1 + lean, abs=0.12)


@pytest.mark.parametrize(("regularity", "stay"), [(1.0, 500.0), (3.0, 500.0), (8.0, 500.0), (3.0, 240.0)])
def test_customers_who_buy_regularly_are_not_forecast_too_high(regularity, stay):
    """The model takes them for customers longer than they are, which the hold-out tells."""
    ratios, inside = [], []
    for seed in range(24):
        who, day, paid = regular_shop(
            np.random.default_rng(seed), members=1300, regularity=regularity, stay=stay
        )
        base, actual = project(who, day, paid).next_twelve_months, paid[day >= HISTORY].sum()
        ratios.append(base.value / actual)
        inside.append(base.low <= actual <= base.high)
    assert np.median(ratios) == pytest.approx(1, abs=0.03)
    assert sum(inside) >= 21


def test_a_forecast_that_was_too_high_before_is_a_warning_with_its_parts():
    who, day, paid = regular_shop(np.random.default_rng(1), members=600, growth=-1.5)
    tested = project(who, day, paid).back_test
    assert tested.relative_error > 0.08
    first, *_ = project(who, day, paid).warnings
    assert (
        f"the revenue forecast was {percent_text(tested.relative_error, 0)} above what was spent then"
        in first
    )
    assert f"newcomers {percent_text(tested.newcomers / tested.newcomers_actual - 1, 0)} more" in first
    assert replace(tested, existing_actual=tested.existing, newcomers_actual=tested.newcomers).lean == ""


def test_a_run_off_that_was_too_high_is_corrected_more_the_further_one_looks_ahead():
    tested = project(*shop(np.random.default_rng(3))).back_test
    wrong = replace(tested, existing=1000.0, existing_actual=800.0, by_chance=1.0)
    days = np.linspace(0, wrong.days, 1001)
    assert wrong.corrections(days).mean() == pytest.approx(0.8, abs=0.002)
    assert (np.diff(wrong.corrections(days)) < 0).all()
    low = replace(wrong, existing_actual=1200.0)
    assert low.corrections(days) == pytest.approx(np.full(1001, 1.2), abs=0.002)


def test_without_newcomers_the_base_falls_month_by_month():
    who, day, paid = shop(np.random.default_rng(1))
    first = np.full(who.max() + 1, HISTORY * 2)
    np.minimum.at(first, who, day)
    old = first[who] < 300
    base = project(who[old], day[old], paid[old])
    assert base.newcomers == 0
    assert (np.diff(base.by_month) < 0).all()
    assert base.next_twelve_months.value < base.last_twelve_months


def test_the_months_are_the_year_and_its_parts():
    base = project(*shop(np.random.default_rng(2)))
    assert base.by_month[:12].sum() == pytest.approx(base.next_twelve_months.value)
    assert base.existing + base.newcomers == pytest.approx(base.next_twelve_months.value)


def test_deciles_of_the_hold_out_add_up_to_the_customers_there_were():
    who, day, paid = shop(np.random.default_rng(3))
    tested = project(who, day, paid).back_test
    then, before = customers_at(who, day, paid, HISTORY - HOLDOUT)
    assert sum(each.customers for each in tested.deciles) == then.size
    assert [each.forecast for each in tested.deciles] == sorted(each.forecast for each in tested.deciles)


def test_a_run_off_that_was_wrong_before_is_corrected_and_less_so_where_chance_explains_it():
    tested = project(*shop(np.random.default_rng(3))).back_test
    wrong = replace(tested, existing=1000.0, existing_actual=800.0, by_chance=1.0)
    assert wrong.correction == pytest.approx(0.8, abs=0.001)
    assert replace(wrong, by_chance=223.0).correction == pytest.approx(0.9, abs=0.01)
    assert replace(wrong, existing_actual=10.0).correction == 0.5


def test_a_base_far_from_both_last_year_and_last_quarter_is_a_warning():
    who, day, paid = shop(np.random.default_rng(4))
    _, now = customers_at(who, day, paid, HISTORY)
    base = project_revenue(now, last_twelve_months=1e9, recent_revenue=1e9, tested=NONE)
    assert "below both the last twelve months and the recent quarter" in base.warnings[0]


def test_where_nobody_came_back_the_recent_rate_goes_on_and_says_so():
    once = Customers.of([0] * 40, [0] * 40, np.arange(40) * 10.0, [10.0] * 40)
    base = project_revenue(once, last_twelve_months=400.0, recent_revenue=100.0, tested=NONE)
    assert base.next_twelve_months.value == pytest.approx(100 * 365 / 91)
    assert "0 customers bought again" in base.method
