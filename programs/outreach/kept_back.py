"""What a page hears in place of its site's answer where a form must not really be sent."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

STANDS_IN = json.dumps({"ok": True, "success": True, "valid": True, "status": "ok", "id": 1})


def keep_back(route: Any) -> None:
    """A page that asks and goes on by the answer hears one that stands in; a document is not sent."""
    request = route.request
    if request.is_navigation_request():
        route.abort("blockedbyclient")
        return
    headers = {"Access-Control-Allow-Credentials": "true"}
    headers["Access-Control-Allow-Origin"] = request.headers.get("origin", "*")
    route.fulfill(status=200, content_type="application/json", headers=headers, body=STANDS_IN)


def leads_away(page: Any, request: Any) -> bool:
    """Whether a request would lead the visitor of ``page`` to another one, in its window or in a new one. One
    that loads the same page anew, as walls do that keep the answer in a cookie, does not."""
    if not request.is_navigation_request() or request.frame.parent_frame is not None:
        return False
    here, there = urlsplit(page.url), urlsplit(request.url)
    return (here.netloc, here.path) != (there.netloc, there.path) or request.frame != page.main_frame


def body_of(request: Any) -> str:
    """The first 4,096 bytes of what a request sends, as text."""
    sent = request.post_data_buffer
    return sent[:4096].decode("utf-8", "replace") if sent else ""
