"""Gamma-Gamma on the published CDNOW sample: what the next order is worth."""

import csv
import gzip
from collections import defaultdict
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from programs.analytics.estimate import Unavailable
from programs.analytics.order_value import fit_gamma_gamma

SAMPLE = Path(__file__).parents[2] / "data" / "cdnow" / "sample.txt"


@pytest.fixture(scope="module")
def repeat_orders():
    """Repeat order days to 1997-09-30 of the 2,357 customers of the sample, and their mean value."""
    wanted = set(SAMPLE.read_text().split())
    spent = defaultdict(lambda: defaultdict(float))
    with gzip.open(
        resources.files("programs.datasets") / "samples" / "cdnow_purchases.csv.gz", "rt"
    ) as lines:
        for row in csv.DictReader(lines):
            if row["customer_id"] in wanted and row["date"] <= "1997-09-30":
                spent[row["customer_id"]][row["date"]] += float(row["dollar_value"])
    later = [[day[1] for day in sorted(days.items())[1:]] for days in spent.values()]
    later = [values for values in later if sum(values) > 0]
    return np.array([len(v) for v in later]), np.array([sum(v) / len(v) for v in later])


def test_the_parameters_are_those_published(repeat_orders):
    """Fader & Hardie 2013: 946 customers, p 6.25, q 3.74, γ 15.44."""
    orders, mean = repeat_orders
    model = fit_gamma_gamma(orders, mean)
    assert orders.size == 946
    assert (model.p, model.q, model.gamma) == pytest.approx((6.25, 3.74, 15.44), abs=0.005)


def test_expected_values_are_those_published(repeat_orders):
    """As in the documentation of the package lifetimes: customers without a repeat order 35.17."""
    model = fit_gamma_gamma(*repeat_orders)
    assert model.mean == pytest.approx(35.17, abs=0.005)
    assert float(model.expected_value(0, 0)) == pytest.approx(35.17, abs=0.005)
    assert float(model.expected_value(2, 22.35)) == pytest.approx(24.66, abs=0.02)


def test_one_dear_order_is_drawn_to_the_mean_and_many_are_believed(repeat_orders):
    model = fit_gamma_gamma(*repeat_orders)
    once, often = model.expected_value([1, 50], [200.0, 200.0])
    assert model.mean < once < often < 200


def test_where_all_orders_are_alike_the_next_one_is_too():
    model = fit_gamma_gamma([1, 2, 5, 9], [10.0] * 4)
    assert model.expected_value([1, 9], [10.0, 10.0]) == pytest.approx([10, 10], rel=1e-3)


def test_orders_worth_nothing_are_not_valued():
    assert isinstance(fit_gamma_gamma([1, 2], [0.0, 0.0]), Unavailable)
