"""The declaration of monitor-loyalty: its form, its tasks, its gates, and when it alarms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from plans.commands.monitor_loyalty.facts import (
    ANALYST,
    KEY,
    NAME,
    OPS,
    PLUGIN,
    SPONSOR,
    STRATEGIST,
    gather_facts,
)
from plans.commands.monitor_loyalty.kpis import KPIS, LIABILITY_SPIKE
from plans.commands.shared.guardrails import RETRIES
from plans.commands.shared.thresholds import alert_triggers, alert_units
from plans.runs import checklist, registry
from plans.schemas.declaration import (
    Command,
    DataNeed,
    Gate,
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
from plans.schemas.inputs import PATTERN, Choice, TextList
from plans.schemas.roles import standard
from plans.schemas.thresholds import Thresholds
from programs.models import Program
from programs.schemas.metrics import MONEY, REPEAT_DAYS

HERE = __name__.rpartition(".")[0]  # what is named by its path is loaded when it first runs
STEPS = f"{HERE}.steps"


def objective(inputs: Mapping[str, Any], program: Program) -> str:
    by = f", by {' and '.join(inputs['dimensions'])}" if inputs.get("dimensions") else ""
    return f"Performance, member health and experiments of {program.name} over {inputs['window']}{by}"


ROADMAP_GATE = Gate(
    key="roadmap-validation",
    title="Roadmap validation",
    question="Are these the right adjustments of the roadmap, in the right order?",
    seats=(Seat(STRATEGIST, why="validates roadmap adjustments"),),
    scope=("data", "health", "insights", "experiments", "actions"),
    tolerances={"health": 0.05, "insights": 0.05},
)

MONITOR_LOYALTY = registry.register(
    Command(
        plugin=PLUGIN,
        name=NAME,
        title="Monitor a loyalty program",
        summary="Evaluates loyalty program performance, member health, and experiment impact.",
        example='/loyalty-lifecycle-orchestration:monitor-loyalty --window 30d --detail full --dimensions "tier,region"',
        program_kind="loyalty",
        action="Monitor",
        starts_from=(Origin("program"), Origin("dataset")),
        inputs=(
            Choice("window", "Time range; it ends with the last day of the purchases", default="30d", options=("7d", "30d", "quarter")),
            Choice("detail", "Report depth", default="summary", options=("summary", "full")),
            TextList("dimensions", "Breakdowns, separated by commas", options=("tier", "cohort", "region", "channel")),
            TextList("experiments", "Campaigns or tests to review, by name; if empty, all that are loaded", lower=False),
            Thresholds("alert_threshold", "KPI limits that escalate, such as retention<0.8,liability>250000", metrics=tuple(KPIS)),
            PATTERN,
            RETRIES,
        ),
        strategy="diamond",
        strategy_rationale=(
            "A pipeline (data → diagnostics → experiments → action plan) with a diamond segment: health diagnostics and "
            "experiment review read the data independently and run in parallel; the action plan is the merge gate."
        ),
        complexity="complex",
        stages=(
            Stage("1", "Data pull", "sequential", (
                Step("1.1", "data-pull", "Data pull", ANALYST,
                     "Collect enrollment, engagement, redemption, CSAT and revenue of the window",
                     run=f"{STEPS}.pull:pull_data", fallback_agent=STRATEGIST, output_var="data"),
            )),
            Stage("2", "Diagnostics and experiments", "parallel", (
                Step("2.1", "health-diagnostics", "Health diagnostics", ANALYST,
                     "Evaluate tier mix, churn risk, point liability and reward breakage", needs=("1.1",),
                     run=f"{STEPS}.health:diagnose", fallback_agent=STRATEGIST, output_var="health"),
                Step("2.2", "experiment-review", "Experiment review", ANALYST,
                     "Summarize test results with lift, guardrails and recommendations", needs=("1.1",),
                     run=f"{STEPS}.experiments:review_experiments", fallback_agent=STRATEGIST, output_var="experiments"),
            )),
            Stage("3", "Member insights", "sequential", (
                Step("3.1", "member-insights", "Member insights", ANALYST,
                     "Surface segments needing nudges, upgrade opportunities or win-back plays", needs=("2.1",),
                     run=f"{STEPS}.insights:find_plays", fallback_agent=STRATEGIST, skills=("member-insights",), output_var="insights"),
            )),
            Stage("4", "Action plan", "sequential", (
                Step("4.1", "action-plan", "Action plan", ANALYST,
                     "Merge gate: a prioritized backlog of journey tweaks, rewards refresh, messaging updates",
                     needs=("2.2", "3.1"), run=f"{STEPS}.action:plan_actions", fallback_agent=STRATEGIST, output_var="actions"),
            ), merge_gate=True),
            Stage("5", "Validation", "sequential", (
                Step("5.1", "roadmap-validation", "Roadmap validation", STRATEGIST, "Validate adjustments of the roadmap",
                     needs=("4.1",), gate=ROADMAP_GATE, fallback_agent=OPS, output_var="validation"),
            )),
            Stage("6", "Distribution", "sequential", (
                Step("6.1", "second-review", "Second review", ANALYST, "Run the review checklist again before anything is distributed",
                     needs=("5.1",), run=f"{STEPS}.review:review", fallback_agent=STRATEGIST, output_var="second_review"),
                Step("6.2", "distribute", "Distribute the report", ANALYST, "Give the validated report and backlog to their owners",
                     needs=("6.1",), fallback_agent=STRATEGIST, due_hours=16),
            )),
        ),
        ladder=(
            Rung((ANALYST,), hours=8),
            Rung((STRATEGIST,), hours=8),
            Rung((SPONSOR,), hours=16, effect="add authority"),
        ),
        triggers=(
            *alert_triggers(KPIS),
            Trigger(LIABILITY_SPIKE, "Point liability spikes", breaches=1, pulls_ripcord=True),
        ),
        reading_units=alert_units("loyalty") | {LIABILITY_SPIKE: MONEY},
        tool_hooks=(
            ToolHook("Serena", "Metric definition diffs", ToolWork.DEFINITIONS, "data-pull", "context.metrics"),
            ToolHook("Context7", "SOPs and dashboards", ToolWork.PROCEDURES, "member-insights"),
            ToolHook("Sequential Thinking", "Retro cadence", ToolWork.RETROSPECTIVE, "action-plan", "actions.backlog"),
            ToolHook("Playwright", "Verifying embedded dashboards", ToolWork.FLOW, "health-diagnostics", "dashboard"),
        ),
        roles=standard("loyalty-strategist", "member-insights-analyst", "loyalty-ops", "finance", "exec-sponsor"),
        checklist=checklist.STANDARD,
        success_metrics=(
            SuccessMetric("retention", "Retention", "not below its threshold, or the window before", "data.kpis.retention", unit="share",
                          comparator=">=", aim="thresholds.retention|data.kpis_before.retention", source="Purchases of the window",
                          later=f"{KEY} data.kpis.retention"),
            SuccessMetric("repeat_rate", f"Repeat rate within {REPEAT_DAYS} days", "not below the blueprint's target, or the window before",
                          "data.repeat_rate", unit="share", comparator=">=", aim="thresholds.repeat_rate|data.kpis_before.repeat_rate",
                          source="Purchases up to the end of the window", later=f"{KEY} data.repeat_rate"),
            SuccessMetric("liability", "Point liability", "within its threshold, or below what counts as a spike", "health.liability",
                          unit="money", comparator="<=", aim="thresholds.liability|health.liability_limit", source="Point ledger and the cost of a point", later=f"{KEY} health.liability"),
            SuccessMetric("engagement_lift", "Engagement, change against the window before", "not below the window before", "data.engagement_lift", unit="share",
                          comparator=">=", aim="0", source="Members with a purchase in both windows; a change, nothing was randomised", later=f"{KEY} data.engagement_lift",
                          absent="Nobody bought in the window before."),
            SuccessMetric("alert_remediation_time", "Alert remediation time", "within its threshold, or the working hours of the ladder",
                          "data.remediation_held", unit="hours", comparator="<=",
                          aim="thresholds.alert_remediation_time|ladder.hours", source="Cases of alerts of this program",
                          later=f"{KEY} data.remediation_held",
                          absent="No alert of this program has been resolved yet."),
        ),
        outputs=(
            "Dashboard snapshot with KPI trends and drilldowns",
            "Risk/Opportunity list referencing data points and owners",
            "Experiment readouts plus next-test suggestions",
            "Plan JSON entry stored and updated for the audit trail",
        ),
        deliverables=("kpis", "health", "plays", "experiments", "risks", "backlog"),
        outside_parties=(
            OutsideParty("bi", "Business intelligence", ANALYST, gives=("data-pull",), takes=("distribute",)),
            OutsideParty("crm", "CRM", OPS, gives=("data-pull",), takes=("action-plan",)),
            OutsideParty("experimentation", "Experimentation", STRATEGIST, gives=("experiment-review",), takes=("action-plan",)),
        ),
        governed_facts=("metrics", "people", "blueprint"),
        objective=objective,
        context=gather_facts,
        required_datasets=("purchases",),
        optional_datasets=("members", "point_ledger", "survey_responses", "experiments"),
        data_needs=(
            DataNeed("purchases", "There is nothing to monitor.", days=180,
                     too_short="The repeat rate of a quarter and the check of the churn forecast use only few members.",
                     columns={"region": "There is no breakdown of purchases by region.",
                              "channel": "There is no breakdown of purchases by channel."}),
            DataNeed("members", "Enrollments are not available, and tiers are computed from spend only.",
                     columns={"tier": "Tiers are computed from spend only, and not compared with the tiers that members hold."}),
            DataNeed("point_ledger", "Engagement by redemptions, point liability and breakage are not available."),
            DataNeed("survey_responses", "Satisfaction is not available."),
            DataNeed("experiments", "No experiment is evaluated."),
        ),
    )
)  # fmt: skip
