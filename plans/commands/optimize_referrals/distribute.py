"""The last automated step: what was approved goes out as one packet, with rewards to hold until a case is decided."""

from __future__ import annotations

from typing import Any

from plans.engine.steps import StepContext
from plans.schemas.outputs import Column, StepResult, Table


def hand_over(context: StepContext) -> StepResult:
    """Tables of who does what, and which rewards wait, exactly as the gate approved them."""
    playbook, risk = context.outputs["playbook"], context.outputs["risk"]
    holds: list[dict[str, Any]] = [
        {"case": case["key"], "referral": referral}
        for case in risk["cases"]
        for referral in case["referrals"]
    ]
    return StepResult(
        values={"work": len(playbook["backlog"]), "holds": holds, "held_referrals": len(holds)},
        outputs=[
            Table(
                "payout_holds",
                "Rewards that wait for a decision",
                [Column("case", "Case"), Column("referral", "Referral")],
                [[hold["case"], hold["referral"]] for hold in holds],
                "A proposal to whoever pays: the reward waits until people release or confirm the case.",
            ),
            Table(
                "partner_messages",
                "What partners should hear",
                [Column("partner", "Partner"), Column("message", "Message")],
                [[row["partner"], row["message"]] for row in playbook["messages"]],
            ),
        ],
        evidence={
            "Context7": f"{len(playbook['messages'])} messages to partners drafted from approved figures."
        },
    )
