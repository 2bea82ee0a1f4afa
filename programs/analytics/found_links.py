"""Links and form fields as they stand in a finished text: what a reader can follow, not what was meant."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from urllib.parse import urlsplit

_ADDRESS = re.compile(r"https?://[^\s\"'<>)\]]+")
_REFRESH = re.compile(r"(?P<seconds>\d+(?:\.\d*)?)\s*[;,]\s*url\s*=\s*(?P<url>.+)", re.IGNORECASE)
SOON = 10.0
"""Seconds after which a page that loads anew is no redirect any more."""
_LINKING = {"a": "href", "area": "href", "form": "action", "img": "src", "iframe": "src"}


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.fields: list[tuple[str, str]] = []
        self.refresh = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        address = told.get(_LINKING.get(tag, ""), "")
        if urlsplit(address).scheme in ("http", "https"):
            self.links.append(address)
        if tag == "meta" and told.get("http-equiv", "").lower() == "refresh" and not self.refresh:
            self.refresh = told.get("content", "")
        if tag == "input" and told.get("name"):
            self.fields.append((told["name"], told.get("value", "")))


def find_links(text: str, *, is_html: bool) -> tuple[str, ...]:
    """The web addresses of a text in order, each once.

    HTML (WHATWG) carries them in attributes; in plain text an address ends before white space, brackets and
    the punctuation of its sentence.
    """
    if is_html:
        return tuple(dict.fromkeys(_read(text).links))
    return tuple(dict.fromkeys(found.rstrip(".,;:!?") for found in _ADDRESS.findall(text)))


def field_value(page: str, name: str) -> str | None:
    """The value of the first form field called ``name`` on an HTML page, None for no such field."""
    return next((value for field, value in _read(page).fields if field == name), None)


def sent_on(page: str) -> str:
    """Where a page's meta refresh leads within a few seconds, as it is written; "" where it has none."""
    found = _REFRESH.fullmatch(_read(page).refresh.strip())
    return found["url"].strip("'\" ") if found and float(found["seconds"]) <= SOON else ""


def _read(page: str) -> _Reader:
    reader = _Reader()
    reader.feed(page)
    reader.close()
    return reader
