"""What management commands share: who acts, and errors as sentences with an exit code."""

from __future__ import annotations

import getpass
import warnings
from typing import Any

from django.conf import settings
from django.contrib.auth import authenticate, get_user_model
from django.core.management.base import BaseCommand, CommandError

from gtm.core.actors import COMMAND_LINE, Actor, acting_as, operating_system_user
from gtm.core.errors import GtmError, InvalidInput, NotFound, NotPermitted, Problem
from gtm.core.evidence import refusals
from gtm.core.identity import codes, confirmation, factors

BAD_INPUT = 2


class GovernedCommand(BaseCommand):
    """Runs ``act`` as somebody. ``--as USER`` acts for another account where the installation allows it;
    elsewhere that person gives the password. The operating-system account is logged either way.
    """

    requires_user = False
    # The site is checked when it starts, at `migrate` and by `check`; a command is asked ten times a minute,
    # and the checks load every page of the admin.
    requires_system_checks: tuple[str, ...] = ()

    def add_arguments(self, parser: Any) -> None:
        parser.add_argument("--as", dest="username", metavar="USER", help="the account to act as")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            actor = self.actor(options.get("username"))
            with acting_as(actor, reason=self.reason()), refusals.on_record():
                self.act(**options)
        except GtmError as error:
            raise CommandError("\n".join(error.lines()), returncode=self.exit_code(error)) from error

    def act(self, **options: Any) -> None:
        raise CommandError(f"{type(self).__module__} does not say what it does.")

    def reason(self) -> str:
        return f"by {operating_system_user()} at the command line"

    def exit_code(self, error: GtmError) -> int:
        return BAD_INPUT if isinstance(error, InvalidInput | NotFound) else 1

    def actor(self, username: str | None) -> Actor:
        if username is None:
            if self.requires_user:
                raise InvalidInput(
                    "Name the account that acts.",
                    problems=[Problem("--as", "is required here.", code="required")],
                )
            return Actor.system(f"{operating_system_user()} (command line)", via=COMMAND_LINE)
        user = get_user_model().objects.filter(username=username, is_active=True).first()
        if user is None:
            raise InvalidInput(
                "There is no such account.", problems=[Problem("--as", f"“{username}” is unknown.")]
            )
        if not settings.GTM_ALLOW_IMPERSONATION and not knows_password(username):
            raise NotPermitted(
                "The password is wrong.",
                hint=("--as works without a password only where GTM_ALLOW_IMPERSONATION is set."),
            )
        return Actor.of_user(
            user,
            COMMAND_LINE,
            interactive=True,
            request_id=self.reason()[:100],
            second_factor="" if settings.GTM_ALLOW_IMPERSONATION else second_factor_of(user),
        )

    def authentication(self) -> str:
        """How we know who acts: a password given just now, or this installation's leave to act for others."""
        return "impersonation" if settings.GTM_ALLOW_IMPERSONATION else "password"


def knows_password(username: str) -> bool:
    """Ask at the terminal, never in a pipe. Raises NotPermitted where there is none to ask at."""
    return authenticate(username=username, password=_asked(f"Password of {username}: ")) is not None


def second_factor_of(user: Any) -> str:
    """The second factor that somebody shows at the terminal, where the site asks for one; empty without, and
    where the factor waits to be confirmed.

    Raises NotPermitted where the code is wrong, TooManyWrong.
    """
    if not settings.GTM_SECOND_FACTOR or not factors.has_one(user):
        return ""
    code = _asked("Code of the second factor (Enter: without): ").strip()
    if not code:
        return ""
    factor = codes.accepts(user, code)
    if factor is None:
        raise NotPermitted("The code is wrong.")
    return factors.NAMES[factor.type] if confirmation.counts(factor) else ""


def _asked(prompt: str) -> str:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", getpass.GetPassWarning)
            return getpass.getpass(prompt)
    except (EOFError, getpass.GetPassWarning) as error:
        raise NotPermitted("There is no terminal that could ask for the password.") from error
