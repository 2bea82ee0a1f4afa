"""Plans in the admin: run, watch, decide, answer. Views only translate; the engine decides."""

from plans.admin.approvals import ApprovalAdmin
from plans.admin.escalations import EscalationAdmin
from plans.admin.plans import PlanAdmin
from plans.admin.tasks import TaskAdmin

__all__ = ["ApprovalAdmin", "EscalationAdmin", "PlanAdmin", "TaskAdmin"]
