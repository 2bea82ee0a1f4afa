from django.apps import AppConfig


class PlansConfig(AppConfig):
    """How it is governed: plans, tasks, gates, escalations, evidence."""

    name = "plans"
    verbose_name = "Plans"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from plans.engine import machines  # noqa: F401, PLC0415 - models exist only now; this loads the tables
