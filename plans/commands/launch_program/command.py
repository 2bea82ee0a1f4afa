"""The declaration of launch-program: what the engine does, around what the runbooks of a launch's channels ask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gtm.core.errors import InvalidInput, Problem
from gtm.core.later import later
from plans.commands.launch_program.facts import (
    check_material,
    date_can_be_made,
    everybody_is_named,
    gather_facts,
    is_a_working_day,
    not_live_yet,
    reviews_have_data,
)
from plans.commands.launch_program.steps.timetable import (
    COVERED_BY,
    Row,
    Timetable,
    approvals_of,
    blockers,
    covered_by,
    reviews_of,
    rows_of,
    timetable,
)
from plans.commands.shared.guardrails import RETRIES
from plans.commands.shared.thresholds import alert_triggers, alert_units
from plans.runs import checklist, registry
from plans.schemas.declaration import (
    ChecklistItem,
    Command,
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
from plans.schemas.inputs import PATTERN, Day, Known, KnownList, TextList
from plans.schemas.roles import standard
from programs.analytics.dependencies import Dependencies
from programs.models import APPROVALS, GO_NO_GO, LEAST_READINESS, Program, RunbookPhase
from programs.schemas.metrics import titles_of

if TYPE_CHECKING:
    from programs.analytics import task_network
else:
    task_network = later("programs.analytics.task_network")

HERE = __name__.rpartition(".")[0]  # what is named by its path is loaded when it first runs
STEPS, REPORT, RECORDS = f"{HERE}.steps", f"{HERE}.report", f"{HERE}.records"
OPS, ARCHITECT, PARTNERS, SPONSOR = "lifecycle-ops", "referral-architect", "partner-manager", "exec-sponsor"
PARTNER_OPS = "partner-ops"
PREPARED = frozenset({"checklist", "legal", "finance", "creative", "partner"})
"""Groups of the checklist that prepare a launch and build nothing that quality checks could try."""
CHECKLIST, KIT, SESSIONS, QA, PACKET, READINESS, GO_LIVE, OUTCOMES = (
    "checklist",
    "comms-kit",
    "sessions",
    "tooling-qa",
    "launch-packet",
    "readiness",
    "go-live",
    "outcome-log",
)
LIMITED = titles_of("referral")
"""What a limit of the monitoring plan may name, with titles: each is a trigger of its own."""
MATERIAL, RUNBOOKS = "context.launch", ("context.runbooks", "context.channels")

LEGAL = Gate(
    key="legal-approval",
    title="Legal approval",
    question="Are terms, claims and personal data correct for this date and these channels?",
    seats=(Seat("legal", why="signs the terms of every launch"),),
    scope=("launch_date", "channels", "kit", "packet"),
    reauthenticate=True,
)
FINANCE = Gate(
    key="finance-approval",
    title="Finance approval",
    question="Are rewards funded and is fulfilment accounted for?",
    seats=(Seat("finance", why="signs what a launch commits to pay"),),
    scope=("launch_date", "packet"),
    reauthenticate=True,
)
PARTNER = Gate(
    key="partner-approval",
    title="Partner approval",
    question="Have partners agreed to the date, the channels and the texts about them?",
    seats=(Seat(PARTNERS, why="represents the partners"),),
    scope=("launch_date", "channels", "kit", "packet"),
)
DECISION = Gate(
    key=GO_NO_GO,
    title="Go or no-go",
    question="Does the program go live on this date?",
    seats=(Seat(SPONSOR, why="is accountable for every launch"),),
    scope=("launch_date", "channels", "kit", "packet", "readiness"),
)


def own_gate(row: Row) -> Step:
    """An approval that a runbook adds: whoever holds its responsible role decides, with what legal sees."""
    question = row["purpose"] or f"Is this launch right for {row['name']}?"
    gate = Gate(
        row["key"],
        row["name"],
        question,
        (Seat(row["responsible"], why="asked for by the runbook"),),
        LEGAL.scope,
    )
    return Step("", gate.key, gate.title, row["responsible"], question, gate=gate, fallback_agent=covered_by(row),
                output_var=gate.key.replace("-", "_"), reads=gate.scope)  # fmt: skip


def stages_for(inputs: Mapping[str, Any], facts: Mapping[str, Any]) -> tuple[Stage, ...]:
    """The stages of a run with every task's due date. Raises InvalidInput where no schedule is possible."""
    rows = rows_of(inputs, facts)
    try:
        found = timetable(inputs, facts)
    except (task_network.ScheduleError, ValueError) as error:
        problems = [Problem("runbook", told) for told in getattr(error, "problems", (str(error),))]
        raise InvalidInput("The runbooks cannot be scheduled.", problems=problems) from error
    return with_due_dates(assemble(rows, approvers=inputs.get("approvers", ())), found)


