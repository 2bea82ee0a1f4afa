"""All transition tables, of programs as of plans, on one screen each. The only source of what can happen to what.

Nothing imports this module but the app's start-up: everybody else asks ``gtm.core.fsm``.
"""

from __future__ import annotations

from gtm.core.fsm import Machine, system_only, to
from plans.engine.alarms import blockers
from plans.engine.people import separation, taken_back
from plans.engine.people.authority import may_second, may_withdraw_change
from plans.engine.people.permissions import (
    may_adopt_policy,
    may_answer,
    may_manage_programs,
    may_manage_webhooks,
    may_operate,
    may_pull_ripcord,
    may_release_ripcord,
    may_review_break_glass,
    may_try_again,
    may_use_break_glass,
    may_withdraw_policy,
    may_work_on,
)
from plans.engine.running import flow
from plans.engine.stopping import stopped
from plans.models import (
    FINAL_PLAN_STATES,
    Approval,
    ApprovalState,
    BreakGlass,
    BreakGlassState,
    Escalation,
    EscalationState,
    Notification,
    NotificationState,
    Plan,
    PlanState,
    PolicyState,
    PolicyVersion,
    RipcordPull,
    RipcordState,
    ScheduledRun,
    ScheduledRunState,
    Task,
    TaskState,
    WebhookState,
    WebhookSubscription,
)
from programs.models import LIVE_PROGRAM_STATES, GuardedChange, GuardedState, Program

PROGRAM = Machine(
    Program,
    states=("draft", "planning", "active", "paused", "held", "completed", "aborted", "cancelled", "archived"),
    final=frozenset({"aborted", "archived"}),
    transitions=(
        to("plan", "draft", "planning", permission=may_manage_programs),
        to("activate", "draft planning", "active", permission=may_manage_programs),
        to("pause", "active", "paused", permission=may_manage_programs, comment_required=True),
        to("resume", "paused", "active", permission=may_manage_programs, comment_required=True),
        to("hold", LIVE_PROGRAM_STATES, "held", permission=system_only, guards=(stopped.program_is_pulled,), comment_required=True),
        to("release", "held", stopped.program_before_hold, permission=system_only, guards=(stopped.program_pull_is_closed,), comment_required=True),
        to("abort", "held", "aborted", permission=system_only, guards=(stopped.program_pull_is_closed,), comment_required=True),
        to("complete", "active", "completed", permission=may_manage_programs),
        to("cancel", "draft planning active paused", "cancelled", permission=may_manage_programs, comment_required=True),
        to("archive", "completed cancelled", "archived", permission=may_manage_programs),
    ),
)  # fmt: skip

GUARDED_CHANGE = Machine(
    GuardedChange,
    states=tuple(GuardedState.values),
    final=frozenset({"approved", "refused", "withdrawn", "confirmed"}),
    transitions=(
        to("approve", "proposed", "approved", permission=may_second, writes="decided_by decided_at", label="Agree"),
        to("refuse", "proposed", "refused", permission=may_second, comment_required=True, writes="decided_by decided_at"),
        to("withdraw", "proposed", "withdrawn", permission=may_withdraw_change, writes="decided_by decided_at"),
        to("make_single_handed", "proposed", "single_handed", permission=system_only),
        to("confirm", "single_handed", "confirmed", permission=may_second, writes="decided_by decided_at"),
    ),
)  # fmt: skip

_ROLLING = "draft in_review changes_requested approved running blocked paused"

