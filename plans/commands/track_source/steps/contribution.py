"""What each partner sourced and influenced, against its targets, and the deals that several claim."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from plans.commands.track_source.facts import Scope
from plans.schemas.outputs import Column, Table
from programs.analytics.contribution import ContributionTable


def contribution_of(
    table: ContributionTable, targets: Mapping[str, Mapping[str, Decimal]], scope: Scope, note: str
) -> Table:
    """Sourced and influenced stand apart and are never added."""
    cash = scope.currency
    rows = []
    for c in table.contributions:
        aim = targets["sourced_pipeline"].get(c.name)
        rows.append([scope.partners.get(c.name, c.name), c.sourced_deals, c.sourced_pipeline, aim, float(c.sourced_pipeline / aim) if aim else None,
                     c.sourced_revenue, c.target, None if c.attainment is None else float(c.attainment), c.influenced_deals, c.influenced_pipeline, c.influenced_revenue,
                     c.contested_deals, c.contested_pipeline])  # fmt: skip
    return Table(
        "contribution",
        "Contribution against targets",
        [Column("partner", "Partner"), Column("deals", "Sourced deals", "integer"), Column("pipeline", "Sourced pipeline", "money", cash),
         Column("pipeline_target", "Target", "money", cash), Column("pipeline_attained", "Attained", "percent"),
         Column("revenue", "Sourced revenue", "money", cash), Column("revenue_target", "Target", "money", cash),
         Column("revenue_attained", "Attained", "percent"), Column("influenced", "Influenced deals", "integer"),
         Column("influenced_pipeline", "Influenced pipeline", "money", cash), Column("influenced_revenue", "Influenced revenue", "money", cash),
         Column("contested", "Contested deals", "integer"), Column("contested_pipeline", "Contested pipeline", "money", cash)],
        rows,
        f"Deals opened (pipeline) or won (revenue) in {scope.label}. Influenced money is sourced by somebody else: the two never add. "
        f"{len(table.unsourced)} deals nobody sourced are in no row. {note}",
    )  # fmt: skip


def contested_of(table: ContributionTable, scope: Scope) -> Table:
    """Row by row; contacts are not in it, only the identifiers of deals."""
    return Table(
            "contested",
            "Contested deals",
            [Column("deal", "Deal"), Column("claims", "Sourced by, as claimed or touched first"),
             Column("pipeline", "Pipeline", "money", scope.currency), Column("revenue", "Revenue", "money", scope.currency)],
            [[d.deal, ", ".join(scope.partners.get(s, s) for s in sorted(d.sources)), d.pipeline, d.revenue] for d in table.contested],
            "In nobody's figures until settled.",
    )  # fmt: skip
