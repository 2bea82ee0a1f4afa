"""What can happen to a dispute."""

from __future__ import annotations

from gtm.core.fsm import Machine, to
from plans.cases.disputes import verbs
from plans.cases.disputes.models import Dispute, DisputeState

DISPUTE = Machine(
    Dispute,
    states=tuple(DisputeState.values),
    final=frozenset({"settled", "withdrawn"}),
    transitions=(
        to("answer", "open answered", "answered", permission=verbs.may_answer, comment_required=True, writes="answer answered_by_id signed_off"),
        to("agree", "answered", "answered", permission=verbs.may_sign_off, comment_required=True, writes="signed_off", label="Sign off"),
        to("settle", "answered", "settled", permission=verbs.may_sign_off, comment_required=True, writes="signed_off closed_at"),
        to("withdraw", "open answered", "withdrawn", permission=verbs.may_withdraw, comment_required=True, writes="closed_at"),
    ),
)  # fmt: skip
