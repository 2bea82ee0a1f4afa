"""The providers that ``GTM_OIDC`` names, as django-allauth reads them from the settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

OPENID_CONNECT = "openid_connect"


def providers_of(names: list[str], read: Callable[[str, str], str]) -> dict[str, Any]:
    """SOCIALACCOUNT_PROVIDERS for the providers ``names``. ``read`` answers a variable or its default.

    Raises ImproperlyConfigured where a provider lacks what it needs.
    """
    return {OPENID_CONNECT: {"APPS": [_app(name, read) for name in names]}} if names else {}


def _app(name: str, read: Callable[[str, str], str]) -> dict[str, Any]:
    if not name.isidentifier() or name != name.lower():
        raise ImproperlyConfigured(f"GTM_OIDC names “{name}”: use small letters, digits and “_”.")
    prefix = f"GTM_OIDC_{name.upper()}_"
    issuer, client = read(f"{prefix}ISSUER", ""), read(f"{prefix}CLIENT_ID", "")
    if not issuer or not client:
        raise ImproperlyConfigured(f"GTM_OIDC names {name}: set {prefix}ISSUER and {prefix}CLIENT_ID.")
    return {
        "provider_id": name,
        "name": read(f"{prefix}NAME", name.capitalize()),
        "client_id": client,
        "secret": read(f"{prefix}CLIENT_SECRET", ""),
        "settings": {
            "server_url": issuer,
            "issuer": issuer,
            "oauth_pkce_enabled": True,
            "domains": _words(read(f"{prefix}DOMAINS", "").lower()),
            "second_factor": _words(read(f"{prefix}SECOND_FACTOR", "")),
        },
    }


def _words(text: str) -> list[str]:
    return [word for word in text.replace(",", " ").split() if word]


def apps() -> list[dict[str, Any]]:
    """The providers of this site, as in ``providers_of``."""
    found: list[dict[str, Any]] = settings.SOCIALACCOUNT_PROVIDERS.get(OPENID_CONNECT, {}).get("APPS", [])
    return found
