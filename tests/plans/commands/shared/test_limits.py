"""Limits of a run: the value counts, and an answer says where its interval does not go as far."""

from types import SimpleNamespace

from plans.commands.shared.thresholds import evaluate, unproven
from plans.schemas.outputs import NOT_MEASURED
from programs.analytics.estimate import Estimate, Unavailable

WINDOWS = SimpleNamespace(period="until 2026-04-15", name="7d")
NAMES = ("conversion", "fraud_rate", "revenue", "nps")


def test_a_breach_whose_interval_reaches_back_is_told_as_one_that_may_be_taken_back():
    values = {
        "conversion": Estimate(0.01, 0.004, 0.019, 0.95),
        "fraud_rate": Estimate(0.05, 0.02, 0.11, 0.95),
        "revenue": Estimate(80.0),
        "nps": Unavailable("Nobody answered."),
    }
    text = "conversion<0.02,fraud_rate>0.03,revenue<100,nps<10"
    found = evaluate(text, values, vocabulary=NAMES, windows=WINDOWS)
    assert [signal.trigger for signal in found.signals] == [
        "alert-conversion", "alert-fraud-rate", "alert-revenue",
    ]  # fmt: skip
    assert found.measured == {"alert-nps": NOT_MEASURED}
    told = "fraud_rate>0.03 is breached at 0.05, and its 95 % interval reaches back over the limit: "
    assert unproven(found.rows()) == [f"{told}more data may take that back."]
