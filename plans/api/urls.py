"""Routes of plans under /api/v1/."""

from rest_framework.routers import SimpleRouter

from plans.api.commands import CommandViewSet, RunViewSet
from plans.api.governance import BreakGlassViewSet, ReadingViewSet, RipcordViewSet
from plans.api.plans import PlanViewSet
from plans.api.work import ApprovalViewSet, EscalationViewSet, TaskViewSet

router = SimpleRouter()
router.register("commands", CommandViewSet, basename="command")
router.register("runs", RunViewSet, basename="run")
router.register("plans", PlanViewSet, basename="plan")
router.register("tasks", TaskViewSet, basename="task")
router.register("approvals", ApprovalViewSet, basename="approval")
router.register("escalations", EscalationViewSet, basename="escalation")
router.register("ripcords", RipcordViewSet, basename="ripcord")
router.register("break-glass", BreakGlassViewSet, basename="break-glass")
router.register("readings", ReadingViewSet, basename="reading")
urlpatterns = router.urls
