from django.apps import AppConfig


class CoreConfig(AppConfig):
    """The ground floor: errors, clock, actors, state machines, change log, outbox."""

    name = "gtm.core"
    label = "core"
    verbose_name = "Governance core"
    default_auto_field = "django.db.models.BigAutoField"
