"""The last automated step: what was approved goes out as one packet, with rewards to hold until a case is decided."""

from __future__ import annotations

from typing import Any

from plans.commands.shared.second_review import reviewed_first
from plans.engine.running.steps import StepContext
from plans.schemas.outputs import Column, StepResult, Table

DELIVERABLES = ("dashboard", "risk", "backlog", "playbook")


def confirmed_by(context: StepContext) -> dict[str, Any]:
    """What the person wrote who confirmed the payout log, with its evidence."""
    found = dict(context.outputs.get("compliance_confirmed") or {})
    return {"confirmed": bool(found), **found}


def gather_packet(context: StepContext) -> StepResult:
    """Tables of who does what, and which rewards wait, exactly as the gate approved them."""
    playbook, risk = context.outputs["playbook"], context.outputs["risk"]
    released = {key for key, fraud in context.program["case_labels"].items() if not fraud}
    proposed = {
        referral: case["key"]
        for case in risk["cases"]
        for referral in case["referrals"]
        if case["proposal"] == "hold" and referral not in released
    }
    earlier = {key: "an earlier run" for key in context.program["held_referrals"] if key not in proposed}
    holds: list[dict[str, Any]] = [
        {"case": case, "referral": referral, "why": why}
        for cases, why in ((proposed, "proposed by this run"), (earlier, "held by people before it"))
        for referral, case in cases.items()
    ]
    return StepResult(
        values={
            "compliance": confirmed_by(context),
            "work": len(playbook["backlog"]),
            "holds": holds,
            "held_referrals": len(holds),
        },
        outputs=[
            Table(
                "payout_holds",
                "Rewards that wait for a decision",
                [Column("case", "Case"), Column("referral", "Referral"), Column("why", "Why")],
                [[hold["case"], hold["referral"], hold["why"]] for hold in holds],
                "What was known when the run began, and what it proposes: a reward waits until people release "
                "the case. The list as it is now: GET /api/v1/fraud-cases/held/.",
            ),
            Table(
                "partner_messages",
                "What partners should hear",
                [Column("partner", "Partner"), Column("message", "Message")],
                [[row["partner"], row["message"]] for row in playbook["messages"]],
            ),
        ],
    )


hand_over = reviewed_first("hand-over", DELIVERABLES, gather_packet)