PLAN = Machine(
    Plan,
    states=tuple(PlanState.values),
    final=FINAL_PLAN_STATES,
    transitions=(
        to("submit", "draft", "in_review", permission=may_operate, label="Submit for review"),
        to("accept", "in_review", "approved", permission=may_operate, guards=(flow.checklist_passed,), effects=(flow.seal_structure,), label="Accept after review"),
        to("begin", "approved", "running", permission=may_operate, writes="started_at", effects=(flow.advance_plan,), label="Start"),
        to("block", "running", "blocked", permission=system_only),
        to("unblock", "blocked", "running", permission=system_only),
        to("pause", "running blocked", "paused", permission=may_operate, comment_required=True, effects=(flow.stop_clocks,)),
        to("resume", "paused", flow.at_work_again, permission=may_operate, comment_required=True, effects=(flow.start_clocks, flow.advance_plan)),
        to("request_changes", "in_review approved running blocked", "changes_requested", permission=system_only),
        to("revise", "changes_requested", "draft", permission=may_operate, comment_required=True, writes="revision inputs usage amount objective datasets context checklist"),
        to("review_again", "approved running blocked", "in_review", permission=may_operate, comment_required=True, writes="revision inputs usage amount objective datasets context checklist", label="Change and review again"),
        to("reject", "in_review running blocked", "rejected", permission=system_only, writes="finished_at", effects=(flow.close_plan, blockers.count_rejection)),
        to("hold", _ROLLING, "held", permission=may_pull_ripcord, comment_required=True, writes="held_from epoch"),
        to("release", "held", flow.state_before_hold, permission=may_release_ripcord, guards=(flow.pull_is_closed,), comment_required=True),
        to("abort", "held", "aborting", permission=may_release_ripcord, guards=(flow.pull_is_closed,), comment_required=True, effects=(flow.close_plan,)),
        to("abort_with_scope", f"{_ROLLING} held", "aborting", permission=system_only, guards=(flow.scope_is_to_be_aborted,), comment_required=True, effects=(flow.close_plan,)),
        to("finish_abort", "aborting", "aborted", permission=system_only, writes="finished_at"),
        to("succeed", "running", "succeeded", permission=system_only, guards=(flow.every_task_done, flow.no_review_owed, stopped.nothing_asks_to_stop), writes="finished_at", effects=(flow.close_cases,)),
        to("succeed_degraded", "running", "succeeded_degraded", permission=system_only, guards=(flow.every_task_done, flow.no_review_owed, stopped.nothing_asks_to_stop), writes="finished_at", effects=(flow.close_cases,)),
        to("fail", "running blocked", "failed", permission=system_only, writes="finished_at", effects=(flow.close_plan,)),
        to("cancel", _ROLLING, "cancelled", permission=may_operate, guards=(flow.no_review_owed,), comment_required=True, writes="finished_at", effects=(flow.close_plan,)),
        to("supersede", "draft in_review changes_requested approved", "superseded", permission=system_only),
    ),
)  # fmt: skip

_ATTEMPT = "fence attempts_used restarts lease_expires_at started_at progress progress_note next_attempt_at"
_RESULT = "output output_sha256 finished_at progress progress_note lease_expires_at error"
_FAILURE = "error next_attempt_at lease_expires_at finished_at progress_note"
_AFRESH = "attempts_used restarts attempts_granted error finished_at progress fence lease_expires_at next_attempt_at"
_DUE = "due_at frozen_at remind_at reminded"
_OPEN_TASK = "pending awaiting_approval ready leased running retry_wait fallback_ready fallback_running with_substitute unknown escalated"

