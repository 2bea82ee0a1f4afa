"""Whose token this is, for doors that are no view of REST."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework.settings import api_settings


def account_of(token: str) -> Any:
    """The account of a token, by the classes that answer for REST; a session is none.

    Raises AuthenticationFailed where there is no such token or its account may not come in.
    """
    request = HttpRequest()
    request.META["HTTP_AUTHORIZATION"] = f"Token {token}"
    for known in api_settings.DEFAULT_AUTHENTICATION_CLASSES:
        if issubclass(known, SessionAuthentication):
            continue
        if found := known().authenticate(Request(request)):
            return found[0]
    raise AuthenticationFailed("There is no such token.")
