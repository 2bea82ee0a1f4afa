from django.apps import AppConfig


class ProgramsConfig(AppConfig):
    """What is governed: programs, partners, people, datasets."""

    name = "programs"
    verbose_name = "Programs"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from programs import machines  # noqa: F401, PLC0415 - models exist only now; this loads the table