TASK = Machine(
    Task,
    states=tuple(TaskState.values),
    final=frozenset({"skipped", "cancelled"}),  # what is done may be reopened by a revision
    transitions=(
        to("ask_approval", "pending", "awaiting_approval", permission=system_only),
        to("make_ready", "pending", "ready", permission=system_only, writes=_DUE, effects=(flow.ring,)),
        to("lease", "ready", "leased", permission=system_only, writes=_ATTEMPT),
        to("start", "leased", "running", permission=system_only),
        to("lease_fallback", "fallback_ready", "fallback_running", permission=system_only, writes=_ATTEMPT),
        to("succeed", "running awaiting_approval", "succeeded", permission=system_only, guards=(flow.may_publish,), writes=_RESULT, effects=(flow.advance_after_task,)),
        to("succeed_degraded", "fallback_running", "succeeded_degraded", permission=system_only, guards=(flow.may_publish,), writes=_RESULT, effects=(flow.advance_after_task,)),
        to("retry_later", "leased running", "retry_wait", permission=system_only, writes=_FAILURE),
        to("retry", "retry_wait", "ready", permission=system_only, effects=(flow.ring,)),
        to("restart", "leased running", "ready", permission=system_only, writes="restarts lease_expires_at progress_note", effects=(flow.ring,)),
        to("hand_to_substitute", "leased running", "fallback_ready", permission=system_only, writes=_FAILURE, effects=(flow.ring,)),
        to("hand_to_person", "leased running", "with_substitute", permission=system_only, writes=f"{_FAILURE} {_DUE}"),
        to("restart_fallback", "fallback_running", "fallback_ready", permission=system_only, writes="restarts lease_expires_at progress_note", effects=(flow.ring,)),
        to("lose_track", "leased running fallback_running", "unknown", permission=system_only, writes=_FAILURE),
        to("escalate", "leased running fallback_running retry_wait fallback_ready with_substitute unknown", "escalated", permission=system_only, writes=_FAILURE, effects=(flow.block_plan,)),
        to("complete", "ready", "succeeded", permission=separation.may_do, guards=(flow.is_human, flow.content_is_approved, flow.has_evidence), writes=_RESULT, effects=(flow.advance_after_task,), label="Complete"),
        to("report_blocked", "ready with_substitute", "escalated", permission=may_work_on, guards=(flow.is_with_people, flow.nothing_is_stopped), comment_required=True, writes=_FAILURE, effects=(flow.block_plan,), label="Report as blocked"),
        to("unblock", "escalated", "ready", permission=may_work_on, guards=(flow.is_human, flow.nothing_is_stopped), comment_required=True, effects=(flow.unblock_plan,), label="Unblock"),
        to("grant_attempt", "escalated unknown with_substitute", "ready", permission=may_try_again, guards=(flow.nothing_is_stopped,), comment_required=True, writes="attempts_granted next_attempt_at", effects=(flow.unblock_plan, flow.ring), label="Grant one more attempt"),
        to("record_result", "escalated unknown with_substitute", "succeeded_manual", permission=separation.may_do, guards=(flow.nothing_is_stopped, flow.may_publish, flow.has_evidence), comment_required=True, writes=_RESULT, effects=(flow.unblock_plan, flow.advance_after_task), label="Record a manual result"),
        to("waive", "escalated unknown with_substitute", "waived", permission=separation.may_waive, guards=(flow.nothing_is_stopped,), comment_required=True, writes="finished_at", effects=(flow.unblock_plan, flow.advance_after_task), label="Waive"),
        to("suspend", _OPEN_TASK, "suspended", permission=system_only, writes="held_from lease_expires_at"),
        to("unsuspend", "suspended", flow.state_before_hold, permission=system_only, writes="lease_expires_at", effects=(flow.ring,)),
        to("undo", "succeeded", "ready", permission=taken_back.may_undo, guards=(flow.is_human, taken_back.is_just_done, flow.nothing_is_stopped, taken_back.nothing_used_it), writes="output output_sha256 finished_at progress", effects=(taken_back.close_what_opened,), label="Undo"),
        to("do_again", "succeeded succeeded_manual", "pending", permission=taken_back.may_reopen, guards=(taken_back.was_done_by_hand, flow.nothing_is_stopped, taken_back.plan_can_change), comment_required=True, writes=_AFRESH, label="Reopen"),
        to("reopen", "succeeded succeeded_degraded succeeded_manual waived awaiting_approval escalated ready leased running retry_wait fallback_ready fallback_running with_substitute", "pending", permission=system_only, writes=_AFRESH),
        to("skip", _OPEN_TASK + " suspended", "skipped", permission=system_only, writes="finished_at"),
        to("cancel", _OPEN_TASK + " suspended", "cancelled", permission=system_only, writes="finished_at"),
    ),
)  # fmt: skip

