"""JSON as it comes in: bounded, and only text that every database can keep."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import JSONParser

MAX_BYTES = 32 * 2**20
MAX_DEPTH = 100


class TooLarge(APIException):
    status_code = 413
    default_code = "too_large"
    default_detail = f"The body is larger than {MAX_BYTES:,} bytes."


class StrictJSONParser(JSONParser):
    """Refuses what JSON allows and storage does not: NUL, lone surrogates, bottomless nesting."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        raw = stream.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise TooLarge
        try:
            body = super().parse(io.BytesIO(raw), media_type, parser_context)
        except RecursionError as error:
            raise ParseError(f"The JSON is nested deeper than {MAX_DEPTH} levels.") from error
        _check(body)
        return body


def _check(body: Any) -> None:
    level = [body]
    for _ in range(MAX_DEPTH):
        if not level:
            return
        for value in level:
            if isinstance(value, str):
                _check_text(value)
            elif isinstance(value, Mapping):
                for key in value:
                    _check_text(key)
        level = [child for value in level for child in _children(value)]
    if level:
        raise ParseError(f"The JSON is nested deeper than {MAX_DEPTH} levels.")


def _children(value: Any) -> Any:
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, list) else ()


def _check_text(text: str) -> None:
    if "\x00" in text:
        raise ParseError("A text contains a NUL character.")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise ParseError("A text contains half of a character (a lone surrogate).")
