from django.apps import AppConfig


class PlansConfig(AppConfig):
    """How it is governed: plans, tasks, gates, escalations, evidence."""

    name = "plans"
    verbose_name = "Plans"
    default_auto_field = "django.db.models.BigAutoField"
