"""Who has probably left, by the survival model that plan-loyalty counts with."""

from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest

from plans.commands.monitor_loyalty.answer import growing
from programs.analytics.estimate import Unavailable
from programs.analytics.lifetime import PurchaseHistories, fit_bg_nbd
from programs.analytics.survival import alive_share, fit_survival, model_named, parameters_of
from tests.factories import PersonFactory, ProgramFactory
from tests.plans.commands.loyalty_program import START, SUMMARY, load, outputs, run, values

DAYS = 720
PLAN = "/loyalty-lifecycle-orchestration:plan-loyalty --goal retention --tiers points-only --budget 5000"


def who_all_stay(seed=1, customers=500):
    """Nobody leaves: the chance to leave runs to its bound. First days, and days of purchase."""
    rng = np.random.default_rng(seed)
    first, rate = rng.integers(0, 600, customers), rng.gamma(1.5, 0.02, customers)
    bought = []
    for n in range(customers):
        days = np.unique(np.floor(first[n] + np.append(0, np.cumsum(rng.exponential(1 / rate[n], 400)))))
        bought.append(days[days < DAYS])
    return first, bought


def histories(first, bought):
    frequency = np.array([days.size - 1.0 for days in bought])
    recency = np.array([days[-1] - days[0] for days in bought])
    return PurchaseHistories.aggregate(frequency, recency / 7, (DAYS - 1 - first) / 7)


@pytest.fixture
def shop(acting, tmp_path):
    for role in (
        "member-insights-analyst",
        "loyalty-strategist",
        "loyalty-ops",
        "exec-sponsor",
        "finance",
        "legal",
    ):
        PersonFactory(roles=[role])
    program = ProgramFactory(is_default=True, platform_cost_monthly=100)
    _, bought = who_all_stay()
    rows = [
        (f"m{n:03d}", START + timedelta(days=int(day) - 420, hours=12))
        for n, days in enumerate(bought)
        for day in days
    ]
    who, when = zip(*rows, strict=True)
    amounts = [40.0 + (n % 7) + 3 * (int(name[1:]) % 11) for n, name in enumerate(who)]
    load(
        program, tmp_path, "purchases", pa.table({"member_id": who, "purchased_at": when, "amount": amounts})
    )
    return program


def test_where_bg_nbd_runs_to_its_bound_the_share_that_is_there_is_told_all_the_same():
    for seed in range(1, 5):
        seen = histories(*who_all_stay(seed))
        assert isinstance(fit_bg_nbd(seen), Unavailable)
        assert alive_share(fit_survival(seen), seen).value > 0.98


def test_both_commands_take_the_same_survival_model(shop):
    health = values(run(SUMMARY, "data-pull", "health-diagnostics", "member-insights"))
    model = health["health"]["churn_model"]
    assert health["health"]["bg_nbd"] is None
    assert 0 <= health["health"]["churn_risk"] < 0.02
    assert "unavailable" not in health["insights"]
    plan = run(PLAN, "signal-review", "tier-design", "economic-modeling")
    method = outputs(plan)["revenue_base"]["note"] + str(values(plan)["economics"]["revenue_base"])
    assert f"{model['name']} survival" in method


def test_a_model_comes_back_from_its_name_and_parameters():
    fit = fit_survival(histories(*who_all_stay()))
    assert model_named(fit.model.name, parameters_of(fit.model)) == fit.model


def test_nobody_who_came_back_tells_no_share():
    fit = fit_survival(histories(*who_all_stay()))
    nobody = PurchaseHistories.aggregate([0, 0], [0, 0], [10, 20])
    assert "Nobody has bought again" in alive_share(fit, nobody).reason


def test_churn_says_when_its_model_missed_what_was_bought():
    said = growing({"liability_per_week": None, "churn_risk": 0.55, "holdout_error": -0.4}, "USD")
    assert said == [
        "55.0 % of repeat buyers have probably left, by a model that knows no season and was 40.0 % off on "
        "its hold-out: read it with care."
    ]
    learnt = {"parameters": {"clock": {"rates": [1.0], "errors": [0.0]}}}
    said = growing(
        {"liability_per_week": None, "churn_risk": 0.55, "holdout_error": -0.4, "churn_model": learnt}, "USD"
    )
    assert "by a model that knows the season that came back and was 40.0 % off" in said[0]
    for error in (None, 0.1, -0.1):
        said = growing({"liability_per_week": None, "churn_risk": 0.55, "holdout_error": error}, "USD")
        assert said == ["55.0 % of repeat buyers have probably left."]