_OPEN_ROUND = "scheduled pending frozen unsatisfiable exhausted"

APPROVAL = Machine(
    Approval,
    states=tuple(ApprovalState.values),
    final=frozenset({"rejected", "changes_requested", "superseded", "cancelled", "bypassed"}),
    transitions=(
        to("open", "scheduled", "pending", permission=system_only, writes="opened_at due_at remind_at missing"),
        to("approve", "pending", "approved", permission=system_only, writes="decided_at missing"),
        to("reject", "pending unsatisfiable", "rejected", permission=system_only, writes="decided_at"),
        to("request_changes", "pending unsatisfiable", "changes_requested", permission=system_only, writes="decided_at"),
        to("lose_quorum", "pending", "unsatisfiable", permission=system_only, writes="missing"),
        to("regain_quorum", "unsatisfiable", "pending", permission=system_only, writes="missing"),
        to("ask_again", "unsatisfiable exhausted", "cancelled", permission=may_operate, guards=(flow.nothing_is_stopped,), comment_required=True, writes="decided_at", effects=(flow.open_next_round,), label="Ask again in a new round"),
        to("freeze", "pending unsatisfiable", "frozen", permission=system_only, writes="frozen_at"),
        to("thaw", "frozen", "pending", permission=system_only, writes="due_at remind_at frozen_at"),
        to("exhaust", "pending", "exhausted", permission=system_only, writes="decided_at"),
        to("revive", "exhausted", "pending", permission=system_only),
        to("supersede", "approved", "superseded", permission=system_only),
        to("bypass", _OPEN_ROUND, "bypassed", permission=system_only, writes="decided_at"),
        to("cancel", _OPEN_ROUND, "cancelled", permission=system_only, writes="decided_at"),
    ),
)  # fmt: skip

CASE = Machine(
    Escalation,
    states=tuple(EscalationState.values),
    final=frozenset({"resolved", "cancelled"}),
    transitions=(
        to("notify", "armed notified acknowledged", "notified", permission=system_only, writes="rung due_at renewals owner"),
        to("acknowledge", "notified exhausted", "acknowledged", permission=may_answer, writes="acknowledged_by due_at renewals"),
        to("renew", "acknowledged", "acknowledged", permission=may_answer, writes="due_at renewals"),
        to("hand_over", "notified acknowledged", "notified", permission=may_answer, comment_required=True, writes="owner acknowledged_by"),
        to("wait", "notified acknowledged", "acknowledged", permission=may_answer, comment_required=True, writes="acknowledged_by due_at renewals", label="Wait until a time"),
        to("escalate_now", "armed notified acknowledged", "notified", permission=separation.may_climb, comment_required=True, writes="due_at"),
        to("start_over", "notified acknowledged armed", "armed", permission=system_only, writes="cycle rung due_at"),
        to("exhaust", "notified acknowledged armed", "exhausted", permission=system_only, writes="due_at"),
        to("pause", "armed notified acknowledged", "paused", permission=system_only, writes="held_from frozen_at"),
        to("unpause", "paused", flow.state_before_hold, permission=system_only, writes="due_at frozen_at"),
        to("resolve", "armed notified acknowledged exhausted", "resolved", permission=may_answer, guards=(flow.subject_is_settled,), comment_required=True, writes="remediation closed_at due_at", effects=(flow.advance_after_case,)),
        to("settle", "armed notified acknowledged exhausted paused", "resolved", permission=system_only, comment_required=True, writes="remediation closed_at due_at", effects=(flow.advance_after_case,)),
        to("cancel", "armed notified acknowledged exhausted paused", "cancelled", permission=system_only, writes="remediation closed_at due_at", effects=(flow.advance_after_case,)),
    ),
)  # fmt: skip

