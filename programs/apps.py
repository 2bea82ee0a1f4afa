from django.apps import AppConfig


class ProgramsConfig(AppConfig):
    """What is governed: programs, partners, people, datasets."""

    name = "programs"
    verbose_name = "Programs"
    default_auto_field = "django.db.models.BigAutoField"
