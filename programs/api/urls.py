"""Routes of programs under /api/v1/."""

from rest_framework.routers import SimpleRouter

from programs.api import datasets, launch, load_profiles, runbooks, views

router = SimpleRouter()
router.register("programs", views.ProgramViewSet, basename="program")
router.register("tiers", views.TierViewSet, basename="tier")
router.register("benefits", views.BenefitViewSet, basename="benefit")
router.register("lifecycle-triggers", views.LifecycleTriggerViewSet, basename="lifecycle-trigger")
router.register("partners", views.PartnerViewSet, basename="partner")
router.register("campaigns", views.CampaignViewSet, basename="campaign")
router.register("experiments", views.ExperimentViewSet, basename="experiment")
router.register("metrics", views.MetricViewSet, basename="metric")
router.register("approvers", views.ApproverViewSet, basename="approver")
router.register("datasets", datasets.DatasetViewSet, basename="dataset")
router.register("message-templates", launch.MessageTemplateViewSet, basename="message-template")
router.register("launch-profiles", launch.LaunchProfileViewSet, basename="launch-profile")
router.register("load-profiles", load_profiles.LoadProfileViewSet, basename="load-profile")
router.register("runbooks", runbooks.RunbookViewSet, basename="runbook")
router.register("runbook-tasks", runbooks.RunbookTaskViewSet, basename="runbook-task")
router.register("runbook-alerts", runbooks.RunbookAlertViewSet, basename="runbook-alert")
urlpatterns = router.urls
