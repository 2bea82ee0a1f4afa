"""The declaration of optimize-referrals: its form, its tasks, its gates, and when it alarms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from plans.commands.optimize_referrals.facts import (
    ARCHITECT,
    KEY,
    LIFECYCLE,
    NAME,
    PARTNERS,
    PLUGIN,
    SPONSOR,
    gather_facts,
)
from plans.commands.optimize_referrals.kpis import KPIS
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

HERE = __name__.rpartition(".")[0]  # what is named by its path is loaded when it first runs
STEPS, REPORT, RECORDS = f"{HERE}.steps", f"{HERE}.report", f"{HERE}.records"


def objective(inputs: Mapping[str, Any], program: Program) -> str:
    by = f", by {' and '.join(inputs['dimensions'])}" if inputs.get("dimensions") else ""
    return f"Referral performance, risk and partner health of {program.name} over {inputs['window']}{by}"


PLAYBOOK_GATE = Gate(
    key="playbook-approval",
    title="Playbook approval",
    question="Are these the right experiments in the right order, and are the risk findings sound enough to act on?",
    seats=(Seat(ARCHITECT, why="prioritizes experiments and approvals"),),
    scope=("performance", "risk", "partners", "playbook"),
    tolerances={"performance": 0.05, "partners": 0.05},
)

OPTIMIZE_REFERRALS = registry.register(
    Command(
        plugin=PLUGIN,
        name=NAME,
        title="Optimize a referral program",
        summary="Analyzes referral performance, fraud risk, and partner health to recommend improvements.",
        example='/referral-program-orchestration:optimize-referrals --window 30d --detail full --dimensions "channel,partner-tier"',
        program_kind="referral",
        action="Optimise referrals",
        starts_from=(Origin("program"), Origin("dataset")),
        inputs=(
            Choice("window", "Analysis horizon; it ends with the last day of the data", default="30d", options=("7d", "30d", "90d")),
            Choice("detail", "Length of the output", default="summary", options=("summary", "full")),
            TextList("dimensions", "Breakdowns, separated by commas", options=("channel", "persona", "partner-tier", "region")),
            TextList("experiments", "Tests to evaluate, by name, separated by commas", lower=False),
            Thresholds("alert_threshold", "KPI limits that escalate, such as conversion<0.05,fraud_rate>0.03", metrics=tuple(KPIS)),
            PATTERN,
            RETRIES,
        ),
        strategy="diamond",
        strategy_rationale=(
            "A pipeline (data refresh → diagnostics → risk review → partner health → action plan) with a diamond block: "
            "diagnostics and risk review read the refreshed data independently and run in parallel; partner health is "
            "the merge gate before the playbook."
        ),
        complexity="complex",
        stages=(
            Stage("1", "Data refresh", "sequential", (
                Step("1.1", "data-refresh", "Data refresh", LIFECYCLE,
                     "Pull submissions, conversions, payouts, fraud flags and NPS per dimension",
                     run=f"{STEPS}.refresh:refresh_data", fallback_agent=ARCHITECT, output_var="data"),
            )),
            Stage("2", "Diagnostics and risk", "parallel", (
                Step("2.1", "performance-diagnostics", "Performance diagnostics", ARCHITECT,
                     "Inspect the funnel from invitation to revenue, and incentive efficiency", needs=("1.1",),
                     run=f"{STEPS}.performance:diagnose", fallback_agent=LIFECYCLE, output_var="performance"),
                Step("2.2", "risk-review", "Risk review", ARCHITECT,
                     "Run fraud heuristics, identify suspicious cohorts, hold the log of payouts against the rules of paying", needs=("1.1",),
                     run=f"{STEPS}.risk:review_risk", apply=f"{RECORDS}:open_cases", fallback_agent=LIFECYCLE,
                     skills=("fraud-detection",), output_var="risk"),
            )),
            Stage("3", "Partner health and payout log", "parallel", (
                Step("3.1", "partner-health", "Partner health", PARTNERS,
                     "Evaluate top and bottom partners, share of voice and engagement", needs=("2.1", "2.2"),
                     run=f"{STEPS}.partners:assess_partners", apply=f"{RECORDS}:note_tiers", fallback_agent=ARCHITECT, skills=("partner-ops",), output_var="partners"),
                Step("3.2", "compliance-log", "Confirmation of the payout log", PARTNERS,
                     "Confirm that the log of payouts is complete and that each break of a rule is explained", needs=("2.2",),
                     brief=f"{STEPS}.confirmation:what_to_confirm", fallback_agent=ARCHITECT, skills=("partner-ops",),
                     output_var="compliance_confirmed", due_hours=16,
                     evidence="The export or report that you compared the log of payouts with"),
            ), merge_gate=True),
            Stage("4", "Playbook", "sequential", (
                Step("4.1", "playbook", "Playbook", ARCHITECT,
                     "Recommend experiments on incentive, message and partner enablement with expected impact",
                     needs=("3.1",), run=f"{STEPS}.playbook:write_playbook", fallback_agent=LIFECYCLE, output_var="playbook"),
            )),
            Stage("5", "Approval", "sequential", (
                Step("5.1", "playbook-approval", "Playbook approval", ARCHITECT, "Approve what is recommended before it goes out",
                     needs=("3.2", "4.1"), gate=PLAYBOOK_GATE, fallback_agent=LIFECYCLE, skills=("fraud-detection",), output_var="playbook_approval"),
            )),
            Stage("6", "Distribution", "sequential", (
                Step("6.1", "hand-over", "Hand over", LIFECYCLE, "Give out the approved backlog, messages and payout holds",
                     needs=("5.1",), run=f"{REPORT}:hand_over", fallback_agent=PARTNERS,
                     output_var="handed_over"),
            )),
            Stage("7", "Implementation", "parallel", (
                Step("7.1", "tooling-changes", "Tooling and messaging changes", LIFECYCLE,
                     "Implement the approved changes of tooling and messages", needs=("6.1",), fallback_agent=PARTNERS,
                     due_hours=40),
                Step("7.2", "partner-communications", "Partner communications", PARTNERS,
                     "Coordinate what partners hear", needs=("6.1",), fallback_agent=LIFECYCLE, skills=("partner-ops",),
                     due_hours=40),
            )),
        ),
        ladder=(
            Rung((ARCHITECT,), hours=8),
            Rung((PARTNERS,), hours=8),
            Rung((SPONSOR,), hours=16, effect="add authority"),
        ),
        triggers=(
            *alert_triggers(KPIS),
            Trigger("fraud-spike", "Fraud risk spikes in a cohort", breaches=1, pulls_ripcord=True),
        ),
        reading_units=alert_units("referral") | {"fraud-spike": "%"},
        tool_hooks=(
            ToolHook("Serena", "Schema diffs", ToolWork.DEFINITIONS, "data-refresh", "datasets"),
            ToolHook("Context7", "Referral SOPs and partner communications", ToolWork.PROCEDURES, "partner-health"),
            ToolHook("Sequential Thinking", "Retro cadence", ToolWork.RETROSPECTIVE, "playbook", "playbook.backlog"),
            ToolHook("Playwright", "Offer flows or portal checks", ToolWork.FLOW, "performance-diagnostics", "portal"),
        ),
        roles=standard("referral-architect", "lifecycle-ops", "partner-ops", "finance", "exec-sponsor"),
        checklist=checklist.STANDARD,
        success_metrics=(
            SuccessMetric("conversion_lift", "Conversion, change against the window before", "not below the window before", "performance.conversion_lift", unit="share",
                          comparator=">=", aim="0", source="Referrals of both windows; a change, nothing was randomised", later=f"{KEY} performance.conversion_lift",
                          absent="The window before holds nothing to compare with."),
            SuccessMetric("fraud_reduction", "Fraud reduction", "share proposed for hold not above the window before", "risk.fraud_reduction",
                          unit="share", comparator=">=", aim="0", source="Referrals the screen proposes to hold, of both windows",
                          later=f"{KEY} risk.fraud_reduction", absent="The window before holds nothing to compare with."),
            SuccessMetric("partner_nps", "Partner NPS", "not below its threshold, or 0", "partners.partner_nps", unit="points",
                          comparator=">=", aim="thresholds.partner_nps|0", source="Survey answers of partners in the window",
                          later=f"{KEY} partners.partner_nps", absent="No partner answered a survey in the window."),
        ),
        outputs=(
            "Performance dashboard snapshot with annotated insights",
            "Fraud and risk summary referencing fraud-detection skill outputs",
            "Optimization backlog with owners, ETA and projected lift",
            "Plan JSON entry stored and updated for the audit trail",
        ),
        deliverables=("dashboard", "funnel", "risk", "fraud_cases", "control_chart", "partner_health", "backlog", "playbook", "payout_holds"),
        outside_parties=(
            OutsideParty("bi", "Business intelligence", LIFECYCLE, gives=("data-refresh",), takes=("hand-over",)),
            OutsideParty("fraud", "Fraud", ARCHITECT, gives=("risk-review",), takes=("risk-review",)),
            OutsideParty("partner-ops", "Partner operations", PARTNERS, gives=("partner-health",), takes=("partner-communications",)),
        ),
        governed_facts=("metrics", "people"),
        objective=objective,
        context=gather_facts,
        required_datasets=("referrals",),
        optional_datasets=("referral_payouts", "partner_activity", "survey_responses", "experiments"),
        data_needs=(
            DataNeed("referrals", "There is nothing to optimise.", days=60,
                     too_short="There is no window before it to compare with.",
                     columns={"partner_id": "Health of partners is not available.",
                              "revenue": "Revenue and the effect of incentives are not available.",
                              "device_id": "The fraud screen cannot use shared devices.",
                              "payment_hash": "The fraud screen cannot use shared payment instruments.",
                              "fraud": "The accuracy of the fraud screen is not known."}),
            DataNeed("referral_payouts", "What was paid is not known, and the log of payouts is not checked."),
            DataNeed("partner_activity", "Partners are assessed by their referrals only, not by their activity."),
            DataNeed("survey_responses", "The net promoter score of partners is not available."),
            DataNeed("experiments", "No test is evaluated."),
        ),
    )
)  # fmt: skip
