from django.apps import AppConfig


class CoreConfig(AppConfig):
    """The ground floor: errors, clock, actors, state machines, change log, outbox."""

    name = "gtm.core"
    label = "core"
    verbose_name = "Governance core"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from django.db.models.signals import m2m_changed  # noqa: PLC0415 - models exist only now

        from gtm.core.governed import log_related  # noqa: PLC0415

        m2m_changed.connect(log_related, dispatch_uid="governed-links")
