"""Step 2, tier and benefit design: thresholds from spend, earn rules from the reward budget."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from plans.commands.plan_loyalty.steps.constraints import (
    EligibleMembers,
    ExpiryPolicy,
    audience_of,
    benefit_cap,
    expiry_of,
    lapsing_less,
)
from plans.commands.plan_loyalty.steps.signals import cohorts
from plans.commands.shared.columns import columns
from plans.commands.shared.figures import figure, money, percent, value_of
from plans.commands.shared.ledger import redemption_forecast
from plans.engine.running.steps import PermanentError, StepContext
from plans.schemas.outputs import Chart, Column, Figure, Metrics, Series, StepResult, Table
from programs.analytics import rewards, tiers
from programs.analytics.assumptions import Assumption, LoyaltyAssumptions
from programs.analytics.estimate import Unavailable
from programs.analytics.rewards import Mission, RewardBasis, RewardDesign
from programs.datasets import OpenData

PERIODS_A_YEAR = {"quarter": 4, "month": 12}
SURPRISES = {
    "retention": "An unannounced thank-you after a quiet month",
    "expansion": "A sample from a category never bought before",
    "engagement": "Double points on a random day",
    "advocacy": "A gift to pass on to a friend",
}
PERKS = {
    "retention": ("Early access to offers", "Free delivery", "Personal service line"),
    "expansion": ("Bundle discounts", "Early access to new categories", "Personal buying advice"),
    "engagement": ("Members' challenges", "Exclusive content", "Invitations to events"),
    "advocacy": ("Shareable offers", "Badge and early reviews", "Seat on the customer council"),
}


def annual_budget(inputs: Any) -> float:
    """The reward pool of a year, from a pool a quarter or a month."""
    budget = inputs["budget"]
    return float(budget["amount"]) * PERIODS_A_YEAR[budget["period"]]


def assumptions_of(context: StepContext, audience: EligibleMembers) -> LoyaltyAssumptions:
    """The program's own figures where it states them, the ledger's where one is loaded, ranges otherwise."""
    program = context.program
    stated = "program settings, ± 10 %"

    def around(name: str, field: str, unit: str, top: float = float("inf")) -> Assumption:
        value = float(program[field])
        return Assumption(name, 0.9 * value, value, min(1.1 * value, top), unit, stated)

    yearly_platform = 12 * float(program["platform_cost_monthly"])
    rate = float(program["redemption_rate_assumption"])
    return replace(
        LoyaltyAssumptions(),
        margin_rate=around("margin_rate", "gross_margin", "gross margin, share of revenue", 1.0),
        cost_per_point=around("cost_per_point", "point_unit_cost", "money per redeemed point"),
        face_value=Assumption.known("face_value", float(program["point_face_value"]), "money per point", "program settings"),
        platform_cost=Assumption("platform_cost", 0.9 * yearly_platform, yearly_platform, 1.2 * yearly_platform,
                                 "money per year", "program settings, −10 % to +20 %"),
        redemption_rate=lapsing_less(
            measured_redemption(audience.data)
            or Assumption("redemption_rate", max(rate - 0.15, 0.0), rate, min(rate + 0.15, 1.0), "share of issued points"),
            expiry_of(context, audience),
        ),
    )  # fmt: skip


def measured_redemption(data: OpenData) -> Assumption | None:
    """The ultimate redemption rate from the ledger's triangle; None without a ledger that tells."""
    forecast = redemption_forecast(data)
    if isinstance(forecast, Unavailable):
        return None
    rate = forecast.rate_of_issued
    low, high = float(rate.low or rate.value), float(rate.high or rate.value)
    return Assumption(
        "redemption_rate", low, rate.value, high, "share of issued points", "point ledger, chain ladder"
    )


def projected_spend(data: OpenData) -> tuple[np.ndarray, str]:
    """Twelve-month qualifying spend a member, (members,) money, and a sentence on how it was projected."""
    as_of = data.as_of("purchases")
    rows = columns(data.engine.first_year_spend(data.snapshot("purchases"), as_of=as_of))
    observed, spend = rows["observed_days"], rows["spend"]
    if (observed >= 365).all():
        return spend, f"All {spend.size:,} members were seen for their first 365 days; nothing is projected."
    _, matrix = cohorts(data)
    age = np.floor(observed / 30.4375).astype(int)
    old_enough = age >= 3
    young = int((~old_enough).sum())
    curve = matrix.cumulative_revenue
    if curve.size >= 12 and np.isfinite(curve[:12]).all() and (curve[:12] > 0).all():
        kept = tiers.project_annual_spend(spend[old_enough], age[old_enough], curve[:12])
        how = "along the revenue curve of all cohorts"
    else:
        kept = spend[old_enough] * 365 / observed[old_enough]
        how = "in proportion to time, an assumption: the data reach back less than twelve months"
    if not kept.size:
        raise PermanentError(
            "No member was seen for three months, so twelve-month spend cannot be projected.",
            hint="Load purchases that reach back further.",
        )
    return (
        kept,
        f"Spend of unfinished years is projected {how}. {young:,} members under three months are left out.",
    )


