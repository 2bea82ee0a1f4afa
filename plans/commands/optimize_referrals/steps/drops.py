"""What drop-offs cost, and which are beyond chance: judged by who sent the invitations, over all breakdowns at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from plans.commands.optimize_referrals.steps.drilldown import STAGE_TITLES, breakdowns_of
from plans.commands.optimize_referrals.steps.refresh import SMALLEST_GROUP
from plans.commands.shared.breakdowns import NOT_RECORDED, column_of, merge_small
from plans.commands.shared.windows import Span
from plans.engine.running.steps import StepContext
from plans.schemas.outputs import Column, Table
from programs.analytics import funnel
from programs.analytics.estimate import Unavailable
from programs.analytics.funnel import DropOff, FunnelClusters, FunnelCounts
from programs.analytics.stages import STAGES

TIER = "partner-tier"
"""The dimension that partners have, and not invitations: what differs by it is known by partners."""


@dataclass(frozen=True, slots=True)
class GroupDrop:
    """A drop-off with the breakdown it was found in and how many entered the step."""

    drop: DropOff
    breakdown: tuple[str, ...]
    entered: int


def cohort(
    context: StepContext, span: Span, dimensions: Sequence[str], without: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """The window's invitations as they stood at its own end, refunds included: both windows have had the same time
    to ripen."""
    return context.data.engine.referral_funnel(
        context.data.snapshot("referrals"),
        start=span.start,
        end=span.end,
        as_of=span.end,
        by=[column_of(name) for name in dimensions],
        payouts=context.data.find("referral_payouts"),
        without=without,
    ).to_pylist()


def dropped(
    context: StepContext, span: Span, dimensions: Sequence[str], without: Sequence[str]
) -> tuple[tuple[GroupDrop, ...], str]:
    """Drop-offs of every breakdown, beyond chance first and dearest first, with notes on what was left out.

    A dimension alone sees a stage that is broken throughout it; all together say where it is worst. Referrals in
    ``without`` are left out: a ring passes every step as one.
    """
    rows = cohort(context, span, dimensions, without)
    found: list[GroupDrop] = []
    notes = [] if dimensions else ["No dimension was asked for, so there are no groups to compare."]
    asked: dict[bool, pa.Table] = {}
    for breakdown in breakdowns_of(dimensions):
        groups = merge_small(rows, breakdown, size="invites", minimum=SMALLEST_GROUP)
        notes.append(groups.note)
        by_partner = TIER in breakdown
        if by_partner not in asked:
            kept = [name for name in dimensions if by_partner or name != TIER]
            asked[by_partner] = clusters_in(context, span, kept, without, by_partner=by_partner)
        counts = {name: counts_of(row) for name, row in groups.rows.items()}
        drops = funnel.drop_offs(counts, clusters_of(asked[by_partner], breakdown, groups.label_of))
        if isinstance(drops, Unavailable):
            notes.append(f"{' and '.join(breakdown).capitalize()}: {drops.reason}")
            continue
        found += [
            GroupDrop(drop, breakdown, counts[drop.group].counts[STAGES.index(drop.source)]) for drop in drops
        ]
    judged = funnel.judge([item.drop for item in found]) if found else ()
    found = [replace(item, drop=drop) for item, drop in zip(found, judged, strict=True)]
    found.sort(key=lambda item: (not item.drop.significant, -item.drop.value, item.drop.group))
    return tuple(found), " ".join(dict.fromkeys(filter(None, notes)))


def clusters_in(
    context: StepContext, span: Span, dimensions: Sequence[str], without: Sequence[str], *, by_partner: bool
) -> pa.Table:
    """What referrers did in each group, or what partners did where partners are what the groups are made of."""
    return context.data.engine.referral_clusters(
        context.data.snapshot("referrals"),
        start=span.start,
        end=span.end,
        as_of=span.end,
        by=[column_of(name) for name in dimensions],
        by_partner=by_partner,
        payouts=context.data.find("referral_payouts"),
        without=without,
    )


def clusters_of(answer: pa.Table, breakdown: Sequence[str], label_of: Mapping[str, str]) -> FunnelClusters:
    """The answer to ``referral_clusters`` under the labels of a breakdown (``merge_small``)."""
    names = np.full(len(answer), "", dtype=object)
    for place, name in enumerate(breakdown):
        values = answer.column(column_of(name)).to_numpy(zero_copy_only=False)
        told = np.where(values == "", NOT_RECORDED, values)
        names = names + " · " + told if place else told
    known, index = np.unique(names.astype(str), return_inverse=True)
    labels = np.array([label_of.get(name, name) for name in known.tolist()], dtype=object)
    profiles, first, cluster = np.unique(
        answer.column("profile").to_numpy(), return_index=True, return_inverse=True
    )
    copies = answer.column("clusters").to_numpy()[first].astype(np.float64)
    counts = np.column_stack([answer.column(stage).to_numpy() for stage in STAGES]).astype(np.int64)
    return FunnelClusters(labels[index], cluster, counts, copies)


def drop_table(drops: Sequence[GroupDrop], currency: str, note: str) -> Table:
    return Table(
        "drop_offs",
        "What drop-offs cost",
        [Column("group", "Group"), Column("step", "Step"), Column("rate", "Passes", "percent"), Column("cases", "Cases", "integer"), Column("effective", "Count as", "integer"),
         Column("best", "Best group"), Column("best_rate", "Passes there", "percent"),
         Column("low", "Gap from", "percent"), Column("high", "to", "percent"),
         Column("value", "Revenue at the best rate", "money", currency), Column("q", "q", "number"),
         Column("verdict", "Beyond chance")],
        [
            [d.group, f"{STAGE_TITLES[d.source]} → {STAGE_TITLES[d.target]}", d.rate.value, item.entered, d.effective, d.best_group,
             d.best_rate.value, d.difference.low, d.difference.high, d.value, d.q_value,
             "yes" if d.significant else "no"]
            for item, d in ((item, item.drop) for item in drops)
        ],
        " ".join(filter(None, (
            "Valued at the rate of the best group of the same breakdown; tested against all its other groups together, q "
            "after Benjamini–Hochberg over all breakdowns. Invitations of one referrer are no independent cases: referrers are "
            "compared, for tiers of partners partners, and the cases count as many as independent ones would tell as much. Referrals that are "
            "held are left out. Beyond chance first, then dearest. Breakdowns overlap, so values do not add up.", note,
        ))),
    )  # fmt: skip


def drop_values(found: GroupDrop) -> dict[str, Any]:
    drop = found.drop
    return {
        "breakdown": list(found.breakdown),
        "group": drop.group, "source": drop.source, "target": drop.target, "best_group": drop.best_group,
        "rate": drop.rate.value, "best_rate": drop.best_rate.value, "gap": drop.difference.value,
        "gap_low": drop.difference.low, "gap_high": drop.difference.high, "entered": found.entered, "effective": drop.effective,
        "value": drop.value,
        "p": drop.p_value, "q": drop.q_value, "significant": drop.significant,
    }  # fmt: skip


def counts_of(row: Mapping[str, Any]) -> FunnelCounts:
    return FunnelCounts(tuple(int(row.get(stage, 0)) for stage in STAGES), float(row.get("revenue", 0)))
