"""The signals of track-source that its triggers listen for."""

from plans.cases.disputes.verbs import TRIGGER

ACCURACY = "attribution-below-guardrail"
DISPUTE = TRIGGER
