"""Step 4, attribution: every model side by side, the agreed one marked, its confidence against the guardrail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

import numpy as np

from gtm.core.money import minor_units
from plans.commands.shared.figures import figure, money, percent
from plans.commands.track_source.command import ACCURACY
from plans.commands.track_source.facts import Scope
from plans.commands.track_source.steps.contribution import contested_of, contribution_of
from plans.commands.track_source.steps.deals import JointDeal, told_apart
from plans.commands.track_source.steps.journeys import PIPELINE, REVENUE, Journeys, journeys
from plans.commands.track_source.steps.order import order_table, order_values
from plans.commands.track_source.steps.reconciliation import Reconciled, reconciled
from plans.commands.track_source.steps.spend import spend_of, spend_table, spend_values
from plans.commands.track_source.steps.touches import SEPARATOR
from plans.engine.running.steps import PermanentError, StepContext
from plans.schemas.outputs import (
    NOT_MEASURED,
    Chart,
    Column,
    Figure,
    Metrics,
    Series,
    Signal,
    StepResult,
    Table,
)
from programs.analytics.attribution import (
    MODELS,
    Attribution,
    BootstrapAttribution,
    attribute,
    bootstrap_attribution,
    model_range,
)
from programs.analytics.confidence import AttributionConfidence, attribution_confidence
from programs.analytics.contribution import ContributionTable, Deal, contribution_table
from programs.analytics.estimate import Estimate, Unavailable

TIMED = "time-decay"
REPLICATES = 200
METRICS = ("sourced_pipeline", "sourced_revenue")


@dataclass(frozen=True, slots=True)
class Credit:
    """Of one goal: every model, and the one that decides with its intervals."""

    models: Mapping[str, Attribution | Unavailable]
    chosen: BootstrapAttribution


def credit_of(found: Journeys, model: str, rng: np.random.Generator) -> Credit | Unavailable:
    """Time-decay reads the paths with touch times, all others the merged ones."""
    models = {name: attribute(found.timed if name == TIMED else found.paths, name) for name in MODELS}
    chosen = bootstrap_attribution(
        found.timed if model == TIMED else found.paths, rng, models=[model], replicates=REPLICATES
    )[model]
    return chosen if isinstance(chosen, Unavailable) else Credit(models, chosen)


def attribute_credit(context: StepContext) -> StepResult:
    context.progress(5, "People and deals")
    found = reconciled(context)
    scope = found.scope
    context.progress(40, "Journeys")
    toward = {
        goal: journeys(context.data, scope, found.taxonomy, found.people, found.deals, goal=goal)
        for goal in (PIPELINE, REVENUE)
    }
    context.progress(60, "Models")
    pipeline = credit_of(toward[PIPELINE], scope.model, np.random.default_rng([context.seed, 3]))
    revenue = credit_of(toward[REVENUE], scope.model, np.random.default_rng([context.seed, 4]))
    if isinstance(pipeline, Unavailable):
        raise PermanentError(
            f"No deal that opened in {scope.label} was touched by the campaign. {pipeline.reason}"
        )
    context.progress(85, "Confidence and contributions")
    confidence = confidence_of(pipeline, found)
    joint = joint_deals(toward, scope)
    targets, told = targets_of(context, scope)
    table = contribution_table(joint, targets["sourced_revenue"])
    signals = []
    if isinstance(confidence, AttributionConfidence) and not confidence.passes:
        signals.append(
            Signal(
                ACCURACY,
                f"Attribution confidence is {percent(confidence.value)}, the guardrail {percent(confidence.guardrail)}; "
                f"weakest: {confidence.weakest_part.replace('_', ' ')}.",
                period=scope.period,
                value=round(confidence.value, 4),
                window=context.inputs["window"],
                model=scope.agreed_name,
                scope=scope.slug,
            )
        )
    order = order_values(toward[PIPELINE].paths, pipeline.models["markov"])
    spend = spend_values(
        spend_of(context.data, scope, found.taxonomy),
        pipeline.chosen,
        revenue if isinstance(revenue, Unavailable) else revenue.chosen,
    )
    values = _values(found, pipeline, revenue, confidence, table, targets) | {
        "spend": spend,
        "markov_order": order,
    }
    return StepResult(
        values=values,
        outputs=[
            _confidence(confidence, scope),
            _credit_table(pipeline, revenue, toward[PIPELINE], scope),
            _model_chart(pipeline, scope),
            _partner_chart(pipeline, scope),
            contribution_of(table, targets, scope, f"{told}{net_of(context)}"),
            *([spend_table(spend, scope)] if spend else []),
            *(
                [_models_table(pipeline), order_table(order, scope), contested_of(table, scope)]
                if context.inputs["detail"] == "full"
                else []
            ),
        ],
        signals=signals,
        measured={
            ACCURACY: str(round(confidence.value, 4))
            if isinstance(confidence, AttributionConfidence)
            else NOT_MEASURED
        },
        period=scope.period,
        window=context.inputs["window"],
        model=scope.agreed_name,
        scope=scope.slug,
    )


def confidence_of(credit: Credit, found: Reconciled) -> AttributionConfidence | Unavailable:
    tagging, identity = found.taxonomy.audit.coverage, found.people.precision
    if isinstance(tagging, Unavailable):
        return tagging
    if isinstance(identity, Unavailable):
        return identity
    return attribution_confidence(
        credit.chosen,
        credit.models.values(),
        tagging=tagging,
        identity_precision=identity,
        guardrail=found.scope.guardrail,
    )


def joint_deals(toward: Mapping[str, Journeys], scope: Scope) -> list[Deal]:
    """Deals opened or won in the window, with who sourced and who influenced them.

    The first touch sources; a claim in the books that says otherwise makes the deal contested. A deal nobody
    touched is its only claimant's.
    """
    labels = dict(toward[PIPELINE].touched) | dict(toward[REVENUE].touched)
    every: dict[int, tuple[JointDeal, Decimal, Decimal]] = {}
    for goal, path in toward.items():
        for deal in path.deals:
            _, pipeline, revenue = every.get(deal.number, (deal, Decimal(0), Decimal(0)))
            if goal == PIPELINE:
                pipeline = deal.pipeline or Decimal(0)
            else:
                revenue = deal.revenue or Decimal(0)
            every[deal.number] = deal, pipeline, revenue
    called = told_apart(deal for deal, _, _ in every.values())
    return [
        Deal(
            called[n],
            sources=frozenset({partner_of(labels[n][0])} if n in labels else ()) | deal.claims,
            influencers=frozenset(partner_of(label) for label in labels.get(n, ())),
            pipeline=pipeline,
            revenue=revenue,
        )
        for n, (deal, pipeline, revenue) in sorted(every.items())
    ]


def partner_of(source: str) -> str:
    return source.partition(SEPARATOR)[0]


def by_partner(credit: Mapping[str, float]) -> dict[str, float]:
    """Credit of sources summed to their partners."""
    found: dict[str, float] = {}
    for source, value in credit.items():
        found[partner_of(source)] = found.get(partner_of(source), 0.0) + value
    return found


def targets_of(context: StepContext, scope: Scope) -> tuple[dict[str, dict[str, Decimal]], str]:
    """Metric → partner → target of the window (a longer period's target by the share of its days), and what to know."""
    found: dict[str, dict[str, Decimal]] = {metric: {} for metric in METRICS}
    if not context.data.has("targets"):
        return (
            found,
            "No targets are loaded: load targets with the metrics sourced_pipeline and sourced_revenue by partner.",
        )
    left_out = 0
    first, last = scope.start.date(), scope.end.date() - timedelta(days=1)
    for row in context.data.engine.target_rows(context.data.snapshots("targets")).to_pylist():
        mine = found.get(row["metric"].strip().lower().replace(" ", "_"))
        days = (min(row["ends_on"], last) - max(row["starts_on"], first)).days + 1
        if (
            mine is None
            or row["dimension"] != "partner"
            or (row["currency"] or scope.currency) != scope.currency
        ):
            left_out += 1
        elif days > 0:
            length = (row["ends_on"] - row["starts_on"]).days + 1
            partner = scope.partner(row["member"])
            part = round(row["target"] * days / length, minor_units(scope.currency))
            mine[partner] = mine.get(partner, Decimal(0)) + part
    note = "Targets of a longer period count by the share of its days in the window."
    return found, note + (
        f" {left_out} targets of other metrics, parts or currencies are left out." if left_out else ""
    )


def net_of(context: StepContext) -> str:
    """What the amounts are net of, where they are net of anything."""
    if not context.data.movements("opportunities"):
        return ""
    return " Amounts are net of credit notes, in the window in which a deal opened or was won."


def _values(
    found: Reconciled, pipeline: Credit, revenue: Credit | Unavailable, confidence: AttributionConfidence | Unavailable,
    table: ContributionTable, targets: Mapping[str, Mapping[str, Decimal]],
) -> dict[str, Any]:  # fmt: skip
    scope, point = found.scope, pipeline.chosen.attribution
    amounts = dict(zip(point.channels, point.revenue.tolist(), strict=True))
    ends = {name: (each.low, each.high) for name, each in pipeline.chosen.revenue.items()}
    won: dict[str, float] = {}
    if not isinstance(revenue, Unavailable):
        other = revenue.chosen.attribution
        won = dict(zip(other.channels, other.revenue.tolist(), strict=True))
    sure, why_not, parts, weakest = (
        (None, confidence.reason, {}, "")
        if isinstance(confidence, Unavailable)
        else (confidence.value, "", confidence.parts, confidence.weakest_part)
    )
    return {
        "model": scope.agreed_name,
        "method": scope.model,
        "overridden": scope.overridden,
        "window": scope.label,
        "confidence": sure,
        "confidence_reason": why_not,
        "confidence_parts": parts,
        "weakest_part": weakest,
        "guardrail": scope.guardrail,
        "credit": {s: {"deals": n, "pipeline": amounts[s], "pipeline_low": ends[s][0], "pipeline_high": ends[s][1], "revenue": won.get(s, 0.0),
                       "touches": found.taxonomy.sources.get(s, 0)} for s, n in point.by_channel().items()},
        "partner_credit": {p: {"deals": n, "pipeline": by_partner(amounts)[p], "revenue": by_partner(won).get(p, 0.0)}
                           for p, n in by_partner(point.by_channel()).items()},
        "contributions": [
            {"partner": c.name, "sourced_deals": c.sourced_deals, "sourced_pipeline": c.sourced_pipeline,
             "sourced_revenue": c.sourced_revenue, "influenced_deals": c.influenced_deals,
             "influenced_pipeline": c.influenced_pipeline, "influenced_revenue": c.influenced_revenue,
             "contested_deals": c.contested_deals, "contested_pipeline": c.contested_pipeline,
             "revenue_target": targets["sourced_revenue"].get(c.name), "pipeline_target": targets["sourced_pipeline"].get(c.name)}
            for c in table.contributions
        ],
        "contested_deals": len(table.contested),
        "unsourced_deals": len(table.unsourced),
        "total_pipeline": table.total_pipeline,
        "total_revenue": table.total_revenue,
        "headline": [
            {"label": "Attribution confidence", "value": percent(sure)},
            {"label": "Pipeline opened", "value": money(float(table.total_pipeline), scope.currency)},
            {"label": "Revenue won", "value": money(float(table.total_revenue), scope.currency)},
            {"label": "Contested deals", "value": str(len(table.contested))},
        ],
    }  # fmt: skip


def _confidence(confidence: AttributionConfidence | Unavailable, scope: Scope) -> Metrics:
    target = f"at least {percent(scope.guardrail)}"
    if isinstance(confidence, Unavailable):
        items = [
            Figure(
                "confidence",
                "Attribution confidence",
                None,
                "%",
                target=target,
                unavailable=confidence.reason,
            )
        ]
        return Metrics("confidence", "Attribution confidence", items)
    tagged = Estimate(
        confidence.tagging, numerator=confidence.tagged_touches, denominator=confidence.total_touches
    )
    return Metrics(
        "confidence",
        "Attribution confidence",
        [
            Figure("confidence", "Attribution confidence", 100 * confidence.value, "%", target=target,
                   definition="Share of credit that stays where it was put: the product of the four parts"),
            figure("sampling", "Sampling", confidence.sampling, unit="%", scale=100,
                   definition=f"1 − credit that resampled journeys move (95th percentile of {REPLICATES})"),
            figure("agreement", "Agreement of models", confidence.model_agreement, unit="%", scale=100,
                   definition=f"1 − credit that the most different model ({confidence.furthest_model}) would move"),
            figure("tagging", "Tagging", tagged, unit="%", scale=100, definition="Touches whose source is known by UTM"),
            figure("identity", "Identity", confidence.identity_precision, unit="%", scale=100,
                   definition="Joined contacts that are one person"),
        ],
        note="Below the guardrail twice in different windows, the governance board is called and the run stops.",
    )  # fmt: skip


def _credit_table(pipeline: Credit, revenue: Credit | Unavailable, toward: Journeys, scope: Scope) -> Table:
    chosen, spread = pipeline.chosen, model_range(pipeline.models.values())
    won = {} if isinstance(revenue, Unavailable) else revenue.chosen.revenue
    shares = dict(zip(chosen.attribution.channels, chosen.attribution.shares.tolist(), strict=True))
    rows = []
    for source, deals in sorted(chosen.conversions.items(), key=lambda item: -item[1].value):
        amount = chosen.revenue[source]
        partner, _, channel = source.partition(SEPARATOR)
        rows.append([scope.partners.get(partner, partner), channel, deals.value, deals.low, deals.high, shares[source],
                     *spread[source], amount.value, amount.low, amount.high, won[source].value if source in won else None])  # fmt: skip
    lost = len(toward.untouched)
    return Table(
        "credit",
        f"Credit by partner and channel, {scope.agreed_name} ({scope.model})",
        [Column("partner", "Partner"), Column("channel", "Channel"), Column("deals", "Deals credited", "number"),
         Column("low", "from", "number", definition="95 %, bootstrap over journeys, of money with the spread of deals"), Column("high", "to", "number"),
         Column("share", "Share of deals", "percent"), Column("least", "Least of all models", "number"),
         Column("most", "Most of all models", "number"), Column("pipeline", "Pipeline credited", "money", scope.currency),
         Column("pipeline_low", "from", "money", scope.currency), Column("pipeline_high", "to", "money", scope.currency),
         Column("revenue", "Revenue credited", "money", scope.currency)],
        rows,
        f"{scope.label}. Credit sums to the deals the campaign touched; {lost} deals opened without a touch and are in none of it. "
        f"{scope.path_rules.sentence}".rstrip()
        + ("" if won else f" Revenue: {revenue.reason}" if isinstance(revenue, Unavailable) else ""),
    )  # fmt: skip


def _solved(credit: Credit) -> list[Attribution]:
    return [model for model in credit.models.values() if isinstance(model, Attribution)]


def _model_chart(credit: Credit, scope: Scope) -> Chart:
    sources = list(credit.chosen.attribution.channels)
    decides = "requested" if scope.overridden else "agreed"
    marked = {m.model: m.model + (f" ({decides})" if m.model == scope.model else "") for m in _solved(credit)}
    series = [Series(marked[m.model], m.conversions.tolist()) for m in _solved(credit)]
    return Chart("models", "Deals credited by each model", "heatmap", sources, series, "source", "model", "deals",
                 "Rows that differ much show where the choice of the model decides.")  # fmt: skip


def _partner_chart(credit: Credit, scope: Scope) -> Chart:
    solved = _solved(credit)
    split = [by_partner(m.by_channel()) for m in solved]
    partners = sorted(split[0])
    return Chart(
        "partners", "Share of credit between the partners, by model", "stacked-bar", [m.model for m in solved],
        [Series(scope.partners.get(p, p), [100 * s.get(p, 0.0) / sum(s.values()) for s in split]) for p in partners],
        "model", "share of deals", "%", f"{'Requested' if scope.overridden else 'Agreed'}: {scope.agreed_name} ({scope.model}).",
    )  # fmt: skip


def _models_table(credit: Credit) -> Table:
    rows: Sequence[Sequence[str]] = [
        [name, "solved" if isinstance(m, Attribution) else "not available",
         m.assumption if isinstance(m, Attribution) else m.reason]
        for name, m in credit.models.items()
    ]  # fmt: skip
    return Table("assumptions", "What each model takes for granted",
                 [Column("model", "Model"), Column("state", "State"), Column("assumption", "Assumption")], rows)  # fmt: skip
