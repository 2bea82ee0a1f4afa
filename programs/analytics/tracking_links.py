"""Tracking links: tags put onto a destination, so that nobody types them."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

UTM = ("utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term", "utm_id")
"""The tags of links that analytics tools read."""


def tagged(destination: str, tags: Mapping[str, str]) -> str:
    """``destination`` with ``tags`` in its query, sorted, after what stands there; the fragment stays last.

    Raises ValueError for a destination that is no absolute web address, an empty tag, and a tag that the
    destination carries with another value.
    """
    parts = urlsplit(destination)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{destination} is no absolute web address.")
    query = parse_qsl(parts.query, keep_blank_values=True)
    present = {name.lower(): value for name, value in query}
    for name, value in sorted(tags.items()):
        if not value:
            raise ValueError(f"{destination}: {name} is empty.")
        if present.setdefault(name.lower(), value) != value:
            raise ValueError(f"{destination} has {name}={present[name.lower()]} already, not {value}.")
    names = {name.lower() for name, _ in query}
    query += [(name, value) for name, value in sorted(tags.items()) if name.lower() not in names]
    return urlunsplit(parts._replace(query=urlencode(query)))
