"""A token for a program: name and password once, the token from then on."""

from __future__ import annotations

from rest_framework.authtoken.views import ObtainAuthToken
from rest_framework.parsers import FormParser
from rest_framework.renderers import JSONRenderer
from rest_framework.throttling import ScopedRateThrottle

from gtm.core.api.parsers import StrictJSONParser


class TokenView(ObtainAuthToken):
    """Answer the caller's token. It may do what the account may, but it never decides an approval."""

    throttle_classes = [ScopedRateThrottle]
    throttle_scope = "token"
    parser_classes = [StrictJSONParser, FormParser]
    renderer_classes = [JSONRenderer]
