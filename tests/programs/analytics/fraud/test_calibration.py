import numpy as np
import pytest

from programs.analytics.fraud.calibration import calibrated, honest_share
from programs.analytics.fraud.catalogue import hits
from programs.analytics.fraud.table import Population
from tests.programs.analytics.fraud.tables import table


def weight_of(shown, referrers=400, key="shared_device", **told):
    rows = table(*({"referrer_id": f"a{n}"} for n in range(referrers)))
    given = {"weights": {}, "known": np.zeros(referrers, dtype=bool)} | told
    (found,) = calibrated([hits(key, np.arange(shown), [""] * shown)], rows, Population.of(rows), **given)
    return found.weights[0] if len(found.rows) else 0.0


def test_a_sign_that_few_show_keeps_the_experts_weight():
    assert weight_of(8) == 2.5


def test_the_more_referrers_show_a_sign_the_less_it_weighs():
    weights = [weight_of(shown) for shown in (20, 80, 160, 320)]
    assert weights == sorted(weights, reverse=True)
    assert weights[-1] == 0.0


def test_frauds_alone_lower_nothing():
    assert honest_share(2.5, 20, 400) == pytest.approx(0.5 * np.exp(-2.5))


def test_the_programs_own_weight_stays_as_it_is():
    assert weight_of(320, weights={"shared_device": 1.5}) == 1.5


def test_what_the_program_knows_of_a_desk_is_no_sign():
    assert weight_of(8, known=np.ones(400, dtype=bool)) == 0.0
    assert weight_of(8, key="self_email", known=np.ones(400, dtype=bool)) == 5.5
