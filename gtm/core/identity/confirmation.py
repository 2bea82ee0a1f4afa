"""A first second factor counts when its owner has said so by another way than the password.

Whoever has only a password could add a factor and show it in the next minute. So a factor counts for what
takes one (money, law, authority) only after one of the ways that the site allows
(``GTM_FACTOR_CONFIRMED_BY``): a link in a mail to the address on record, a person who looks after authority,
or a day after a mail has told the owner. A factor that is added in a session which has shown a counting one
counts at once.

A password that was set with nothing but a mailbox is no second way beside that mailbox: then people confirm.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.db import transaction
from django.urls import reverse

from gtm.core import account_mail, actors, clock
from gtm.core.errors import NotPermitted
from gtm.core.evidence import accounts
from gtm.core.identity import factors
from gtm.core.models import AccountMail, ConfirmedFactor, PasswordFromLink

BY_MAIL, BY_STEWARD, BY_WAITING = "mail", "steward", "wait"
WAYS = frozenset({BY_MAIL, BY_STEWARD, BY_WAITING})
WAIT = timedelta(days=1)
"""Since the mail that told the owner has left."""
BESIDE = "added in a session that had shown a confirmed one"
SUBJECT = "Confirm your second factor"

MAIL = """A second factor was added to your account {account}: {added}.

If it was you, {what_to_do}

If it was not you, somebody knows your password. Tell the people who look after the site, and ask for a link
to set a new password on the login page. Until somebody confirms it, this factor decides nothing.
"""


CONFIRMED = """The second factor of your account {account} is confirmed {how}: {found}.

From now on it counts for decisions. If you have not added it, tell the people who look after the site
at once.
"""


class ConfirmationTokens(PasswordResetTokenGenerator):
    """A link ends with the password, with the address it went to, and with the factors it is about."""

    key_salt = "gtm.core.identity.confirmation"

    def _make_hash_value(self, user: Any, timestamp: int) -> str:
        waiting = ",".join(str(factor.pk) for factor in unconfirmed(user) if factor.type != factors.RECOVERY)
        return f"{user.pk}{user.password}{timestamp}{'|'.join(accounts.addresses_of(user))}{waiting}"


TOKENS = ConfirmationTokens()


def counts(factor: Authenticator) -> bool:
    """Whether showing this factor is more than knowing the password."""
    if ConfirmedFactor.objects.filter(factor=factor.pk).exists():
        return True
    if not _allows(factor.user, BY_WAITING):
        return False
    told = AccountMail.objects.filter(message_id__startswith=_key(factor), sent_at__lte=clock.now() - WAIT)
    return told.exists()


def has_counting(user: Any) -> bool:
    """Whether the account has a factor that counts; recovery codes alone are none."""
    return any(counts(factor) for factor in factors.of(user) if factor.type != factors.RECOVERY)


def unconfirmed(user: Any) -> list[Authenticator]:
    """The factors of an account that do not count yet, recovery codes among them."""
    return [factor for factor in factors.of(user) if not counts(factor)]


def waits(user: Any) -> bool:
    """Whether a factor, not recovery codes alone, waits to be confirmed."""
    return any(factor.type != factors.RECOVERY for factor in unconfirmed(user))


def takes_mail(user: Any) -> bool:
    """Whether a link can be mailed: the site sends mail, and it is known whose account it is."""
    return settings.GTM_OWN_PASSWORD_BY_MAIL and _allows(user, BY_MAIL) and len(_to(user)) == 1


def what_to_do(user: Any) -> str:
    """How the owner has a factor confirmed, as a sentence."""
    ways = []
    if takes_mail(user):
        ways.append("open the link that we mail to your address, in a session that has shown the factor")
    if BY_STEWARD in settings.GTM_FACTOR_CONFIRMED_BY:
        ways.append("ask somebody who agrees to changes of authority to confirm it on your account’s page")
    if _allows(user, BY_WAITING):
        ways.append("wait for a day after our mail has told you of it")
    ways = ways or ["ask the people who look after the site: manage.py confirm_factor"]
    return f"{', or '.join(ways)}."


def note_added(factor: Authenticator) -> None:
    """A factor was added: it counts, or its owner is told how to confirm it."""
    acting = actors.current_or_none()
    is_own = acting is not None and acting.actor.user_id == factor.user_id
    if is_own and acting is not None and acting.actor.second_factor:
        ConfirmedFactor.objects.create(factor=factor, how=BESIDE)
    elif factor.type != factors.RECOVERY:
        send_link(factor.user, factor)


def send_link(user: Any, factor: Authenticator | None = None, *, again: bool = False) -> bool:
    """Post the mail about a factor that waits; answers whether it holds a link."""
    waiting = [one for one in unconfirmed(user) if one.type != factors.RECOVERY]
    if not waiting:
        return False
    about = factor or waiting[-1]
    has_link = takes_mail(user)
    to_do = what_to_do(user)
    if has_link:
        link = settings.GTM_BASE_URL + reverse("mfa_confirm", args=[TOKENS.make_token(user)])
        days = settings.PASSWORD_RESET_TIMEOUT // 86400
        to_do = (
            f"open this link in the session in which you have shown it. It holds for {days} days:\n\n{link}"
        )
    body = MAIL.format(account=user.get_username(), added=factors.in_words(about), what_to_do=to_do)
    key = f"{_key(about)}{f'{clock.now():%Y%m%d%H%M}' if again else 'added'}"
    account_mail.post_to(user, _to(user), SUBJECT, body, key=key)
    accounts.record_factor(user, f"{factors.in_words(about)}: waits to be confirmed")
    return has_link


def confirm_by_link(user: Any, token: str) -> list[Authenticator]:
    """What the owner confirms with the link of the mail, in a session that has shown the factor.

    Raises NotPermitted where the link does not hold any more.
    """
    with transaction.atomic():
        if not takes_mail(user) or not TOKENS.check_token(user, token):
            raise NotPermitted(
                "This link does not hold any more.",
                hint="Ask for a new one under “Second factor”, in the menu under your name.",
            )
        return confirm(user, "by the link that was mailed to the address on record")


def confirm(user: Any, how: str) -> list[Authenticator]:
    """Let all factors of the account count from now on, for whoever acts and has the right to say so."""
    waiting = unconfirmed(user)
    with transaction.atomic():
        for factor in waiting:
            ConfirmedFactor.objects.get_or_create(factor=factor, defaults={"how": how[:200]})
            accounts.record_factor(user, f"{factors.in_words(factor)}: confirmed {how}")
        if waiting:
            body = CONFIRMED.format(account=user.get_username(), found=in_words(waiting), how=how)
            key = f"confirmed-factor-{waiting[-1].pk}-{clock.now():%Y%m%d%H%M%S%f}"
            account_mail.post(user, "Your second factor is confirmed", body, key=key)
    return waiting


def in_words(found: Iterable[Authenticator]) -> str:
    return ", ".join(f"{factors.in_words(one)}, added {one.created_at:%Y-%m-%d %H:%M} UTC" for one in found)


def _allows(user: Any, way: str) -> bool:
    """A mailbox alone has set the password: what comes by that mailbox proves nothing more."""
    by_mail = way in (BY_MAIL, BY_WAITING)
    if way not in settings.GTM_FACTOR_CONFIRMED_BY:
        return False
    return not (by_mail and PasswordFromLink.objects.filter(user=user).exists())


def _to(user: Any) -> list[str]:
    return accounts.addresses_of(user)


def _key(factor: Authenticator) -> str:
    return f"confirm-factor-{factor.pk}-"
