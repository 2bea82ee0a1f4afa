"""The declaration of track-source: its form, its tasks, its gates, and when it alarms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from plans.cases.disputes.verbs import TRIGGER as DISPUTE
from plans.commands.shared.guardrails import RETRIES
from plans.commands.track_source.facts import gather_facts
from plans.runs import checklist, registry
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
from plans.schemas.inputs import PATTERN, Choice, Known, TextList, Window
from plans.schemas.roles import standard
from programs.models import Program

HERE = __name__.rpartition(".")[0]  # what is named by its path is loaded when it first runs
STEPS, REPORT, RECORDS = f"{HERE}.steps", f"{HERE}.report", f"{HERE}.records"
KEY = "partner-co-marketing-orchestration:track-source"
ACCURACY = "attribution-below-guardrail"
LEAD, MARKETER = "co-marketing-analytics-lead", "partner-marketer"
REVOPS, BOARD = (
    "revops",
    "governance-board",
)  # the lead validates, so somebody else carries the tasks it validates


def objective(inputs: Mapping[str, Any], program: Program) -> str:
    breakdowns = f", by {', '.join(inputs['dimensions'])}" if inputs.get("dimensions") else ""
    return f"Attribution of {inputs['campaign']} over {inputs['window']}, {inputs['detail']}{breakdowns}"


VALIDATION_GATE = Gate(
    key="results-validation",
    title="Validation of data and insights",
    question="Are the data complete, is the agreed method kept, and do the insights follow from the numbers?",
    seats=(Seat(LEAD, why="validates data and insights before partners see them"),),
    scope=("attribution", "insights", "report"),
    tolerances={"attribution": 0.01, "insights": 0.01},
)

TRACK_SOURCE = registry.register(
    Command(
        plugin="partner-co-marketing-orchestration",
        name="track-source",
        title="Track what a partner campaign sourced",
        summary="Aligns attribution, dashboards, and ROI reporting for partner co-marketing campaigns.",
        example='/partner-co-marketing-orchestration:track-source --campaign "AI Launch Tour" --window 30d --detail full',
        program_kind="partner",
        action="Track source",
        starts_from=(Origin("program"), Origin("campaign", {"campaign": "name"}), Origin("partner"), Origin("dataset")),
        inputs=(
            Known("campaign", "Joint campaign, as in briefs and assets", required=True, among="campaigns", max_length=120),
            Window("window", "Time range that ends with the data: 7d, 30d, or campaign duration", default="30d",
                   named=("campaign",), spelled={"campaign duration": "campaign", "campaign-duration": "campaign"}),
            Choice("detail", "Depth of the report", options=("summary", "full"), default="summary"),
            TextList("dimensions", "Further breakdowns, separated by commas", options=("partner", "channel", "asset", "region")),
            Choice("attribution_model", "An attribution model other than the agreed one",
                   options=("first-touch", "last-touch", "multi-touch")),
            PATTERN,
            RETRIES,
        ),
        strategy="pipeline",
        strategy_rationale=(
            "Gather, normalize, attribute, insights, reporting run one after the other. Normalization is a diamond segment: "
            "deals (currencies, stages) and people (identity across partners) are independent and run in parallel; they meet "
            "at the merge gate, reconciliation, where each deal is counted once."
        ),
        complexity="complex",
        stages=(
            Stage("1", "Data gathering", "sequential", (
                Step("1.1", "data-gathering", "Data gathering", REVOPS,
                     "Ingest analytics and CRM data from both partners using shared taxonomy and UTM parameters",
                     run=f"{STEPS}.gathering:gather_data", fallback_agent=MARKETER, output_var="gathered"),
            )),
            Stage("2", "Normalization", "parallel", (
                Step("2.1", "normalization", "Currencies and funnel stages", REVOPS, "Reconcile schemas, currencies, and funnel stages",
                     needs=("1.1",), run=f"{STEPS}.normalisation:normalise_deals", fallback_agent=MARKETER,
                     output_var="normalised"),
                Step("2.2", "identity", "People across partners", REVOPS, "Find who is one person in the records of both partners",
                     needs=("1.1",), run=f"{STEPS}.normalisation:match_people", fallback_agent=MARKETER,
                     output_var="identity"),
            )),
            Stage("3", "Reconciliation", "sequential", (
                Step("3.1", "reconciliation", "Reconciliation", REVOPS, "Merge gate: dedupe overlapping records, each deal once",
                     needs=("2.1", "2.2"), run=f"{STEPS}.reconciliation:reconcile_deals", fallback_agent=MARKETER,
                     instead=f"{STEPS}.reconciliation:reconcile_by_amount", instead_how="joins deals only where the amounts are not far apart",
                     output_var="reconciled"),
            ), merge_gate=True),
            Stage("4", "Attribution calculation", "sequential", (
                Step("4.1", "attribution", "Attribution", REVOPS,
                     "Apply the agreed model to allocate pipeline and revenue across partners and channels",
                     needs=("3.1",), run=f"{STEPS}.attribution:attribute_credit", fallback_agent=MARKETER, skills=("attribution",), output_var="attribution", expected_seconds=15),
            )),
            Stage("5", "Insight generation", "sequential", (
                Step("5.1", "insights", "Insights", REVOPS, "Highlight top-performing assets, audience segments, and drop-off points",
                     needs=("4.1",), run=f"{STEPS}.insights:generate_insights", fallback_agent=MARKETER, skills=("attribution",), output_var="insights", expected_seconds=15),
            )),
            Stage("6", "Reporting package", "sequential", (
                Step("6.1", "reporting", "Reporting package", REVOPS,
                     "Produce dashboards, executive summary, and recommended optimizations",
                     needs=("5.1",), run=f"{REPORT}:write_report", fallback_agent=MARKETER, output_var="report"),
            )),
            Stage("7", "Validation", "sequential", (
                Step("7.1", "results-validation", "Validation", LEAD, "Validate data and insights before partners see them",
                     needs=("6.1",), gate=VALIDATION_GATE, fallback_agent=MARKETER, output_var="validation"),
            )),
            Stage("8", "Publication", "sequential", (
                Step("8.1", "publish-attribution", "Publish to the partners", REVOPS,
                     "Write each partner's record and open the time to dispute it",
                     needs=("7.1",), run=f"{STEPS}.publish:gather_records", apply=f"{RECORDS}:apply_records",
                     compensate=f"{RECORDS}:withdraw_records", fallback_agent=MARKETER, output_var="published"),
            )),
            Stage("9", "Next sprint", "sequential", (
                Step("9.1", "hand-over", "Recommendations taken over", MARKETER,
                     "Receive the recommendations and plan them into the next sprint",
                     needs=("8.1",), fallback_agent=LEAD, due_hours=40),
            )),
        ),
        ladder=(
            Rung((LEAD,), hours=8),
            Rung((REVOPS, "finance"), hours=8),
            Rung(("exec-sponsor", BOARD), hours=16, effect="add authority"),
        ),
        triggers=(
            Trigger(ACCURACY, "Attribution accuracy is below the guardrail: revenue/partner governance board", breaches=2, pulls_ripcord=True, at_once=(BOARD,)),
            Trigger(DISPUTE, "A partner disputes sourced pipeline: revenue/partner governance board", breaches=1, pulls_ripcord=True, at_once=(BOARD,)),
        ),
        reading_units={ACCURACY: "%"},
        tool_hooks=(
            ToolHook("Serena", "Differences of the data model", ToolWork.DEFINITIONS, "data-gathering", "datasets"),
            ToolHook("Context7", "Documents of the partner taxonomy", ToolWork.PROCEDURES, "attribution"),
            ToolHook("Sequential Thinking", "Readout cadence", ToolWork.RETROSPECTIVE, "reporting", "report.actions"),
            ToolHook("Playwright", "Dashboard QA where it is embedded", ToolWork.FLOW, "reporting", "dashboard"),
        ),
        roles=standard("co-marketing-analytics-lead", "partner-marketer", "revops", "governance-board", "finance", "exec-sponsor"),
        checklist=checklist.STANDARD,
        success_metrics=(
            SuccessMetric("confidence", "Attribution confidence", "at or above the guardrail agreed", "attribution.confidence", unit="share",
                          comparator=">=", aim="attribution.guardrail", source="Touches, deals and identities of the run",
                          later=f"{KEY} attribution.confidence"),
            SuccessMetric("sla", "SLA adherence", "approval and hand-over within their hours", "plan.sla_adherence", unit="share",
                          comparator=">=", aim="1", source="Due times of people's tasks and approvals of this plan"),
            SuccessMetric("satisfaction", "Partner satisfaction", "a net promoter score of partners that is not below 0",
                          "report.partner_satisfaction", unit="points", comparator=">=", aim="0",
                          source="Answers of partners in survey_responses", later=f"{KEY} report.partner_satisfaction",
                          absent="No answers of partners are loaded; load them on the page Data, Load data."),
        ),
        outputs=(
            "Attribution dashboard snapshot with partner/source breakdown",
            "Revenue/pipeline contribution table vs targets",
            "Optimization action list referencing asset or channel adjustments",
            "Plan JSON entry stored/updated for the audit trail",
        ),
        deliverables=("dashboard", "credit", "contribution", "actions", "summary"),
        limits=(
            GuardrailLimit("amount_tolerance", "Distance between the partners' amounts of one deal", "<=",
                           "gathered.amount_tolerance", "share", "Measurement agreement"),
            GuardrailLimit("mismatch_tolerance", "Shared deals whose amounts are further apart", "<=",
                           "gathered.mismatch_tolerance", "share", "Measurement agreement"),
        ),
        outside_parties=(
            OutsideParty("crm", "CRM", REVOPS, gives=("data-gathering",)),
            OutsideParty("map", "Marketing automation", MARKETER, gives=("data-gathering",)),
            OutsideParty("analytics", "Analytics", LEAD, gives=("data-gathering",), takes=("reporting",)),
            OutsideParty("partners", "Partners", MARKETER, gives=("data-gathering",), takes=("publish-attribution",)),
        ),
        governed_facts=("campaigns", "people"),
        objective=objective,
        context=gather_facts,
        required_datasets=("touchpoints", "opportunities"),
        optional_datasets=("contacts", "targets", "survey_responses"),
        data_needs=(
            DataNeed("touchpoints", "There is nothing to give credit to.",
                     columns={"asset": "There are no results for single assets."}),
            DataNeed("opportunities", "There is no pipeline or revenue to give credit for.",
                     columns={"amount": "Deals count by number, not by what they are worth.",
                              "person_id": "A deal without its person has no contacts before it."}),
            DataNeed("contacts", "A person at two partners cannot be recognised as one."),
            DataNeed("targets", "Pipeline and revenue are not compared with targets."),
            DataNeed("survey_responses", "Partner satisfaction is not measured."),
        ),
        reads_partners=True,
        campaign_input="campaign",
    )
)  # fmt: skip
