"""Markov chains of order 2 against small cases by hand and worlds of known order."""

import numpy as np
import pytest

from programs.analytics.attribution import (
    ConversionPaths,
    attribute,
    attribute_order_two,
    compare_orders,
)
from programs.analytics.estimate import Unavailable

CHANNELS = ("a", "b", "c")


def world(rng, journeys=800, memory=0.0):
    """Journeys of a chain; with ``memory`` whoever came over a goes on to b, and converts after a and b."""
    paths, won = [], []
    for _ in range(journeys):
        path = [rng.choice(CHANNELS)]
        while rng.random() < 0.6:
            again = memory and len(path) > 1 and path[-2] == "a" and rng.random() < memory
            path.append("b" if again else rng.choice(CHANNELS))
        paths.append(path)
        won.append(rng.random() < (0.1 + memory * (path[-2:] == ["a", "b"])))
    won = np.array(won, dtype=float)
    return ConversionPaths.from_sequences(paths, won, 1 - won, won * 10)


def test_credit_sums_to_all_conversions_and_all_revenue():
    paths = world(np.random.default_rng(1), 200, 0.5)
    found = attribute_order_two(paths)
    assert found.conversions.sum() == pytest.approx(paths.total_conversions)
    assert found.revenue.sum() == pytest.approx(paths.total_revenue)
    assert (found.conversions >= 0).all()


def test_where_the_end_depends_on_the_last_touch_alone_both_orders_agree_with_the_case_by_hand():
    """C1>C2>C3 converts, C1 and C2>C3 do not: P is 1/3, without C1 it is 1/6, without C2 or C3 nothing."""
    paths = ConversionPaths.from_sequences(
        [["C1", "C2", "C3"], ["C1"], ["C2", "C3"]], [1, 0, 0], [0, 1, 1], [1, 0, 0]
    )
    for found in (attribute(paths, "markov"), attribute_order_two(paths)):
        assert found.shares == pytest.approx([0.2, 0.4, 0.4])
        assert found.removal_effect == pytest.approx([0.5, 1, 1])


def test_order_two_knows_over_which_channel_the_last_one_was_reached():
    """C1>C2 always converts, C3>C2 never does: to order 1 both are halves."""
    paths = ConversionPaths.from_sequences([["C1", "C2"], ["C3", "C2"]], [50, 0], [0, 50], [500, 0])
    assert attribute(paths, "markov").shares == pytest.approx([0.25, 0.5, 0.25])
    assert attribute_order_two(paths).shares == pytest.approx([0.5, 0.5, 0])
    assert attribute_order_two(paths).revenue == pytest.approx([250, 250, 0])
    assert compare_orders(paths).needs_order_two


def test_in_a_long_world_of_order_one_both_orders_give_the_same_credit():
    paths = world(np.random.default_rng(2), 20_000)
    assert attribute_order_two(paths).shares == pytest.approx(attribute(paths, "markov").shares, abs=0.01)


def test_the_test_of_the_order_is_seldom_wrong_and_sees_a_memory():
    rng = np.random.default_rng(3)
    without = [compare_orders(world(rng, 400)) for _ in range(120)]
    assert np.mean([each.p_value < 0.05 for each in without]) <= 0.1
    assert not any(each.needs_order_two for each in without)
    with_memory = [compare_orders(world(rng, 1500, 0.8)) for _ in range(12)]
    assert all(each.p_value < 0.001 and each.needs_order_two for each in with_memory)


def test_what_cannot_be_said_is_said():
    alone = ConversionPaths.from_sequences([["a"], ["b"]], [1, 0], [1, 1], [5, 0])
    assert isinstance(compare_orders(alone), Unavailable)
    nothing = ConversionPaths.from_sequences([["a", "b"]], [0], [3], [0])
    assert isinstance(attribute_order_two(nothing), Unavailable)
    one_way = ConversionPaths.from_sequences([["a", "b"]], [2], [3], [5])
    assert isinstance(compare_orders(one_way), Unavailable)