def missions_of(data: OpenData) -> list[Mission]:
    """Missions counted on the data: how many completions a year they would have had."""
    as_of = data.as_of("purchases")
    rfm = columns(data.engine.member_rfm(data.snapshot("purchases"), as_of=as_of))
    years = max(float(rfm["tenure_days"].max()) / 365, 1 / 12)
    second, fourth = int((rfm["orders"] >= 2).sum()), int((rfm["orders"] >= 4).sum())
    return [Mission("Second purchase", second / years), Mission("Fourth purchase", fourth / years)]


def design_of(context: StepContext) -> tuple[RewardDesign, LoyaltyAssumptions, np.ndarray, str]:
    """The design from inputs, data and seed; the same for this step and for the economics."""
    structure = rewards.parse_structure(str(context.inputs["tiers"]))
    audience = audience_of(context)
    spend, how = projected_spend(audience.data)
    assumptions = assumptions_of(context, audience)
    try:
        thresholds = tiers.spend_thresholds(spend, tiers.upper_shares(structure.tiers), digits=2)
        design = rewards.design_rewards(
            spend,
            thresholds,
            structure,
            annual_budget(context.inputs),
            assumptions,
            generator=np.random.default_rng(context.seed),
            missions=missions_of(audience.data)
            if structure.kind in (RewardBasis.HYBRID, RewardBasis.MISSIONS)
            else (),
            benefit_cap=benefit_cap(context),
        )
    except ValueError as error:
        raise PermanentError(str(error), hint="Ask for fewer tiers or another kind.") from error
    return design, assumptions, spend, how


def design_tiers(context: StepContext) -> StepResult:
    goal, currency = context.inputs["goal"], context.program["currency"]
    context.progress(10, "Twelve-month spend")
    design, assumptions, spend, how = design_of(context)
    context.progress(90, "Blueprint")
    rows = [_tier(n, reward, goal, design) for n, reward in enumerate(design.tiers)]
    expiry = expiry_of(context, audience_of(context))
    return StepResult(
        values={
            "kind": design.structure.kind.value,
            "tiers": rows,
            "annual_budget": design.budget,
            "annual_pool": design.pool,
            "unspent": design.unspent,
            "base_points_per_unit": design.base_points_per_unit,
            "cautious_points_per_unit": design.cautious_points_per_unit,
            "overrun_probability": value_of(design.overrun_probability),
            "surprise": {"moment": SURPRISES[goal], "pool": design.surprise_pool},
            "expiry": expiry.as_values(),
            "downgrade_policy": "one-down",
            "qualification_period": "rolling twelve months",
            "how_spend_was_projected": how,
            "headline": [
                {
                    "label": "Tiers",
                    "value": " / ".join(f"{r['name']} from {r['threshold']:,.0f}" for r in rows),
                },
                {"label": "Reward pool a year", "value": money(design.pool, currency)},
                {
                    "label": "Chance that the budget is overrun",
                    "value": percent(value_of(design.overrun_probability)),
                },
            ],
        },
        outputs=[
            _blueprint(rows, currency, how),
            _earning(design, currency),
            _distribution(spend, [r["threshold"] for r in rows[1:]], currency),
            _assumption_table(assumptions),
            _terms(expiry),
        ],
        evidence={
            "Serena": f"{len(rows)} tiers compared with {len(context.program['tiers'])} in the catalogue."
        },
    )


