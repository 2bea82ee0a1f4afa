"""launch-program: tooling, communications, enablement and go-live of a referral program, by its runbook."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from plans.commands.launch_program.facts import facts
from plans.commands.launch_program.stages import ARCHITECT, OPS, SPONSOR, assemble
from plans.runs import checklist, registry
from plans.schemas.declaration import ChecklistItem, Command, Origin, Rung, SuccessMetric, ToolHook, Trigger
from plans.schemas.inputs import Day, Known, KnownList, TextList
from programs.models import Program

STEPS = __name__  # each step is a module beside this one, loaded when it first runs


def objective(inputs: Mapping[str, Any], program: Program) -> str:
    return f"Launch {program.name} on {inputs['launch_date']} by {', '.join(inputs['channels'])}"


LAUNCH_PROGRAM = registry.register(
    Command(
        plugin="referral-program-orchestration",
        name="launch-program",
        title="Launch a referral program",
        summary="Orchestrates referral program launch tasks, tooling, and communications.",
        example='/referral-program-orchestration:launch-program --program "Customer Advocates" '
        '--launch-date 2025-12-10 --channels "email,in-app"',
        program_kind="referral",
        action="Launch",
        starts_from=(Origin("program"),),
        inputs=(
            Known("program", "Name or ID of the referral initiative", required=True, among="programs", max_length=120),
            Day("launch_date", "Target go-live date", required=True, flag="launch-date"),
            KnownList("channels", "Launch and promotion channels, separated by commas", required=True, among="channels"),
            TextList("segments", "Participant personas, separated by commas", lower=False),
            KnownList("approvers", "Further roles that decide on go or no-go, separated by commas", among="roles"),
        ),
        strategy="diamond",
        strategy_rationale=(
            "A pipeline (checklist → tooling → communications and enablement → go-live). Communications and enablement "
            "need nothing of each other and run in parallel; they meet at the merge gate, the launch packet, before "
            "legal, finance and partners approve and go or no-go is decided."
        ),
        complexity="very-complex",
        stages=assemble(()),
        stages_for=f"{STEPS}.stages:stages_for",
        standing=f"{STEPS}.standing:standing",
        ladder=(
            Rung((OPS,), hours=4),
            Rung((ARCHITECT,), hours=8),
            Rung((SPONSOR,), hours=16, effect="add authority"),
        ),
        triggers=(
            Trigger("tooling-qa-failed", "Tooling QA fails twice", breaches=2, pulls_ripcord=True),
            Trigger("approval-late", "Compliance approvals slip", breaches=2, pulls_ripcord=True),
        ),
        tool_hooks=(
            ToolHook("Serena", "Runbook diffs"),
            ToolHook("Context7", "SOPs and assets"),
            ToolHook("Sequential Thinking", "Launch reviews"),
            ToolHook("Playwright", "Referral flows and tracking QA"),
        ),
        checklist=(
            ChecklistItem("launch-date", "The launch date can be made", f"{STEPS}.checks:date_can_be_made", blocking=False),
            ChecklistItem("not-live", "The program is not live yet", f"{STEPS}.checks:not_live_yet"),
            ChecklistItem("raci", "Every task has exactly one accountable role", f"{STEPS}.checks:everybody_is_named"),
            ChecklistItem("kit", "The kit renders with nothing missing", f"{STEPS}.material:check_material"),
            *checklist.STANDARD,
        ),
        success_metrics=(
            SuccessMetric("readiness", "Launch readiness", "at least 95 % and no open blocker", "go_live.readiness"),
            SuccessMetric("tracking_accuracy", "Tracking accuracy", "every link of the kit passes", "link_qa.tracking_accuracy"),
            SuccessMetric("response_sla", "Response SLA", "every task and approval by its due date", "outcomes.response_sla"),
        ),
        outputs=(
            "Launch runbook with tasks, owners, due dates, and status",
            "Comms kit (emails, social posts, landing pages) packaged for GTM teams",
            "Monitoring plan linking dashboards, alerts, and incident response steps",
            "Plan JSON entry stored/updated for the audit trail",
        ),
        deliverables=("runbook", "gantt", "comms-kit", "comms-preview", "launch-calendar", "faq", "help-centre", "link-qa", "links-checked",
                       "monitoring", "incident_response", "day_of", "outcomes"),
        outside_parties=("legal", "finance", "ops", "partner"),
        objective=objective,
        context=facts,
        program_input="program",
    )
)  # fmt: skip
