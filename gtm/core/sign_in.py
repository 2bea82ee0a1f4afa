"""Passwords at every door: each try is on record, and too many wrong ones close the door for a time.

An account is guarded against strangers: wrong passwords from addresses that its owner has not used count
together, whoever sends them, and a right one does not reset them. An address that has been in lately counts
for itself, so that nobody can lock out an owner. An address with many wrong passwords for any account waits
too.
"""

from __future__ import annotations

import ipaddress
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.backends import ModelBackend
from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse

from gtm.core import access_tokens, account_mail, clock
from gtm.core.actors import ADMIN, COMMAND_LINE, REST, Actor, acting_as
from gtm.core.errors import GtmError
from gtm.core.evidence import changelog
from gtm.core.models import SignIn

ALLOWED = 10
"""Wrong passwords for an account before it waits; each further one doubles the wait."""
FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=24)
COUNTED = timedelta(hours=24)
KNOWN_FOR = timedelta(days=30)
OF_ADDRESS, ADDRESS_WAIT = 50, timedelta(minutes=15)
LINKS_OF_ADDRESS = 10
EVENTS: dict[str, str] = {
    SignIn.Outcome.IN: "right password",
    SignIn.Outcome.WRONG: "wrong password",
    SignIn.Outcome.REFUSED: "sign-ins refused",
    SignIn.Outcome.ASKED: "a link by mail was asked for",
}
PASSKEY_EVENTS = EVENTS | {SignIn.Outcome.IN: "right passkey", SignIn.Outcome.WRONG: "wrong passkey"}
PROVIDER_EVENTS = EVENTS | {
    SignIn.Outcome.IN: "signed in at the provider",
    SignIn.Outcome.WRONG: "sign-in at the provider refused",
}
CODE_EVENTS = EVENTS | {SignIn.Outcome.IN: "right code", SignIn.Outcome.WRONG: "wrong code"}
UNKNOWN = "unknown"
NOWHERE = "local"
"""The address of who has none: the command line."""
PAGE, AT_REST, DECISION, CODE, PASSKEY, MAIL, PROVIDER = (
    "page",
    "REST",
    "decision",
    "second factor",
    "passkey",
    "mail",
    "provider",
)
NOT_GUESSED = (PASSKEY, PROVIDER)
"""Where nothing can be guessed: what was wrong there counts for the address, not for an account."""


class TooManyWrong(GtmError):
    code = "too_many_wrong_passwords"
    status = 429
    title = "Too many wrong passwords"