def _tier(rank: int, reward: Any, goal: str, design: RewardDesign) -> dict[str, Any]:
    profile = reward.profile
    return {
        "rank": rank + 1,
        "name": profile.name,
        "threshold": profile.threshold,
        "members": profile.members,
        "share_of_members": profile.share_of_members,
        "spend": profile.spend,
        "share_of_spend": profile.share_of_spend,
        "within_reach_of_next": profile.within_reach_of_next,
        "spend_to_next": profile.spend_to_next,
        "multiplier": reward.multiplier,
        "points_per_unit": reward.points_per_unit,
        "reward_cost": reward.points_cost + reward.benefit_cost,
        "benefit_per_member": reward.benefit_per_member,
        "perks": list(PERKS[goal][: rank + 1 if len(design.tiers) > 1 else 1]),
    }


def _blueprint(rows: list[dict[str, Any]], currency: str, how: str) -> Table:
    return Table(
        "blueprint",
        "Program blueprint",
        [
            Column("name", "Tier"),
            Column("threshold", "Qualifying spend", "money", currency, "Spend of twelve months"),
            Column("members", "Members", "integer", "", "Members whose projected spend falls in the tier"),
            Column("share_of_members", "Share of members", "percent"),
            Column("share_of_spend", "Share of spend", "percent"),
            Column("within_reach", "Within reach of the next", "integer", "", "At most 20 % missing (goal gradient)"),
            Column("points", "Points per unit spent", "number"),
            Column("benefit", "Benefits per member and year", "money", currency),
            Column("cost", "Reward cost a year", "money", currency),
            Column("perks", "Benefits"),
        ],
        [
            [r["name"], r["threshold"], r["members"], r["share_of_members"], r["share_of_spend"],
             r["within_reach_of_next"], r["points_per_unit"], r["benefit_per_member"], r["reward_cost"],
             "; ".join(r["perks"])]
            for r in rows
        ],
        f"{how} Downgrade one tier at a time, on rolling twelve months.",
    )  # fmt: skip


def _earning(design: RewardDesign, currency: str) -> Metrics:
    mission = design.points_per_mission
    return Metrics(
        "earning",
        "Earn rules and budget",
        [
            Figure("budget", "Reward budget a year", design.budget, currency),
            Figure("pool", "Expected reward cost a year", design.pool, currency, definition="At most the budget"),
            Figure("unspent", "Budget no sensible earn rate can use", design.unspent, currency),
            Figure("base_rate", "Base earn rate", design.base_points_per_unit, "points per unit spent"),
            Figure("cautious_rate", "Earn rate with at most 10 % chance of overrun", design.cautious_points_per_unit, "points per unit spent"),
            figure("overrun", "Chance that the budget is overrun", design.overrun_probability, unit="%", scale=100,
                   definition="Within a year, over all assumptions"),
            figure("mission_points", "Points per mission", mission, unit="points"),
            Figure("missions_pool", "Pool for missions", design.missions_pool, currency),
            Figure("surprise_pool", "Pool for surprise moments", design.surprise_pool, currency),
        ],
    )  # fmt: skip


def _terms(expiry: ExpiryPolicy) -> Table:
    columns_ = [Column("term", "Term"), Column("says", "What the design says"), Column("source", "Source")]
    rows = [["Expiry of points", expiry.sentence(), expiry.source]]
    return Table("terms", "Terms of points", columns_, rows)


def _distribution(spend: np.ndarray, thresholds: list[float], currency: str) -> Chart:
    widest = float(np.quantile(spend, 0.99)) or 1.0  # the few largest would leave one bar and a desert
    edges = np.linspace(0, widest, 21)
    counts, _ = np.histogram(np.minimum(spend, widest), bins=edges)
    labels = [f"{a:,.0f}–{b:,.0f}" for a, b in zip(edges[:-1], edges[1:], strict=True)]
    labels[-1] = f"from {edges[-2]:,.0f}"
    marked = ", ".join(f"{t:,.0f}" for t in thresholds)
    note = f"Tier thresholds: {marked}. " if marked else ""
    note += "The last bar holds everybody above."
    return Chart("spend", "Twelve-month spend of members", "histogram", labels,
                 [Series("Members", [int(c) for c in counts])], f"spend, {currency}", "members", "", note)  # fmt: skip


def _assumption_table(assumptions: LoyaltyAssumptions) -> Table:
    return Table(
        "assumptions",
        "Assumptions",
        [Column("name", "Assumption"), Column("low", "Low", "number"), Column("mode", "Most likely", "number"),
         Column("high", "High", "number"), Column("unit", "Unit"), Column("source", "Source")],
        [[a.name.replace("_", " "), a.low, a.mode, a.high, a.unit, a.source] for a in assumptions.table()],
        "A stated assumption was measured by nobody yet; replace it as soon as data allow.",
    )  # fmt: skip
