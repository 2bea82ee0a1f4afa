"""How a program shows its token, what the token may do, and how often."""

from __future__ import annotations

from typing import Any

from rest_framework import exceptions
from rest_framework.authentication import TokenAuthentication, get_authorization_header
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from gtm.core import access_tokens
from gtm.core.errors import NotPermitted
from gtm.core.models import AccessToken


class ScopedTokenAuthentication(TokenAuthentication):
    """``Authorization: Token …`` or ``Bearer …``; the request's ``auth`` is then the token."""

    words = (b"token", b"bearer")

    def authenticate(self, request: Request) -> tuple[Any, AccessToken] | None:
        parts = get_authorization_header(request).split()
        if not parts or parts[0].lower() not in self.words:
            return None
        if len(parts) != 2:
            raise exceptions.AuthenticationFailed("The header is to be: Authorization: Token …")
        try:
            token = access_tokens.find(parts[1].decode("latin-1"))
        except NotPermitted as error:
            raise exceptions.AuthenticationFailed(error.detail) from error
        access_tokens.note_use(token)
        return token.user, token


class TokenRate(SimpleRateThrottle):
    """So many requests of one token; how many are left stands in the headers of each answer."""

    scope = "requests"

    def get_cache_key(self, request: Request, view: Any) -> str | None:
        token = request.auth
        return f"token-rate-{token.pk}" if isinstance(token, AccessToken) else None

    def allow_request(self, request: Request, view: Any) -> bool:
        allowed = super().allow_request(request, view)
        if hasattr(self, "history"):
            oldest = self.history[-1] if self.history else self.now
            left = max(0, self.num_requests - len(self.history))
            reset = max(0, round(self.duration - (self.now - oldest)))
            request._request.rate_limit = (self.num_requests, left, reset)
        return allowed


def check_scope(request: Request, view: Any) -> None:
    """Raise NotPermitted where the token of the request is not for what the view does.

    ``scopes`` of a view name those of its actions, ``scope`` that of everything it changes.
    """
    token = request.auth
    if not isinstance(token, AccessToken):
        return
    needed = getattr(view, "scopes", {}).get(getattr(view, "action", None) or "")
    if needed is None:
        needed = "read" if request.method in SAFE_METHODS else getattr(view, "scope", "admin")
    if needed not in token.scopes:
        raise NotPermitted(
            f"The token {token.prefix}… is not for this: it needs the scope “{needed}”.",
            hint=f"Make a token with it. It is to {access_tokens.SCOPES[needed]}.",
        )
