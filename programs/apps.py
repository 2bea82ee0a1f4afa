from django.apps import AppConfig


class ProgramsConfig(AppConfig):
    """What is governed: programs, partners, people, datasets."""

    name = "programs"
    verbose_name = "Programs"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from gtm.core import account_mail  # noqa: PLC0415 - models exist only now
        from programs import personal_text  # noqa: PLC0415
        from programs.models import guarded_accounts, people  # noqa: PLC0415

        personal_text.declare_all()
        guarded_accounts.connect()
        account_mail.owners.append(people.addresses_of)
