"""Plans in the admin: run, watch, decide, answer. Views only translate; the engine decides."""

from importlib import import_module

from plans import case_kinds
from plans.admin import addresses, deeds, starts  # noqa: F401 - makes <command:> known, offers the commands
from plans.admin.agreements import MeasurementAgreementAdmin
from plans.admin.approvals import ApprovalAdmin
from plans.admin.break_glass import BreakGlassAdmin
from plans.admin.escalations import EscalationAdmin
from plans.admin.guarded_changes import GuardedChangeAdmin
from plans.admin.incoming import IncomingSourceAdmin, ReceivedMessageAdmin
from plans.admin.notices import NotificationAdmin
from plans.admin.plans import PlanAdmin
from plans.admin.policies import PolicyVersionAdmin
from plans.admin.ripcord import RipcordPullAdmin
from plans.admin.rotas import RotaOverrideAdmin
from plans.admin.rules import BreachAdmin, ReadingAdmin
from plans.admin.schedules import ScheduleAdmin
from plans.admin.tasks import TaskAdmin
from plans.admin.webhooks import WebhookDeliveryAdmin, WebhookSubscriptionAdmin

for kind in case_kinds.all_kinds():
    import_module(kind.pages)

__all__ = [
    "ApprovalAdmin",
    "BreachAdmin",
    "BreakGlassAdmin",
    "EscalationAdmin",
    "GuardedChangeAdmin",
    "IncomingSourceAdmin",
    "MeasurementAgreementAdmin",
    "NotificationAdmin",
    "PlanAdmin",
    "PolicyVersionAdmin",
    "ReadingAdmin",
    "ReceivedMessageAdmin",
    "RipcordPullAdmin",
    "RotaOverrideAdmin",
    "ScheduleAdmin",
    "TaskAdmin",
    "WebhookDeliveryAdmin",
    "WebhookSubscriptionAdmin",
]