RIPCORD = Machine(
    RipcordPull,
    states=tuple(RipcordState.values),
    final=frozenset({"released", "aborted"}),
    transitions=(
        to("agree", "pulled", "pulled", permission=may_release_ripcord, comment_required=True, writes="released_by remediation", label="Agree to close"),
        to("release", "pulled", "released", permission=may_release_ripcord, comment_required=True, writes="released_by remediation closed_at"),
        to("abort", "pulled", "aborted", permission=system_only, guards=(flow.abort_is_agreed,), comment_required=True, writes="closed_at remediation"),
        to("abort_with_scope", "pulled", "aborted", permission=system_only, comment_required=True, writes="closed_at remediation"),
    ),
)  # fmt: skip

BREAK_GLASS = Machine(
    BreakGlass,
    states=tuple(BreakGlassState.values),
    final=frozenset({"reviewed", "expired"}),
    transitions=(
        to("grant", "asked", "granted", permission=may_use_break_glass, comment_required=True, writes="agreed_by granted_at review_due_at", label="Agree to break-glass"),
        to("expire", "asked", "expired", permission=system_only),
        to("review", "granted", "reviewed", permission=may_review_break_glass, comment_required=True, writes="review reviewed_by reviewed_at"),
    ),
)  # fmt: skip

NOTIFICATION = Machine(
    Notification,
    states=tuple(NotificationState.values),
    final=frozenset({"sent", "cancelled"}),
    transitions=(
        to("claim", "queued retry_wait", "sending", permission=system_only, writes="attempts"),
        to("deliver", "sending", "sent", permission=system_only, writes="sent_at error"),
        to("retry_later", "sending", "retry_wait", permission=system_only, comment_required=True, writes="due_at error"),
        to("give_up", "sending", "failed", permission=system_only, comment_required=True, writes="error"),
        to("cancel", "queued retry_wait", "cancelled", permission=system_only, comment_required=True),
        to("send_again", "failed", "queued", permission=may_operate, comment_required=True, writes="attempts due_at", label="Send again"),
    ),
)  # fmt: skip

WEBHOOK = Machine(
    WebhookSubscription,
    states=tuple(WebhookState.values),
    final=frozenset({"ended"}),
    transitions=(
        to("pause", "active", "paused", permission=may_manage_webhooks, comment_required=True),
        to("resume", "paused disabled", "active", permission=may_manage_webhooks, comment_required=True, writes="disabled_why"),
        to("disable", "active", "disabled", permission=system_only, comment_required=True, writes="disabled_why"),
        to("end", "active paused disabled", "ended", permission=may_manage_webhooks, comment_required=True),
    ),
)  # fmt: skip

SCHEDULED_RUN = Machine(
    ScheduledRun,
    states=tuple(ScheduledRunState.values),
    final=frozenset({"started"}),
    transitions=(
        to("start", "due", "started", permission=system_only, writes="plan"),
        to("skip", "due", "skipped", permission=system_only, comment_required=True, writes="reason"),
        to("refuse", "due", "refused", permission=system_only, comment_required=True, writes="reason"),
        to("run_after_all", "skipped refused", "due", permission=may_operate, comment_required=True, writes="reason", label="Run after all"),
    ),
)  # fmt: skip

POLICY = Machine(
    PolicyVersion,
    states=tuple(PolicyState.values),
    final=frozenset({"replaced", "rejected", "withdrawn"}),
    transitions=(
        to("adopt", "proposed", "in_force", permission=may_adopt_policy, comment_required=True, writes="decided_by decided_at"),
        to("reject", "proposed", "rejected", permission=may_adopt_policy, comment_required=True, writes="decided_by decided_at"),
        to("withdraw", "proposed", "withdrawn", permission=may_withdraw_policy, comment_required=True, writes="decided_by decided_at"),
        to("replace", "in_force", "replaced", permission=system_only, comment_required=True),
    ),
)  # fmt: skip