def with_due_dates(stages: Sequence[Stage], found: Timetable) -> tuple[Stage, ...]:
    return tuple(
        replace(stage, steps=tuple(replace(step, due_date=found.due.get(step.key)) for step in stage.steps))
        for stage in stages
    )


def assemble(rows: Sequence[Row], *, approvers: Sequence[str] = ()) -> tuple[Stage, ...]:
    """The stages around these runbook tasks; without any, what every launch has."""
    made = _Numbers(rows)
    merged = blockers(rows, RunbookPhase.COMMUNICATIONS, RunbookPhase.ENABLEMENT)
    seats = [Seat(role, why="asked for at the start of the launch") for role in approvers]
    asked = {seat.role for seat in DECISION.seats}
    decision = replace(DECISION, seats=(*DECISION.seats, *(s for s in seats if s.role not in asked)))
    return tuple(
        stage
        for stage in (
            made.stage("1", "Checklist creation", [
                Step("", CHECKLIST, "Launch checklist", OPS,
                     "Pull the runbook, name owners and schedule backward from the launch date",
                     run=f"{STEPS}.checklist:create_checklist", fallback_agent=PARTNERS,
                     output_var="runbook", reads=("launch_date", "channels", *RUNBOOKS)),
            ]),
            made.stage("2", "Tooling and QA", made.people(RunbookPhase.TOOLING)),
            made.stage("3", "Communications and enablement", [
                Step("", KIT, "Communications kit", OPS,
                     "Render launch e-mails, in-app prompts, posts, landing page, partner kit and support script",
                     needs=(CHECKLIST,), run=f"{STEPS}.communications:render_kit", fallback_agent=PARTNERS, output_var="kit", reads=("launch_date", "channels", "segments", MATERIAL)),
                Step("", SESSIONS, "Training and enablement", PARTNERS,
                     "Schedule sessions for sales and customer success, write FAQ and help-centre list",
                     needs=(CHECKLIST,), run=f"{STEPS}.sessions:schedule_sessions",
                     apply=f"{RECORDS}:hand_out", compensate=f"{RECORDS}:call_off_events", fallback_agent=OPS, skills=("partner-ops",), output_var="enablement", reads=("launch_date", "channels", "segments", MATERIAL, *RUNBOOKS)),
            ]),
            made.stage("4", "Communications", made.people(RunbookPhase.COMMUNICATIONS, after=KIT)),
            made.stage("5", "Training and enablement", made.people(RunbookPhase.ENABLEMENT, after=SESSIONS)),
            made.stage("6", "Tracking QA", [
                Step("", QA, "Link and tracking QA", OPS,
                     "Check every link of the kit, follow it and run the referral flow",
                     needs=(KIT, *tooling_before_qa(rows)), run=f"{STEPS}.link_qa:check_links", fallback_agent=PARTNERS,
                     instead=f"{STEPS}.link_qa:check_links_patiently", instead_how="three times as long for each link",
                     output_var="link_qa", reads=("launch_date", "channels", "segments", MATERIAL), expected_seconds=30),
            ]),
            made.stage("7", "Merge", [
                Step("", PACKET, "Launch packet", OPS,
                     "Merge gate: day-of checklist and monitoring plan, when communications and enablement are done",
                     needs=(CHECKLIST, KIT, SESSIONS, QA, *merged), run=f"{REPORT}:write_packet",
                     fallback_agent=PARTNERS, output_var="packet",
                     reads=("launch_date", "channels", *RUNBOOKS)),
            ], merge_gate=True),
            made.stage("8", "Approvals", [
                Step("", LEGAL.key, LEGAL.title, "legal", "Approve terms, claims and personal data",
                     needs=(PACKET, *reviews_of("legal", rows)), gate=LEGAL, fallback_agent=COVERED_BY[LEGAL.key], output_var="legal_approval", reads=LEGAL.scope),
                Step("", FINANCE.key, FINANCE.title, "finance", "Approve rewards and fulfilment",
                     needs=(PACKET, *reviews_of("finance", rows)), gate=FINANCE, fallback_agent=COVERED_BY[FINANCE.key], output_var="finance_approval", reads=FINANCE.scope),
                Step("", PARTNER.key, PARTNER.title, PARTNERS, "Confirm what partners agreed to",
                     needs=(PACKET, *reviews_of(PARTNERS, rows)), gate=PARTNER, fallback_agent=COVERED_BY[PARTNER.key], output_var="partner_approval", skills=("partner-ops",),
                     reads=PARTNER.scope),
                *(
                    replace(own_gate(row), needs=(PACKET, *row["needs"], *reviews_of(row["responsible"], rows)))
                    for row in rows
                    if row["phase"] == RunbookPhase.APPROVAL and row["key"] not in (*APPROVALS, GO_NO_GO)
                ),
            ]),
            made.stage("9", "Readiness", [
                Step("", READINESS, "Launch readiness", OPS,
                     "Weigh what is done; an open blocker or a date that has passed holds it",
                     needs=approvals_of(rows), run=f"{STEPS}.readiness:review_and_assess",
                     hold=f"{REPORT}:why_not_ready", fallback_agent=PARTNERS, output_var="readiness", reads=("launch_date", "channels", MATERIAL)),
            ]),
            made.stage("10", "Go or no-go", [
                Step("", GO_NO_GO, DECISION.title, SPONSOR, "Decide whether the program goes live",
                     needs=(READINESS,), gate=decision, output_var="go_no_go", reads=DECISION.scope),
            ]),
            made.stage("11", "Day of launch", made.people(RunbookPhase.DAY_OF, after=GO_NO_GO)),
            made.stage("12", "Go-live", [
                Step("", GO_LIVE, "Go live", OPS,
                     "Confirm the day-of checklist, go live on the launch date and book the reviews",
                     needs=(GO_NO_GO, *blockers(rows, RunbookPhase.DAY_OF)), run=f"{STEPS}.golive:go_live",
                     apply=f"{RECORDS}:apply_go_live",
                     compensate=f"{RECORDS}:withdraw_go_live", hold=f"{REPORT}:why_not_live",
                     fallback_agent=PARTNERS, output_var="go_live", reads=("launch_date", "channels", *RUNBOOKS)),
            ]),
            made.stage("13", "Monitoring", made.people(RunbookPhase.MONITORING, after=GO_LIVE)),
            made.stage("14", "Outcomes", [
                Step("", OUTCOMES, "Outcome log", OPS, "Log what came of the launch and how it was answered",
                     needs=(GO_LIVE, *(r["key"] for r in rows if r["phase"] == RunbookPhase.MONITORING)),
                     run=f"{STEPS}.outcomes:log_outcomes", fallback_agent=PARTNERS,
                     output_var="outcomes", reads=("launch_date",)),
            ]),
        )
        if stage.steps
    )  # fmt: skip


