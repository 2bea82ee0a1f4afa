"""How old redeemed points are, from the part of the redemptions that name their month of issue."""

import numpy as np
import pytest

from programs.analytics.named_ages import as_the_named, named_ages, within

RATES = np.array([0.0, 0.1, 0.2, 0.1, 0.05])
MONTHS = 12


def redemptions(issued, rates=RATES):
    """Points by month of issue and month, if each age redeems its rate of what was issued."""
    age = np.subtract.outer(np.arange(MONTHS), np.arange(MONTHS)).T
    rate = np.append(rates, np.zeros(MONTHS))
    return np.where(age >= 0, issued[:, None] * rate[np.maximum(age, 0)], 0.0)


def test_a_part_that_is_named_places_the_rest_where_they_are():
    issued = np.linspace(5_000, 12_000, MONTHS)
    true = redemptions(issued)
    share = np.where(np.arange(MONTHS) < 6, 0.05, 0.3)  # more name their month later
    named = true * share
    unnamed = (true - named).sum(axis=0)
    ages = named_ages(issued, named, named * 10.0, unnamed)
    assert ages.rate[: RATES.size] == pytest.approx(RATES)
    placed = as_the_named(issued, named.sum(axis=1), unnamed, ages.rate)
    assert placed == pytest.approx(true - named)


def test_too_few_that_are_named_tell_nothing():
    issued = np.full(MONTHS, 10_000.0)
    true = redemptions(issued)
    named = true * 0.01
    size = float(named.sum()) / 29
    assert named_ages(issued, named, named * size, (true - named).sum(axis=0)) is None
    assert named_ages(issued, np.zeros_like(true), np.zeros_like(true), true.sum(axis=0)) is None


def test_the_error_is_that_of_drawing_redemptions_or_a_little_more():
    rng, issued, size = np.random.default_rng(3), np.full(MONTHS, 40_000.0), 100.0
    counts = np.round(redemptions(issued) / size).astype(int)
    found, told = [], []
    for _ in range(400):
        named = rng.binomial(counts, 0.1) * size
        ages = named_ages(issued, named, named * size, (counts * size - named).sum(axis=0))
        found.append(ages.rate[2])
        told.append(ages.error[2])
    assert np.mean(found) == pytest.approx(RATES[2], rel=0.02)
    assert np.std(found) < np.mean(told) < 1.5 * np.std(found)


def test_of_an_age_that_nobody_names_half_a_redemption_may_have_been_missed():
    issued = np.full(MONTHS, 10_000.0)
    true = redemptions(issued)
    ages = named_ages(issued, true * 0.1, true * 5.0, true.sum(axis=0) * 0.9)
    assert (ages.rate[5:] == 0).all()
    assert (ages.error[5:] > 0).all()
    assert ages.moved(7, 1)[7] == pytest.approx(ages.error[7])
    assert ages.moved(7, -1)[7] == 0


def test_no_month_gives_more_than_it_has_left_and_what_no_month_has_lies_nowhere():
    issued, unnamed = np.array([100.0, 100.0, 0.0]), np.array([0.0, 150.0, 100.0])
    placed = as_the_named(issued, np.array([60.0, 0.0, 0.0]), unnamed, np.array([0.0, 1.0, 1.0]))
    assert placed.sum(axis=1).tolist() == pytest.approx([40, 100, 0])
    assert placed.sum() == pytest.approx(140)


def test_points_expire_where_they_are_left_and_else_the_oldest():
    assert within(np.array([50.0, 20.0, 80.0]), np.array([0.0, 60.0, 10.0])).tolist() == [40, 20, 10]
