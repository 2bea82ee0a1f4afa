"""Limits of a run: a value past one counts with its whole interval; what is not certain counts as neither."""

from types import SimpleNamespace

from plans.commands.shared.thresholds import evaluate, unproven
from plans.schemas.outputs import NOT_MEASURED
from programs.analytics.estimate import Estimate, Unavailable

WINDOWS = SimpleNamespace(period="until 2026-04-15", name="7d")
NAMES = ("conversion", "fraud_rate", "revenue", "nps")


def share(value, low, high):
    return Estimate(value, low, high, 0.95)


def held(text, **values):
    return evaluate(text, values, vocabulary=NAMES, windows=WINDOWS)


def test_a_value_past_its_limit_counts_with_its_whole_interval_or_where_it_has_none():
    found = held(
        "conversion<0.02,fraud_rate>0.03,revenue<100,nps<10",
        conversion=share(0.01, 0.004, 0.019),
        fraud_rate=share(0.05, 0.02, 0.11),
        revenue=Estimate(80.0),
        nps=Unavailable("Nobody answered."),
    )
    assert [signal.trigger for signal in found.signals] == ["alert-conversion", "alert-revenue"]
    assert found.measured == {"alert-fraud-rate": "not certain 0.05", "alert-nps": NOT_MEASURED}
    verdicts = {row["metric"]: row["verdict"] for row in found.rows()}
    assert verdicts == {
        "conversion": "breached", "fraud_rate": "not certain", "revenue": "breached", "nps": NOT_MEASURED,
    }  # fmt: skip
    told = "fraud_rate>0.03 is passed at 0.05, with too few data to count as a breach."
    assert unproven(found.rows()) == [told]


def test_of_two_limits_on_one_metric_the_one_that_is_certain_alarms():
    found = held("fraud_rate>0.03,fraud_rate<0.2", fraud_rate=share(0.05, 0.02, 0.11))
    assert [signal.trigger for signal in found.signals] == ["alert-fraud-rate"]
    assert found.measured == {}
