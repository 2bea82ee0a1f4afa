"""An authenticator app for tests: what it shows, and who logs in with it."""

from __future__ import annotations

import time

from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal import auth
from allauth.mfa.utils import decrypt
from django.test import Client
from django.urls import reverse

from gtm.core.actors import ADMIN, Actor, acting_as
from gtm.core.identity import confirmation
from plans.demo.organisation import PASSWORD
from tests.doors import user

LOGIN = reverse("admin:login")


def add_app(username: str, *, confirmed: bool = True) -> str:
    """Give somebody an app and recovery codes, which count if they are ``confirmed``; answers the secret."""
    owner, secret = user(username), auth.generate_totp_secret()
    with acting_as(Actor.of_user(owner, ADMIN, interactive=True)):
        auth.TOTP.activate(owner, secret)
        RecoveryCodes.activate(owner)
        if confirmed:
            confirmation.confirm(owner, "in a test")
    return secret


def shows(secret: str, later: int = 0) -> str:
    """The code of an app, ``later`` periods of 30 seconds from now."""
    return auth.format_hotp_value(auth.hotp_value(secret, int(time.time()) // 30 + later))


def secret_of(username: str) -> str:
    return str(decrypt(Authenticator.objects.get(user=user(username), type="totp").data["secret"]))


def with_password(username: str, address: str = "10.0.0.1", password: str = PASSWORD) -> Client:
    client = Client(REMOTE_ADDR=address)
    client.post(LOGIN, {"username": username, "password": password})
    return client


def with_code(username: str, code: str, address: str = "10.0.0.1") -> Client:
    client = with_password(username, address)
    client.post(reverse("mfa_authenticate"), {"code": code})
    return client


def is_in(client: Client) -> bool:
    return "_auth_user_id" in client.session
