"""``manage.py confirm_factor USER [--as STEWARD]``: the second factor of an account is its owner's."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model

from gtm.core import actors
from gtm.core.cli import GovernedCommand
from gtm.core.errors import NotFound
from gtm.core.identity import confirmation
from programs.models.guarded_accounts import confirm_factors


class Command(GovernedCommand):
    help = (
        "Confirm the second factor of an account, after asking its owner: as somebody who agrees to changes "
        "of authority, or, without --as, as whoever runs this machine"
    )

    def add_arguments(self, parser: Any) -> None:
        super().add_arguments(parser)
        parser.add_argument("account", help="the user name of its owner")

    def act(self, **options: Any) -> None:
        user = get_user_model().objects.filter(username=options["account"]).first()
        if user is None:
            raise NotFound(f"There is no account “{options['account']}”.")
        actor = actors.current().actor
        waiting = confirmation.in_words(confirmation.unconfirmed(user))
        if not actor.is_system:
            confirm_factors(user)
        elif waiting:
            confirmation.confirm(user, f"by {actor.label}")
        self.stdout.write(f"{user}: {waiting or 'nothing waits to be confirmed'}")