def tooling_before_qa(rows: Sequence[Row]) -> list[str]:
    """What has to be built before links and tracking can be tried."""
    return [r["key"] for r in rows if r["phase"] == RunbookPhase.TOOLING and r["group"] not in PREPARED]


class _Numbers:
    """Numbers tasks stage by stage and turns needs from keys into numbers."""

    def __init__(self, rows: Sequence[Row]):
        self._rows = rows
        self._number: dict[str, str] = {}

    def people(self, phase: str, *, after: str = "") -> list[Step]:
        """The runbook's tasks of a phase; those that wait for none of them wait for ``after``."""
        rows = [row for row in self._rows if row["phase"] == phase]
        keys = {row["key"] for row in rows}
        return [
            Step(
                "",
                row["key"],
                row["name"],
                row["responsible"],
                row["purpose"],
                needs=(*row["needs"], *((after,) if after and keys.isdisjoint(row["needs"]) else ())),
                fallback_agent=row["substitute"],
                skills=("partner-ops",) if row["group"] == "partner" else (),
                output_var=row["key"].replace("-", "_"),
                reads=(),
                evidence=row.get("evidence", ""),
            )
            for row in rows
        ]

    def stage(self, stage_id: str, name: str, steps: Sequence[Step], *, merge_gate: bool = False) -> Stage:
        """Needs that no task meets stay as they are: the registry names them."""
        for n, step in enumerate(steps, start=1):
            self._number.setdefault(step.key, f"{stage_id}.{n}")
        numbered = [
            replace(
                step,
                task_id=f"{stage_id}.{n}",
                needs=tuple(dict.fromkeys(self._number.get(need, need) for need in step.needs)),
            )
            for n, step in enumerate(steps, start=1)
        ]
        return Stage(stage_id, name, _execution(numbered), tuple(numbered), merge_gate)


