"""The declaration of plan-loyalty: its form, its tasks, its gates, and when it alarms."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from plans.commands.plan_loyalty.entered import ASSUMPTIONS
from plans.commands.plan_loyalty.facts import ANALYST, OPS, SPONSOR, STRATEGIST, gather_facts
from plans.commands.shared.guardrails import RETRIES
from plans.runs import checklist, registry
from plans.schemas.constraints import ConstraintText
from plans.schemas.declaration import (
    Command,
    DataNeed,
    Gate,
    GuardrailLimit,
    Origin,
    OutsideParty,
    Rung,
    Seat,
    Stage,
    Step,
    SuccessMetric,
    ToolHook,
    ToolWork,
    Trigger,
)
from plans.schemas.inputs import PATTERN, Amount, Choice, CountOrKind, KnownList
from plans.schemas.roles import standard
from programs.models import Program
from programs.schemas.goals import GOAL_MEASURES
from programs.schemas.metrics import MONEY

HERE = __name__.rpartition(".")[0]  # what is named by its path is loaded when it first runs
STEPS, REPORT, RECORDS = f"{HERE}.steps", f"{HERE}.report", f"{HERE}.records"
MONITOR = "loyalty-lifecycle-orchestration:monitor-loyalty"
COMPLIANCE_BLOCKER = "compliance-blocker"
NEGATIVE_ROI = "negative-roi"


def goal_metrics(inputs: Mapping[str, Any]) -> list[SuccessMetric]:
    """The measure of the goal, where it is none of those that every run has."""
    measure = GOAL_MEASURES[inputs["goal"]]
    if measure.key == "repeat_rate":
        return []
    by_purchases = inputs["goal"] != "advocacy"
    return [
        SuccessMetric(
            measure.key, measure.label, "at the value that the model expects", unit=measure.unit, comparator=">=",
            aim="packet.goal_target", source="Purchases" if by_purchases else "Referrals",
            later=f"{MONITOR} data.goal_measures.{measure.key}" if by_purchases else "",
            absent="It is measured after the program has started; no run of monitor-loyalty has ended since."
            if by_purchases else "No referrals are read here; optimize-referrals measures those of a referral program.",
        )
    ]  # fmt: skip


def objective(inputs: Mapping[str, Any], program: Program) -> str:
    budget = inputs["budget"]
    return (
        f"Loyalty blueprint for {program.name}: {inputs['goal']}, tiers {inputs['tiers']}, "
        f"{Decimal(str(budget['amount'])):,f} {budget['currency']} a {budget['period']}"
    )


FINANCE_GATE = Gate(
    key="finance-approval",
    title="Finance approval",
    question="Are the reward pool, its risk and its return acceptable?",
    seats=(
        Seat("finance", why="signs every reward budget"),
        Seat("exec-sponsor", condition={"field": "amount", "over": "400000", "currency": "USD"}),
    ),
    scope=("budget", "design", "economics", "packet"),
    tolerances={"economics": 0.05, "design": 0.05},
    reauthenticate=True,
)
LEGAL_GATE = Gate(
    key="legal-approval",
    title="Legal approval",
    question="Are terms, expiry, personal data and constraints correct?",
    seats=(Seat("legal", why="signs the terms of every program"),),
    scope=("design", "lifecycle", "packet"),
    reauthenticate=True,
    signal_on_changes=COMPLIANCE_BLOCKER,
)

PLAN_LOYALTY = registry.register(
    Command(
        plugin="loyalty-lifecycle-orchestration",
        name="plan-loyalty",
        title="Plan a loyalty program",
        summary="Produces loyalty program blueprint with tiers, benefits, and lifecycle triggers.",
        example="/loyalty-lifecycle-orchestration:plan-loyalty --goal retention --tiers 3 --budget 50000",
        program_kind="loyalty",
        action="Plan loyalty",
        starts_from=(Origin("program"), Origin("dataset")),
        inputs=(
            Choice("goal", "What the program is for", required=True,
                   options=("retention", "expansion", "engagement", "advocacy")),
            CountOrKind("tiers", "Number of tiers, or the kind of program", required=True, minimum=1, maximum=6,
                        kinds=("points-only", "hybrid", "missions")),
            Amount("budget", "Reward pool a quarter; write 50000/month for a monthly pool", required=True,
                   periods=("quarter", "month")),
            KnownList("personas", "Member segments, separated by commas: values of the member list's persona, or RFM "
                      "segments such as champions; design and economics are split by them", among="personas"),
            ConstraintText("constraints", "Compliance or platform rules, separated by semicolons: "
                           "no-expiry:US-CA; exclude-channels:sms. A plain sentence that says one rule is read as "
                           "that rule; a person reads the others"),
            *ASSUMPTIONS,
            PATTERN,
            RETRIES,
        ),
        strategy="diamond",
        strategy_rationale=(
            "Research (signals, lifecycle) and modelling (tiers, economics) read the data independently and run in "
            "parallel while the member insights analyst validates the segments; they converge at the governance packet, the "
            "merge gate, before finance and legal decide."
        ),
        complexity="complex",
        stages=(
            Stage("1", "Research and design", "parallel", (
                Step("1.1", "signal-review", "Signal review", ANALYST,
                     "Pull churn, cohort revenue, product usage and voice of the customer",
                     run=f"{STEPS}.signals:review_signals", fallback_agent=STRATEGIST, skills=("member-insights",), output_var="signals"),
                Step("1.2", "tier-design", "Tier and benefit design", STRATEGIST,
                     "Requirements per tier: earn rules, benefits, surprise moments",
                     governs=("kind", "tiers", "annual_budget", "annual_pool", "base_points_per_unit", "surprise",
                              "downgrade_policy", "qualification_period"),
                     run=f"{STEPS}.design:design_tiers", fallback_agent=OPS, skills=("loyalty-modeling",),
                     output_var="design"),
            )),
            Stage("2", "Mapping and modelling", "parallel", (
                Step("2.1", "lifecycle-mapping", "Lifecycle mapping", OPS,
                     "Embed loyalty triggers into onboarding, adoption, upsell and renewal",
                     governs=("triggers",),
                     needs=("1.1", "1.2"), run=f"{STEPS}.lifecycle:map_lifecycle", fallback_agent=STRATEGIST,
                     output_var="lifecycle"),
                Step("2.2", "economic-modeling", "Economic modelling", STRATEGIST,
                     "Cost per point, breakage, projected return and its risk",
                     needs=("1.2",), run=f"{STEPS}.economics:model_economics", fallback_agent="finance", skills=("loyalty-modeling",), output_var="economics", instead=f"{STEPS}.economics:model_on_fewer_draws",
                     instead_how="a fifth of the Monte Carlo draws"),
                Step("2.3", "segment-validation", "Validation of segments", ANALYST,
                     "Validate the segments, their sizes and the assumptions behind the tiers, before they are built on",
                     needs=("1.1", "1.2"), brief=f"{STEPS}.segments:what_to_check", fallback_agent=STRATEGIST,
                     skills=("member-insights",), output_var="segments_validated", due_hours=16,
                     evidence="The report or list that you compared the segments and their sizes with"),
            )),
            Stage("3", "Governance packet", "sequential", (
                Step("3.1", "governance-packet", "Governance packet", STRATEGIST,
                     "Merge gate: owners, cadences, KPIs and thresholds for launch",
                     governs=("kpis",),
                     needs=("2.1", "2.2", "2.3"), run=f"{REPORT}:write_packet", fallback_agent=OPS,
                     output_var="packet"),
            ), merge_gate=True),
            Stage("4", "Approvals", "parallel", (
                Step("4.1", "finance-approval", "Finance approval", "finance", "Approve budget and return",
                     needs=("3.1",), gate=FINANCE_GATE, fallback_agent=SPONSOR, output_var="finance_approval"),
                Step("4.2", "legal-approval", "Legal approval", "legal", "Approve terms and constraints",
                     needs=("3.1",), gate=LEGAL_GATE, fallback_agent=SPONSOR, output_var="legal_approval"),
            )),
            Stage("5", "Publication", "sequential", (
                Step("5.1", "publish-blueprint", "Publish the blueprint", OPS,
                     "Write the approved tiers, benefits and triggers to the program",
                     needs=("4.1", "4.2"), run=f"{STEPS}.publish:publish", apply=f"{RECORDS}:apply_blueprint",
                     compensate=f"{RECORDS}:withdraw_blueprint", fallback_agent=STRATEGIST, output_var="published"),
            )),
        ),
        ladder=(
            Rung((STRATEGIST,), hours=8),
            Rung(("finance", "legal"), hours=8),
            Rung(("exec-sponsor",), hours=16, effect="add authority"),
        ),
        triggers=(
            Trigger(NEGATIVE_ROI, "The model shows a negative return", breaches=2, pulls_ripcord=True),
            Trigger(COMPLIANCE_BLOCKER, "Compliance blocker", breaches=1, pulls_ripcord=True),
        ),
        reading_units={NEGATIVE_ROI: MONEY},
        tool_hooks=(
            ToolHook("Serena", "Differences in catalogue and tiers", ToolWork.DEFINITIONS, "tier-design", "design.tiers", "context.tiers"),
            ToolHook("Context7", "Compliance documents", ToolWork.PROCEDURES, "governance-packet"),
            ToolHook("Sequential Thinking", "Scenario modelling", ToolWork.COMPARISON, "economic-modeling", "outputs.alternatives", "economics.recommendation"),
            ToolHook("Playwright", "Testing redemption flows", ToolWork.FLOW, "lifecycle-mapping", "redemption page"),
        ),
        roles=standard("loyalty-strategist", "member-insights-analyst", "loyalty-ops", "finance", "legal", "exec-sponsor"),
        checklist=(*checklist.STANDARD, checklist.CONSTRAINTS),
        success_metrics=(
            SuccessMetric("retention", "Repeat rate within 90 days", "not below the baseline", unit="share", comparator=">=",
                          aim="signals.repeat_rate", source="Purchases, measured by later runs of monitor-loyalty",
                          later=f"{MONITOR} data.repeat_rate",
                          absent="It is measured after the program has started; no run of monitor-loyalty has ended since."),
            SuccessMetric("nrr", "Net revenue retention", "what it is today, raised by the break-even lift", "signals.nrr",
                          unit="share", comparator=">=", aim="packet.nrr_target",
                          source="Purchases: spend of those who bought in the period before, since then over then",
                          later=f"{MONITOR} data.nrr"),
            SuccessMetric("lift", "Lift in spend of members", "at or above the break-even lift", "economics.expected_lift",
                          unit="share", comparator=">=", aim="economics.break_even_lift", source="Model, on the stated assumptions"),
            SuccessMetric("cost_per_point", "Cost per point", "within 10 % of the model", "economics.cost_per_point",
                          unit="money", comparator="<=", aim="economics.cost_per_point*1.1",
                          source="The program's cost of a redeemed point"),
        ),
        success_metrics_for=goal_metrics,
        outputs=(
            "Program blueprint table (tiers, requirements, benefits, KPIs)",
            "Lifecycle trigger matrix (event → loyalty action → channel → owner)",
            "Financial model summary (cost, expected lift, break-even timeline)",
            "Plan JSON entry stored and updated for the audit trail",
        ),
        deliverables=("blueprint", "kpis", "trigger_matrix", "financial_model", "packet"),
        limits=(
            GuardrailLimit("roi", "Return on cost over the horizon, the launch included", ">=", "0", "share", "Negative ROI twice holds the plan"),
            GuardrailLimit("net_present_value", "Net present value, the launch included", ">=", "0", "money", "Negative ROI twice holds the plan"),
            GuardrailLimit("reward_cost", "Reward cost a year", "<=", "design.annual_budget", "money", "budget"),
        ),
        outside_parties=(
            OutsideParty("legal", "Legal", "legal", gives=("legal-approval",), takes=("governance-packet",)),
            OutsideParty("finance", "Finance", "finance", gives=("finance-approval",), takes=("governance-packet",)),
            OutsideParty("ops", "Operations", OPS, gives=("lifecycle-mapping",), takes=("publish-blueprint",)),
        ),
        governed_facts=("people",),
        objective=objective,
        context=gather_facts,
        required_datasets=("purchases",),
        optional_datasets=("members", "point_ledger", "survey_responses", "usage_events", "experiments"),
        data_needs=(
            DataNeed("purchases", "No plan is possible: tiers, economics and triggers all need purchases.", days=365,
                     too_short="Survival after 12 months is not available, and thresholds use only part of a year's spend."),
            DataNeed("point_ledger", "Breakage and redemption are the program's own assumption, not a forecast."),
            DataNeed("experiments", "The lift in spend is assumed, or as somebody entered it; no holdout measures it."),
            DataNeed("survey_responses", "There is no net promoter score, and no trigger that uses the answers of members."),
            DataNeed("usage_events", "Product usage is not shown."),
        ),
        amount_input="budget",
    )
)  # fmt: skip
