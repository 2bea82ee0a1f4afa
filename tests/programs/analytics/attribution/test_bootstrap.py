from dataclasses import replace

import numpy as np
import pytest

from programs.analytics.attribution import (
    ConversionPaths,
    attribute,
    attribute_all,
    bootstrap_attribution,
    model_range,
)
from programs.analytics.estimate import Unavailable


def test_same_seed_gives_the_same_intervals(public_paths):
    runs = [
        bootstrap_attribution(public_paths, np.random.default_rng(7), models=["markov"], replicates=20)
        for _ in range(2)
    ]
    assert runs[0]["markov"].conversions == runs[1]["markov"].conversions


def test_bootstrap_error_of_last_touch_is_the_multinomial_one(public_paths):
    journeys = public_paths.total_conversions + public_paths.total_nulls
    result = bootstrap_attribution(public_paths, np.random.default_rng(1), models=["last"], replicates=400)
    share = 8447 / journeys
    estimate = result["last"].conversions["alpha"]
    assert estimate.standard_error == pytest.approx(np.sqrt(journeys * share * (1 - share)), rel=0.12)
    assert estimate.low < estimate.value < estimate.high


def test_point_estimates_are_those_of_the_models(public_paths):
    result = bootstrap_attribution(public_paths, np.random.default_rng(1), replicates=5)
    assert result["markov"].revenue["eta"].value == attribute(public_paths, "markov").revenue[4]
    assert isinstance(result["time-decay"], Unavailable)


def test_model_range_spans_the_models(public_paths):
    low, high = model_range(attribute_all(public_paths).values())["alpha"]
    assert low == pytest.approx(5344.948, abs=5e-4)
    assert high == 8447


def test_without_conversions_every_model_is_unavailable():
    paths = ConversionPaths.from_sequences([["a"]], [0], [5], [0])
    result = bootstrap_attribution(paths, np.random.default_rng(1))
    assert {type(item) for item in result.values()} == {Unavailable}
    assert model_range(attribute_all(paths).values()) == {}


@pytest.mark.parametrize("wrong", [{"replicates": 1}, {"level": 1.0}])
def test_senseless_settings_are_refused(public_paths, wrong):
    with pytest.raises(ValueError, match="bootstrap"):
        bootstrap_attribution(public_paths, np.random.default_rng(1), **wrong)


CHANNELS = ("email", "partner", "social")
USED = (0.5, 0.2, 0.3)
SHORT = [(first,) for first in CHANNELS] + [(first, last) for first in CHANNELS for last in CHANNELS]
CHANCE = np.array([*USED, *np.outer(USED, USED).ravel()]) / 2
JOURNEYS, WINS = 800, 0.25
MEAN, VARIANCE = np.exp(4.5), np.expm1(1) * np.exp(9)
"""Of the orders: log-normal with σ = 1, as skewed as those of shops."""


def merged(rng):
    """Journeys on short paths that repeat, merged as they come in."""
    kind, won = rng.choice(len(SHORT), JOURNEYS, p=CHANCE), rng.random(JOURNEYS) < WINS
    money = np.where(won, rng.lognormal(4.0, 1.0, JOURNEYS), 0.0)
    columns = [np.bincount(kind, each, len(SHORT)) for each in (won, ~won, money, money**2)]
    return ConversionPaths.from_sequences(SHORT, *columns[:3], squares=columns[3])


def test_the_interval_of_credited_money_covers_what_it_says():
    """In 300 worlds with about 200 orders each; without the spread of orders within a path it would be three
    quarters."""
    models, rng, worlds = ("last", "linear", "markov"), np.random.default_rng(11), 300
    won, lost = CHANCE * JOURNEYS * WINS, CHANCE * JOURNEYS * (1 - WINS)
    truth = attribute_all(ConversionPaths.from_sequences(SHORT, won, lost, won * MEAN), models)
    inside = dict.fromkeys(models, 0)
    for seed in range(worlds):
        found = bootstrap_attribution(merged(rng), np.random.default_rng(seed), models=models)
        for model in models:
            ends = [found[model].revenue[name] for name in CHANNELS]
            inside[model] += sum(
                e.low <= v <= e.high for e, v in zip(ends, truth[model].revenue, strict=True)
            )
    assert min(inside.values()) / (worlds * len(CHANNELS)) >= 0.92
    assert max(inside.values()) / (worlds * len(CHANNELS)) <= 0.97


def test_the_scatter_of_credited_money_is_that_of_orders_and_their_number():
    won = CHANCE * JOURNEYS * WINS
    paths = ConversionPaths.from_sequences(
        SHORT, won, won * 3, won * MEAN, squares=won * (VARIANCE + MEAN**2)
    )
    found = bootstrap_attribution(paths, np.random.default_rng(1), models=["last"], replicates=2000)[
        "last"
    ].revenue
    share = found["email"].numerator / found["email"].denominator
    wanted = np.sqrt(JOURNEYS * WINS * share * (VARIANCE + MEAN**2 * (1 - WINS * share)))
    assert found["email"].standard_error == pytest.approx(wanted, rel=0.05)


def test_what_orders_are_worth_does_not_move_the_journeys_drawn():
    unlike = merged(np.random.default_rng(3))
    alike = replace(unlike, squares=None)
    drawn = [
        bootstrap_attribution(paths, np.random.default_rng(5), models=["last"])["last"]
        for paths in (alike, unlike)
    ]
    assert (drawn[0].replicates == drawn[1].replicates).all()
    assert drawn[0].conversions == drawn[1].conversions
    assert drawn[0].revenue["email"].standard_error < 0.8 * drawn[1].revenue["email"].standard_error


def test_merged_journeys_keep_the_spread_of_their_values():
    paths = ConversionPaths.from_sequences([["a"], ["a"], ["a", "b"]], [1, 1, 2], [0, 0, 0], [10, 30, 50])
    assert paths.value_variance.tolist() == [100.0, 0.0]
    with pytest.raises(ValueError, match="squares"):
        ConversionPaths.from_sequences([["a"]], [2], [0], [10], squares=[40])