class GuardedBackend(ModelBackend):
    """Asks for passwords at the pages, over REST and at the command line, within the limits."""

    def authenticate(
        self, request: Any, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> Any:
        if username is None or password is None:
            return None
        door = COMMAND_LINE if request is None else PAGE if not _is_rest(request) else AT_REST
        account = get_user_model()._default_manager.filter(username=username).first()
        refuse_after_many(account, username, request, door)
        user = super().authenticate(request, username=username, password=password, **kwargs)
        _note(account, username, request, door, SignIn.Outcome.IN if user else SignIn.Outcome.WRONG)
        return user

    def user_can_authenticate(self, user: Any) -> bool:
        """Nobody logs in as a program; also not where somebody has given the account a password."""
        return bool(super().user_can_authenticate(user)) and not access_tokens.is_service(user)


def confirms(request: Any, user: Any, password: str) -> bool:
    """Whether somebody who is logged in knows the password of the account, asked before a decision.

    Raises TooManyWrong.
    """
    username = user.get_username()
    refuse_after_many(user, username, request, DECISION)
    is_right = bool(user.check_password(password))
    outcome = SignIn.Outcome.IN if is_right else SignIn.Outcome.WRONG
    _note(user, username, request, DECISION, outcome)
    return is_right


def address_of(request: Any) -> str:
    """Where a request comes from. A forwarded address is believed from as many proxies as the site trusts."""
    if request is None:
        return NOWHERE
    given = request.META.get("REMOTE_ADDR", "")
    if proxies := settings.GTM_TRUSTED_PROXIES:
        forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
        named = [part.strip() for part in forwarded if part.strip()]
        given = named[-proxies] if len(named) >= proxies else given
    try:
        return str(ipaddress.ip_address(given))
    except ValueError:
        return UNKNOWN


def refuse_after_many(account: Any, username: str, request: Any, door: str) -> None:
    """Raise TooManyWrong while the account or the address has to wait."""
    address, now = address_of(request), clock.now()
    until = _account_waits_until(username, address, now)
    if until is None or until <= now:
        until = _address_waits_until(address, now)
    if until is None or until <= now:
        return
    if not _tries(now - FIRST_WAIT).filter(username=username[:150], outcome=SignIn.Outcome.REFUSED).exists():
        _note(account, username, request, door, SignIn.Outcome.REFUSED)
    raise _too_many("passwords", until, now)


def _account_waits_until(username: str, address: str, now: datetime) -> datetime | None:
    """Known addresses stay in the database: an attacker who has the password makes a thousand of them."""
    wrong = _passwords(now - COUNTED).filter(username=username[:150], outcome=SignIn.Outcome.WRONG)
    came_in = _passwords(now - KNOWN_FOR).filter(username=username[:150], outcome=SignIn.Outcome.IN)
    came_in = came_in.exclude(address=UNKNOWN)
    last = came_in.filter(address=address).order_by("-at").values_list("at", flat=True).first()
    if last is not None:
        return _waits_after(wrong.filter(address=address, at__gt=last))
    return _waits_after(wrong.exclude(address__in=came_in.order_by().values("address")))


def _waits_after(wrong: QuerySet[SignIn]) -> datetime | None:
    count = wrong.count()
    if count < ALLOWED:
        return None
    wait = min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(count - ALLOWED, 20))
    return wrong.latest("at").at + wait


def _address_waits_until(address: str, now: datetime) -> datetime | None:
    if address == NOWHERE:
        return None
    wrong = _tries(now - ADDRESS_WAIT).filter(address=address, outcome=SignIn.Outcome.WRONG)
    return wrong.latest("at").at + ADDRESS_WAIT if wrong.count() >= OF_ADDRESS else None


def _tries(since: datetime) -> QuerySet[SignIn]:
    return SignIn.objects.filter(at__gt=since)


def _passwords(since: datetime) -> QuerySet[SignIn]:
    return _tries(since).exclude(door=CODE).exclude(door__in=NOT_GUESSED, outcome=SignIn.Outcome.WRONG)


def refuse_after_many_codes(account: Any, request: Any) -> None:
    """Raise TooManyWrong while codes of a second factor have to wait.

    Whoever tries a code has given the right password, so an address that was in is no better than another,
    and no right password forgives a wrong code. A right code does.
    """
    now = clock.now()
    tries = _tries(now - COUNTED).filter(user=account, door=CODE)
    wrong = tries.filter(outcome=SignIn.Outcome.WRONG)
    last_in = tries.filter(outcome=SignIn.Outcome.IN).order_by("-at", "-pk").first()
    if last_in is not None:
        wrong = wrong.filter(at__gte=last_in.at, pk__gt=last_in.pk)
    until = _waits_after(wrong)
    if until is None or until <= now:
        return
    if not tries.filter(at__gt=now - FIRST_WAIT, outcome=SignIn.Outcome.REFUSED).exists():
        _note(account, account.get_username(), request, CODE, SignIn.Outcome.REFUSED)
    raise _too_many("codes", until, now)


def note_code(account: Any, request: Any, *, is_right: bool) -> None:
    outcome = SignIn.Outcome.IN if is_right else SignIn.Outcome.WRONG
    _note(account, account.get_username(), request, CODE, outcome)


