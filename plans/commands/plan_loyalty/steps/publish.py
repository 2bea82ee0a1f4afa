"""The last task: what was approved becomes the program's tiers, benefits and triggers."""

from __future__ import annotations

from plans.commands.shared.second_review import reviewed_first
from plans.engine.running.steps import StepContext
from plans.schemas.outputs import Column, StepResult, Table

DELIVERABLES = ("blueprint", "kpis", "trigger_matrix", "financial_model", "packet")


def gather_blueprint(context: StepContext) -> StepResult:
    """What is to be published, exactly as the gates approved it."""
    design, triggers = context.outputs["design"], context.outputs["lifecycle"]["triggers"]
    before = {tier["rank"]: tier for tier in context.program["tiers"]}
    rows = []
    for tier in design["tiers"]:
        old = before.get(tier["rank"])
        rows.append([tier["name"], old["threshold"] if old else None, tier["threshold"],
                     old["earn_multiplier"] if old else None, tier["multiplier"]])  # fmt: skip
    return StepResult(
        values={
            "tiers": [{k: t[k] for k in ("rank", "name", "threshold", "multiplier", "perks", "benefit_per_member")}
                      | {"perk_costs": t.get("perk_costs", {})}
                      for t in design["tiers"]],
            "triggers": [{k: t[k] for k in ("key", "stage", "event", "entry_rule", "action", "channel", "owner_role")}
                         for t in triggers],
            "surprise": design["surprise"]["moment"],
            "points_per_unit": design["base_points_per_unit"],
        },
        outputs=[
            Table(
                "published",
                "Published tiers, before and after",
                [Column("tier", "Tier"), Column("old_threshold", "Threshold before", "money"),
                 Column("threshold", "Threshold now", "money"), Column("old_multiplier", "Multiplier before", "number"),
                 Column("multiplier", "Multiplier now", "number")],
                rows,
            )
        ],
    )  # fmt: skip


publish = reviewed_first("publish-blueprint", DELIVERABLES, gather_blueprint)
