"""Step 5, insights: assets, segments and regions that work, and where deals are lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from plans.commands.shared.figures import percent, with_ends
from plans.commands.track_source.facts import Scope
from plans.commands.track_source.steps.attribution import credit_of
from plans.commands.track_source.steps.deals import JointDeal
from plans.commands.track_source.steps.journeys import Journeys, journeys
from plans.commands.track_source.steps.reconciliation import Reconciled, reconciled
from plans.commands.track_source.steps.touches import SEPARATOR
from plans.engine.running.steps import StepContext
from plans.schemas.outputs import Chart, Column, Series, StepResult, Table
from programs.analytics.estimate import Estimate, Unavailable
from programs.analytics.funnel import rate_difference
from programs.analytics.rates import wilson_rate

SMALLEST_GROUP = 20
ALWAYS = ("asset", "segment")


def generate_insights(context: StepContext) -> StepResult:
    context.progress(5, "People and deals")
    found = reconciled(context)
    scope, asked = found.scope, context.inputs.get("dimensions", [])
    outputs: list[Any] = []
    values: dict[str, Any] = {}
    for number, dimension in enumerate(dict.fromkeys((*ALWAYS, *(d for d in asked if d == "region")))):
        context.progress(15 + 20 * number, dimension)
        path = journeys(context.data, scope, found.taxonomy, found.people, found.deals, dimension=dimension)
        rows = performance(path, scope, np.random.default_rng([context.seed, 5 + number]))
        values[dimension] = rows
        outputs += _shown(dimension, rows, scope)
    if {"partner", "channel"} & set(asked):
        path = journeys(context.data, scope, found.taxonomy, found.people, found.deals)
        rows = performance(path, scope, np.random.default_rng([context.seed, 9]))
        for dimension in (d for d in ("partner", "channel") if d in asked):
            values[dimension] = _summed(rows, dimension)
            outputs.append(_sum_table(dimension, values[dimension], scope))
    losses = drop_off(found)
    values["drop_off"] = losses
    outputs += [_drop_table(losses), _stage_chart(found)]
    return StepResult(
        values=values,
        outputs=outputs,
    )


def performance(path: Journeys, scope: Scope, rng: np.random.Generator) -> list[dict[str, Any]]:
    """One row a label: journeys through it, the share that ended at a deal, and the credit of the agreed model."""
    paths = path.paths
    credit = credit_of(path, scope.model, rng)
    if isinstance(credit, Unavailable):
        return []
    seen = np.unique(paths.path_of_touch * len(paths.channels) + paths.touches)
    row, label = np.divmod(seen, len(paths.channels))
    through = np.bincount(label, paths.conversions[row] + paths.nulls[row], len(paths.channels))
    ended = np.bincount(label, paths.conversions[row], len(paths.channels))
    money = dict(zip(paths.channels, credit.chosen.attribution.revenue.tolist(), strict=True))
    rows = []
    for n, name in enumerate(paths.channels):
        rate, deals = wilson_rate(ended[n], through[n]), credit.chosen.conversions[name]
        value, low, high = with_ends(rate)
        rows.append({
            "label": name, "journeys": float(through[n]), "converted": float(ended[n]),
            "rate": value, "rate_low": low, "rate_high": high, "credit": deals.value, "credit_low": deals.low,
            "credit_high": deals.high, "pipeline": money[name],
            "pipeline_high": credit.chosen.revenue[name].high,
            "per_journey": deals.value / float(through[n]) if through[n] else None,
        })  # fmt: skip
    return sorted(rows, key=lambda r: -r["credit"])


def _shown(dimension: str, rows: list[dict[str, Any]], scope: Scope) -> list[Any]:
    top = rows[:12]
    return [
        Table(
            f"by_{dimension}",
            f"Performance by {dimension}",
            [Column("label", dimension.capitalize()), Column("journeys", "People's journeys through it", "integer"),
             Column("rate", "Ended at a deal", "percent"), Column("low", "from", "percent", definition="Wilson, 95 %"),
             Column("high", "to", "percent"), Column("credit", "Deals credited", "number"),
             Column("credit_low", "from", "number"), Column("credit_high", "to", "number"),
             Column("pipeline", "Pipeline credited", "money", scope.currency)],
            [[r["label"], r["journeys"], r["rate"], r["rate_low"], r["rate_high"], r["credit"], r["credit_low"],
              r["credit_high"], r["pipeline"]] for r in rows],
            f"{scope.label}, {scope.agreed_name}. A journey is in every row it passed; only credits add up.",
        ),
        Chart(
            f"{dimension}_credit", f"Deals credited by {dimension}", "bar", [r["label"] for r in top],
            [Series("Deals credited", [r["credit"] for r in top], [r["credit_low"] for r in top], [r["credit_high"] for r in top])],
            dimension, "deals", "deals", "95 % intervals from resampled journeys.",
        ),
    ]  # fmt: skip


def _summed(rows: list[dict[str, Any]], dimension: str) -> list[dict[str, Any]]:
    """Credit by partner or by channel, from the credit of their sources."""
    names = sorted({_part(r["label"], dimension) for r in rows})
    deals = {name: sum(r["credit"] for r in rows if _part(r["label"], dimension) == name) for name in names}
    money = {name: sum(r["pipeline"] for r in rows if _part(r["label"], dimension) == name) for name in names}
    total = sum(deals.values())
    found = [{"label": n, "credit": deals[n], "share": deals[n] / total, "pipeline": money[n]} for n in names]
    return sorted(found, key=lambda r: -r["credit"])


def _part(source: str, dimension: str) -> str:
    partner, _, channel = source.partition(SEPARATOR)
    return partner if dimension == "partner" else channel


def _sum_table(dimension: str, rows: list[dict[str, Any]], scope: Scope) -> Table:
    return Table(
        f"by_{dimension}",
        f"Credit by {dimension}",
        [Column("label", dimension.capitalize()), Column("credit", "Deals credited", "number"),
         Column("share", "Share", "percent"), Column("pipeline", "Pipeline credited", "money", scope.currency)],
        [[scope.partners.get(r["label"], r["label"]), r["credit"], r["share"], r["pipeline"]] for r in rows],
        f"{scope.label}, {scope.agreed_name}.",
    )  # fmt: skip


def drop_off(found: Reconciled) -> list[dict[str, Any]]:
    """Win rate of decided deals by the partner of the lead record, against the best one's (Newcombe)."""
    decided = [d for d in found.deals if d.closed and d.stage in ("won", "lost")]
    won = Counter(_lead(d) for d in decided if d.won)
    all_of = Counter(_lead(d) for d in decided)
    usable = {p: n for p, n in all_of.items() if n >= SMALLEST_GROUP}
    best = max(usable, key=lambda p: won[p] / usable[p]) if usable else None
    rows = []
    for partner, count in sorted(all_of.items()):
        rate = wilson_rate(won[partner], count)
        row: dict[str, Any] = {
            "partner": partner, "name": found.scope.partners.get(partner, partner), "decided": count,
            "won": won[partner], "rate": rate.value if isinstance(rate, Estimate) else None, "best": best,
            "gap": None, "gap_low": None, "gap_high": None,
        }  # fmt: skip
        if best and partner != best and partner in usable:
            gap = rate_difference(won[best], usable[best], won[partner], count)
            if isinstance(gap, Estimate):
                row |= {"gap": gap.value, "gap_low": gap.low, "gap_high": gap.high}
        rows.append(row)
    return rows


