"""Routes of plans under /api/v1/."""

from pkgutil import resolve_name

from django.urls import path
from rest_framework.routers import SimpleRouter

from plans import case_kinds
from plans.api.commands import CommandViewSet, RunViewSet
from plans.api.evidence import AccessReviewView, AnchorViewSet, SigningKeyViewSet
from plans.api.governance import BreakGlassViewSet, ReadingViewSet, RipcordViewSet
from plans.api.guarded_changes import GuardedChangeViewSet
from plans.api.hooks import HookView, IncomingSourceViewSet, ReceivedMessageViewSet
from plans.api.notices import NotificationViewSet, PreferenceView
from plans.api.plans import PlanViewSet
from plans.api.policies import PolicyViewSet
from plans.api.rotas import RotaOverrideViewSet, RotaSchedule
from plans.api.schedules import ScheduledRunViewSet, ScheduleViewSet
from plans.api.skills import SkillViewSet
from plans.api.webhooks import WebhookDeliveryViewSet, WebhookViewSet
from plans.api.work import ApprovalViewSet, EscalationViewSet, TaskViewSet

router = SimpleRouter()
router.register("commands", CommandViewSet, basename="command")
router.register("skills", SkillViewSet, basename="skill")
router.register("runs", RunViewSet, basename="run")
router.register("plans", PlanViewSet, basename="plan")
router.register("tasks", TaskViewSet, basename="task")
router.register("approvals", ApprovalViewSet, basename="approval")
router.register("escalations", EscalationViewSet, basename="escalation")
router.register("ripcords", RipcordViewSet, basename="ripcord")
router.register("break-glass", BreakGlassViewSet, basename="break-glass")
router.register("policies", PolicyViewSet, basename="policy")
router.register("rota-overrides", RotaOverrideViewSet, basename="rota-override")
router.register("guarded-changes", GuardedChangeViewSet, basename="guarded-change")
for route in case_kinds.routes():
    router.register(route.prefix, resolve_name(route.view_set), basename=route.basename)
router.register("readings", ReadingViewSet, basename="reading")
router.register("schedules", ScheduleViewSet, basename="schedule")
router.register("scheduled-runs", ScheduledRunViewSet, basename="scheduled-run")
router.register("notifications", NotificationViewSet, basename="notification")
router.register("webhooks", WebhookViewSet, basename="webhook")
router.register("webhook-deliveries", WebhookDeliveryViewSet, basename="webhook-delivery")
router.register("incoming-webhooks", IncomingSourceViewSet, basename="incoming-webhook")
router.register("received-messages", ReceivedMessageViewSet, basename="received-message")
router.register("anchors", AnchorViewSet, basename="anchor")
router.register("signing-keys", SigningKeyViewSet, basename="signing-key")
urlpatterns = [
    *router.urls,
    path("hooks/<slug:name>/", HookView.as_view(), name="hook"),
    path("rotas/", RotaSchedule.as_view(), name="rota-schedule"),
    path("notification-preference/", PreferenceView.as_view(), name="notification-preference"),
    path("access-review/", AccessReviewView.as_view(), name="access-review"),
]
