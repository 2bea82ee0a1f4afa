"""A token for a program: name and password once, the token from then on."""

from __future__ import annotations

from rest_framework.authtoken.views import ObtainAuthToken
from rest_framework.parsers import FormParser
from rest_framework.renderers import JSONRenderer
from rest_framework.throttling import ScopedRateThrottle

from gtm.core.api.parsers import StrictJSONParser


class TokenView(ObtainAuthToken):
    """Return the caller's token. It has the rights of the account, but it can never decide an approval."""

    throttle_classes = [ScopedRateThrottle]
    throttle_scope = "token"
    parser_classes = [StrictJSONParser, FormParser]
    renderer_classes = [JSONRenderer]
