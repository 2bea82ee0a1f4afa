"""``manage.py demo``: the demo organisation, idempotent. It comes through the same doors as everybody."""

from __future__ import annotations

from typing import Any

from gtm.core.cli import GovernedCommand
from plans.demo import organisation


class Command(GovernedCommand):
    help = "Make the demo organisation: people in every role, programs, partners, and the CDNOW purchases"

    def act(self, **options: Any) -> None:
        organisation.build(self.stdout.write)
        self.stdout.write("Log in as:")
        for login in organisation.LOGINS:
            self.stdout.write(f"  {login.username:10} {organisation.PASSWORD:12} {login.name}, {login.title}")
