"""``manage.py encrypt_again``: after a change of SECRET_KEY, so that the earlier key can be forgotten."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from gtm.core import encrypted
from gtm.core.cli import BAD_INPUT
from gtm.core.identity import new_key
from plans.engine.webhooks import signing


class Command(BaseCommand):
    help = "Encrypt second factors and secrets of webhooks with the SECRET_KEY of today"

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with transaction.atomic():
                factors, secrets = new_key.encrypt_again(), signing.encrypt_again()
        except encrypted.KeyGone as error:
            told = f"{error} Put it into SECRET_KEY_FALLBACKS and run this again. Nothing was changed."
            raise CommandError(told, returncode=BAD_INPUT) from error
        self.stdout.write(
            f"{factors} second factors and {secrets} secrets of webhooks are encrypted with the key of "
            "today. Sessions and links of the earlier key end with SECRET_KEY_FALLBACKS."
        )
