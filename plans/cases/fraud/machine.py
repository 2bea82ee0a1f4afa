"""What can happen to a fraud case."""

from __future__ import annotations

from gtm.core.fsm import Machine, to
from plans.cases.fraud import verbs
from plans.cases.fraud.models import FraudCase, FraudCaseState

FRAUD_CASE = Machine(
    FraudCase,
    states=tuple(FraudCaseState.values),
    final=frozenset({"released"}),
    transitions=(
        to("hold", "open", "held", permission=verbs.may_judge, comment_required=True, writes="held_by_id judgements", label="Hold the rewards"),
        to("release", "open held appealed", "released", permission=verbs.may_close, comment_required=True, writes="decided_by_id decided_at judgements"),
        to("confirm", "held appealed", "confirmed", permission=verbs.may_close, comment_required=True, writes="decided_by_id decided_at judgements", label="Confirm as fraud"),
        to("appeal", "held confirmed", "appealed", permission=verbs.may_judge, comment_required=True, writes="appealed_by_id judgements", label="Record an appeal"),
    ),
)  # fmt: skip
