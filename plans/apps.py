from django.apps import AppConfig


class PlansConfig(AppConfig):
    """How it is governed: plans, tasks, gates, escalations, evidence."""

    name = "plans"
    verbose_name = "Plans"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from gtm.core import events  # noqa: PLC0415 - models exist only now
        from plans.commands import monitor_loyalty, optimize_referrals, plan_loyalty  # noqa: F401, PLC0415 - registers them
        from plans.engine import dispatch, machines  # noqa: F401, PLC0415 - loads the transition tables
        from plans.export import files  # noqa: PLC0415

        events.subscribe(events.TaskReady, dispatch.ring_worker)
        events.subscribe(events.ChainGrew, files.follow)
