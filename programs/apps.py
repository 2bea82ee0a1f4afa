from django.apps import AppConfig


class ProgramsConfig(AppConfig):
    """What is governed: programs, partners, people, datasets."""

    name = "programs"
    verbose_name = "Programs"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from programs.models import guarded_accounts  # noqa: PLC0415 - models exist only now

        guarded_accounts.connect()