def note_asked(account: Any, username: str, request: Any) -> None:
    """Somebody wants a link by mail. Raises TooManyWrong where one address wants too many, for any names."""
    now, address = clock.now(), address_of(request)
    asked = _tries(now - ADDRESS_WAIT).filter(address=address, outcome=SignIn.Outcome.ASKED)
    if asked.count() >= LINKS_OF_ADDRESS:
        until = asked.earliest("at").at + ADDRESS_WAIT
        seconds = max(1, round((until - now).total_seconds()))
        raise TooManyWrong(
            f"Too many links were asked for. Try again in {_in_words(seconds)}.", retry_after=seconds
        )
    _note(account, username, request, MAIL, SignIn.Outcome.ASKED)


def refuse_address(request: Any, door: str) -> None:
    """Raise TooManyWrong while an address has to wait that has tried too much, for whomever it was."""
    now = clock.now()
    until = _address_waits_until(address_of(request), now)
    if until is not None and until > now:
        raise _too_many("sign-ins" if door == PROVIDER else "passkeys", until, now)


def note_passkey(account: Any, request: Any, *, is_right: bool = True) -> None:
    """A passkey was shown, or what is none of ``account`` (None: of nobody that is known)."""
    _note_not_guessed(account, request, PASSKEY, is_right)


def note_provider(account: Any, request: Any, *, is_right: bool) -> None:
    """Somebody came from a provider, and was believed or not."""
    _note_not_guessed(account, request, PROVIDER, is_right)


def _note_not_guessed(account: Any, request: Any, door: str, is_right: bool) -> None:
    username = account.get_username() if account is not None else ""
    outcome = SignIn.Outcome.IN if is_right else SignIn.Outcome.WRONG
    _note(account, username, request, door, outcome)


def _too_many(what: str, until: datetime, now: datetime) -> TooManyWrong:
    seconds = max(1, round((until - now).total_seconds()))
    return TooManyWrong(
        f"Too many wrong {what} were tried. Try again in {_in_words(seconds)}.",
        hint="The owner of the account is told. If that is you, look at your sign-ins.",
        retry_after=seconds,
    )


def _note(account: Any, username: str, request: Any, door: str, outcome: str) -> None:
    """Keep a try, also where the transaction around the door is undone by a refusal that follows."""
    who = {"user": account, "username": username.replace("\0", "")[:150]}
    with transaction.atomic():
        row = SignIn.objects.create(**who, address=address_of(request), door=door, outcome=outcome)
        if account is None:
            return  # of a name that nobody has: kept, and no evidence about anybody
        via = COMMAND_LINE if request is None else REST if _is_rest(request) else ADMIN
        actor = Actor.of_user(account, via) if outcome == SignIn.Outcome.IN else Actor.system("Sign-in", via)
        with acting_as(actor):
            told = {CODE: CODE_EVENTS, PASSKEY: PASSKEY_EVENTS, PROVIDER: PROVIDER_EVENTS}.get(door, EVENTS)
            changelog.append(row, told[outcome], field="address", after=f"{row.address}, {door}")
        if outcome == SignIn.Outcome.REFUSED:
            _tell_owner(account, row.address, door)


def _is_rest(request: Any) -> bool:
    return str(getattr(request, "path", "")).startswith("/api/")


def _in_words(seconds: int) -> str:
    if seconds < 120:
        return f"{seconds} seconds"
    return f"{seconds // 60} minutes" if seconds < 7200 else f"{seconds // 3600} hours"


def _tell_owner(account: Any, address: str, door: str) -> None:
    """Mail to the owner of an account whose sign-ins are refused, once an hour."""
    page = f"{settings.GTM_BASE_URL}{reverse('admin:core_signin_changelist')}"
    tried, held_up = "passwords", "You can still log in from where you usually do."
    if door == CODE:
        tried, held_up = "codes of your second factor", "Whoever it was knows your password."
    body = (
        f"Somebody at {address} has tried {ALLOWED} or more wrong {tried} for your account "
        f"{account.get_username()}. Further tries are refused for a time. {held_up}\n\n"
        f"Your sign-ins: {page}\n\n"
        "If it was you, there is nothing to do. If not, change your password."
    )
    key = f"sign-ins-{clock.now():%Y%m%d%H}-{'code' if door == CODE else 'password'}"
    account_mail.post(account, f"Wrong {tried} for your account", body, key=key)
