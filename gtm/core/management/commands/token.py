"""``manage.py token``: tokens of programs and the accounts they belong to."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model

from gtm.core import access_tokens
from gtm.core.cli import GovernedCommand
from gtm.core.errors import InvalidInput, Problem
from gtm.core.models import AccessToken


class Command(GovernedCommand):
    help = "Make a token (shown once), list tokens, end one, or make an account for a program"

    def add_arguments(self, parser: Any) -> None:
        super().add_arguments(parser)
        verbs = parser.add_subparsers(dest="verb", required=True)
        make = verbs.add_parser("make", help="make a token; standard output has its secret and nothing else")
        make.add_argument("account")
        make.add_argument("--name", required=True, help="what it is for")
        make.add_argument(
            "--scopes", required=True, help=f"of {', '.join(access_tokens.SCOPES)}; with commas"
        )
        make.add_argument("--days", type=int, default=access_tokens.DAYS)
        listed = verbs.add_parser("list", help="the tokens of an account, or all")
        listed.add_argument("account", nargs="?")
        end = verbs.add_parser("end", help="end a token for good")
        end.add_argument("prefix", help="how it begins, as the list shows it")
        end.add_argument("--reason", required=True)
        service = verbs.add_parser("service", help="make an account for a program; nobody logs in with it")
        service.add_argument("account")
        service.add_argument("--owner", required=True, help="the account of the person who answers for it")
        service.add_argument("--purpose", required=True)

    def act(self, **options: Any) -> None:
        getattr(self, f"_{options['verb']}")(options)

    def _make(self, told: dict[str, Any]) -> None:
        scopes = [scope.strip() for scope in told["scopes"].split(",") if scope.strip()]
        user = _account(told["account"], "account")
        token, secret = access_tokens.make(user, name=told["name"], scopes=scopes, days=told["days"])
        self.stdout.write(secret)
        until = f"{token.expires_at:%Y-%m-%d}"
        self.stderr.write(f"{token.prefix}… for {user}, until {until}. It is not shown again.")

    def _list(self, told: dict[str, Any]) -> None:
        rows = AccessToken.objects.select_related("user").order_by("user__username", "-made_at")
        if told["account"]:
            rows = rows.filter(user=_account(told["account"], "account"))
        for token in rows:
            state = access_tokens.why_not(token) or f"until {token.expires_at:%Y-%m-%d}"
            used = f"last used {token.last_used_at:%Y-%m-%d %H:%M}" if token.last_used_at else "never used"
            scopes = ",".join(token.scopes)
            self.stdout.write(f"{token.prefix}…  {token.user}  {scopes}  {token.name}  {used}  {state}")

    def _end(self, told: dict[str, Any]) -> None:
        found = AccessToken.objects.filter(prefix=told["prefix"].rstrip("…"), ended_at=None)
        if len(found) != 1:
            problem = Problem("prefix", f"{len(found)} open tokens begin like this.")
            raise InvalidInput("No token was ended.", problems=[problem])
        access_tokens.end(found, why=told["reason"])
        self.stdout.write(f"{told['prefix']}… is ended.")

    def _service(self, told: dict[str, Any]) -> None:
        owner = _account(told["owner"], "--owner")
        service = access_tokens.make_service(told["account"], owner=owner, purpose=told["purpose"])
        self.stdout.write(f"{service} is made. It may do nothing yet: give it a group, then a token.")


def _account(username: str, field: str) -> Any:
    user = get_user_model().objects.filter(username=username, is_active=True).first()
    if user is None:
        problem = Problem(field, f"“{username}” is unknown.", code="unknown")
        raise InvalidInput("There is no such account.", problems=[problem])
    return user
