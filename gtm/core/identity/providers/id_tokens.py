"""The ID token of a provider: signed by its key, for this site, for this sign-in, and of now.

https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation. The signature is checked although the
token comes straight from the provider: then nothing depends on how it came.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from django.utils.crypto import constant_time_compare

ALGORITHMS = frozenset(
    {f"{kind}{bits}" for kind in ("RS", "PS", "ES") for bits in (256, 384, 512)} | {"EdDSA"}
)
"""Signatures by a key that only the provider has: no HMAC, and never none."""
LEEWAY = 60
"""Seconds by which two clocks may differ."""
NEWEST = 600
"""Seconds within which a token was made for this sign-in."""
NEEDED = ["exp", "iat", "iss", "aud", "sub", "nonce"]


class NotBelieved(Exception):
    """Why the answer of a provider opens nothing, as a sentence."""


def claims_of(
    token: str,
    keys: Mapping[str, Any],
    *,
    issuer: str,
    client_id: str,
    nonce: str,
    now: float,
    asked_at: float | None = None,
) -> dict[str, Any]:
    """What the token says, after every check. ``keys``: the provider's JWK set.

    ``asked_at``: when somebody was asked to prove anew who they are, in seconds since 1970; ``auth_time`` may
    not be before it. Raises NotBelieved.
    """
    import jwt  # noqa: PLC0415 - loaded when somebody comes from a provider

    try:
        header = jwt.get_unverified_header(token)
        algorithm = header.get("alg")
        if algorithm not in ALGORITHMS:
            raise NotBelieved(f"The token is signed by “{algorithm}”, which proves nothing here.")
        found: dict[str, Any] = jwt.decode(
            token,
            key=_key(jwt.PyJWKSet.from_dict(dict(keys)).keys, header),
            algorithms=[algorithm],
            issuer=issuer,
            audience=client_id,
            leeway=LEEWAY,
            options={"require": NEEDED},
        )
    except (jwt.PyJWTError, ValueError, TypeError, AttributeError) as error:
        raise NotBelieved(f"The token is not valid: {error}") from error
    many = isinstance(found["aud"], list) and len(found["aud"]) > 1
    if (many or "azp" in found) and found.get("azp") != client_id:
        raise NotBelieved("The token is for another site.")
    if not constant_time_compare(str(found["nonce"]), nonce):
        raise NotBelieved("The token is not for this sign-in.")
    if _seconds(found, "iat") < now - NEWEST - LEEWAY:
        raise NotBelieved("The token is too old.")
    if not str(found["sub"]):
        raise NotBelieved("The token names nobody.")
    if asked_at is not None and _seconds(found, "auth_time") < asked_at - LEEWAY:
        raise NotBelieved("The provider did not ask anew who you are.")
    return found


def second_factor(claims: Mapping[str, Any], counting: Collection[str]) -> str:
    """What of the token counts as a second factor by configuration (``amr:…``, ``acr:…``); empty for none."""
    methods = claims.get("amr")
    told = {f"amr:{method}" for method in methods} if isinstance(methods, list) else set()
    if isinstance(claims.get("acr"), str):
        told.add(f"acr:{claims['acr']}")
    return next(iter(sorted(told & {*counting})), "")


def _key(keys: list[Any], header: Mapping[str, Any]) -> Any:
    named = header.get("kid")
    fitting = [key for key in keys if key.key_id == named] if named else keys
    if len(fitting) != 1:
        raise NotBelieved("The token is signed by a key that the provider does not name.")
    return fitting[0].key


def _seconds(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise NotBelieved(f"The token does not say when ({name}).")
    return float(value)
