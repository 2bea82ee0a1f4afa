"""What is governed. This package is the one public door to its models."""

from programs.models.agreement import (
    COMMON_STAGES,
    DEFAULT_AMOUNT_TOLERANCE,
    DEFAULT_MISMATCH_TOLERANCE,
    AgreedModel,
    MeasurementAgreement,
    read_stages,
    read_vocabulary,
)
from programs.models.catalogue import Benefit, BenefitKind, LifecycleStage, LifecycleTrigger, Tier
from programs.models.dataset import Dataset
from programs.models.guarded_change import (
    ALONE_STATES,
    MADE_CHANGE_STATES,
    UNSETTLED_CHANGE_STATES,
    GuardedChange,
    GuardedKind,
    GuardedState,
    PendingPassword,
)
from programs.models.launch import LEAST_READINESS, CalendarRevision, LaunchProfile
from programs.models.load_profile import LoadProfile
from programs.models.message_template import TO_PARTICIPANTS, Asset, Channel, Form, MessageTemplate, form_of
from programs.models.metric import Direction, Metric
from programs.models.partner import Campaign, Experiment, Partner
from programs.models.people import Absence, Approver, Delegation, Person, Role
from programs.models.program import (
    CLOSED_PROGRAM_STATES,
    ECONOMICS,
    LIVE_PROGRAM_STATES,
    UNLAUNCHED_PROGRAM_STATES,
    Program,
    ProgramKind,
)
from programs.models.published import PublishedModel
from programs.models.rota_override import RotaOverride
from programs.models.runbook import (
    APPROVALS,
    BEFORE_LAUNCH,
    GO_NO_GO,
    Runbook,
    RunbookAlert,
    RunbookPhase,
    RunbookTask,
    measured,
)
from programs.models.waiting_upload import KEPT_FOR, TAKEN_FOR, WaitingUpload

__all__ = [
    "ECONOMICS",
    "ALONE_STATES",
    "MADE_CHANGE_STATES",
    "UNSETTLED_CHANGE_STATES",
    "GuardedChange",
    "GuardedKind",
    "GuardedState",
    "PendingPassword",
    "CLOSED_PROGRAM_STATES",
    "LIVE_PROGRAM_STATES",
    "UNLAUNCHED_PROGRAM_STATES",
    "APPROVALS",
    "BEFORE_LAUNCH",
    "TO_PARTICIPANTS",
    "COMMON_STAGES",
    "DEFAULT_AMOUNT_TOLERANCE",
    "DEFAULT_MISMATCH_TOLERANCE",
    "Absence",
    "AgreedModel",
    "Approver",
    "Asset",
    "Benefit",
    "BenefitKind",
    "CalendarRevision",
    "Campaign",
    "Channel",
    "Dataset",
    "Delegation",
    "Direction",
    "Experiment",
    "GO_NO_GO",
    "Form",
    "KEPT_FOR",
    "TAKEN_FOR",
    "LEAST_READINESS",
    "LaunchProfile",
    "LoadProfile",
    "LifecycleStage",
    "LifecycleTrigger",
    "MeasurementAgreement",
    "MessageTemplate",
    "Metric",
    "Partner",
    "Person",
    "Program",
    "ProgramKind",
    "PublishedModel",
    "Role",
    "RotaOverride",
    "Runbook",
    "RunbookAlert",
    "RunbookPhase",
    "RunbookTask",
    "Tier",
    "form_of",
    "measured",
    "read_stages",
    "read_vocabulary",
    "WaitingUpload",
]