def _lead(deal: JointDeal) -> str:
    return next(iter(deal.claims)) if len(deal.claims) == 1 else deal.records[0].owner


def _drop_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    return Table(
        "drop_off",
        "Where deals are lost",
        [Column("partner", "Partner"), Column("decided", "Decided deals", "integer"), Column("won", "Won", "integer"),
         Column("rate", "Win rate", "percent"), Column("gap", "Below the best", "percent"),
         Column("low", "from", "percent", definition="Newcombe, 95 %"), Column("high", "to", "percent")],
        [[r["name"], r["decided"], r["won"], r["rate"], r["gap"], r["gap_low"], r["gap_high"]] for r in rows],
        f"All decided deals of the campaign, by the partner that leads them; groups under {SMALLEST_GROUP} are not compared.",
    )  # fmt: skip


def _stage_chart(found: Reconciled) -> Chart:
    """Stages of the deals, each once: where open ones stand."""
    stages = ["qualified", "discovery", "proposal", "negotiation", "won", "lost"]
    counts: dict[str, Counter[str]] = {}
    for deal in found.deals:
        counts.setdefault(_lead(deal), Counter())[deal.stage or "waits for a person"] += 1
    series = [
        Series(found.scope.partners.get(p, p), [c.get(s, 0) for s in [*stages, "waits for a person"]])
        for p, c in sorted(counts.items())
    ]
    return Chart("deal_stages", "Deals by stage", "bar", [*stages, "waits for a person"], series, "stage", "deals", "deals",
                 "All deals of the campaign until the end of the window.")  # fmt: skip


def efficiency(credit: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Share of credit against share of touches by source: above 1 a source earns more than its use."""
    deals, touches = sum(c["deals"] for c in credit.values()), sum(c["touches"] for c in credit.values())
    return [
        {"source": source, "ratio": (c["deals"] / deals) / (c["touches"] / touches), "deals": c["deals"],
         "touches": c["touches"], "pipeline": c["pipeline"], "pipeline_high": c.get("pipeline_high")}
        for source, c in credit.items()
        if touches and deals and c["touches"]
    ]  # fmt: skip


def describe(row: Mapping[str, Any]) -> str:
    """A performance row as half a sentence."""
    return f"{row['label']} ({row['credit']:.0f} deals credited, {percent(row['rate'])} of its journeys ended at a deal)"
