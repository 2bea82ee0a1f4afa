"""``manage.py demo``: the demo organisation, idempotent. It comes through the same doors as everybody."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from gtm.core.cli import GovernedCommand
from gtm.core.errors import NotPermitted
from plans.demo import organisation


class Command(GovernedCommand):
    help = "Make the demo organisation: people in every role, programs, partners, and the CDNOW purchases"

    def act(self, **options: Any) -> None:
        if settings.GTM_SECOND_FACTOR:
            raise NotPermitted(
                "This is a real installation: it asks for a second factor. The password of the demo is "
                "public, so its accounts are not made here.",
                hint="Use manage.py establish. For a demo on your own machine, set GTM_SECOND_FACTOR=0.",
            )
        organisation.build(self.stdout.write)
        self.stdout.write("Log in as:")
        for login in organisation.LOGINS:
            self.stdout.write(f"  {login.username:10} {organisation.PASSWORD:12} {login.name}, {login.title}")
