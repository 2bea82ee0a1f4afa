"""Routes of plans under /api/v1/."""

from rest_framework.routers import SimpleRouter

from plans.api.commands import CommandViewSet, RunViewSet
from plans.api.plans import PlanViewSet
from plans.api.work import ApprovalViewSet, EscalationViewSet, TaskViewSet

router = SimpleRouter()
router.register("commands", CommandViewSet, basename="command")
router.register("runs", RunViewSet, basename="run")
router.register("plans", PlanViewSet, basename="plan")
router.register("tasks", TaskViewSet, basename="task")
router.register("approvals", ApprovalViewSet, basename="approval")
router.register("escalations", EscalationViewSet, basename="escalation")
urlpatterns = router.urls
