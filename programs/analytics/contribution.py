"""Revenue and pipeline by partner, channel or asset: sourced and influenced apart, against targets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True)
class Deal:
    """An opportunity and who touched it.

    ``sources``      dimension values that created it (first qualifying touch); normally one
    ``influencers``  dimension values that touched it at any time, sources included or not
    ``pipeline`` and ``revenue`` are in one reporting currency; revenue is 0 until won.
    """

    deal: str
    sources: frozenset[str]
    influencers: frozenset[str]
    pipeline: Decimal
    revenue: Decimal


@dataclass(frozen=True)
class Contribution:
    """What one partner, channel or asset sourced, what it only influenced, and its target.

    For one name a deal is sourced or influenced, never both, and the two are never added: influenced
    money is sourced by somebody else. A deal claimed as sourced by several names is in none of their
    figures; ``contested_*`` shows it until the dispute is settled.
    """

    name: str
    sourced_deals: int
    sourced_pipeline: Decimal
    sourced_revenue: Decimal
    influenced_deals: int
    influenced_pipeline: Decimal
    influenced_revenue: Decimal
    contested_deals: int
    contested_pipeline: Decimal
    contested_revenue: Decimal
    target: Decimal | None

    @property
    def gap_to_target(self) -> Decimal | None:
        """Sourced revenue less target; None without a target."""
        return None if self.target is None else self.sourced_revenue - self.target

    @property
    def attainment(self) -> Decimal | None:
        """Sourced revenue / target; None without a target above 0."""
        return None if not self.target else self.sourced_revenue / self.target


@dataclass(frozen=True)
class ContributionTable:
    """Contributions by name, and the deals nobody sourced; nothing of the total is missing.

    ``total_revenue`` = Σ sourced + contested + unsourced revenue, each deal once.
    """

    contributions: tuple[Contribution, ...]
    contested: tuple[Deal, ...]
    unsourced: tuple[Deal, ...]
    total_pipeline: Decimal
    total_revenue: Decimal


def contribution_table(deals: Iterable[Deal], targets: Mapping[str, Decimal]) -> ContributionTable:
    """Sum deals by name; names with a target but no deal are in the table with zeros.

    Sorted by sourced revenue, then sourced pipeline, then name. Raises ValueError when a deal
    appears twice.
    """
    rows = tuple(deals)
    if len({row.deal for row in rows}) != len(rows):
        raise ValueError("each deal may appear once")
    contested = tuple(row for row in rows if len(row.sources) > 1)
    names = set(targets).union(*(row.sources | row.influencers for row in rows))
    contributions = [_contribution(name, rows, targets.get(name)) for name in names]
    contributions.sort(key=lambda row: (-row.sourced_revenue, -row.sourced_pipeline, row.name))
    return ContributionTable(
        contributions=tuple(contributions),
        contested=contested,
        unsourced=tuple(row for row in rows if not row.sources),
        total_pipeline=_sum(row.pipeline for row in rows),
        total_revenue=_sum(row.revenue for row in rows),
    )


def _contribution(name: str, rows: tuple[Deal, ...], target: Decimal | None) -> Contribution:
    sourced = [row for row in rows if row.sources == {name}]
    contested = [row for row in rows if name in row.sources and len(row.sources) > 1]
    influenced = [row for row in rows if name in row.influencers and name not in row.sources]
    return Contribution(
        name=name,
        sourced_deals=len(sourced),
        sourced_pipeline=_sum(row.pipeline for row in sourced),
        sourced_revenue=_sum(row.revenue for row in sourced),
        influenced_deals=len(influenced),
        influenced_pipeline=_sum(row.pipeline for row in influenced),
        influenced_revenue=_sum(row.revenue for row in influenced),
        contested_deals=len(contested),
        contested_pipeline=_sum(row.pipeline for row in contested),
        contested_revenue=_sum(row.revenue for row in contested),
        target=target,
    )


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, Decimal(0))
