"""How it is governed. This package is the one public door to its models."""

from plans.models.approval import (
    OPEN_APPROVAL_STATES,
    Approval,
    ApprovalState,
    Decision,
    DecisionKind,
)
from plans.models.artifact import Artifact
from plans.models.breach import Breach
from plans.models.break_glass import BreakGlass, BreakGlassState
from plans.models.escalation import MOST_RUNGS, OPEN_CASE_STATES, Escalation, EscalationState, RungFiring
from plans.models.heartbeat import Heartbeat
from plans.models.imported import ImportedPlan
from plans.models.notice import (
    MAIL,
    Notice,
    NoticeKind,
    Notification,
    NotificationPreference,
    NotificationState,
)
from plans.models.plan import (
    FINAL_PLAN_STATES,
    LIVE_PLAN_STATES,
    Plan,
    PlanFile,
    PlanState,
    new_plan_id,
)
from plans.models.policy import LADDER, PolicyState, PolicyVersion, chain_of
from plans.models.reading import Reading, Verdict
from plans.models.ripcord import RipcordPull, RipcordState
from plans.models.schedule import CatchUp, Schedule, ScheduledRun, ScheduledRunState
from plans.models.task import (
    AT_WORK_STATES,
    DONE_STATES,
    FINAL_TASK_STATES,
    MOVING_STATES,
    Task,
    TaskAttempt,
    TaskKind,
    TaskState,
)

__all__ = [
    "AT_WORK_STATES",
    "MOVING_STATES",
    "DONE_STATES",
    "FINAL_PLAN_STATES",
    "FINAL_TASK_STATES",
    "LADDER",
    "LIVE_PLAN_STATES",
    "MAIL",
    "OPEN_APPROVAL_STATES",
    "MOST_RUNGS",
    "OPEN_CASE_STATES",
    "Approval",
    "ApprovalState",
    "Artifact",
    "Breach",
    "BreakGlass",
    "BreakGlassState",
    "CatchUp",
    "Decision",
    "DecisionKind",
    "Escalation",
    "EscalationState",
    "Heartbeat",
    "ImportedPlan",
    "Notice",
    "NoticeKind",
    "Notification",
    "NotificationPreference",
    "NotificationState",
    "Plan",
    "PlanFile",
    "PlanState",
    "PolicyState",
    "PolicyVersion",
    "Reading",
    "RipcordPull",
    "RipcordState",
    "RungFiring",
    "Schedule",
    "ScheduledRun",
    "ScheduledRunState",
    "Task",
    "TaskAttempt",
    "TaskKind",
    "TaskState",
    "Verdict",
    "chain_of",
    "new_plan_id",
]
