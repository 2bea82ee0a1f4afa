"""Texts that are of no use to whoever has the database without the site's key.

The key of today encrypts, the earlier ones (``SECRET_KEY_FALLBACKS``) still read.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

from django.conf import settings


class KeyGone(Exception):
    """The text was encrypted with a key that the site no longer has."""


def encrypt(text: str, *, purpose: str) -> str:
    """``purpose`` makes a key of its own, so that no text can be put in the place of another kind."""
    return str(_keys(purpose).encrypt(text.encode()).decode())


def decrypt(encrypted: str, *, purpose: str) -> str:
    """Raises KeyGone."""
    from cryptography.fernet import InvalidToken  # noqa: PLC0415 - loaded when it is first needed

    try:
        return str(_keys(purpose).decrypt(encrypted.encode()).decode())
    except InvalidToken as error:
        raise KeyGone("It was encrypted with another SECRET_KEY.") from error


def again(encrypted: str, *, purpose: str) -> str:
    """The same text, encrypted with the key of today. Raises KeyGone."""
    from cryptography.fernet import InvalidToken  # noqa: PLC0415 - loaded when it is first needed

    try:
        return str(_keys(purpose).rotate(encrypted.encode()).decode())
    except InvalidToken as error:
        raise KeyGone("It was encrypted with another SECRET_KEY.") from error


def _keys(purpose: str) -> Any:
    from cryptography.fernet import Fernet, MultiFernet  # noqa: PLC0415 - loaded when it is first needed

    found = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    digests = [hmac.digest(key.encode(), purpose.encode(), hashlib.sha256) for key in found]
    return MultiFernet([Fernet(base64.urlsafe_b64encode(digest)) for digest in digests])
