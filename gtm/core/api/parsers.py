"""JSON as it comes in: bounded, and only what every database and the change log can keep."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Mapping
from typing import Any

from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import JSONParser

from gtm.core.errors import InvalidInput, Problem

MAX_BYTES = 32 * 2**20
"""Of one body. A plan JSON with a long change log has some megabytes."""
MAX_VALUES = 500_000
"""Of one body: each costs many times its bytes."""
MAX_DEPTH = 100
MAX_INTEGER = 2**53 - 1
"""Whole numbers that every JSON reader keeps exactly (RFC 7493); the change log hashes no larger one."""


class TooLarge(APIException):
    status_code = 413
    default_code = "too_large"
    default_detail = f"The body is larger than {MAX_BYTES:,} bytes."


class StrictJSONParser(JSONParser):
    """Refuses what JSON allows and storage does not. ``check`` says what that is."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        raw = stream.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise TooLarge
        if raw.count(b",") > MAX_VALUES:
            raise TooLarge(f"The body holds more than {MAX_VALUES:,} values.")
        try:
            body = super().parse(io.BytesIO(raw), media_type, parser_context)
        except RecursionError as error:
            raise ParseError(f"The JSON is nested deeper than {MAX_DEPTH} levels.") from error
        check(body)
        return body


def read(text: str) -> Any:
    """JSON inside a text, such as a field of a form. Raises ParseError or InvalidInput as a body does."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ParseError("This is not JSON, or it is nested too deep.") from error
    check(value)
    return value


def check(body: Any) -> None:
    """Raise ParseError for NUL, lone surrogates and bottomless nesting; InvalidInput for large numbers."""
    problems: list[Problem] = []
    level: list[tuple[str, Any]] = [("", body)]
    for _ in range(MAX_DEPTH):
        if not level:
            break
        for path, value in level:
            if isinstance(value, str):
                _check_text(value)
            elif isinstance(value, Mapping):
                for key in value:
                    _check_text(key)
            elif (told := _of_number(value)) is not None:
                problems.append(Problem(path or "body", told, code="out_of_range"))
        level = [child for path, value in level for child in _children(path, value)]
    if level:
        raise ParseError(f"The JSON is nested deeper than {MAX_DEPTH} levels.")
    if problems:
        raise InvalidInput("A number is out of range.", problems=problems)


def _of_number(value: Any) -> str | None:
    if isinstance(value, int) and abs(value) > MAX_INTEGER:
        return f"must lie between -{MAX_INTEGER} and {MAX_INTEGER}. Send a larger number as text."
    if isinstance(value, float) and not math.isfinite(value):
        return "is too large for a number."
    return None


def _children(path: str, value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, Mapping):
        return [(f"{path}.{key}" if path else key, child) for key, child in value.items()]
    if isinstance(value, list):
        return [(f"{path}.{number}" if path else str(number), child) for number, child in enumerate(value)]
    return []


def _check_text(text: str) -> None:
    if "\x00" in text:
        raise ParseError("A text contains a NUL character.")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise ParseError("A text contains half of a character (a lone surrogate).")
