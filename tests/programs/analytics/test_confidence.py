import numpy as np
import pytest

from programs.analytics.attribution import ConversionPaths, attribute, attribute_all, bootstrap_attribution
from programs.analytics.confidence import attribution_confidence, breaches_twice
from programs.analytics.estimate import Estimate, Unavailable

TAGGING = Estimate(value=0.9, numerator=90, denominator=100)
PRECISION = Estimate(value=0.95)
PATHS = ConversionPaths.from_sequences([["a", "b"], ["b"]], [60, 40], [300, 200], [0, 0])


def reading(guardrail, models=("first", "last", "linear")):
    agreed = bootstrap_attribution(PATHS, np.random.default_rng(3), models=["linear"])["linear"]
    return attribution_confidence(
        agreed,
        attribute_all(PATHS, models).values(),
        tagging=TAGGING,
        identity_precision=PRECISION,
        guardrail=guardrail,
    )


def test_confidence_is_the_product_of_its_parts():
    result = reading(0.5)
    assert result.value == pytest.approx(np.prod(list(result.parts.values())))
    assert result.tagging == 0.9
    assert result.identity_precision == 0.95


def test_model_agreement_is_the_credit_that_the_furthest_model_leaves_in_place():
    result = reading(0.5)
    assert result.model_agreement == pytest.approx(0.7)
    assert result.weakest_part == "model_agreement"


def test_sampling_part_is_close_to_its_normal_approximation():
    # Share of a under linear is half the share of path "a > b": standard error sqrt(.6 × .4 / 100) / 2.
    assert reading(0.5).sampling == pytest.approx(1 - 1.96 * np.sqrt(0.24 / 100) / 2, abs=0.01)


def test_guardrail_is_breached_only_by_two_readings_in_a_row():
    good, bad = reading(0.1), reading(0.9)
    assert good.passes
    assert not bad.passes
    assert breaches_twice([good, bad, bad])
    assert not breaches_twice([bad, bad, good])
    assert not breaches_twice([bad])


def test_one_model_alone_cannot_agree():
    assert isinstance(reading(0.5, models=["linear"]), Unavailable)


def test_tagging_without_counts_is_refused():
    agreed = bootstrap_attribution(PATHS, np.random.default_rng(3), models=["linear"])["linear"]
    with pytest.raises(ValueError, match="tagged"):
        attribution_confidence(
            agreed,
            [attribute(PATHS, "last")],
            tagging=Estimate(0.9),
            identity_precision=PRECISION,
            guardrail=0.5,
        )
