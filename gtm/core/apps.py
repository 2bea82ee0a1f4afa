from django.apps import AppConfig

from gtm.core import workbooks

workbooks.register()  # here, because the admin loads its pages, and their formats with them, before ready()


class CoreConfig(AppConfig):
    """The ground floor: errors, clock, actors, state machines, change log, outbox."""

    name = "gtm.core"
    label = "core"
    verbose_name = "Governance core"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from allauth.mfa.models import Authenticator  # noqa: PLC0415
        from allauth.mfa.signals import authenticator_used  # noqa: PLC0415
        from django.contrib.auth import get_user_model  # noqa: PLC0415 - models exist only now
        from django.contrib.auth.models import Group  # noqa: PLC0415
        from django.db.models.signals import (  # noqa: PLC0415
            m2m_changed,
            post_delete,
            post_save,
            pre_delete,
            pre_save,
        )

        from gtm.core import personal_text  # noqa: PLC0415
        from gtm.core.evidence import accounts  # noqa: PLC0415
        from gtm.core.governed import log_related  # noqa: PLC0415
        from gtm.core.identity import records  # noqa: PLC0415

        personal_text.declare_all()
        m2m_changed.connect(log_related, dispatch_uid="governed-links")
        user = get_user_model()
        pre_save.connect(accounts.record_change, user, dispatch_uid="account-change")
        post_save.connect(accounts.record_creation, user, dispatch_uid="account-creation")
        for model in (user, Group):
            pre_delete.connect(accounts.record_end, model, dispatch_uid="account-end")
        for links in (user.groups, user.user_permissions, Group.permissions):
            m2m_changed.connect(accounts.record_links, links.through, dispatch_uid="account-links")
        pre_delete.connect(records.ask_first, Authenticator, dispatch_uid="factor-guard")
        post_save.connect(records.record_change, Authenticator, dispatch_uid="factor-change")
        post_delete.connect(records.record_end, Authenticator, dispatch_uid="factor-end")
        authenticator_used.connect(records.record_use, dispatch_uid="factor-used")