def _execution(steps: Sequence[Step]) -> str:
    """Parallel where no task of the stage leads to another."""
    within = Dependencies({step.task_id: step.needs for step in steps})
    ids = {step.task_id for step in steps}
    reached = (within.after(one) & ids for one in ids)
    return "parallel" if len(steps) > 1 and not any(reached) else "sequential"


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
            PATTERN,
            RETRIES,
        ),
        strategy="diamond",
        strategy_rationale=(
            "A pipeline (checklist → tooling → communications and enablement → go-live). Communications and enablement "
            "need nothing of each other and run in parallel; they meet at the merge gate, the launch packet, before "
            "legal, finance and partners approve and go or no-go is decided."
        ),
        complexity="very-complex",
        stages=assemble(()),
        stages_for=stages_for,
        standing=f"{REPORT}:standing_and_outlook",
        forecast=f"{REPORT}:look_ahead",
        watch=f"{STEPS}.watching:watch",
        hold=f"{REPORT}:why_not_yet",
        ladder=(
            Rung((OPS,), hours=4),
            Rung((ARCHITECT,), hours=8),
            Rung((SPONSOR,), hours=16, effect="add authority"),
        ),
        triggers=(
            Trigger("tooling-qa-failed", "Tooling QA fails twice", breaches=2, pulls_ripcord=True),
            Trigger("approval-late", "Compliance approvals slip", breaches=2, pulls_ripcord=True),
            *alert_triggers(LIMITED),
        ),
        reading_units=alert_units("referral"),
        tool_hooks=(
            ToolHook("Serena", "Runbook diffs", ToolWork.DEFINITIONS, CHECKLIST, "context.runbooks"),
            ToolHook("Context7", "SOPs and assets", ToolWork.PROCEDURES, PACKET),
            ToolHook("Sequential Thinking", "Launch reviews", ToolWork.COMPARISON, READINESS, "outputs.vetoes", "readiness.decision"),
            ToolHook("Playwright", "Referral flows and tracking QA", ToolWork.FLOW, QA),
        ),
        roles=standard("referral-architect", "lifecycle-ops", "partner-ops", "partner-manager", "creative", "customer-success", "sales", "revops", "finance", "legal", "exec-sponsor"),
        checklist=(
            ChecklistItem("launch-date", "The launch date can be made", date_can_be_made, blocking=False),
            ChecklistItem("working-day", "The launch date is a working day", is_a_working_day),
            ChecklistItem("not-live", "The program is not live yet", not_live_yet),
            ChecklistItem("raci", "Every task has exactly one accountable role", everybody_is_named),
            ChecklistItem("kit", "The kit renders with nothing missing", check_material),
            ChecklistItem("review-data", "The data of its reviews are loaded", reviews_have_data, blocking=False),
            *checklist.STANDARD,
        ),
        success_metrics=(
            SuccessMetric("readiness", "Launch readiness", "at least what the launch profile asks for (95 % where it does not say), and no open blocker",
                          "go_live.readiness", unit="share", comparator=">=", aim=f"context.launch.least_readiness*0.01|{LEAST_READINESS / 100}", source="Weighted tasks of the runbook when the program went live"),
            SuccessMetric("tracking_accuracy", "Tracking accuracy", "every link of the kit passes", "link_qa.tracking_accuracy",
                          unit="share", comparator=">=", aim="1", source="Links of the kit that were followed"),
            SuccessMetric("response_sla", "Response SLA", "every task and approval by its due date", "outcomes.response_sla",
                          unit="share", comparator=">=", aim="1", source="Due times of tasks and approvals"),
        ),
        outputs=(
            "Launch runbook with tasks, owners, due dates, and status",
            "Comms kit (emails, social posts, landing pages) packaged for GTM teams",
            "Monitoring plan linking dashboards, alerts, and incident response steps",
            "Plan JSON entry stored/updated for the audit trail",
        ),
        deliverables=("runbook", "gantt", "comms-kit", "comms-preview", "launch-calendar", "faq", "help-centre", "link-qa", "links-checked",
                       "monitoring", "incident_response", "day_of", "outcomes"),
        outside_parties=(
            OutsideParty("legal", "Legal", "legal", gives=("legal-approval",), takes=(PACKET,)),
            OutsideParty("finance", "Finance", "finance", gives=("finance-approval",), takes=(PACKET,)),
            OutsideParty("ops", "Operations", OPS, gives=(QA, GO_LIVE), takes=(CHECKLIST,)),
            OutsideParty("partner", "Partners", PARTNERS, gives=("partner-approval",), takes=(KIT, SESSIONS)),
        ),
        governed_facts=("people", "runbooks"),
        objective=objective,
        context=gather_facts,
        program_input="program",
    )
)  # fmt: skip
