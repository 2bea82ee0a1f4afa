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
