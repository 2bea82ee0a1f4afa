"""The signals of track-source that its triggers listen for."""

from plans.engine.disputes import TRIGGER

ACCURACY = "attribution-below-guardrail"
DISPUTE = TRIGGER
